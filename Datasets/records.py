"""Prepared records: where they are, what they hold, whole tracks back from them."""

import dataclasses
import functools
import os
import pathlib
import struct
import tempfile

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

import Remote
import Schema
import Utils
from Datasets import watching
from Datasets.options import Options
from Schema import InputError


@dataclasses.dataclass(frozen=True)
class TrackRow:
    """A line of the table of tracks that stands beside the records.

    Attributes:
      id: Name of the track.
      row: Its number, `track` in records and batches.
      n_time: Samples at the records' rate.
      labels: Instrument codes of its sources, in the records' order.
      mix: "file" (the data set's own mixture) or "sum" (of the sources).
      has_score: Whether all of its parts have notes.
      n_players: Players of the recording.
      has_video: Whether the raw data have a video of it.
    """

    id: str
    row: int
    n_time: int
    labels: tuple[str, ...]
    mix: str
    has_score: bool
    n_players: int = 0
    has_video: bool = False


@dataclasses.dataclass(frozen=True)
class Place:
    """Where one record lies: bytes of a file, and what the record holds.

    Attributes:
      path: TFRecord file.
      offset: First byte of the record's payload.
      n_bytes: Its length.
      track: Row of the track.
      start: First sample of the excerpt in the track.
      stop: One past its last sample.
    """

    path: str
    offset: int
    n_bytes: int
    track: int
    start: int
    stop: int


class Records:
    """A folder that Prepare.py made.

    Attributes:
      folder: Path of <records>/<data set>/<options>/<version>; on a disk, or one that
        TensorFlow reads, as gs://BUCKET/records.
      sample_rate: Hz.
      channels: Of every record.
      labels: Instrument codes that the records may hold.
      options: The `Options` they were made with.
      fingerprint: Of the raw data and the options.
      visual_size: Features of a player, or [H, W, 3] of pictures; None: the records
        hold neither.
      failures: {track id: what was wrong}, of tracks that were left out.

    Raises:
      InputError: If the folder holds no finished records, or older ones.
    """

    def __init__(self, folder):
        self.folder = Remote.path(folder)
        metadata = Utils.read_json(self.folder / "metadata.json")
        version = metadata.get("record_version")
        if version != Schema.RECORD_VERSION:
            raise _of_version(folder, version)
        self.options = Options(**metadata["options"])
        self.sample_rate = self.options.sample_rate
        self.channels = self.options.channels
        self.labels = list(metadata["labels"])
        self.fingerprint = metadata["fingerprint"]
        self.visual_size = metadata.get("visual_size")
        self.failures = metadata.get("failures", {})
        self._tables = {
            split: [TrackRow(**{**row, "labels": tuple(row["labels"])}) for row in rows]
            for split, rows in metadata["tracks"].items()
        }
        try:
            self._info = _info(self.folder)
        except Exception as error:  # TFDS raises a different one for each file
            raise InputError(
                f"{folder} is damaged ({error}): remove it and run Prepare.py again"
            ) from None

    @property
    def splits(self):
        """Names of the splits that hold records."""
        return list(self._tables)

    def tracks(self, split):
        """The `TrackRow`s of a split, in order.

        Raises:
          InputError: If there is no such split; it names those there are.
        """
        if split not in self._tables:
            raise InputError(
                f"the records in {self.folder} have no split {split!r}, only "
                f"{', '.join(self._tables)}"
            )
        return self._tables[split]

    def most_parts(self, split):
        """The most parts that the records hold of one track of a split."""
        return max(len(track.labels) for track in self.tracks(split))

    def most_players(self, split):
        """The most players of one track of a split."""
        return max(track.n_players for track in self.tracks(split))

    def deserialize(self, payload):
        """Payload of a record -> its features, as tensors."""
        return self._info.features.deserialize_example(payload)

    @functools.cache  # noqa: B019  (one entry a split, as long as the records live)
    def places(self, split):
        """The `Place`s of a split's records, in order.

        Raises:
          InputError: If a file is absent or cut short.
        """
        expected = [
            (track.row, start, stop)
            for track in self.tracks(split)
            for start, stop in self.options.excerpts(track.n_time)
        ]
        found = [
            place
            for path in self._info.splits[split].filepaths
            for place in _payloads(str(self.folder / path.name))
        ]
        if len(found) != len(expected):
            raise InputError(
                f"the {split} records in {self.folder} are damaged: {len(found)} of "
                f"{len(expected)} are there; remove the folder and run Prepare.py again"
            )
        return [Place(*bytes_, *what) for bytes_, what in zip(found, expected)]

    def whole_track(self, track_id):
        """A track as it was prepared, sample for sample.

        Args:
          track_id: Such as "01_Jupiter_vn_vc".

        Returns:
          dict of mix float32 [T, C], sources float32 [P, T, C], labels (P codes),
          notes (P times float32 [M, 3]: onset s, Hz, duration s, by onset; None where
          the raw data have none), sample_rate in Hz, and id; of sighted records also
          what `watching.joined` gives.

        Raises:
          InputError: If no split has it.
        """
        table = {r.id: (s, r) for s, rows in self._tables.items() for r in rows}
        if track_id not in table:
            near = Utils.nearest(track_id, table)
            raise InputError(
                f"the records in {self.folder} have no track {track_id!r}"
                + (f"; did you mean {near!r}?" if near else "")
            )
        split, row = table[track_id]
        mix = np.zeros([row.n_time, self.channels], np.float32)
        sources = np.zeros([len(row.labels), *mix.shape], np.float32)
        records = []
        for place in self.places(split):
            if place.track == row.row:
                record = self.deserialize(_payload(place))
                gain = np.float32(record["scale"]) / np.float32(32768)
                mix[place.start : place.stop] = record["mix"].numpy() * gain
                sources[:, place.start : place.stop] = record["sources"].numpy() * gain
                records.append(watching.of_record(record))
        table, has_notes = record["notes"].numpy(), record["has_notes"].numpy()
        notes = [table[table[:, 0] == part, 1:] for part in range(len(has_notes))]
        return {
            "id": row.id,
            "mix": mix,
            "sources": sources,
            "labels": list(row.labels),
            "notes": [found if has else None for found, has in zip(notes, has_notes)],
            "sample_rate": self.sample_rate,
            **({} if self.visual_size is None else watching.joined(records)),
        }


def _info(folder):
    """What TFDS knows of a folder; of a remote one it reads copies of the texts."""
    if isinstance(folder, pathlib.Path):
        return tfds.builder_from_directory(str(folder)).info
    with tempfile.TemporaryDirectory() as copies:
        for file in folder.glob("*.json"):
            (pathlib.Path(copies) / file.name).write_bytes(file.read_bytes())
        return tfds.builder_from_directory(copies).info


def _of_version(folder, version):
    return InputError(
        f"{folder} holds records of version {version}, this is version "
        f"{Schema.RECORD_VERSION}: run Prepare.py again; the old ones may be removed"
    )


def _payloads(path):
    """Yields (path, offset, length) of each record of a TFRecord file.

    Framing: uint64 length, uint32 checksum, payload, uint32 checksum
    (https://www.tensorflow.org/tutorials/load_data/tfrecord).
    """
    if not tf.io.gfile.exists(path):
        raise InputError(f"{path} is missing: run Prepare.py again")
    size, offset = tf.io.gfile.stat(path).length, 0
    with tf.io.gfile.GFile(path, "rb") as file:
        while offset < size:
            file.seek(offset)
            header = file.read(8)
            n_bytes = struct.unpack("<Q", header)[0] if len(header) == 8 else size
            if offset + 16 + n_bytes > size:
                raise InputError(
                    f"{path} is cut short: remove its folder and run Prepare.py again"
                )
            yield path, offset + 12, n_bytes
            offset += 16 + n_bytes


def _payload(place):
    with tf.io.gfile.GFile(place.path, "rb") as file:
        file.seek(place.offset)
        return file.read(place.n_bytes)


def open_records(name, records, options):
    """Finds the records of a data set made with some options.

    Args:
      name: Name of the data set.
      records: Folder given to Prepare.py as data.records.
      options: `Options` wanted.

    Returns:
      `Records`.

    Raises:
      InputError: If there are none; it says which there are, and the command.
    """
    home = Remote.path(records) / name
    folder = home / options.name / Schema.RECORD_VERSION
    if (folder / "metadata.json").exists() and (folder / "dataset_info.json").exists():
        return Records(folder)
    versions = [p.parent for p in folder.parent.glob("*/dataset_info.json")]
    if versions:
        raise _of_version(versions[0], versions[0].name)
    others = sorted(p.parents[1].name for p in home.glob("*/*/dataset_info.json"))
    if others:
        raise InputError(
            f"{home} holds {', '.join(others)}, but not {options.name}: set "
            "data.splits, data.sample_rate, data.channels, data.same_instrument and "
            "data.*_seconds as they were prepared, or run Prepare.py with these"
        )
    raise InputError(
        f"{os.fspath(records)} holds no records of {name}: make them with "
        f"`python Prepare.py with {name} data.raw=FOLDER data.records={records}`"
    )
