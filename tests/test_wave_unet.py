"""The Wave-U-Net against NumPy, and what it promises about time and level."""

import keras
import numpy as np
import pytest

import Models
from Models.wave_unet import WaveUNet
from Schema import INSTRUMENTS, InputError

TWO = ["accompaniment", "vocals"]


def wave_unet(source_names=TWO, sample_rate=22050, channels=1, **knobs):
    return WaveUNet(source_names, sample_rate, channels, **knobs)


def small(seed=0, **knobs):
    keras.utils.set_random_seed(seed)
    sizes = dict(num_layers=3, num_initial_filters=2, num_frames=40, filter_size=5)
    model = wave_unet(**{**sizes, "input_filter_size": 5, "context": True, **knobs})
    generator = np.random.default_rng(seed)
    for variable in model.weights:  # biases too, so that a misplaced one shows
        variable.assign(generator.normal(scale=0.4, size=variable.shape))
    return model


def noise(model, n_batch=2, n=None, scale=0.5):
    n_in = model.n_in if n is None else model.lengths(n).n_in
    x = np.random.default_rng(3).normal(scale=scale, size=(n_batch, n_in, 1))
    return np.repeat(x, model.channels, axis=2).astype(np.float32)


def separated(model, mix, **options):
    return model({"mix": mix}, **options)["sources"].numpy()


# --- Values -------------------------------------------------------------------
def numpy_conv(x, convolution, padding):
    """[T, C] -> [n, F], tap by tap."""
    kernel, bias = (w.astype(np.float64) for w in convolution.get_weights())
    size = len(kernel)
    if padding == "same":
        x = np.pad(x, [((size - 1) // 2, size // 2), (0, 0)])
    n = len(x) - size + 1
    return sum(x[k : k + n] @ kernel[k] for k in range(size)) + bias


def numpy_upsampled(x, upsampling, padding):
    after = np.zeros_like(x[:1]) if upsampling.get_weights() else x[-1:]
    share = 0.5
    if upsampling.get_weights():
        share = 1 / (1 + np.exp(-upsampling.get_weights()[0].astype(np.float64)))
    following = np.concatenate([x[1:], after])
    y = np.stack([x, share * x + (1 - share) * following], axis=1)
    y = y.reshape(-1, x.shape[1])
    return y[:-1] if padding == "valid" else y


def middle(x, n):
    start = (len(x) - n) // 2
    return x[start : start + n]


def numpy_wave_unet(model, mix):
    """Training output [S, n_out, C] for a mixture [n_in, C], written anew."""
    padding, x, skips = "valid" if model.context else "same", mix, []
    for convolution in model.down:
        x = numpy_conv(x, convolution, padding)
        skips.append(np.maximum(x, 0.2 * x))
        x = skips[-1][::2]
    x = numpy_conv(x, model.bottom, padding)
    x = np.maximum(x, 0.2 * x)
    for upsampling, convolution in zip(model.upsamplings, model.up):
        x = numpy_upsampled(x, upsampling, padding)
        x = np.concatenate([middle(skips.pop(), len(x)), x], axis=1)
        x = numpy_conv(x, convolution, padding)
        x = np.maximum(x, 0.2 * x)
    x = np.concatenate([middle(mix, len(x)), x], axis=1)
    outputs = [numpy_conv(x, c, padding) for c in model.outputs_of.convolutions]
    if model.output_activation == "tanh":
        outputs = [np.tanh(y) for y in outputs]
    if model.output_type == "difference":
        outputs.append(middle(mix, len(outputs[0])) - sum(outputs))
    return np.stack(outputs)


@pytest.mark.parametrize("context", [False, True])
@pytest.mark.parametrize("upsampling", ["linear", "learned"])
@pytest.mark.parametrize("output_type", ["direct", "difference"])
def test_the_network_is_what_numpy_says(context, upsampling, output_type):
    model = small(
        context=context,
        upsampling=upsampling,
        output_type=output_type,
        output_activation="linear" if upsampling == "learned" else "tanh",
        source_names=[*TWO, "noise"],
        output_filter_size=3,
        channels=2,
    )
    mix = noise(model)
    expected = np.stack([numpy_wave_unet(model, x.astype(np.float64)) for x in mix])
    found = separated(model, mix, training=True)
    scale = max(1, np.abs(expected).max())
    np.testing.assert_allclose(found, expected, atol=2e-6 * scale, rtol=0)


# --- Time ---------------------------------------------------------------------
def test_the_first_convolution_has_filter_size_taps_whatever_its_context():
    usual = small(num_layers=4)
    model = small(num_layers=4, input_filter_size=15)
    assert model.down[0].kernel.shape == usual.down[0].kernel.shape == (5, 1, 2)
    assert (model.n_in, model.n_out) == (usual.n_in + 10, usual.n_out)


def test_a_mixture_of_an_illegal_length_is_refused():
    model = small()
    with pytest.raises(InputError, match=f"mixture of {model.n_in + 1} samples"):
        model({"mix": np.zeros([1, model.n_in + 1, 1], np.float32)})
    assert model.length_out(model.n_in + 8) == model.n_out + 8


def test_a_recording_cut_at_the_hop_is_separated_the_same_for_any_segment_length():
    model = small(channels=2)
    n_in, n_out, _ = model.lengths(400)
    recording = noise(model, n_batch=1, n=400)
    whole = separated(model, recording)[:, :, : n_out // 8 * 8]
    n_in, _, hop = model.lengths(60)
    cuts = [
        separated(model, recording[:, start : start + n_in])[:, :, :hop]
        for start in range(0, whole.shape[2] - hop + 1, hop)
    ]
    joined = np.concatenate(cuts, axis=2)
    np.testing.assert_allclose(joined, whole[:, :, : joined.shape[2]], atol=2e-6)
    assert np.ptp(joined) > 0.1


def test_with_context_a_later_mixture_gives_later_estimates():
    model = small()
    mix = noise(model, n=80)
    n_in = model.n_in
    early, late = (separated(model, mix[:, k : k + n_in]) for k in (0, 8))
    np.testing.assert_allclose(late[:, :, :-8], early[:, :, 8:], atol=2e-6)


# --- Outputs ------------------------------------------------------------------
@pytest.mark.parametrize("n_sources", [2, 3, 13])
def test_estimates_of_the_difference_network_sum_to_the_mixture(n_sources):
    names = list(INSTRUMENTS)[:n_sources]
    model = small(output_type="difference", source_names=names)
    mix = noise(model)
    start = (model.n_in - model.n_out) // 2
    total = separated(model, mix, training=True).sum(axis=1)
    target = mix[:, start : start + model.n_out]
    np.testing.assert_allclose(total, target, atol=3e-6)


@pytest.mark.parametrize("output_type", ["direct", "difference"])
@pytest.mark.parametrize("output_activation", ["tanh", "linear"])
def test_what_may_exceed_one_is_clipped_at_test_only(output_type, output_activation):
    options = dict(output_type=output_type, output_activation=output_activation)
    model, never = small(**options), small(**options, clip_at_test=False)
    mix = noise(model, scale=3.0)
    training, test = (separated(model, mix, training=t) for t in (True, False))
    np.testing.assert_array_equal(separated(never, mix), training)
    exceeds = np.abs(training).max(axis=(0, 2, 3)) > 1
    linear = output_activation == "linear"
    assert exceeds.tolist() == [linear, linear or output_type == "difference"]
    assert np.abs(test).max() <= 1
    if output_type == "direct":
        np.testing.assert_array_equal(test, np.clip(training, -1, 1))
    else:  # the residual is taken from what was clipped, and clipped again
        start = (model.n_in - model.n_out) // 2
        first = np.clip(training[:, 0], -1, 1)
        rest = mix[:, start : start + model.n_out] - first
        np.testing.assert_allclose(test[:, 0], first, atol=1e-7)
        np.testing.assert_allclose(test[:, 1], np.clip(rest, -1, 1), atol=1e-6)


def test_one_source_is_enough():
    model = small(source_names=["vn"])
    assert separated(model, noise(model)).shape == (2, 1, model.n_out, 1)


def test_in_bfloat16_the_residual_still_completes_the_mixture():
    model = small(output_type="difference", dtype="mixed_bfloat16")
    mix = noise(model)
    start = (model.n_in - model.n_out) // 2
    total = separated(model, mix, training=True).sum(axis=1)
    target = mix[:, start : start + model.n_out]
    np.testing.assert_allclose(total, target, atol=1e-6)


@pytest.mark.parametrize("name", sorted(Models.MODELS))
def test_a_depth_that_no_memory_holds_is_refused(name):
    with pytest.raises(InputError, match="num_layers must be at most 20, not 10000"):
        Models.build(
            name, source_names=["a", "b"], sample_rate=8, channels=1, num_layers=10000
        )
