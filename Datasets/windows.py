"""The windows of a split: which record holds each, and the batch keys of one.

Slots are either a vocabulary, one for each source name, or conditioned: slot i is
the part of the track that the i-th condition names.
"""

import numpy as np
import tensorflow as tf

import Schema
from Datasets import mixing, notes, watching
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

    Attributes:
      n_frames: F, of the score activity.

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
    ):
        if (n_in - n_out) % 2 or n_in < n_out:
            raise InputError(f"n_in={n_in} and n_out={n_out} must differ by 2 k >= 0")
        if n_slots is not None and (not isinstance(n_slots, int) or n_slots < 1):
            raise InputError(f"n_slots={n_slots!r} must be a whole number > 0, or None")
        if score is not None:
            score.check()
            self.n_frames = score.count(n_in, records.sample_rate)
        if visual is not None:
            visual.check()
            if records.visual_size is None:
                raise InputError(
                    f"{records.folder} holds no features of players: prepare with "
                    "visual.front_end"
                )
            if visual.reach > watching.MARGIN:
                raise InputError(
                    f"the model looks {visual.reach} frames around a window, records "
                    f"hold {watching.MARGIN}: choose fewer model.visual_layers"
                )
        self.records, self.n_in, self.n_out = records, n_in, n_out
        self.split, self.n_slots, self.score = split, n_slots, score
        self.visual = visual
        self.context = (n_in - n_out) // 2
        self.source_names = list(source_names)
        self.tracks = records.tracks(split)
        self.places = records.places(split)
        self._check(split)
        self._make_tables()

    def _make_tables(self):
        """Tables of the graph: a row for each track, a row for each record."""
        options, n_out = self.records.options, self.n_out
        self._n_time = tf.constant([t.n_time for t in self.tracks], tf.int64)
        self._row = tf.constant([t.row for t in self.tracks], tf.int64)
        counts = [len(options.excerpts(t.n_time)) for t in self.tracks]
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
        indices = [_index(label, self.source_names) for label in self.records.labels]
        self._labels = tf.constant(indices, tf.int32)
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

    def fetch(self, track, start):
        """Reads the one record that holds a window; returns its features.

        Returns:
          dict of mix float32 [n_in, C], parts float32 [P, n_in, C], label_of_part
          int32 [P] (index in source_names), notes float32 [M, 4], has_notes [P];
          and, if players are asked for, what `watching.of_record` gives of them.
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
        return {
            "mix": mix,
            "parts": parts,
            "label_of_part": tf.gather(self._labels, record["labels"]),
            "notes": record["notes"],
            "has_notes": record["has_notes"],
            **(watching.of_record(record) if self.visual else {}),
        }

    def _read(self, span):
        # One "record" of fixed length between a header and a footer of our choice:
        # reads bytes of a file at any place, inside the graph, on any file system.
        return tf.data.FixedLengthRecordDataset(
            self._files[span[0]],
            record_bytes=span[2],
            header_bytes=span[1],
            footer_bytes=span[3],
        ).get_single_element()

    def example(self, track, start, found, order_seed=None):
        """The keys of a batch (Schema.BATCH) for one window.

        Args:
          track: Its place among the tracks of the split.
          start: First sample of the target in the track.
          found: What `fetch` returned.
          order_seed: Draws the order of conditioned slots; None: by vocabulary.
        """
        crop, channels = self.context, self.records.channels
        slot_of_part, labels = self._assign(found["label_of_part"], order_seed)
        n_slots = labels.shape[0]
        targets = found["parts"][:, crop : crop + self.n_out]
        batch = {
            "mix": tf.ensure_shape(found["mix"], [self.n_in, channels]),
            "sources": tf.ensure_shape(
                mixing.to_slots(targets, slot_of_part, n_slots),
                [n_slots, self.n_out, channels],
            ),
            "active": mixing.active_slots(slot_of_part, n_slots),
            "labels": labels,
            "has_labels": tf.ones([]),
            "track": self._row[track],
            "start": start,
            "n_valid": tf.cast(
                tf.clip_by_value(self._n_time[track] - start, 0, self.n_out), tf.int32
            ),
        }
        if self.score is not None:
            batch |= self._score(start, found, slot_of_part, n_slots)
        if self.visual is not None:
            batch |= self._visual(start, found, slot_of_part, n_slots)
        return batch

    def _assign(self, label_of_part, order_seed):
        """(slot of each part, -1: none; labels [S] or [N, S])."""
        n_labels = len(self.source_names)
        if self.n_slots is None:
            return label_of_part, mixing.active_slots(label_of_part, n_labels)
        n_parts = tf.shape(label_of_part)[0]
        orders = label_of_part, tf.range(n_labels)
        if order_seed is not None:
            drawn = tf.random.stateless_uniform([n_parts + n_labels], order_seed)
            orders = drawn[:n_parts], drawn[n_parts:]
        return mixing.conditioned_slots(label_of_part, n_labels, self.n_slots, *orders)

    def _score(self, start, found, slot_of_part, n_slots):
        """The keys of a batch that tell the score."""
        rate, sample_rate = self.score.frame_rate, self.records.sample_rate
        first = self.score.first(start - self.context, sample_rate)
        part_of_note = tf.cast(found["notes"][:, 0], tf.int32)
        known = tf.cast(tf.reduce_all(found["has_notes"] > 0), tf.float32)
        activity = notes.activity(
            found["notes"][:, 1:],
            tf.gather(slot_of_part, part_of_note),
            *(n_slots, first, self.n_frames, rate),
        )
        return {
            "score": activity * known,
            "has_score": known,
            "score_start": self.score.start(first, start, sample_rate),
        }

    def _visual(self, start, found, slot_of_part, n_slots):
        """The keys of a batch that tell what is seen of the players."""
        sample_rate = self.records.sample_rate
        key, size = Schema.sight(found), self.records.visual_size
        looks, first = watching.of_window(
            found, self.visual, start - self.context, self.n_in, sample_rate
        )
        seen = tf.cast(found["has_visual"], tf.float32)
        count = self.visual.count(self.n_in, sample_rate)
        if self.n_slots is None:
            rows = self.records.most_players(self.split)
            looks, seen = watching.to_tokens(looks, seen, rows)
        else:
            rows = n_slots
            slot_of_player = tf.gather(slot_of_part, found["part_of_player"])
            looks, seen = watching.to_slots(looks, seen, slot_of_player, n_slots)
        if key == "frames":
            looks = watching.decoded(looks, size)
        size = size if key == "frames" else [size]
        return {
            key: tf.ensure_shape(looks, [rows, count, *size]),
            "has_visual": tf.ensure_shape(seen, [rows]),
            "visual_start": self.visual.start(first, start, sample_rate),
        }


def _index(label, source_names):
    # Labels that this split doesn't have (checked) may be none of the names.
    return source_names.index(label) if label in source_names else len(source_names)
