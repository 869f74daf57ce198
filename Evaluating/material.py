"""What is separated and scored: tracks of a split, or mixtures of two of its solos."""

import math
import pathlib

import numpy as np

from Schema import InputError

SAMPLES, SAMPLE_RATE = 65535, 11025  # of a clip in the middle of a recording
PAIRS = pathlib.Path(__file__).parents[1] / "Datasets/music/music-2mix-v3.txt"


class Tracks:
    """The tracks of a split of records, as they were recorded.

    Attributes:
      ids: Their names.
      rows: Of each, the `Datasets.records.TrackRow`s that it is made of.
      told: What a caption says of how many were found.
    """

    def __init__(self, records, split):
        """Of `Datasets.records.Records`."""
        self._records = records
        self.rows = {row.id: [row] for row in records.tracks(split)}
        self.ids = list(self.rows)
        self.told = f"Tracks found: {len(self.ids)}."
        if records.failures:
            left = ", ".join(records.failures)
            self.told += f" Left out when the records were made: {left}."

    def track(self, name):
        """A track, as `Records.whole_track` gives it."""
        return self._records.whole_track(name)


class Pairs:
    """Mixtures of two solos, of a list: the middle of each recording, at half.

    After Zhao et al., "The Sound of Pixels", ECCV 2018.  Those of the list are used
    whose recordings are both in the split.

    Attributes:
      ids: "first+second" of each.
      rows: As of `Tracks`.
      told: As of `Tracks`.
    """

    def __init__(self, records, split, path=PAIRS):
        """Reads the list.

        Args:
          records: `Datasets.records.Records` of solos.
          split: One of its splits.
          path: Text file, two ids a line; lines that begin with # say something.

        Raises:
          InputError: If the list is absent or not one, or the split has no pair of it.
        """
        self._records = records
        rows = {row.id: row for row in records.tracks(split)}
        listed = read_pairs(path)
        self.rows = {
            "+".join(pair): [rows[one] for one in pair]
            for pair in listed
            if all(one in rows for one in pair)
        }
        self.ids = list(self.rows)
        if not self.ids:
            raise InputError(
                f"the {split} split of {records.folder} has none of the {len(listed)} "
                f"pairs of {path}: name your own list with evaluation.pairs=FILE, or "
                "another protocol"
            )
        missing = sorted({one for pair in listed for one in pair} - set(rows))
        self.told = f"Pairs found: {len(self.ids)} of {len(listed)}."
        if missing:
            self.told += f" Missing: {', '.join(missing)}."

    def track(self, name):
        """A mixture of two, as `Records.whole_track` gives a track."""
        first, second = (
            _middle(self._records.whole_track(row.id), self._records.options)
            for row in self.rows[name]
        )
        n_time = min(len(first["mix"]), len(second["mix"]))
        sources = [one["sources"][:, :n_time] / 2 for one in (first, second)]
        track = {
            "id": name,
            "sources": np.concatenate(sources),
            "labels": [*first["labels"], *second["labels"]],
            "notes": [*first["notes"], *second["notes"]],
            "sample_rate": first["sample_rate"],
        }
        track["mix"] = track["sources"].sum(axis=0)
        return track | _seen(first, second)


def read_pairs(path):
    """[(id, id)] of a list of pairs; see `Pairs`."""
    try:
        lines = pathlib.Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error})") from None
    pairs = [line.split() for line in lines if line and not line.startswith("#")]
    for pair in pairs:
        if len(pair) != 2 or pair[0] == pair[1]:
            raise InputError(
                f"{path}: expected two ids a line, found {' '.join(pair)!r}"
            )
    return [tuple(pair) for pair in pairs]


def _middle(track, options):
    """The clip in the middle of a track; it begins with a frame of the video."""
    rate, seconds = track["sample_rate"], SAMPLES / SAMPLE_RATE
    n_clip = min(round(seconds * rate), len(track["mix"]))
    begin = (len(track["mix"]) - n_clip) / 2 / rate
    clip = dict(track)
    first = 0
    if "has_visual" in track:
        first = math.floor(begin * options.visual_rate)
        begin = first / options.visual_rate
        for key in ("visual", "frames"):
            if key in track:
                count = math.ceil(n_clip / rate * options.visual_rate) + 1
                clip[key] = track[key][:, first : first + count]
    start = round(begin * rate)
    for key, axis in (("mix", 0), ("sources", 1)):
        clip[key] = np.take(track[key], range(start, start + n_clip), axis=axis)
    clip["notes"] = [
        None if notes is None else notes - np.array([begin, 0, 0], notes.dtype)
        for notes in track["notes"]
    ]
    return clip


def _seen(first, second):
    """Players of both, where the records hold any."""
    found = {}
    for key in ("visual", "frames"):
        if key in first:
            count = min(one[key].shape[1] for one in (first, second))
            found[key] = np.concatenate(
                [one[key][:, :count] for one in (first, second)]
            )
    if "has_visual" in first:
        found["has_visual"] = np.concatenate(
            [first["has_visual"], second["has_visual"]]
        )
        shift = np.where(
            second["part_of_player"] < 0, 0, len(first["labels"])
        )  # -1: nobody's part
        found["part_of_player"] = np.concatenate(
            [first["part_of_player"], second["part_of_player"] + shift]
        )
    return found
