"""The Wave-U-Net as a textbook would write it, to be measured against.

Everything is computed and then thrown away by strides, upsampling is TensorFlow 1's
`resize_bilinear`, the activation a maximum of two maps, each source a convolution of
its own: the graph of the ancestors, on the weights of a model of ours.
"""

import tensorflow as tf

from Models.layers.cropping import centre_crop


def _convolution(layer, x):
    return tf.nn.bias_add(tf.nn.conv1d(x, layer.kernel.value, 1, "VALID"), layer.bias)


def _leaky(x):
    return tf.maximum(0.2 * x, x)


class Textbook:
    """A Wave-U-Net with context and difference output, called like a model.

    Args:
      model: WaveUNet in float32, whose weights it uses and trains.
    """

    def __init__(self, model):
        if not model.context or model.output_type != "difference":
            raise ValueError("the textbook's network has context and a residual")
        if model.upsampling != "linear" or model.output_activation != "tanh":
            raise ValueError("the textbook's network is upsampled linearly, with tanh")
        if model.fusers not in ([], ["outer_product@bottleneck"]):
            raise ValueError(
                "the textbook's labels act at the bottleneck, by a product"
            )
        self.model = model
        self.variables = model.variables
        self.trainable_variables = model.trainable_variables

    def __call__(self, batch, training=False):
        """{"sources": [B, S, n_out, C]} of a batch."""
        model, mix = self.model, batch["mix"]
        x, skips = mix, []
        for layer in model.down:
            x = _leaky(_convolution(layer, x))
            skips.append(x)
            x = x[:, ::2]
        x = _leaky(_convolution(model.bottom, x))
        if model.fusers:
            product = x[..., tf.newaxis] * batch["labels"][:, tf.newaxis, tf.newaxis]
            x = tf.reshape(product, [-1, x.shape[1], x.shape[2] * product.shape[3]])
        for layer in model.up:
            size = [1, 2 * x.shape[1] - 1]
            x = tf.raw_ops.ResizeBilinear(
                images=x[:, tf.newaxis], size=size, align_corners=True
            )[:, 0]
            skip = centre_crop(skips.pop(), x.shape[1])
            x = _leaky(_convolution(layer, tf.concat([skip, x], axis=-1)))
        mix = centre_crop(mix, x.shape[1])
        x = tf.concat([mix, x], axis=-1)
        outputs = model.outputs_of.convolutions
        sources = [tf.tanh(_convolution(layer, x)) for layer in outputs]
        residual = mix - tf.add_n(sources)
        if not training and model.clip_at_test:
            residual = tf.clip_by_value(residual, -1.0, 1.0)
        return {"sources": tf.stack([*sources, residual], axis=1)}
