"""The Wave-U-Net as it is defined; `wave_unet_fast` is held against it."""

import tensorflow as tf

from Models.layers.cropping import concat_cropped


def raw(model, mix, known):
    """The network up to the activation of its outputs.

    Args:
      model: WaveUNet.
      mix: [B, n_in, C].
      known: `Models.fusers.Known` of the batch.

    Returns:
      [B, n_out, S', C] for S' predicted sources, in the dtype of the weights; [B N,
      n_out, 1, C] of N slots that follow conditions.
    """
    clocks = model.clocks()
    x = tf.cast(mix, model.compute_dtype)
    x = known.fuse("input", x, clocks["input"])

    skips = []
    for i, convolution in enumerate(model.down):
        place = f"encoder_{i}"
        x = convolution(x)  # [B, n, F (i + 1)]
        x = known.fuse(place, x, clocks[place])
        skips.append((place, x))
        x = model.decimation(x)  # [B, ceil(n / 2), F (i + 1)]

    x = model.bottom(x)  # [B, n, F (L + 1)]
    x = known.fuse("bottleneck", x, clocks["bottleneck"])

    levels = reversed(range(model.num_layers))
    for i, upsampling, convolution in zip(levels, model.upsamplings, model.up):
        place = f"decoder_{i}"
        skip = known.beside(*skips.pop(), place)
        x = upsampling(x)  # [B, T, F (i + 2)]: 2 n - 1 steps, or 2 n
        x = concat_cropped(skip, x)  # [B, T, F (2 i + 3)]
        x = convolution(x)  # [B, n, F (i + 1)]
        x = known.fuse(place, x, clocks[place])

    x = tf.cast(x, model.variable_dtype)  # outputs are never computed in bfloat16
    x = concat_cropped(known.beside("mixture", mix, "output"), x)  # [B, T, C + F]
    return model.outputs_of.raw(known.fuse("output", x, clocks["output"]))
