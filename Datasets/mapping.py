"""Samples of records, read where they lie: the bytes of a window, and no others.

Files of records on a local disk are mapped into memory, and a window's samples are
slices of them, inside the graph: nothing is parsed, nothing copied but the slices.
Where the samples begin is found once, by walking through the records' protocol
buffers (https://protobuf.dev/programming-guides/encoding/) from length to length.
"""

import functools
import itertools
import os
import struct
import sys

import numpy as np
import tensorflow as tf

MOST_FILES = 1024  # each is a branch of the graph, and delays the first batch
KEYS = ("mix/value", "sources/value")
_FEATURES, _ENTRY, _KEY, _VALUE = 0x0A, 0x0A, 0x0A, 0x12  # tags of tf.train.Example
_BYTES, _FLOATS, _ITEM = 0x0A, 0x12, 0x0A


def _varint(file):
    """The number at a place of a file."""
    value = shift = 0
    while True:
        (byte,) = file.read(1)
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value


def _inside(file, tag):
    """Length of the message of a tag that stands here; the file stands at its begin."""
    if file.read(1) != bytes([tag]):
        raise ValueError("another layout")
    return _varint(file)


def features_at(file, offset):
    """Where the features of a record lie.

    Args:
      file: Opened for bytes.
      offset: Of the first byte of a serialised tf.train.Example.

    Returns:
      {name: (kind, offset, length)} of the first item of each list: bytes (kind
      `_BYTES`) or all its floats (`_FLOATS`); others are left out.

    Raises:
      ValueError: If there is no such message.
    """
    file.seek(offset)
    end = _inside(file, _FEATURES) + file.tell()
    found = {}
    while file.tell() < end:
        last = _inside(file, _ENTRY) + file.tell()
        name = file.read(_inside(file, _KEY)).decode()
        if _inside(file, _VALUE):
            kind = file.read(1)[0]
            if _varint(file) and kind in (_BYTES, _FLOATS):
                length = _inside(file, _ITEM)
                found[name] = kind, file.tell(), length
        file.seek(last)
    return found


def mapped(places, channels):
    """The samples of some records, if they can be mapped.

    Args:
      places: `Datasets.records.Place`s.
      channels: Of the records.

    Returns:
      `MappedSamples`, or None: on another file system, on a machine of another byte
      order, or of a layout that is not understood, records are to be read whole.
    """
    files = sorted({place.path for place in places})
    local = all(os.path.isfile(path) for path in files)
    if not local or sys.byteorder != "little" or len(files) > MOST_FILES:
        return None
    try:
        return MappedSamples(places, files, channels)
    except (ValueError, KeyError, TypeError, UnicodeDecodeError):
        return None


class MappedSamples:
    """Slices of the samples of records, as tensors.

    Args:
      places: `Datasets.records.Place`s.
      files: Their files.
      channels: C.
    """

    def __init__(self, places, files, channels):
        self._channels, self._files = channels, files
        self._sizes = [os.path.getsize(path) for path in files]
        number_of = {path: number for number, path in enumerate(files)}
        order = sorted(range(len(places)), key=lambda k: places[k].path)
        found = [None] * len(places)
        for path, group in itertools.groupby(order, lambda k: places[k].path):
            with open(path, "rb") as file:
                for k in group:
                    row, scale = self._row(file, places[k])
                    found[k] = (number_of[path], *row), scale
        rows, scales = zip(*found)
        self._rows = tf.constant(rows, tf.int64)
        self._gains = tf.constant(np.float32(scales) / np.float32(32768))
        self.most_parts = int(max(row[-1] for row in rows))

    def _row(self, file, place):
        found = features_at(file, place.offset)
        n_time = place.stop - place.start
        offsets, sizes = zip(*(found[key][1:] for key in KEYS))
        one = 2 * self._channels * n_time
        if sizes[0] != one or sizes[1] % one:
            raise ValueError("another layout")
        _, at, length = found["scale"]
        file.seek(at)
        (scale,) = struct.unpack("<f", file.read(length))
        return (*offsets, n_time, sizes[1] // one), scale

    def mix(self, excerpt, begin, n_time):
        """Float32 [n_time, C] of a record's mixture from a sample on; zeros outside."""
        row = self._rows[excerpt]
        return self._read(self._file(row), excerpt, [row[1]], begin, n_time)[0]

    def parts(self, excerpt, begin, n_time):
        """Float32 [P, n_time, C] of all its parts."""
        row = self._rows[excerpt]
        file = self._file(row)

        def read(count):
            numbers = [tf.constant(k, tf.int64) for k in range(count)]
            starts = self._starts(row, numbers)
            return self._read(file, excerpt, starts, begin, n_time)

        counts = range(1, self.most_parts + 1)
        branches = [functools.partial(read, count) for count in counts]
        found = tf.switch_case(tf.cast(row[4] - 1, tf.int32), branches)
        return tf.ensure_shape(found, [None, n_time, self._channels])

    def part(self, excerpt, number, begin, n_time):
        """Float32 [n_time, C] of one of its parts."""
        row = self._rows[excerpt]
        starts = self._starts(row, [tf.cast(number, tf.int64)])
        return self._read(self._file(row), excerpt, starts, begin, n_time)[0]

    def _starts(self, row, numbers):
        """First bytes of some parts."""
        return [row[2] + 2 * self._channels * row[3] * number for number in numbers]

    def _read(self, file, excerpt, starts, begin, n_time):
        """Float32 [len(starts), n_time, C] of what begins at some bytes."""
        row, begin = self._rows[excerpt], tf.cast(begin, tf.int64)
        width, shape = 2 * self._channels, [len(starts), n_time, self._channels]
        first, last = (
            tf.clip_by_value(edge, 0, row[3]) for edge in (begin, begin + n_time)
        )
        spans = [(start + width * first, start + width * last) for start in starts]
        found = tf.stack([file[begin:end] for begin, end in spans])
        found = tf.reshape(found, [len(starts), -1, self._channels, 2])
        found = tf.cast(tf.bitcast(found, tf.int16), tf.float32) * self._gains[excerpt]
        before = tf.clip_by_value(first - begin, 0, n_time)
        after = n_time - before - (last - first)

        def padded():
            return tf.pad(found, [[0, 0], [before, after], [0, 0]])

        # Most windows lie inside of a record, and a copy costs as much as reading.
        found = tf.cond(before + after > 0, padded, lambda: found)
        return tf.ensure_shape(found, shape)

    def _file(self, row):
        """uint8 [bytes] of the file that holds a record: mapped, not copied."""

        def region(number):
            return tf.raw_ops.ImmutableConst(
                dtype=tf.uint8,
                shape=[self._sizes[number]],
                memory_region_name=self._files[number],
            )

        count = len(self._files)
        files = [functools.partial(region, number) for number in range(count)]
        return tf.switch_case(tf.cast(row[0], tf.int32), files)
