"""The windows of a split: which record holds each, and what is read of it."""

import numpy as np
import tensorflow as tf

from Datasets import mapping, mixing, watching
from Datasets.mixtures import Mixtures
from Schema import InputError
from Utils import nearest

# Streams of draws of an example: window, gains, order of conditioned slots, dropout of
# conditions, of features.
WINDOW, GAIN, ORDER, DROPOUT, VISUAL = range(5)


def seed_of(stream, seed, i):
    """The seed of example i's stateless draws, int64 [2]; streams are apart."""
    return tf.stack([tf.cast(seed, tf.int64) + (stream << 32), i])


class Windows:
    """The windows of one split for one model: which record, which samples.

    Args:
      records: `Datasets.records.Records`.
      split: One of its splits.
      n_in: Samples of the mixture that the model reads.
      n_out: Samples of each source that it gives; n_in - n_out is even.
      source_names: The S instruments that the model knows, in order.
      n_slots: None: a slot for each of them; else the number of conditioned slots.
      score: `Datasets.frames.Frames` of the score activity in the batches, or
        None: there is none.
      visual: The same of the features, or pictures, of players that records hold.
      mixtures: `Mixtures` that training makes of them; None: as recorded.

    Attributes:
      n_read: Samples that are read of a window: `n_in`, or more for another tempo.
      n_players: P of the batches, if slots are a vocabulary.
      n_frames: F, of the score activity.
      counts: int64, how many windows each track has.
      labels: Ragged int32, of each track's parts (index in source_names).
      mapped: `Datasets.mapping.MappedSamples`; None: records are read whole.

    Raises:
      InputError: If a window can exceed a record, an instrument has no slot, or a
        value is impossible.
    """

    def __init__(
        self,
        records,
        split,
        n_in,
        n_out,
        source_names,
        n_slots=None,
        score=None,
        visual=None,
        mixtures=None,
    ):
        if (n_in - n_out) % 2 or n_in < n_out:
            raise InputError(f"n_in={n_in} and n_out={n_out} must differ by 2 k >= 0")
        if n_slots is not None and (not isinstance(n_slots, int) or n_slots < 1):
            raise InputError(f"n_slots={n_slots!r} must be a whole number > 0, or None")
        self.records, self.n_in, self.n_out = records, n_in, n_out
        self.split, self.n_slots, self.score = split, n_slots, score
        self.visual, self.mixtures = visual, mixtures or Mixtures()
        most, rate = self.mixtures.sources_max, records.sample_rate
        self.n_players = max(records.most_players(split), most)
        self.n_read = self.mixtures.reach(n_in, rate)
        self.context = (n_in - n_out) // 2
        self.source_names = list(source_names)
        self._check_frames()
        self.tracks = records.tracks(split)
        self.places = records.places(split)
        self._check(split)
        self._make_tables()

    def _check_frames(self):
        if self.score is not None:
            self.score.check()
            self.n_frames = self.score.count(self.n_in, self.records.sample_rate)
        if self.visual is not None:
            self.visual.check()
            if self.records.visual_size is None:
                raise InputError(
                    f"{self.records.folder} holds no features of players: prepare with "
                    "visual.front_end"
                )
            around = self.visual.reach * (1 + self.mixtures.tempo)
            if around > watching.MARGIN:
                raise InputError(
                    f"the model looks {around:g} frames around a window, records hold "
                    f"{watching.MARGIN}: choose fewer model.visual_layers"
                )

    def _make_tables(self):
        """Tables of the graph: a row for each track, a row for each record."""
        options, n_out = self.records.options, self.n_out
        self.n_time = tf.constant([t.n_time for t in self.tracks], tf.int64)
        self.row = tf.constant([t.row for t in self.tracks], tf.int64)
        counts = [len(options.excerpts(t.n_time)) for t in self.tracks]
        self._n_excerpts = tf.constant(counts, tf.int64)
        self._first = tf.constant(np.cumsum([0, *counts[:-1]]), tf.int64)
        files = sorted({place.path for place in self.places})
        self._files = tf.constant(files)
        number = {path: k for k, path in enumerate(files)}
        self._spans = tf.constant(
            # A payload stands behind its length and a checksum.
            [(number[p.path], p.offset - 12, p.start) for p in self.places],
            tf.int64,
        )
        self.mapped = mapping.mapped(self.places, self.records.channels)
        labels = [[_index(x, self.source_names) for x in t.labels] for t in self.tracks]
        self.labels = tf.ragged.constant(labels, tf.int32)
        # Windows that touch a track: its target starts in [-(n_out - 1), n_time).
        self.counts = self.n_time + n_out - 1
        self._ends = tf.cumsum(self.counts)

    def _check(self, split):
        options = self.records.options
        longest = options.window
        if self.n_read > longest and any(
            len(options.excerpts(t.n_time)) > 1 for t in self.tracks
        ):
            faster = f", mixing.tempo={self.mixtures.tempo} of it {self.n_read}"
            raise InputError(
                f"the model reads {self.n_in} samples at once"
                f"{faster if self.mixtures.tempo else ''}, the records hold "
                f"windows of {longest}: prepare with data.window_seconds="
                f"{self.n_read / options.sample_rate + 0.05:.1f} or more"
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
        key = seed_of(WINDOW, seed, i)
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

    def fetch(self, track, start, tempo=1.0, mix=True):
        """Reads a window from the one record that holds it.

        Args:
          track: Its place among the tracks of the split.
          start: First sample of the target in the track.
          tempo: How many times faster it is to be played.
          mix: Whether the mixture is wanted as it was recorded.

        Returns:
          dict of parts float32 [P, n_read, C], label_of_part int32 [P] (index in
          source_names), and perhaps mix float32 [n_read, C]; if a score is asked for,
          notes float32 [M, 4] and has_notes [P]; if players are, what
          `watching.of_record` gives of them.
        """
        excerpt, begin = self.excerpt(track, start, tempo)
        told, record = {}, None
        if self.mapped is None or self.score or self.visual:
            record = self.record(excerpt)
        if self.mapped is None:
            told["parts"] = self.samples(record, record["sources"], begin)
            told |= {"mix": self.samples(record, record["mix"], begin)} if mix else {}
        else:
            told["parts"] = self.mapped.parts(excerpt, begin, self.n_read)
            wanted = excerpt, begin, self.n_read
            told |= {"mix": self.mapped.mix(*wanted)} if mix else {}
        told["label_of_part"] = self.labels[track]
        if self.score:
            told |= {key: record[key] for key in ("notes", "has_notes")}
        return told | (watching.of_record(record) if self.visual else {})

    def part(self, excerpt, record, number, begin):
        """Float32 [n_read, C] of one part of a record; `record` if it is read whole."""
        if self.mapped is not None:
            return self.mapped.part(excerpt, number, begin, self.n_read)
        return self.samples(record, record["sources"][number], begin)

    def excerpt(self, track, start, tempo=1.0):
        """(number of the record that holds a window, first sample of the window in it).

        Args: as of `fetch`.
        """
        before = tf.cast(tf.round(self.context * tf.cast(tempo, tf.float64)), tf.int64)
        earliest = tf.maximum(start - before, 0)
        number = earliest // self.records.options.hop
        number = tf.minimum(number, self._n_excerpts[track] - 1) + self._first[track]
        return number, start - before - self._spans[number][2]

    def record(self, number):
        """A record, read whole: its features as tensors."""
        span = self._spans[number]
        # TensorFlow has no public way to begin in the middle of a file.
        told = dict(output_types=[tf.string], output_shapes=[[]])
        found = tf.raw_ops.TFRecordDatasetV2(
            filenames=self._files[span[0]][tf.newaxis],
            compression_type="",
            buffer_size=tf.constant(0, tf.int64),
            byte_offsets=span[1][tf.newaxis],
        )
        found = tf.raw_ops.TakeDataset(
            input_dataset=found, count=tf.constant(1, tf.int64), **told
        )
        (payload,) = tf.raw_ops.DatasetToSingleElement(dataset=found, **told)
        return self.records.deserialize(payload)

    def samples(self, record, samples, begin):
        """Float32 [..., n_read, C] of a record's samples."""
        gain = record["scale"] / 32768.0
        found = tf.cast(mixing.cut(samples, begin, self.n_read), tf.float32) * gain
        rank, channels = found.shape.rank, self.records.channels
        return tf.ensure_shape(found, [*found.shape[: rank - 2], self.n_read, channels])


def _index(label, source_names):
    # Labels that this split doesn't have (checked) may be none of the names.
    return source_names.index(label) if label in source_names else len(source_names)
