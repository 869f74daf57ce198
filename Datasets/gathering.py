"""Example i of a training stream -> its parts, as `Mixtures` tells.

Parts of several recordings stand on the clock of the first one's window: its frames, of
a score or of a video, begin when theirs do.
"""

import tensorflow as tf

from Datasets import changing, notes, watching
from Datasets import mixtures as streams
from Datasets.windows import seed_of


class Gathering:
    """Reads the parts of each training mixture of some windows.

    Args:
      windows: `Datasets.windows.Windows`.

    Raises:
      InputError: If the split cannot be mixed as `windows.mixtures` asks.
    """

    def __init__(self, windows):
        self.windows, self.mixtures = windows, windows.mixtures
        self._chooser = None
        if self.mixtures.gathers or self.mixtures.balance:
            names = windows.source_names
            labels = [[names.index(x) for x in t.labels] for t in windows.tracks]
            counts = [int(count) for count in windows.counts]
            told = labels, counts, names, windows.split
            self._chooser = streams.Chooser(self.mixtures, *told)

    def __call__(self, seed, i):
        """The parts of example i.

        Returns:
          (track, start of the target in it, dict `found` as `assembling.example` takes
          it, without the mixture); of several tracks, those of the first.
        """

        def seeds(stream):
            return seed_of(stream, seed, i)

        if self.mixtures.sources_max:
            tracks, parts = self._chooser.parts_of_solos(seeds, i)
            starts = self._start_in(tracks, seeds(streams.START))
            track, start = tracks[0], starts[0]
            tempos = changing.tempos(self.mixtures, tf.shape(tracks)[0], seeds, False)
            starts = aligned(self.windows, starts, start)
            found = self._read(tracks, parts, starts, tempos)
        else:
            track, start = self._ensemble(seed, i, seeds)
            found = self._as_recorded(track, start, seeds)
        found["parts"] = changing.effects(
            found["parts"], self.mixtures, self.windows.records.sample_rate, seeds
        )
        if self.mixtures.silence:
            told = self.mixtures.silence, seeds(streams.SILENCE)
            found["sounding"] = streams.silenced(tf.shape(found["parts"])[0], *told)
        return track, start, found

    def _ensemble(self, seed, i, seeds):
        """The window of a recorded ensemble."""
        track, start = self.windows.draw(seed, i)
        if not self.mixtures.balance:
            return track, start
        return self._chooser.balanced_track(seeds, track, self._start_in)

    def _as_recorded(self, track, start, seeds):
        """The parts of a recorded ensemble, some of them perhaps from elsewhere."""
        if self.mixtures.remix:
            tracks, parts = self._chooser.remixed(seeds, track)
            starts = self._start_in(tracks, seeds(streams.START))
            own = tracks == tf.cast(track, tf.int64)
            starts = tf.where(own, start, aligned(self.windows, starts, start))
            tempos = changing.tempos(self.mixtures, tf.shape(tracks)[0], seeds, True)
            return self._read(tracks, parts, starts, tempos)
        if not self.mixtures.tempo:
            return self.windows.fetch(track, start, mix=False)
        tempo = changing.tempos(self.mixtures, 1, seeds, True)[0]
        found = self.windows.fetch(track, start, tempo, mix=False)
        tempos = tf.fill([tf.shape(found["parts"])[0]], tempo)
        found["parts"] = self._in_tempo(found["parts"], tempos)
        found["tempo"] = tempo
        if self.windows.score is not None:
            second = tf.cast(start, tf.float64) / self.windows.records.sample_rate
            played = changing.notes_in_tempo(found["notes"][:, 1:], second, tempo)
            found["notes"] = tf.concat([found["notes"][:, :1], played], axis=1)
        return found

    def _in_tempo(self, parts, tempos):
        rate = self.windows.records.sample_rate
        return changing.in_tempo(parts, tempos, self.windows.n_in, rate, self.mixtures)

    def _start_in(self, tracks, seed):
        """Starts of targets, uniform over all windows that touch the tracks."""
        counts = tf.gather(self.windows.counts, tracks)
        drawn = tf.random.stateless_uniform(tf.shape(counts), seed, dtype=tf.float64)
        drawn = tf.cast(drawn * tf.cast(counts, tf.float64), tf.int64)
        return drawn - (self.windows.n_out - 1)

    def _read(self, tracks, parts, starts, tempos):
        """One part of each track."""
        found = tf.map_fn(
            lambda row: self._part(*row),
            (tracks, parts, starts, tempos),
            fn_output_signature=self._signature(),
        )
        found["parts"] = self._in_tempo(found.pop("part"), tempos)
        found["label_of_part"] = found.pop("label")
        return found

    def _part(self, track, part, start, tempo):
        """One part of a window, with what is known of it in frames of the window.

        Returns:
          dict of part float32 [n_read, C], label int32 [] (index in source_names); if a
          score is asked for, score [F] and has_score []; if players are, looks
          [F, D] or JPEG pictures [F], and seen [].
        """
        windows, rate = self.windows, self.windows.records.sample_rate
        excerpt, begin = windows.excerpt(track, start, tempo)
        record = None
        if windows.mapped is None or windows.score or windows.visual:
            record = windows.record(excerpt)
        audio = windows.part(excerpt, record, part, begin)
        found = {"part": audio, "label": windows.labels[track][part]}
        if windows.score is not None:
            mine = record["notes"][:, 0] == tf.cast(part, tf.float32)
            second = tf.cast(start, tf.float64) / rate
            played = changing.notes_in_tempo(record["notes"][:, 1:], second, tempo)
            first = windows.score.first(start - windows.context, rate)
            frames = first, windows.n_frames, windows.score.frame_rate
            of_note = tf.where(mine, 0, -1)
            found["score"] = notes.activity(played, of_note, 1, *frames)[0]
            found["has_score"] = tf.cast(record["has_notes"][part] > 0, tf.float32)
        if windows.visual is not None:
            seen = watching.of_record(record)
            looks, _ = watching.of_window(
                *(seen, windows.visual, start - windows.context, windows.n_in, rate),
                *(start, tempo),
            )
            mine = seen["part_of_player"] == tf.cast(part, tf.int64)
            there = tf.cast(seen["has_visual"], tf.float32)
            looks, there = watching.to_slots(looks, there, tf.where(mine, 0, -1), 1)
            found |= {"looks": looks[0], "seen": there[0]}
        return found

    def _signature(self):
        """The specs of what `_part` returns."""
        windows, spec = self.windows, tf.TensorSpec
        shape = [windows.n_read, windows.records.channels]
        found = {"part": spec(shape), "label": spec([], tf.int32)}
        if windows.score is not None:
            found |= {"score": spec([windows.n_frames]), "has_score": spec([])}
        if windows.visual is not None:
            count = windows.visual.count(windows.n_in, windows.records.sample_rate)
            size = windows.records.visual_size
            pictures = watching.holds_pictures(size)
            looks = spec([count], tf.string) if pictures else spec([count, size])
            found |= {"looks": looks, "seen": spec([])}
        return found


def aligned(windows, starts, base):
    """Starts of windows whose frames lie as those of the window at `base`.

    Each moves by less than a frame; what is seen is aligned to a sample, a score of
    another rate to half of its frame.
    """
    frames = windows.visual or windows.score
    if frames is None:
        return starts
    step = windows.records.sample_rate / frames.frame_rate  # samples

    def edge(start):
        frame = tf.floor(tf.cast(start, tf.float64) / step)
        return tf.cast(tf.round(frame * step), tf.int64)

    return edge(starts) + (base - edge(base))
