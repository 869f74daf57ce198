"""The Wave-U-Net in fewer operations: the same function as `wave_unet_plain`.

Of a convolution on the way down only the steps that decimation keeps are computed, and
the others where the skip connection is cropped.  On the way up nothing is upsampled:
the convolution after it works on the coarse map and gives both phases.  Maps are
folded into pairs of steps (`layers.polyphase`), so that no stride picks steps out.

With context all lengths are odd and pairs leave a step over.  A map therefore may carry
steps behind its end that mean nothing (`spare`); no step that counts reads them.

Without context a convolution sees zeros around the upsampled map, which no map that is
not upsampled can stand for: the few steps near both ends are computed plainly.
"""

from typing import NamedTuple

import tensorflow as tf

from Models.layers import polyphase
from Models.layers.cropping import concat_cropped, crop_start
from Models.layers.polyphase import convolve, pairs, unfolded

NARROW = 0.4  # share of a map, from which on all its steps are computed
WIDE = 48  # channels that are convolved as fast unpaired as in pairs, which waste a tap


class _Level(NamedTuple):
    """Steps of a level in the shortest window; longer ones have whole pairs more.

    kept: That decimation keeps.
    start: The first that the skip connection needs.
    count: Pairs of steps that it needs.
    n_out: Steps that the convolution on the way up gives.
    """

    kept: int
    start: int
    count: int
    n_out: int


def raw(model, mix, known):
    """The same as `wave_unet_plain.raw`.

    Args:
      model: WaveUNet.
      mix: [B, n_in, C].
      known: `Models.fusers.Known` of the batch.

    Returns:
      [B, n_out, S', C] for S' predicted sources; [B N, n_out, 1, C] of N slots.
    """
    clocks = model.clocks()

    def fuse(place, x):
        return known.fuse(place, x, clocks[place])

    x = fuse("input", tf.cast(mix, model.compute_dtype))
    down, up = (_down_valid, _up_valid) if model.context else (_down_same, _up_same)
    x, skips = down(model, x, known, clocks)
    x = fuse("bottleneck", x)
    x = up(model, x, skips, known, clocks)
    return _outputs(model, x, known.beside("mixture", mix, "output"), fuse)


def _fused_pairs(x, known, place, clock):
    """Lets fusers act on a map that is folded into pairs of steps."""
    if not known.acts(place):
        return x
    return pairs(known.fuse(place, unfolded(x), clock))


def _weights(layer):
    return tf.convert_to_tensor(layer.kernel), tf.convert_to_tensor(layer.bias)


def _listed(layer):
    kernel, bias = _weights(layer)
    return [kernel], bias


def _plan(model):
    """A list of _Level and the steps of the map at the bottom."""
    n, given = model.lengths(1).n_in, []
    for layer in model.down:
        given.append(layer.length_out(n))
        n = -(-given[-1] // 2)
    n_bottom = n = model.bottom.length_out(n)
    levels = []
    for layer, n_level in zip(model.up, given[::-1]):
        start = crop_start(n_level, 2 * n - 1)
        n = layer.length_out(2 * n - 1)
        count = -(-n // 2) + (layer.size + 2) // 2 - 1
        levels.append(_Level(-(-n_level // 2), start, count, n))
    return levels[::-1], n_bottom


def _down_valid(model, x, known, clocks):
    """(map at the bottom, skips as pairs) of a mixture [B, n_in, C]."""
    levels, _ = _plan(model)
    # Pairs to read at each level, so that what they give comes in pairs as well: zeros
    # are appended to the mixture only.
    n_pairs, n = [], levels[-1].kept
    for layer in reversed(model.down):
        n_pairs.append(n + (layer.size + 1) // 2 - 1)
        n = 2 * n_pairs[-1]
    x = _taken(x, model.lengths(1).n_in, 0, n)
    skips = []
    for i, (layer, level, n) in enumerate(zip(model.down, levels, n_pairs[::-1])):
        x, skip = _level(pairs(x), n, level, *_weights(layer))
        place, clock = f"encoder_{i}", clocks[f"encoder_{i}"]
        skips.append(_fused_pairs(skip, known, place, clock.later(level.start)))
        x = known.fuse(place, x, clock.decimated())
    return convolve([x], *_listed(model.bottom)), skips


def _level(folded, n, level, kernel, bias):
    """One level on the way down.

    Args:
      folded: Pairs of the map that comes down, [B, n or more, 2C].
      n: Pairs of it in the shortest window.
      level: _Level.
      kernel: [K, C, D].
      bias: [D].

    Returns:
      (every second step of the convolution, what the skip connection needs as pairs).
    """
    n_known, more = folded.shape[1], _shape(folded)[1] - n
    is_narrow = n_known is not None and level.count + n_known - n < NARROW * n_known
    if not is_narrow and kernel.shape[0] % 2:
        y = convolve([unfolded(folded)], [kernel], bias)
        skip = y[:, level.start : level.start + 2 * (level.count + more)]
        return pairs(y)[..., : kernel.shape[-1]], pairs(skip)
    # Even steps that the skip connection needs are computed twice: cheaper than moving.
    around = polyphase.paired_kernel(kernel, level.start % 2)
    count = more + level.count + around.shape[0] - 1
    return polyphase.convolve_twice(
        *(folded, polyphase.decimated_kernel(kernel), bias),
        *(level.start // 2, count, around, tf.tile(bias, [2])),
    )


def _taken(x, n, first, count):
    """Steps first, ... first + count - 1 of x, which has n; zeros where it ends."""
    behind = n - first - count
    x = x[:, first : -behind if behind > 0 else None]
    return tf.pad(x, [[0, 0], [0, -behind], [0, 0]]) if behind < 0 else x


def _up_valid(model, x, skips, known, clocks):
    levels, n = _plan(model)
    spare = 0
    for i in reversed(range(model.num_layers)):
        upsampling, layer, level = (
            model.upsamplings[-1 - i],
            model.up[-1 - i],
            levels[i],
        )
        place, (kernel, bias) = f"decoder_{i}", _weights(layer)
        skip = known.beside(f"encoder_{i}", skips[i], place)
        skip, *kernels = _merging(kernel, skip, upsampling)
        count = -(-level.n_out // 2)
        x = _taken(x, n + spare, 0, count + kernels[1].shape[0] - 1)
        x = unfolded(convolve([skip, x], kernels, tf.tile(bias, [2])))
        x = known.fuse(place, x, clocks[place])
        n, spare = level.n_out, 2 * count - level.n_out
    return x[:, : -spare or None]


def _merging(kernel, skip, upsampling):
    """The skip connection, and the kernels for it and for the map before upsampling."""
    n_skip = skip.shape[-1] // 2
    of_skip, of_x = tf.split(kernel, [n_skip, kernel.shape[1] - n_skip], axis=1)
    of_x = polyphase.upsampled_kernel(of_x, upsampling.share)
    if n_skip >= WIDE and kernel.shape[0] % 2:
        return unfolded(skip), of_skip, of_x
    return skip, polyphase.paired_kernel(of_skip), of_x


def _down_same(model, x, known, clocks):
    skips = []
    for i, layer in enumerate(model.down):
        place = f"encoder_{i}"
        x = known.fuse(place, _same(layer, x), clocks[place])
        skips.append(pairs(x))
        x = skips[-1][..., : x.shape[-1]]
    return _same(model.bottom, x), skips


def _same(layer, x):
    return convolve([x], *_listed(layer), "SAME")


def _up_same(model, x, skips, known, clocks):
    n = 1  # steps in the shortest window
    for i in reversed(range(model.num_layers)):
        place = f"decoder_{i}"
        skip = known.beside(f"encoder_{i}", skips[i], place)
        x = _merged_same(model.upsamplings[-1 - i], model.up[-1 - i], skip, x, n)
        x = known.fuse(place, x, clocks[place])
        n *= 2
    return x


def _merged_same(upsampling, layer, skip, x, n):
    kernel, bias = _weights(layer)
    before = (layer.size - 1) // 2
    if before % 2:  # whole pairs of zeros go before
        kernel, before = tf.pad(kernel, [[1, 0], [0, 0], [0, 0]]), before + 1
    taps, first = (kernel.shape[0] + 1) // 2 + 1, before // 2
    behind = taps - 1 - first
    if n < first + behind + 2 * taps:
        return _plainly(upsampling, layer, skip, x)
    fitting = skip[:, : (kernel.shape[0] + 2) // 2 - taps or None]
    fitting, *kernels = _merging(kernel, fitting, upsampling)
    middle = convolve([fitting, x], kernels, tf.tile(bias, [2]))
    n_left, n_right = first + taps, behind + taps
    left = _plainly(upsampling, layer, skip[:, :n_left], x[:, :n_left])
    right = _plainly(upsampling, layer, skip[:, -n_right:], x[:, -n_right:])
    ends = left[:, : 2 * first], right[:, 2 * (n_right - behind) :]
    return tf.concat([ends[0], unfolded(middle), ends[1]], axis=1)


def _plainly(upsampling, layer, skip, x):
    return layer(concat_cropped(unfolded(skip), upsampling(x)))


def _outputs(model, x, mix, fuse):
    """The convolutions of all sources at once."""
    outputs = model.outputs_of
    kernels, biases = zip(*map(_weights, outputs.convolutions))
    kernel, bias = tf.concat(kernels, -1), tf.concat(biases, 0)
    x = fuse("output", concat_cropped(mix, tf.cast(x, kernel.dtype)))
    y = tf.nn.conv1d(x, kernel, 1, outputs.padding.upper()) + bias
    return tf.reshape(y, [*_shape(y)[:2], len(kernels), model.channels])


def _shape(x):
    dynamic = tf.shape(x)
    return [dynamic[i] if n is None else n for i, n in enumerate(x.shape)]
