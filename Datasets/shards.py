"""Tracks -> files of records, some tracks a file: in this process or on Apache Beam.

A record is written as soon as it is made, so that nobody holds more than one track.
Files, their order and their borders follow from the tracks alone: whoever writes them,
they are the same.
"""

import contextlib
import dataclasses
import json
import uuid
from collections.abc import Callable

import tensorflow as tf
import tensorflow_datasets as tfds

from Datasets.track import Track
from Schema import InputError

SIZE = 64 << 20  # bytes of a file, about; a track is not divided
PART = ".part"  # in the names of what is not finished


@dataclasses.dataclass(frozen=True)
class Shard:
    """Neighbouring tracks of a split, whose records stand in one file; picklable.

    Attributes:
      path: File that tells of it, until all are finished.
      jobs: Pairs (row, track).
      make: make(row, track) yields pairs (key, example).
    """

    path: str
    jobs: tuple[tuple[int, Track], ...]
    make: Callable

    def __call__(self, failures=None, on_track=None):
        """Yields the records.

        Args:
          failures: List that is told of a track that cannot be read, which then has no
            records; None: such a track raises `InputError`.
          on_track: Called with each track after its records.
        """
        for row, track in self.jobs:
            try:
                yield from self.make(row, track)
            except (InputError, OSError) as error:
                if failures is None:
                    raise InputError(str(error)) from error
                failures.append({"row": row, "id": track.id, "error": str(error)})
            if on_track is not None:
                on_track(track)


def shards_of(folder, split, jobs, make, sizes):
    """Divides a split.

    Args:
      folder: Of the records.
      split: Its name.
      jobs: Pairs (row, track), in order.
      make: As of `Shard`.
      sizes: Bytes of each track, about.

    Returns:
      list of `Shard`, of at most `SIZE` bytes but for those of one track.
    """
    groups, full = [], SIZE
    for job, size in zip(jobs, sizes):
        if full + size > SIZE:
            groups, full = [*groups, []], 0
        groups[-1].append(job)
        full += size
    return [
        Shard(f"{folder}/{split}-{number:05d}{PART}", tuple(group), make)
        for number, group in enumerate(groups)
    ]


def write(shard, features, writer, keep_going=False, on_track=None):
    """Writes the records of a shard, and at `shard.path` what became of them.

    Args:
      shard: `Shard`.
      features: TFDS features of a record.
      writer: `tfds.core.dataset_builder.writer_lib.ExampleWriter`.
      keep_going: Whether to leave out tracks that cannot be read, and tell of them.
      on_track: Called with each track that is done.

    Raises:
      InputError: If a track cannot be read, or the disk is full.
    """
    failures, sizes = [], []

    def payloads():
        for key, example in shard(failures if keep_going else None, on_track):
            payload = in_order(features.serialize_example(example))
            sizes.append(len(payload))
            yield key, payload

    # Beam may do the same work twice, even at the same time.
    path = f"{shard.path}-{uuid.uuid4().hex}"
    with writable(path):
        writer.write(path, payloads())
    count, size = len(sizes), sum(sizes)
    told = {"path": path, "failures": failures, "count": count, "bytes": size}
    _tell(shard.path, told)


def in_order(payload):
    """A serialized `tf.train.Example` whose features stand in the order of their names.

    Else their order is another one in each process.
    """
    return tf.train.Example.FromString(payload).SerializeToString(deterministic=True)


@contextlib.contextmanager
def writable(path):
    """A context that names a path in the `InputError` of what a disk refuses."""
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        if isinstance(error, OSError) and error.errno is None:
            raise  # of a network
        reason = getattr(error, "message", None) or error
        told = f"{path} cannot be written ({reason}); is the disk full?"
        raise InputError(told) from error


def _tell(path, told):
    with writable(path):
        with tf.io.gfile.GFile(path + ".new", "w") as file:
            file.write(json.dumps(told))
        tf.io.gfile.rename(path + ".new", path, overwrite=True)


def told(path):
    """What `write` told at a shard's path: path, failures, count and bytes."""
    with tf.io.gfile.GFile(path) as file:
        return json.loads(file.read())


def on_beam(shards, write, runner, options):
    """Writes shards on Apache Beam.

    Args:
      shards: list of `Shard`.
      write: write(shard), picklable.
      runner: Name or object, as of `apache_beam.Pipeline`.
      options: PipelineOptions or None.

    Raises:
      InputError: Of the first track that could not be read, or if the runner lacks
        something.
    """
    beam = tfds.core.lazy_imports.apache_beam
    stop = f"{shards[0].path}-stop"
    try:
        with beam.Pipeline(runner=runner, options=options) as pipeline:
            spread = pipeline | beam.Create(shards) | beam.Reshuffle()
            _ = spread | "Write" >> beam.Map(_at_work, write=write, stop=stop)
    except (RuntimeError, ValueError) as error:
        if "while running" in str(error):
            raise  # a worker's: a bug
        raise InputError(f"Apache Beam cannot begin: {error}") from error
    if tf.io.gfile.exists(stop):
        raise InputError(told(stop)["error"])


def _at_work(shard, write, stop):
    """Writes a shard on a worker, where an exception would be tried again and again."""
    if tf.io.gfile.exists(stop):
        return
    try:
        write(shard)
    except InputError as error:
        _tell(stop, {"error": str(error)})
