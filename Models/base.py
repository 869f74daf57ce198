"""What every separator promises."""

import numbers
from typing import NamedTuple

import keras

import Utils
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
      batch_keys: The keys of a batch that `call` reads.
      edge: Samples at each end of an estimate that are no good.
      grain: Samples; a mixture moved by a multiple is separated the same way, but for
        the edges.  Of a model with an edge its recordings are cut at multiples.
      slots: "vocabulary": the estimates are those of `source_names`; "conditioned": of
        what its conditions name, in their order.
      score_rate: Frames of score activity a second, if it reads any.
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
    edge, grain = 0, 1
    slots, score_rate, reach = "vocabulary", None, 0

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


def whole(what, value, least=1, most=None):
    """Refuses anything but a whole number of at least `least`, and at most `most`.

    Raises:
      InputError: Naming `what` and the value.
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, numbers.Integral)
        or value < least
    ):
        raise InputError(
            f"{what} must be a whole number of at least {least}, not {value!r}"
        )
    if most is not None and value > most:
        raise InputError(f"{what} must be at most {most}, not {value!r}")
    return int(value)


def checked(given, sizes=(), truths=(), choices=(), most=()):
    """Of a constructor's arguments those that are plain knobs, refused if impossible.

    Args:
      given: {argument: value}, of all arguments.
      sizes: Names of whole numbers, at least 1.
      truths: Names of truth values.
      choices: {name: the strings that it may be}.
      most: {name: the greatest value of a size}.

    Returns:
      {name: value} of the three kinds.

    Raises:
      InputError: Naming the argument and its value.
    """
    greatest = dict(most)
    found = {key: whole(key, given[key], most=greatest.get(key)) for key in sizes}
    found |= {key: truth(key, given[key]) for key in truths}
    return found | {k: one_of(k, given[k], may) for k, may in dict(choices).items()}


def positive(what, value, most=float("inf")):
    """Refuses anything but a finite number above 0, and at most `most`.

    Raises:
      InputError: Naming `what` and the value.
    """
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not 0 < value < float("inf"):
        raise InputError(f"{what} must be a number above 0, not {value!r}")
    if value > most:
        raise InputError(f"{what} must be at most {most:g}, not {value!r}")
    return float(value)


def truth(what, value):
    """Refuses anything but True and False.

    Raises:
      InputError: Naming `what` and the value.
    """
    if not isinstance(value, bool):
        raise InputError(f"{what} must be True or False, not {value!r}")
    return value


def one_of(what, value, allowed):
    """Refuses anything but the strings in `allowed`.

    Raises:
      InputError: Naming `what`, the value and what it may be.
    """
    if value not in tuple(allowed):  # a list, which no set could look up, is refused
        near = Utils.nearest(value, allowed)
        hint = f" (did you mean {near!r}?)" if near else ""
        raise InputError(f"{what} must be {' or '.join(allowed)}, not {value!r}{hint}")
    return value


def _checked_names(names):
    listed = [] if isinstance(names, str) or names is None else list(names)
    if not listed or not all(isinstance(name, str) and name for name in listed):
        raise InputError(f"source_names must be a list of names, not {names!r}")
    if len(set(listed)) < len(listed):
        raise InputError(f"source_names must all be different, not {listed}")
    return tuple(listed)
