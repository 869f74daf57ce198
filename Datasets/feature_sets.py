"""Our TFDS base builder of data sets that are released as features, not recordings.

The raw files are TFRecords already; what is made of them are TFDS records with one
layout, of the examples that are wanted, each checked.  Features of 8 bits stay so:
`dequantise` makes numbers of them.
"""

import dataclasses
import functools
import hashlib
import pathlib
import struct

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from google.protobuf.message import DecodeError

from Datasets import shards
from Datasets.builder import TrackBuilder
from Schema import InputError

MOST = 10_000_000  # examples of a file, at most
SPAN, GREATEST = 4.0, 255  # of the quantised features: of [-2, 2], of uint8


def dequantise(features):
    """Features as released, 8 bits -> the numbers that they stand for.

    x * 4 / 255 + 4 / 512 - 2, as YouTube-8M's own reader does
    (https://github.com/google/youtube-8m, utils.py).  VGGish makes
    x = floor((y + 2) * 255 / 4) of y, clipped to [-2, 2]: the result errs by at most
    0.0079.  YouTube-8M's extractor rounds instead: by at most 0.0157.

    Args:
      features: uint8, an array or a tensor of any shape.

    Returns:
      float32 of the same shape and kind.
    """
    numbers = (
        tf.cast(features, tf.float32)
        if tf.is_tensor(features)
        else np.asarray(features, np.float32)
    )
    return numbers * np.float32(SPAN / GREATEST) + np.float32(SPAN / 512 - SPAN / 2)


@dataclasses.dataclass(kw_only=True)
class FeatureOptions(tfds.core.BuilderConfig):
    """What changes the records; its name is a folder of their path.

    Attributes:
      level: What an example holds, a key of the builder's `LEVELS`.
      labels: Numbers of classes; examples without one of them are left out; (): none.
    """

    name: str = ""
    level: str = ""
    labels: tuple[int, ...] = ()

    def __post_init__(self):
        self.labels = tuple(sorted(set(self.labels)))
        for label in self.labels:
            if not isinstance(label, int) or isinstance(label, bool) or label < 0:
                raise InputError(f"labels={self.labels}: {label!r} numbers no class")
        self.name = self.level
        if self.labels:
            told = hashlib.sha256(repr(self.labels).encode()).hexdigest()[:8]
            self.name += f"-{len(self.labels)}classes-{told}"


@dataclasses.dataclass(frozen=True)
class RawFile:
    """A file of the release.

    Attributes:
      id: Its path below the raw folder.
      path: Its path.
      count: Number of its examples.
      size: Its bytes.
      checksum: 64 hexadecimal digits, of all its examples' checksums.
    """

    id: str
    path: str
    count: int
    size: int
    checksum: str


@dataclasses.dataclass
class Files:
    """The files that are there.

    Attributes:
      tracks: {split: [RawFile]}, whole ones only; they are what a data set of
        recordings has tracks for.
      problems: {id: sentence}, of damaged files.
    """

    tracks: dict[str, list[RawFile]]
    problems: dict[str, str] = dataclasses.field(default_factory=dict)

    def report(self):
        """A few lines for the screen: what was found, and what was not."""
        for split, files in self.tracks.items():
            count = sum(file.count for file in files)
            yield f"found {split}: {count} examples in {len(files)} files"
        for name, problem in self.problems.items():
            yield f"  missing: {name}: {problem}"


class FeatureBuilder(TrackBuilder, skip_registration=True):
    """What these data sets share; each gives `LEVELS` and `files_of`.

    The folder of the raw files is what TFDS calls the manual directory.  The records
    are made as those of recordings are, a file in the place of a track: in this process
    or on Apache Beam, in bounded memory.

    Attributes:
      LEVELS: {level: (features, parse)}: those of a record beside id and labels, and a
        picklable parse(payload) -> record that raises InputError.
      keep_going: Whether a damaged file is left out, from its first bad example on, and
        told in the metadata's failures; else it stops the build.
    """

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = []
    LEVELS = {}
    labels = ()

    def files_of(self, raw):
        """{split: [path]} below the raw folder, in order."""
        raise NotImplementedError(f"{type(self).__name__} lacks files_of()")

    def inventory(self, raw):
        """Looks at all files, without reading what they hold; returns `Files`.

        Raises:
          InputError: If there is none, or if one is cut short.
        """
        if not pathlib.Path(raw).is_dir():
            raise InputError(f"{raw} is not a folder; name that of the TFRecord files")
        found = Files({})
        for split, paths in self.files_of(pathlib.Path(raw)).items():
            for path in (path for path in paths if path.name[0] != "."):
                name = path.relative_to(raw).as_posix()
                try:
                    file = RawFile(name, str(path), *scan(path))
                except InputError as error:
                    if not self.keep_going:
                        raise
                    found.problems[name] = str(error)
                else:
                    found.tracks.setdefault(split, []).append(file)
        if not found.tracks:
            raise InputError(
                f"{raw} holds no whole TFRecord file of {self.name}; README.md beside "
                "its builder shows the tree"
            )
        return found

    def fingerprint(self, inventory):
        """Of raw data and options: equal fingerprints, equal records."""
        told = [self.builder_config.name, str(self.VERSION)]
        for split, files in inventory.tracks.items():
            told += [(split, file.id, file.checksum) for file in files]
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]

    def _info(self):
        if self.builder_config.level not in self.LEVELS:
            raise InputError(
                f"level={self.builder_config.level!r}: {self.name} has "
                f"{', '.join(self.LEVELS)}"
            )
        features, _ = self.LEVELS[self.builder_config.level]
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "id": tfds.features.Text(),
                    "labels": tfds.features.Sequence(np.int64),
                    **features,
                }
            ),
            disable_shuffling=True,  # the order is that of the files
            metadata=tfds.core.MetadataDict(),
        )

    def _shard_iterators_per_split(self, dl_manager):
        found = self.inventory(dl_manager.manual_dir)
        options, planned, table, number = self.builder_config, {}, {}, 0
        make = functools.partial(
            examples_of, parse=self.LEVELS[options.level][1], labels=options.labels
        )
        for split, files in found.tracks.items():
            jobs = list(enumerate(files, start=number))
            number += len(files)
            table[split] = [
                {"id": file.id, "row": k, "examples": file.count} for k, file in jobs
            ]
            sizes = [file.size for file in files]
            planned[split] = shards.shards_of(self.data_path, split, jobs, make, sizes)
        self.info.metadata.update(
            record_version=str(self.VERSION),
            fingerprint=self.fingerprint(found),
            level=options.level,
            labels=list(options.labels),
            tracks=table,
            failures=dict(found.problems),
        )
        return planned

    def _finish(self, planned):
        every = [shards.told(shard.path) for some in planned.values() for shard in some]
        if not any(one["count"] or one["failures"] for one in every):
            raise InputError(
                f"no example has one of labels={list(self.builder_config.labels)}: "
                "choose others"
            )
        super()._finish(planned)


def examples_of(number, file, parse, labels=()):
    """Yields (key, record) of each example of a file that has one of some labels.

    Args:
      number: Of the file.
      file: `RawFile`.
      parse: parse(payload) -> record.
      labels: Numbers of classes; (): any example.

    Raises:
      InputError: Naming file and example, of what is damaged or of another kind.
    """
    wanted, at = set(labels), 0
    payloads = tf.data.TFRecordDataset(file.path).as_numpy_iterator()
    try:
        for payload in payloads:
            record = parse(payload)
            if not wanted or wanted & set(record["labels"]):
                yield number * MOST + at, record
            at += 1
    except (InputError, DecodeError) as error:
        raise InputError(f"{file.path}, example {at}: {error}") from None
    except tf.errors.OpError as error:
        raise InputError(
            f"{file.path}, example {at}: damaged ({error.message}); download it anew"
        ) from None


def scan(path):
    """Goes through a TFRecord file, without reading what it holds.

    Returns:
      (number of examples, bytes, 64 hexadecimal digits): the latter of the lengths and
      the checksums that the file keeps of its examples.

    Raises:
      InputError: If the file is empty, cut short or no TFRecord file.
    """
    path = pathlib.Path(path)
    size, offset, count = path.stat().st_size, 0, 0
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        # uint64 length, uint32 checksum, payload, uint32 checksum
        # (https://www.tensorflow.org/tutorials/load_data/tfrecord)
        while offset < size:
            header = file.read(12)
            n_bytes = struct.unpack("<Q", header[:8])[0] if len(header) == 12 else size
            if offset + 16 + n_bytes > size:
                raise InputError(
                    f"{path} is cut short in example {count}, or no TFRecord file; "
                    "download it anew"
                )
            file.seek(offset + 12 + n_bytes)
            digest.update(header + file.read(4))
            offset, count = offset + 16 + n_bytes, count + 1
    if not count:
        raise InputError(f"{path} holds nothing; download it anew")
    return count, size, digest.hexdigest()
