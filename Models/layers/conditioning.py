"""What is known about the players of a mixture, and when.

Glossary of shapes: B examples, N slots of an example, T steps of a feature map, F
frames of a condition (1 where it does not change), D values of a frame, P tokens of a
frame: players, or instruments.

A feature map and a condition keep different clocks, and with context every level of a
network covers another span of time.  `at_time` is the only place where clocks meet.
"""

import dataclasses
from typing import NamedTuple

import keras
import tensorflow as tf

TIE = 1e-6  # of a frame: what rounding may take from a step on a frame's first instant


class Clock(NamedTuple):
    """When the steps of a feature map are, in samples of the mixture.

    A sample lasts from its number to the next: the middle of the target's first is 0.5.

    Attributes:
      first: From the beginning of the target to the middle of the first step.
      step: From one step to the next.
      sample_rate: Hz.
    """

    first: float
    step: float
    sample_rate: int

    def convolved(self, layer):
        """Behind a `Convolution`."""
        before = 0 if layer.padding == "valid" else (layer.size - 1) // 2
        return self.later((layer.size - 1) / 2 - before)

    def decimated(self):
        """Of every second step."""
        return self._replace(step=2 * self.step)

    def upsampled(self):
        """Of twice as many steps."""
        return self._replace(step=self.step / 2)

    def later(self, steps):
        """Of a map whose first so many steps are dropped."""
        return self._replace(first=self.first + self.step * steps)


@dataclasses.dataclass(frozen=True)  # which Keras passes on as it is
class Condition:
    """One thing that is known, in the two forms that fusers read.

    Attributes:
      values: [B, F, D].
      tokens: [B, F, P, D]; a token of zeros is absent.
      start: float64 [B], seconds from the beginning of the target to that of the first
        frame; None: it does not change with time.
      rate: Frames a second.
    """

    values: tf.Tensor
    tokens: tf.Tensor
    start: tf.Tensor | None = None
    rate: float | None = None

    def at_time(self, values, clock, n_time, later=0):
        """Lays what was made of the frames under the steps of a feature map.

        Args:
          values: [B, F, ...], such as `values` and what layers made of them.
          clock: `Clock` of the map.
          n_time: Steps of the map.
          later: Frames to look ahead.

        Returns:
          [B, n_time, ...]: for each step the frame that is on in its middle, [k / rate,
          (k + 1) / rate) for frame k, or the nearest that there is; nothing is
          interpolated, since what is known may have no in-between.  [B, 1, ...], to be
          broadcast, where nothing changes.
        """
        if self.rate is None:
            return values
        steps = clock.step * tf.range(n_time, dtype=tf.float64)
        middle = (clock.first + steps) / clock.sample_rate  # [T], seconds
        since = middle - tf.cast(self.start, tf.float64)[:, tf.newaxis]  # [B, T]
        frame = tf.cast(tf.floor(since * self.rate + TIE), tf.int32) + later
        frame = tf.clip_by_value(frame, 0, tf.shape(values)[1] - 1)
        return tf.gather(values, frame, axis=1, batch_dims=1)


@keras.saving.register_keras_serializable("vimss")
class Conditioner(keras.layers.Layer):
    """Turns keys of a batch into a `Condition`; stands in for what is missing.

    Three kinds, each for the mixture or, with `per_slot`, for each slot, which then
    counts as an example of its own:

        labels  [B, D] or [B, N, D]: which of D instruments play
        score   [B, D, F] or [B, N, F]: how much of a frame a note sounds
        visual  [B, P, F, D] or [B, N, F, D]: features of players; `values` are their
                mean over the players that are there, frame by frame

    With `null` an unknown condition has no tokens, and a learned vector `null` [D] for
    its values, which begins with ones for labels (anyone may play), else zeros.

    Args:
      kind: "labels", "score" or "visual".
      size: D.
      rate: Frames a second; None: labels, or one vector that does not change.
      per_slot: Whether slots have conditions of their own.
      null: Whether conditions may be missing; batch["has_<kind>"] then tells, [B], and
        [B, P] of "visual".
      has_values: Whether anything reads `values`; else there is no vector to learn.
      **kwargs: Of `keras.layers.Layer`.
    """

    def __init__(
        self,
        kind,
        size,
        rate=None,
        per_slot=False,
        null=False,
        has_values=True,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.kind, self.size, self.rate = kind, size, rate
        self.per_slot, self.null, self.has_values = per_slot, null, has_values

    def build(self, shape=None):
        if self.null and self.has_values:
            self.unknown = self.add_weight(
                shape=[self.size],
                initializer="ones" if self.kind == "labels" else "zeros",
                name="null",
            )
        self.built = True

    @property
    def keys(self):
        """The keys of a batch that are read."""
        keys = [self.kind]
        if self.null:
            keys.append(f"has_{self.kind}")
        if self.rate is not None:
            keys.append(f"{self.kind}_start")
        return keys

    def call(self, batch):
        tokens = self._tokens(tf.cast(batch[self.kind], self.variable_dtype))
        n_slots = tf.shape(batch[self.kind])[1] if self.per_slot else 1
        known = None
        if self.null:
            known = tf.cast(batch[f"has_{self.kind}"], tokens.dtype)
            known = self._per_token(known, n_slots)  # [B, 1, P or 1]
            tokens *= known[..., tf.newaxis]
        start = None
        if self.rate is not None:
            start = tf.repeat(batch[f"{self.kind}_start"], n_slots)
        return Condition(self._values(tokens, known), tokens, start, self.rate)

    def _tokens(self, given):
        """[B, F, P, D], an example for each slot if slots have their own."""
        if self.kind == "visual":
            if self.per_slot:
                return _merged(given)[:, :, tf.newaxis]
            return tf.transpose(given, [0, 2, 1, 3])
        if self.kind == "score":
            if self.per_slot:
                return _merged(given)[:, :, tf.newaxis, tf.newaxis]
            return tf.linalg.diag(tf.transpose(given, [0, 2, 1]))
        if self.per_slot:
            return _merged(given)[:, tf.newaxis, tf.newaxis]
        return tf.linalg.diag(given)[:, tf.newaxis]

    def _per_token(self, known, n_slots):
        """[B, 1, 1], or [B, 1, P] of players."""
        if known.shape.rank == 1:
            return tf.repeat(known, n_slots)[:, tf.newaxis, tf.newaxis]
        if self.per_slot:
            return tf.reshape(known, [-1, 1, 1])
        return known[:, tf.newaxis]

    def _values(self, tokens, known):
        """[B, F, D]."""
        values = tf.reduce_sum(tokens, axis=2)
        if self.kind == "visual" and not self.per_slot:
            values /= tf.maximum(tf.reduce_sum(present(tokens), axis=2), 1)
        if not (self.null and self.has_values):
            return values
        known = tf.reduce_max(known, axis=2, keepdims=True)  # [B, 1, 1]
        return values + (1 - known) * tf.convert_to_tensor(self.unknown)

    def get_config(self):
        keys = "kind size rate per_slot null has_values".split()
        return {**super().get_config(), **{key: getattr(self, key) for key in keys}}


def present(tokens):
    """[..., 1]: 1 where a token [..., D] is of somebody, 0 where it is zeros."""
    there = tf.reduce_any(tf.not_equal(tokens, 0), axis=-1, keepdims=True)
    return tf.cast(there, tokens.dtype)


def _merged(x):
    """[B, N, ...] -> [B N, ...]."""
    return tf.reshape(x, tf.concat([[-1], tf.shape(x)[2:]], 0))
