"""Half and double the rate of a feature map along time.

Two kinds of length, as in `Convolution`.  "valid": sample k of the coarse map
lies on sample 2k of the fine one and both end on a common sample, so n coarse
samples belong to 2n - 1 fine ones.  "same": a fine sample follows the last
common one, so n belong to 2n.
"""

import keras
import tensorflow as tf


class _Resampling(keras.layers.Layer):
    """What has no weights but a kind of length."""

    def __init__(self, padding="valid", **kwargs):
        super().__init__(**kwargs)
        self.padding = padding
        self.missing = 1 if padding == "valid" else 0

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}


@keras.saving.register_keras_serializable("vimss")
class Decimation(_Resampling):
    """Keeps samples 0, 2, 4, ...: [B, T, C] -> [B, ceil(T / 2), C].

    No filter precedes it: the network learns its own (Stoller et al. 2018).

    Args:
      padding: "valid" or "same"; tells lengths apart, not values.
      **kwargs: Of `keras.layers.Layer`.
    """

    def call(self, x):
        return x[:, ::2]

    def length_out(self, n):
        """Samples of the result for n samples."""
        return -(-n // 2)

    def length_in(self, n):
        """Samples to give for n samples of the result."""
        return 2 * n - self.missing


class _Upsampling(_Resampling):
    """Puts a new sample after each: [B, T, C] -> [B, length_out(T), C].

    Attributes:
      share: Of the sample before in a new one, [C]; None: one half.
    """

    share = None

    def call(self, x):
        following = tf.concat([x[:, 1:], self.after_the_end(x[:, -1:])], axis=1)
        pairs = tf.stack([x, self.between(x, following)], axis=2)  # [B, T, 2, C]
        fine = tf.reshape(pairs, [-1, 2 * _length(x), x.shape[-1]])  # [B, 2 T, C]
        return fine[:, :-1] if self.missing else fine

    def length_out(self, n):
        """Samples of the result for n samples."""
        return 2 * n - self.missing

    def length_in(self, n):
        """Fewest samples to give for at least n samples of the result."""
        return -(-(n + self.missing) // 2)


def _length(x):
    return tf.shape(x)[1] if x.shape[1] is None else x.shape[1]


@keras.saving.register_keras_serializable("vimss")
class LinearUpsampling(_Upsampling):
    """Doubles the rate by straight lines between neighbours.

        y[2t] = x[t],  y[2t + 1] = (x[t] + x[t + 1]) / 2

    With "same" the last sample is repeated.  This is TensorFlow 1's
    `resize_bilinear` with aligned corners ("valid") or without ("same"), and not
    TensorFlow 2's `tf.image.resize`, whose pixels have half-pixel centres.

    Args:
      padding: "valid" or "same".
      **kwargs: Of `keras.layers.Layer`.
    """

    def after_the_end(self, last):
        return last

    def between(self, left, right):
        return 0.5 * (left + right)


@keras.saving.register_keras_serializable("vimss")
class LearnedUpsampling(_Upsampling):
    """Doubles the rate by a learned weighting of neighbours.

        y[2t] = x[t],  y[2t + 1] = s x[t] + (1 - s) x[t + 1],  s = sigmoid(weight)

    One weight a channel: `weight` [C], which starts Glorot uniform, in
    +- sqrt(3 / C), the default that the ancestor left it to.  With "same" a zero
    follows the last sample.

    Args:
      padding: "valid" or "same".
      **kwargs: Of `keras.layers.Layer`.

    Reference: Stoller, Ewert, Dixon, "Wave-U-Net", ISMIR 2018,
    https://arxiv.org/abs/1806.03185
    """

    def build(self, shape):
        self.weight = self.add_weight(
            shape=[shape[-1]],
            initializer="glorot_uniform",
            name="weight",
            autocast=False,
        )
        super().build(shape)

    @property
    def share(self):
        """Of the sample before in a new one, [C], in the dtype of the weights."""
        return tf.sigmoid(self.weight)

    def after_the_end(self, last):
        return tf.zeros_like(last)

    def between(self, left, right):
        share = tf.cast(self.share, left.dtype)
        return share * left + (1.0 - share) * right
