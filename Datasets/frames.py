"""Which frames of a track go with a window of its samples.

Frame k of a track is the time [k / frame_rate, (k + 1) / frame_rate) since the track
began; a window's frames are frames of its track, whatever the window's own beginning.
"""

import fractions
import math
from typing import NamedTuple

import tensorflow as tf

from Schema import InputError


class Frames(NamedTuple):
    """The frames of a condition that changes with time.

    Attributes:
      frame_rate: Hz.
      reach: Frames beyond both ends of the model's input.
    """

    frame_rate: float
    reach: int = 0

    def check(self):
        """Raises InputError if the rate or the reach is impossible."""
        if not 0 < self.frame_rate < math.inf:
            raise InputError(f"{self.frame_rate!r} frames a second: not > 0")
        if self.reach != int(self.reach) or self.reach < 0:
            raise InputError(f"a reach of {self.reach!r} frames: not 0, 1, ...")

    def count(self, n_in, sample_rate):
        """F: frames that cover n_in samples and the reach, wherever they begin."""
        covered = fractions.Fraction(self.frame_rate) * n_in / sample_rate
        return math.ceil(covered) + 1 + 2 * self.reach

    def first(self, begin, sample_rate):
        """The first of these frames for a window's input.

        Args:
          begin: First sample of the input in the track, int64, perhaps negative.
          sample_rate: Hz.

        Returns:
          float64 tensor, a whole number.
        """
        frame = tf.cast(begin, tf.float64) * self.frame_rate / sample_rate
        return tf.floor(frame) - self.reach

    def start(self, first, begin, sample_rate):
        """Seconds from sample `begin` to the beginning of frame `first`, float64."""
        return first / self.frame_rate - tf.cast(begin, tf.float64) / sample_rate
