"""Records -> windows -> mixtures -> batches, by tf.data alone.

Example i of a training stream is a pure function of (seed, i): a stateless draw
picks a window among all that touch a track, so every sample of every track is a
target equally often; the record that holds the window is read by its place in the
file.  Nothing is shuffled or buffered, so resuming is starting at another i.
"""

import numpy as np
import tensorflow as tf

from Datasets import mixing
from Schema import InputError
from Utils import nearest


class Windows:
    """The windows of one split for one model: which record, which samples.

    Args:
      records: `Datasets.records.Records`.
      split: One of its splits.
      n_in: Samples of the mixture that the model reads.
      n_out: Samples of each source that it gives; n_in - n_out is even.
      source_names: Slots, in order.

    Raises:
      InputError: If a window can exceed a record, or an instrument has no slot.
    """

    def __init__(self, records, split, n_in, n_out, source_names):
        if (n_in - n_out) % 2 or n_in < n_out:
            raise InputError(f"n_in={n_in} and n_out={n_out} must differ by 2 k >= 0")
        self.records, self.n_in, self.n_out = records, n_in, n_out
        self.context = (n_in - n_out) // 2
        self.source_names = list(source_names)
        self.tracks = records.tracks(split)
        self.places = records.places(split)
        self._check(split)
        # Tables of the graph: a row for each track, a row for each record.
        self._n_time = tf.constant([t.n_time for t in self.tracks], tf.int64)
        self._row = tf.constant([t.row for t in self.tracks], tf.int64)
        counts = [len(records.options.excerpts(t.n_time)) for t in self.tracks]
        self._n_excerpts = tf.constant(counts, tf.int64)
        self._first = tf.constant(np.cumsum([0, *counts[:-1]]), tf.int64)
        files = sorted({place.path for place in self.places})
        self._files = tf.constant(files)
        sizes = [tf.io.gfile.stat(path).length for path in files]
        self._spans = tf.constant(
            [
                (
                    files.index(p.path),
                    p.offset,
                    p.n_bytes,
                    sizes[files.index(p.path)] - p.offset - p.n_bytes,
                    p.start,
                )
                for p in self.places
            ],
            tf.int64,
        )
        slots = [_slot(label, self.source_names) for label in records.labels]
        self._slots = tf.constant(slots, tf.int32)
        # Windows that touch a track: its target starts in [-(n_out - 1), n_time).
        self._ends = tf.cumsum(self._n_time + n_out - 1)

    def _check(self, split):
        options = self.records.options
        longest = options.window
        if self.n_in > longest and any(
            len(options.excerpts(t.n_time)) > 1 for t in self.tracks
        ):
            raise InputError(
                f"the model reads {self.n_in} samples at once, the records hold "
                f"windows of {longest}: prepare with data.window_seconds="
                f"{self.n_in / options.sample_rate + 0.05:.1f} or more"
            )
        for name in self.source_names:
            if name not in self.records.labels:
                near = nearest(name, self.records.labels)
                raise InputError(
                    f"data.sources has {name!r}, which these records do not know"
                    + (f"; did you mean {near!r}?" if near else "")
                )
        for track in self.tracks:
            for label in track.labels:
                if label not in self.source_names:
                    raise InputError(
                        f"{split} track {track.id} has {label!r}, which is not among "
                        f"the sources {','.join(self.source_names)}: add it to "
                        "data.sources"
                    )

    def draw(self, seed, i):
        """Example i -> (track, start of the target): uniform over all windows."""
        key = tf.stack([tf.cast(seed, tf.int64), i])
        window = tf.random.stateless_uniform([], key, 0, self._ends[-1], dtype=tf.int64)
        track = tf.searchsorted(self._ends, window[tf.newaxis], side="right")[0]
        before = tf.where(track > 0, self._ends[tf.maximum(track - 1, 0)], 0)
        return track, window - before - (self.n_out - 1)

    def tiles(self):
        """int64 [N, 3]: (track, start, n_valid) that cover every track exactly."""
        return np.array(
            [
                (k, start, min(self.n_out, track.n_time - start))
                for k, track in enumerate(self.tracks)
                for start in range(0, track.n_time, self.n_out)
            ],
            np.int64,
        )

    def fetch(self, track, start):
        """Reads the one record that holds a window; returns its features.

        Returns:
          mix float32 [n_in, C], parts float32 [P, n_in, C], slot_of_part int32 [P].
        """
        earliest = tf.maximum(start - self.context, 0)
        excerpt = earliest // self.records.options.hop
        excerpt = tf.minimum(excerpt, self._n_excerpts[track] - 1)
        span = self._spans[self._first[track] + excerpt]
        record = self.records.deserialize(self._read(span))
        gain = record["scale"] / 32768.0
        begin = start - self.context - span[4]
        mix, parts = (
            tf.cast(mixing.cut(record[key], begin, self.n_in), tf.float32) * gain
            for key in ("mix", "sources")
        )
        return mix, parts, tf.gather(self._slots, record["labels"])

    def _read(self, span):
        # One "record" of fixed length between a header and a footer of our choice:
        # reads bytes of a file at any place, inside the graph, on any file system.
        return tf.data.FixedLengthRecordDataset(
            self._files[span[0]],
            record_bytes=span[2],
            header_bytes=span[1],
            footer_bytes=span[3],
        ).get_single_element()

    def example(self, track, start, mix, parts, slot_of_part):
        """The keys of a batch (Schema.BATCH) for one window."""
        n_slots, crop = len(self.source_names), self.context
        active = mixing.active_slots(slot_of_part, n_slots)
        targets = parts[:, crop : crop + self.n_out]
        channels = self.records.channels
        return {
            "mix": tf.ensure_shape(mix, [self.n_in, channels]),
            "sources": tf.ensure_shape(
                mixing.to_slots(targets, slot_of_part, n_slots),
                [n_slots, self.n_out, channels],
            ),
            "active": active,
            "labels": active,
            "has_labels": tf.ones([]),
            "track": self._row[track],
            "start": start,
            "n_valid": tf.cast(
                tf.clip_by_value(self._n_time[track] - start, 0, self.n_out), tf.int32
            ),
        }


def _slot(label, source_names):
    # Labels that this split doesn't have (checked) may have no slot.
    return source_names.index(label) if label in source_names else len(source_names)


def training_batches(windows, batch_size, seed=0, first=0, gain=(0.7, 1.0)):
    """Endless random windows; the mixture is the sum of the gained stems.

    Args:
      windows: `Windows`.
      batch_size: Examples of a batch.
      seed: Of the whole stream, an int.
      first: Index of the first example: resuming at step s, s * batch_size.
      gain: (least, greatest) gain of a source.

    Returns:
      tf.data.Dataset of batches (Schema.BATCH).
    """

    def example(i):
        track, start = windows.draw(seed, i)
        _, parts, slot_of_part = windows.fetch(track, start)
        # A second stream of draws: the first word of the key differs.
        key = tf.stack([tf.cast(seed, tf.int64) + (1 << 32), i])
        parts *= mixing.random_gains(tf.shape(parts)[0], gain, key)
        mix = tf.reduce_sum(parts, axis=0)
        return windows.example(track, start, mix, parts, slot_of_part)

    indices = tf.data.Dataset.range(first, np.iinfo(np.int64).max)
    return _batched(indices.map(example, tf.data.AUTOTUNE), batch_size)


def evaluation_batches(windows, batch_size):
    """Every sample of every track once, with the data set's own mixture.

    The last batch is filled with copies of the last window whose n_valid is 0.

    Returns:
      A finite tf.data.Dataset of batches (Schema.BATCH).
    """
    tiles = windows.tiles()
    missing = -len(tiles) % batch_size
    filling = np.repeat(tiles[-1:] * [1, 1, 0], missing, axis=0)

    def example(tile):
        found = windows.example(tile[0], tile[1], *windows.fetch(tile[0], tile[1]))
        return {**found, "n_valid": tf.cast(tile[2], tf.int32)}

    tiles = tf.data.Dataset.from_tensor_slices(np.concatenate([tiles, filling]))
    return _batched(tiles.map(example, tf.data.AUTOTUNE), batch_size)


def _batched(examples, batch_size):
    options = tf.data.Options()
    options.deterministic = True
    batches = examples.batch(batch_size, drop_remainder=True)
    return batches.prefetch(2).with_options(options)
