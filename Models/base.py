"""What every separator promises."""

from typing import NamedTuple

import keras

from Models.checks import whole
from Schema import InputError


class Lengths(NamedTuple):
    """Samples that a separator reads and gives; n_in - n_out is even.

    Recordings cut every `hop` <= n_out samples, a multiple of the separator's total
    decimation, are separated the same way whatever n_out is.
    """

    n_in: int
    n_out: int
    hop: int


class Separator(keras.Model):
    """Maps {"mix": [B, n_in, C], ...} to {"sources": [B, S, n_out, C], ...}.

    A subclass defines `lengths`, `call` and `get_config`, and is built when its
    constructor returns.  The target of a window is the middle of its mixture: it
    begins (n_in - n_out) / 2 samples later.

    Attributes:
      source_names: List of S names, in the order of the output.
      sample_rate: Hz.
      channels: C.
      n_in, n_out, hop: `lengths(num_frames)`, in samples.  The weights serve any
        other `lengths(n)` as well.
      separates: Whether it gives sources; else its parts are what it is trained for.
      batch_keys: The keys of a batch that `call` reads.
      edge: Samples at each end of an estimate that are no good.
      grain: Samples; a mixture moved by a multiple is separated the same way, but for
        the edges.  Of a model with an edge its recordings are cut at multiples.
      slots: "vocabulary": the estimates are those of `source_names`; "conditioned": of
        what its conditions name, in their order.
      score_rate: Frames of score activity a second, if it reads any.
      visual_rate: Frames of players a second, if it reads any.
      visual_size: Features of a player, or [H, W, 3] of its pictures.
      front_end: Name of what sees them, its hash included; None: whoever trained it
        did not say.
      reach: Frames of a condition that it looks at beyond a window.

    Args:
      source_names: Names of the sources, at least one, all different.
      sample_rate: Hz.
      channels: Channels of the mixture and of every source.
      num_frames: Least number of samples of a target.
      **kwargs: Of `keras.Model`: name, dtype, trainable.

    Raises:
      InputError: If a value is impossible; it names the value.
    """

    batch_keys = ("mix",)
    separates = True
    edge, grain = 0, 1
    slots, score_rate, reach = "vocabulary", None, 0
    visual_rate = visual_size = front_end = None

    def __init__(self, source_names, sample_rate, channels, num_frames, **kwargs):
        # The model casts by itself, so that the mixture stays in float32 where
        # estimates are subtracted from it.
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        self._names = _checked_names(source_names)
        self.sample_rate = whole("sample_rate", sample_rate)
        self.channels = whole("channels", channels)
        self.num_frames = whole("num_frames", num_frames)

    @property
    def source_names(self):
        """The names of the sources, in the order of the output."""
        return list(self._names)

    @property
    def n_in(self):
        """Samples of a mixture."""
        return self.lengths(self.num_frames).n_in

    @property
    def n_out(self):
        """Samples of an estimate."""
        return self.lengths(self.num_frames).n_out

    @property
    def hop(self):
        """Samples from one segment of a recording to the next."""
        return self.lengths(self.num_frames).hop

    @property
    def has_context(self):
        """Whether the mixture reaches beyond the target on both sides."""
        return self.n_in > self.n_out

    def lengths(self, n):
        """The `Lengths` of a window with at least n target samples."""
        raise NotImplementedError

    def inference_bytes(self, n, n_slots=None):
        """Estimated peak bytes of separating a window of at least n target samples.

        Args:
          n: Samples.
          n_slots: Slots that follow conditions, where there are such.
        """
        raise NotImplementedError

    def get_config(self):
        """The constructor's arguments, of plain Python types."""
        config = super().get_config()
        kept = {key: config[key] for key in ("name", "trainable", "dtype")}
        return {
            **kept,
            "source_names": self.source_names,
            "sample_rate": self.sample_rate,
            "channels": self.channels,
            "num_frames": self.num_frames,
        }


def _checked_names(names):
    listed = [] if isinstance(names, str) or names is None else list(names)
    if not listed or not all(isinstance(name, str) and name for name in listed):
        raise InputError(f"source_names must be a list of names, not {names!r}")
    if len(set(listed)) < len(listed):
        raise InputError(f"source_names must all be different, not {listed}")
    return tuple(listed)
