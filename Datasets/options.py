"""The options that records depend on; their name is a folder of the records' path."""

import dataclasses
import hashlib

import tensorflow_datasets as tfds

import Schema
from Schema import InputError
from Utils import samples

SAME_INSTRUMENT = ("sum", "apart")


@dataclasses.dataclass(kw_only=True)
class Options(tfds.core.BuilderConfig):
    """What changes the records; its name is a folder of their path.

    Attributes:
      splits: Which splits, a folder of the data set's `splits/`.
      sample_rate: Hz.
      channels: 1 or 2.
      same_instrument: "sum" (parts of one instrument are one source) or "apart".
      excerpt_seconds: Longest record.
      window_seconds: Longest window that lies whole in one record.
      front_end: Name of what the videos are seen with, its hash included; "": nothing.
      visual_rate: Hz of its frames.
      pictures: Whether it gives pictures of the players in place of features; its name
        says so, too.
      label_map: "PATTERN=LABEL", of data sets whose files bear any names: the first
        pattern that a name matches; or a dict of these.
      pattern: Where a data set that was published without a layout keeps its files.
    """

    name: str = ""
    splits: str = "composition"
    sample_rate: int = 22050
    channels: int = 1
    same_instrument: str = "sum"
    excerpt_seconds: float = 40.0
    window_seconds: float = 8.0
    front_end: str = ""
    visual_rate: float = 15.0
    pictures: bool = False
    label_map: list = dataclasses.field(default_factory=list)
    pattern: str = ""

    def __post_init__(self):
        if self.channels not in (1, 2):
            raise InputError(f"data.channels={self.channels}: records have 1 or 2")
        if self.same_instrument not in SAME_INSTRUMENT:
            raise InputError(
                f"data.same_instrument={self.same_instrument!r} is neither "
                "'sum' nor 'apart'"
            )
        if not isinstance(self.sample_rate, int) or self.sample_rate <= 0:
            raise InputError(f"data.sample_rate={self.sample_rate!r} is no rate in Hz")
        if not 0 < self.window_seconds < self.excerpt_seconds:
            raise InputError(
                f"data.window_seconds={self.window_seconds} must be positive and less "
                f"than data.excerpt_seconds={self.excerpt_seconds}"
            )
        if isinstance(self.label_map, dict):
            self.label_map = [f"{p}={label}" for p, label in self.label_map.items()]
        self.label_map = list(self.label_map)
        layout = "mono" if self.channels == 1 else "stereo"
        self.name = (
            f"{self.splits}-{self.sample_rate}hz-{layout}-{self.same_instrument}"
            f"-{self.excerpt_seconds:g}s-{self.window_seconds:g}s"
        )
        if self.front_end:
            self.name += f"-{self.front_end}-{self.visual_rate:g}hz"
        if self.label_map or self.pattern:
            told = repr((self.label_map, self.pattern))
            self.name += f"-{hashlib.sha256(told.encode()).hexdigest()[:8]}"

    @property
    def window(self):
        """Samples of the longest window that lies whole in one record."""
        return samples(self.window_seconds, self.sample_rate)

    @property
    def hop(self):
        """Samples from the start of one excerpt to the start of the next."""
        return samples(self.excerpt_seconds, self.sample_rate) - self.window

    def excerpts(self, n_time):
        """(start, stop) of the records of a track of `n_time` samples."""
        return Schema.excerpts(n_time, self.hop + self.window, self.window)
