"""Convolution along time."""

import keras
import tensorflow as tf

from Models.layers import onednn


@keras.saving.register_keras_serializable("vimss")
def leaky_relu(x):
    """max(x, 0.2 x), the activation of the Wave-U-Net."""
    return tf.nn.leaky_relu(x, alpha=0.2)


@tf.custom_gradient
def add_bias(x, bias):
    """Adds a bias whose gradient is summed in the dtype of the bias, not of x.

    TensorFlow sums it in the dtype of x: on a CPU, of 10^5 numbers summed in bfloat16
    most are lost.

    Args:
      x: [..., C].
      bias: [C], float32 where x is bfloat16.
    """

    def gradients(upstream):
        axes = list(range(len(x.shape) - 1))
        return upstream, tf.reduce_sum(tf.cast(upstream, bias.dtype), axes)

    return tf.nn.bias_add(x, tf.cast(bias, x.dtype)), gradients


@keras.saving.register_keras_serializable("vimss")
class Convolution(keras.layers.Layer):
    """A convolution of step 1 along time that knows what it does to a length.

        [B, T, C_in] -> [B, length_out(T), filters]

    `padding="valid"` shortens by `size - 1`; `"same"` keeps the length, with zeros
    around both ends.  Weights: kernel [size, C_in, filters], Glorot uniform, and
    bias [filters], zeros, as the ancestors start them.  The result has the dtype of
    the layer's policy; weights and their gradients keep their own.

    Args:
      filters: Channels of the result.
      size: Taps along time.
      padding: "valid" or "same".
      activation: A callable or a Keras name; None is linear.
      **kwargs: Of `keras.layers.Layer`.
    """

    def __init__(self, filters, size, padding="valid", activation=None, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.size, self.padding = filters, size, padding
        self.activation = keras.activations.get(activation)
        self.lost = size - 1 if padding == "valid" else 0

    def build(self, shape):
        shape = [self.size, shape[-1], self.filters]
        self.kernel = self.add_weight(
            shape=shape, initializer="glorot_uniform", name="kernel", autocast=False
        )
        self.bias = self.add_weight(
            shape=shape[-1:], initializer="zeros", name="bias", autocast=False
        )
        self.built = True

    def call(self, x):
        safe = onednn.for_convolution(x, tf.cast(self.kernel, x.dtype))
        x, kernel = onednn.for_kernel_gradient(*safe)
        y = tf.nn.conv1d(x, kernel, 1, self.padding.upper())
        return self.activation(add_bias(y, tf.convert_to_tensor(self.bias)))

    def length_out(self, n):
        """Steps of the result for n steps; below 1 where n is too short."""
        return n - self.lost

    def length_in(self, n):
        """Steps to give for n steps of the result."""
        return n + self.lost

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "size": self.size,
            "padding": self.padding,
            "activation": keras.activations.serialize(self.activation),
        }
