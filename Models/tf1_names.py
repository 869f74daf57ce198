"""What the ancestors called their weights.

f90's code and the 2018 VIMSS store them under `separator/`, and TensorFlow 1 numbers
the layers of one kind in the order of their creation: `conv1d`, `conv1d_1`, ...
"""

import collections

from Models.spectrogram_unet import SpectrogramUNet

SCOPE = "separator/"
MOVING = ("beta", "moving_mean", "moving_variance")


def tf1_variables(model):
    """The weights of a model by the ancestors' names.

    Args:
      model: WaveUNet or SpectrogramUNet.

    Yields:
      (name in TensorFlow 1, variable), in order of creation.
    """
    of_kind = _spectrogram if isinstance(model, SpectrogramUNet) else _wave
    yield from of_kind(model, collections.Counter())


def _wave(model, counts):
    """The way down, the bottom, the way up, the sources.

    Learned upsampling is `interp_<i>`, counted from the bottom; the outer product with
    labels has no weights.
    """
    for convolution in (*model.down, model.bottom):
        yield from _named("conv1d", convolution, counts)
    for i, (upsampling, convolution) in enumerate(zip(model.upsamplings, model.up)):
        if model.upsampling == "learned":
            yield f"{SCOPE}interp_{i}", upsampling.weight
        yield from _named("conv1d", convolution, counts)
    for convolution in model.outputs_of.convolutions:
        yield from _named("conv1d", convolution, counts)


def _spectrogram(model, counts):
    """One network after the other, each from its way down to its mask."""
    for network in model.networks:
        for layer, norm in zip(network.down, network.norms_down):
            yield from _named("conv2d", layer, counts)
            yield from _named("BatchNorm", norm, counts, MOVING)
        for layer, norm in zip(network.up, network.norms_up):
            yield from _named("conv2d_transpose", layer, counts)
            yield from _named("BatchNorm", norm, counts, MOVING)
        yield from _named("conv2d_transpose", network.last, counts)


def _named(kind, layer, counts, weights=("kernel", "bias")):
    scope = SCOPE + (f"{kind}_{counts[kind]}" if counts[kind] else kind)
    counts[kind] += 1
    for weight in weights:
        yield f"{scope}/{weight}", getattr(layer, weight)
