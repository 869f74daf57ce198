"""The Wave-U-Net as it is defined; `wave_unet_fast` is held against it."""

import tensorflow as tf

from Models.layers.cropping import concat_cropped


def raw(model, batch):
    """The network up to the activation of its outputs.

    Args:
      model: WaveUNet.
      batch: As the model reads it.

    Returns:
      [B, n_out, S', C] for S' predicted sources, in the dtype of the weights.
    """
    mix = batch["mix"]  # [B, n_in, C]
    x = tf.cast(mix, model.compute_dtype)

    skips = []
    for convolution in model.down:  # level i
        x = convolution(x)  # [B, n, F (i + 1)]
        skips.append(x)
        x = model.decimation(x)  # [B, ceil(n / 2), F (i + 1)]

    x = model.bottom(x)  # [B, n, F (L + 1)]
    if model.fusers:
        x = model.fuser(x, batch["labels"])  # [B, n, F (L + 1) S]

    for upsampling, convolution in zip(model.upsamplings, model.up):
        x = upsampling(x)  # [B, T, F (i + 2)]: 2 n - 1 steps, or 2 n
        x = concat_cropped(skips.pop(), x)  # [B, T, F (2 i + 3)]
        x = convolution(x)  # [B, n, F (i + 1)]

    x = tf.cast(x, model.variable_dtype)  # outputs are never computed in bfloat16
    return model.outputs_of.raw(concat_cropped(mix, x))  # of [B, T, C + F]
