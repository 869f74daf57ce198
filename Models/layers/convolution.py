"""Convolution along time."""

import keras
import tensorflow as tf

PADDINGS = ("valid", "same")


@keras.saving.register_keras_serializable("vimss")
def leaky_relu(x):
    """max(x, 0.2 x), the activation of the Wave-U-Net."""
    return tf.nn.leaky_relu(x, alpha=0.2)


@keras.saving.register_keras_serializable("vimss")
class Convolution(keras.layers.Conv1D):
    """A convolution of step 1 along time that knows what it does to a length.

        [B, T, C_in] -> [B, length_out(T), filters]

    `padding="valid"` shortens by `size - 1`; `"same"` keeps the length, with zeros
    around both ends.  Weights: kernel [size, C_in, filters], Glorot uniform, and
    bias [filters], zeros, as the ancestors start them.

    Args:
      filters: Channels of the result.
      size: Taps along time.
      padding: "valid" or "same".
      activation: A callable or a Keras name; None is linear.
      **kwargs: Of `keras.layers.Conv1D`.
    """

    def __init__(self, filters, size, padding="valid", activation=None, **kwargs):
        super().__init__(
            filters, size, padding=padding, activation=activation, **kwargs
        )
        self.lost = size - 1 if padding == "valid" else 0

    def length_out(self, n):
        """Steps of the result for n steps; below 1 where n is too short."""
        return n - self.lost

    def length_in(self, n):
        """Steps to give for n steps of the result."""
        return n + self.lost

    def get_config(self):
        config = super().get_config()
        config["size"] = config.pop("kernel_size")[0]
        return config
