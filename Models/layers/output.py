"""From a feature map to one waveform a source."""

import keras
import tensorflow as tf

from Models.layers.convolution import Convolution
from Models.layers.cropping import centre_crop

ACTIVATIONS = ("tanh", "linear")


def _clip(x):
    return tf.clip_by_value(x, -1.0, 1.0)


class _Outputs(keras.layers.Layer):
    """One convolution for each source that is predicted.

    Call it with (features [B, T, C'], mix [B, T', C], training); it returns
    [B, S, length_out(T), C] in float32, which it also computes in, whatever the
    policy of the network is (or in float64, if that is where the weights are).
    """

    def __init__(
        self,
        n_sources,
        channels,
        size=1,
        padding="valid",
        activation="tanh",
        clip_at_test=True,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.n_sources, self.channels, self.size = n_sources, channels, size
        self.padding, self.activation = padding, activation
        self.clip_at_test = clip_at_test
        self.convolutions = [
            Convolution(
                channels, size, padding, dtype=self.variable_dtype, name=f"source_{i}"
            )
            for i in range(self.n_predicted)
        ]

    @property
    def n_predicted(self):
        """Sources that have a convolution of their own."""
        return self.n_sources

    def build(self, features_shape, mix_shape=None):
        for convolution in self.convolutions:
            convolution.build(features_shape)
        super().build(features_shape)

    def raw(self, features):
        """The convolutions alone: [B, T, S', C] for S' predicted sources."""
        features = tf.cast(features, self.variable_dtype)
        return tf.stack([c(features) for c in self.convolutions], axis=2)

    def finished(self, raw, mix, training=False):
        """What `call` returns, from `raw` [B, T, S', C] and the mixture [B, T', C]."""
        predicted = tf.transpose(raw, [0, 2, 1, 3])
        if self.activation == "tanh":
            return tf.tanh(predicted)
        return self.clipped(predicted, training)

    def call(self, features, mix, training=False):
        return self.finished(self.raw(features), mix, training)

    def clipped(self, x, training):
        """Limits to [-1, 1] outside of training."""
        return x if training or not self.clip_at_test else _clip(x)

    def length_out(self, n):
        """Samples of the waveforms for n steps of the feature map."""
        return n - self.size + 1 if self.padding == "valid" else n

    def length_in(self, n):
        """Steps of the feature map for n samples of the waveforms."""
        return n + self.size - 1 if self.padding == "valid" else n

    def get_config(self):
        keys = "n_sources channels size padding activation clip_at_test".split()
        return {**super().get_config(), **{key: getattr(self, key) for key in keys}}


@keras.saving.register_keras_serializable("vimss")
class DirectOutputs(_Outputs):
    """Predicts every source by itself.

        features [B, T, C'] -> [B, S, length_out(T), C]

    Args:
      n_sources: S.
      channels: C of the waveforms.
      size: Taps of the convolutions.
      padding: "valid" or "same".
      activation: "tanh", or "linear": limited to [-1, 1] outside of training.
      clip_at_test: False never limits anything.
      **kwargs: Of `keras.layers.Layer`.
    """


@keras.saving.register_keras_serializable("vimss")
class DifferenceOutputs(_Outputs):
    """Predicts all sources but the last, which is what the mixture has left.

        last = middle of mix - sum of the others

    The estimates sum to the mixture (Stoller et al., ISMIR 2018), unless the
    residual had to be limited to [-1, 1], which `clip_at_test` does outside of
    training.  Arguments: as `DirectOutputs`; at least two sources.
    """

    @property
    def n_predicted(self):
        return self.n_sources - 1

    def finished(self, raw, mix, training=False):
        outputs = super().finished(raw, mix, training)  # [B, S - 1, n_out, C]
        n = tf.shape(outputs)[2] if outputs.shape[2] is None else outputs.shape[2]
        mix = tf.cast(centre_crop(mix, n), outputs.dtype)
        residual = self.clipped(mix - tf.reduce_sum(outputs, axis=1), training)
        return tf.concat([outputs, residual[:, tf.newaxis]], axis=1)


OUTPUTS = {"direct": DirectOutputs, "difference": DifferenceOutputs}
