"""AudioSet's clips as TFDS records: one sound, and all of its classes beside it."""

import dataclasses
import hashlib

import numpy as np

import Utils
from Datasets import availability, inventory
from Datasets.audioset import layout, segments
from Datasets.builder import TrackBuilder
from Datasets.options import Options
from Schema import InputError

SOUND = "sound"  # label of every clip, if no map gives others


@dataclasses.dataclass
class Clips(availability.ListedInventory):
    """The clips that are there; the classes of the table of what is not are splits.

    Attributes:
      classes: {track id: [class]}, of each all that AudioSet's table says.
      names: {class: what it is called}, in AudioSet's order; empty: not known.
    """

    classes: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    names: dict[str, str] = dataclasses.field(default_factory=dict)


class Builder(TrackBuilder):
    """Reads AudioSet's tables and a folder of files; README.md shows both.

    A clip is a track of one source.  With `Options.label_map`, "CLASS=LABEL", it has
    the label that the map gives its classes; clips without one are left out, and so
    are those of several labels: no single one would be true of them.
    """

    homepage = "https://research.google.com/audioset/"
    licence = "Tables: CC BY 4.0; the clips belong to those who uploaded them."
    BUILDER_CONFIGS = [Options(splits="balanced")]
    _found = None

    @property
    def labels(self):
        """What a clip's sound is called."""
        pairs = segments.pairs_of(self.builder_config.label_map)
        return tuple(dict.fromkeys(label for _, label in pairs)) or (SOUND,)

    def inventory(self, raw):
        """Looks for the file of each clip of the splits; returns `Clips`."""
        asked, names, remarks = self._asked(raw)
        clips = {s.id: (s, label) for of in asked.values() for s, label in of}
        files = layout.index(raw)
        stock = inventory.take_stock(
            raw,
            {split: [s.id for s, _ in of] for split, of in asked.items()},
            lambda name: layout.read_clip(*clips[name], files),
            self.keep_going,
        )
        tracks = {track.id: track for track in stock.all_tracks()}
        items = [
            _item(s.id, split, tracks.get(s.id), stock.problems.get(s.id))
            for split, of in asked.items()
            for s, _ in of
        ]
        classes = {name: list(clips[name][0].classes) for name in tracks}
        self._found = Clips(
            *(stock.tracks, stock.problems, remarks, items, classes, names)
        )
        return self._found

    def availability(self, raw):
        """`availability.availability` of the clips of each split."""
        files, items = layout.index(raw), []
        for split, of in self._asked(raw)[0].items():
            for segment, label in of:
                track, problem = None, None
                try:
                    track = layout.read_clip(segment, label, files)
                except (FileNotFoundError, InputError) as error:
                    problem = str(error)
                items.append(_item(segment.id, split, track, problem))
        return availability.availability(items)

    def _asked(self, raw):
        """({split: [(Segment, label)]}, names of classes, remarks)."""
        splits, remarks = segments.splits_of(raw, self.builder_config.splits)
        names = segments.class_names(raw)
        wanted = segments.wanted_classes(self.builder_config.label_map, names)
        asked, several = {}, 0
        for split, members in splits.items():
            for segment in members:
                found = {wanted[name] for name in segment.classes if name in wanted}
                found = found if wanted else {SOUND}
                several += len(found) > 1
                if len(found) == 1:
                    asked.setdefault(split, []).append((segment, found.pop()))
        if several:
            remarks.append(f"left out: {several} clips of several of the labels")
        return asked, names, remarks

    def fingerprint(self, inventory):
        """As of all builders, of the clips' classes and these names, too."""
        told = sorted(inventory.classes.items()), list(inventory.names.items())
        digest = hashlib.sha256(repr((super().fingerprint(inventory), told)).encode())
        return digest.hexdigest()[:16]

    def _shard_iterators_per_split(self, dl_manager):
        planned = super()._shard_iterators_per_split(dl_manager)
        found = self._found
        heard = {name for names in found.classes.values() for name in names}
        columns = [*found.names, *sorted(heard - set(found.names))]
        number = {name: k for k, name in enumerate(columns)}
        self.info.metadata["classes"] = {
            "names": [[name, found.names.get(name, name)] for name in columns],
            "of": {k: [number[x] for x in of] for k, of in found.classes.items()},
        }
        told = self.info.metadata["failures"]
        absent = [name for name, problem in told.items() if problem == layout.ABSENT]
        for name in absent:  # perhaps millions, and the tables tell
            del told[name]
        return planned


def _item(name, split, track, problem):
    if track is None:
        return availability.Item(name, split, problem=problem)
    return availability.Item(name, split, track.sources[0].audio, track.video)


def targets(records):
    """All classes of the clips of some records, for training that listens to them.

    Args:
      records: `Datasets.records.Records` of this data set.

    Returns:
      (classes, targets float32 [R, K]): K names such as "/m/07y_7", in the order of
      AudioSet's table of classes if that was there; a row for each of the R rows of the
      table of tracks, so that `tf.gather(targets, batch["track"])` are the targets of a
      batch; 1 where the class is heard.

    Raises:
      InputError: If the records are of another data set.
    """
    told = Utils.read_json(records.folder / "metadata.json").get("classes")
    if told is None:
        raise InputError(f"{records.folder} holds no classes: it is not of audioset")
    names = [name for name, _ in told["names"]]
    rows = [row for split in records.splits for row in records.tracks(split)]
    result = np.zeros([1 + max(row.row for row in rows), len(names)], np.float32)
    for row in rows:
        result[row.row, told["of"][row.id]] = 1
    return names, result
