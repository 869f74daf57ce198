"""What is known about the players, brought into a feature map.

Glossary of shapes: B examples, T steps of the map, C its channels, D values known of
each example.
"""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("vimss")
class OuterProduct(keras.layers.Layer):
    """Every feature times every known value.

        map [B, T, C], known [B, D] -> [B, T, C D],  y[t, c D + d] = map[t, c] known[d]

    No weights; the next convolution has D times as many.  Slizovskaia, Kim, Haro,
    Gomez, "End-to-End Sound Source Separation Conditioned on Instrument Labels", ICASSP
    2019, https://arxiv.org/abs/1811.01850, with the labels of D instruments.

    Args:
      legacy_order: Whether frame t of example b is given what is known of example
        (b T + t) mod B, as the code of 2018 did where B > 1.  For parity only.
      **kwargs: Of `keras.layers.Layer`.
    """

    def __init__(self, legacy_order=False, **kwargs):
        super().__init__(**kwargs)
        self.legacy_order = legacy_order

    def call(self, x, known):
        shape = tf.shape(x)
        known = tf.cast(known, x.dtype)
        if self.legacy_order:
            rows = tf.range(shape[0] * shape[1]) % shape[0]
            known = tf.reshape(tf.gather(known, rows), [shape[0], shape[1], -1])
        else:
            known = known[:, tf.newaxis]  # [B, 1, D]
        product = x[..., tf.newaxis] * known[:, :, tf.newaxis]  # [B, T, C, D]
        return tf.reshape(product, self._shape(x, product.shape[-1]))

    def _shape(self, x, n_known):
        n_time = tf.shape(x)[1] if x.shape[1] is None else x.shape[1]
        n_batch = tf.shape(x)[0] if x.shape[0] is None else x.shape[0]
        return [n_batch, n_time, x.shape[-1] * n_known]

    def channels_out(self, channels, n_known):
        """Channels of the result: C D."""
        return channels * n_known

    def get_config(self):
        return {**super().get_config(), "legacy_order": self.legacy_order}
