"""Lengths, clocks and memory of a Wave-U-Net, computed through its blocks."""

from Models.base import Lengths
from Models.checks import whole
from Models.layers.conditioning import Clock
from Schema import InputError

FILTERS = ("filter_size", "merge_filter_size", "input_filter_size")
FILTERS += ("output_filter_size",)


def lengths(model, n):
    """The `Lengths` of a window with at least n target samples.

    The length of the target is passed through the blocks, from the output back to the
    input, and that of the input forth to the output.  A window has at least 2^L target
    samples, the shortest hop.

    Raises:
      InputError: If the filter sizes fit no length.
    """
    step = 2**model.num_layers
    n_steps = model.outputs_of.length_in(max(whole("n", n), step))
    for layer, upsampling in zip(model.up[::-1], model.upsamplings[::-1]):
        n_steps = upsampling.length_in(layer.length_in(n_steps))
    n_in = model.bottom.length_in(n_steps)
    for layer in model.down[::-1]:
        n_in = layer.length_in(model.decimation.length_in(n_in))
    if model.context:
        n_in += model.input_filter_size - model.filter_size
    n_out = passed(model, n_in)
    if n_out < n or (n_in - n_out) % 2:
        sizes = [f"{knob}={getattr(model, knob)}" for knob in FILTERS]
        raise InputError(
            f"{', '.join(sizes)} leave no even margin around the target; with "
            "context all must be odd, and input_filter_size at least filter_size"
        )
    return Lengths(n_in, n_out, n_out // step * step)


def passed(model, n):
    """Samples of an estimate for a mixture of n samples."""
    for layer in model.down:
        n = model.decimation.length_out(layer.length_out(n))
    n = model.bottom.length_out(n)
    for upsampling, layer in zip(model.upsamplings, model.up):
        n = layer.length_out(upsampling.length_out(n))
    return model.outputs_of.length_out(n)


def clocks(model):
    """{place: `Clock` of the map there}; the same for windows of all lengths."""
    n_in, n_out, _ = lengths(model, 1)
    clock = Clock(0.5 - (n_in - n_out) / 2, 1.0, model.sample_rate)
    found = {"input": clock}
    for i, layer in enumerate(model.down):
        clock = found[f"encoder_{i}"] = clock.convolved(layer)
        clock = clock.decimated()
    clock = found["bottleneck"] = clock.convolved(model.bottom)
    for i, layer in zip(reversed(range(model.num_layers)), model.up):
        clock = found[f"decoder_{i}"] = clock.upsampled().convolved(layer)
    found["output"] = clock
    return found


def inference_bytes(model, n, n_slots=None):
    """Estimated peak bytes of separating a window of at least n target samples.

    Of the maps that are held for the way up, of those at work at the finest level and
    at the bottom; how many at once was measured on CPUs, in both precisions.  And of
    pictures that are looked at.

    Args:
      model: WaveUNet.
      n: Samples.
      n_slots: Slots that follow conditions; None: as many as source names.
    """
    n_in, n_out, _ = lengths(model, n)
    fusing, n_bottom = model.conditioning, model.bottom.filters
    skips = [
        fusing.channels_out(f"encoder_{i}", layer.filters) / 2**i
        for i, layer in enumerate(model.down)
    ]
    fine, coarse = (4, 3) if model.is_fast else (10, 6)
    at_bottom = fusing.channels_out("bottleneck", n_bottom) / 2**model.num_layers
    way_up = fusing.channels_out("decoder_0", model.up[-1].filters)
    work = fine * (max(skips[0], way_up) + model.channels) + coarse * at_bottom
    levels = [("input", model.channels, 0), ("bottleneck", n_bottom, model.num_layers)]
    levels.append(("output", model.up[-1].filters + model.channels, 0))
    for i, layer in enumerate(model.down):
        levels += [(f"{way}_{i}", layer.filters, i) for way in ("encoder", "decoder")]
    work += max(fusing.floats(place, c) / 2**i for place, c, i in levels)
    n_estimates = n_slots or len(model.source_names)
    rows = n_estimates if fusing.is_per_slot else 1
    estimates = 3 * n_out * model.channels * n_estimates
    maps = n_in * rows * (sum(skips) + work)
    looks = fusing.sight_bytes(n_in / model.sample_rate, n_estimates)
    return int(4 * (maps + estimates + 3 * model.count_params()) + looks)
