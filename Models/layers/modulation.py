"""Fusers: what lets a condition act on a feature map, step by step.

    map [B, T, C] , `Condition` on its own clock, `Clock` of the map -> [B, T, C']

Glossary of shapes: as in `conditioning`.  All but the outer product begin as the
identity; what concatenation appends begins as zeros.  Those with weights compute in the
dtype of these, since sums over time, which their gradients are, come out wrong in
bfloat16.  Cost lines: parameters; then floating-point
operations for each step of the map, and for each frame (once for each example where the
condition does not change).

Dumoulin, Perez, Schucher, Strub, de Vries, Courville, Bengio, "Feature-wise
transformations", Distill 2018, https://doi.org/10.23915/distill.00011, lays out the
family.
"""

import keras
import tensorflow as tf


class Fuser(keras.layers.Layer):
    """What all fusers share.

    Args:
      condition: Name of the condition that it reads.
      place: Where it acts.
      **kwargs: Of `keras.layers.Layer`.
    """

    reads = "values"  # of a Condition; or "tokens"

    def __init__(self, condition="labels", place="bottleneck", **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.condition, self.place = condition, place

    def build_for(self, n_channels, size, is_timed=False):
        """Makes the weights.

        Args:
          n_channels: C.
          size: D.
          is_timed: Whether the condition changes with time.
        """
        self.built = True

    def channels_out(self, n_channels, size):
        """C' for maps of C channels and conditions of D values."""
        return n_channels

    def floats(self, n_channels, size, n_tokens, is_timed):
        """Numbers held for each step of the map while it works, about."""
        return 3 * n_channels

    def dense(self, units, name, initializer="zeros", bias=True):
        """A layer that computes in the dtype of the weights."""
        return keras.layers.Dense(
            units,
            use_bias=bias,
            kernel_initializer=initializer,
            dtype=self.variable_dtype,
            name=f"{self.name}_{name}",  # so that no two weights have one path
        )

    def exact(self, x):
        """A map in the dtype of the weights."""
        return tf.cast(x, self.variable_dtype)

    def get_config(self):
        more = {"condition": self.condition, "place": self.place}
        return {**super().get_config(), **more}


def n_steps(x):
    """T of a map [B, T, C]."""
    return tf.shape(x)[1] if x.shape[1] is None else x.shape[1]


@keras.saving.register_keras_serializable("vimss")
class Concatenation(Fuser):
    """Appends a projection of the condition to the channels: C' = C + D.

        y[t] = [x[t], W z[t] + b]

    W and b begin as zeros, so the next convolution begins as if nothing was appended.
    Cost: D (D + 1) parameters, and D more channels for the next convolution; 0 FLOP a
    step; 2 D^2 FLOP a frame.  Source: see the module.
    """

    def build_for(self, n_channels, size, is_timed=False):
        self.projection = self.dense(size, "projection")
        self.projection.build([None, None, size])
        self.built = True

    def channels_out(self, n_channels, size):
        return n_channels + size

    def call(self, x, condition, clock):
        z = self.projection(condition.values)  # [B, F, D]
        z = condition.at_time(z, clock, n_steps(x))
        shape = [tf.shape(x)[0], n_steps(x), z.shape[-1]]
        return tf.concat([x, tf.broadcast_to(tf.cast(z, x.dtype), shape)], axis=-1)


@keras.saving.register_keras_serializable("vimss")
class AdditiveGating(Fuser):
    """Shifts each channel: the condition is a bias.

        y[t] = x[t] + W z[t] + b,  W = b = 0 at first

    Cost: C (D + 1) parameters; C FLOP a step; 2 C D FLOP a frame.  Source: "conditional
    biasing", see the module.
    """

    def build_for(self, n_channels, size, is_timed=False):
        self.shift = self.dense(n_channels, "shift")
        self.shift.build([None, None, size])
        self.built = True

    def call(self, x, condition, clock):
        shift = condition.at_time(self.shift(condition.values), clock, n_steps(x))
        return tf.cast(self.exact(x) + shift, x.dtype)


@keras.saving.register_keras_serializable("vimss")
class MultiplicativeGating(Fuser):
    """Opens and closes each channel.

        y[t] = 2 sigmoid(W z[t] + b) x[t],  W = b = 0 at first

    Cost: C (D + 1) parameters; C FLOP a step; 2 C D + 4 C FLOP a frame.  Source:
    "conditional scaling" by a sigmoid, see the module.
    """

    def build_for(self, n_channels, size, is_timed=False):
        self.gate = self.dense(n_channels, "gate")
        self.gate.build([None, None, size])
        self.built = True

    def call(self, x, condition, clock):
        gate = 2 * tf.sigmoid(self.gate(condition.values))  # [B, F, C]
        gate = condition.at_time(gate, clock, n_steps(x))
        return tf.cast(self.exact(x) * gate, x.dtype)


@keras.saving.register_keras_serializable("vimss")
class FiLM(Fuser):
    """Scales and shifts each channel by affine functions of the condition.

        y[t] = (1 + V z[t] + a) x[t] + W z[t] + b,  V = a = W = b = 0 at first

    Cost: 2 C (D + 1) parameters; 2 C FLOP a step; 4 C D FLOP a frame.  Perez, Strub, de
    Vries, Dumoulin, Courville, "FiLM: Visual Reasoning with a General Conditioning
    Layer", AAAI 2018, https://arxiv.org/abs/1709.07871
    """

    def build_for(self, n_channels, size, is_timed=False):
        self.scale = self.dense(n_channels, "scale")
        self.shift = self.dense(n_channels, "shift")
        self.scale.build([None, None, size])
        self.shift.build([None, None, size])
        self.built = True

    def call(self, x, condition, clock):
        scale, shift = (
            condition.at_time(layer(condition.values), clock, n_steps(x))
            for layer in (self.scale, self.shift)
        )
        return tf.cast((1 + scale) * self.exact(x) + shift, x.dtype)


@keras.saving.register_keras_serializable("vimss")
class OuterProduct(Fuser):
    """Every feature times every value that is known: C' = C D.

        y[t, c D + d] = x[t, c] z[t, d]

    Never the identity.  Cost: no parameters, but D times as many channels for the next
    convolution; C D FLOP a step.  Slizovskaia, Kim, Haro, Gomez, "End-to-End Sound
    Source Separation Conditioned on Instrument Labels", ICASSP 2019,
    https://arxiv.org/abs/1811.01850, with the labels of D instruments.

    Args:
      legacy_order: Whether frame t of example b is given what is known of example
        (b T + t) mod B, as the code of 2018 did where B > 1.  For parity only.
      **kwargs: Of `Fuser`.
    """

    def __init__(self, legacy_order=False, **kwargs):
        super().__init__(**kwargs)
        self.legacy_order = legacy_order

    def call(self, x, condition, clock):
        known, shape = tf.cast(condition.values, x.dtype), tf.shape(x)  # [B, F, D]
        if self.legacy_order:
            rows = tf.range(shape[0] * shape[1]) % shape[0]
            known = tf.reshape(tf.gather(known[:, 0], rows), [shape[0], shape[1], -1])
        else:
            known = condition.at_time(known, clock, n_steps(x))
        product = x[..., tf.newaxis] * known[:, :, tf.newaxis]  # [B, T, C, D]
        n_batch = shape[0] if x.shape[0] is None else x.shape[0]
        n_channels = x.shape[-1] * known.shape[-1]
        return tf.reshape(product, [n_batch, n_steps(x), n_channels])

    def channels_out(self, n_channels, size):
        return n_channels * size

    def floats(self, n_channels, size, n_tokens, is_timed):
        return 2 * n_channels * size

    def get_config(self):
        return {**super().get_config(), "legacy_order": self.legacy_order}
