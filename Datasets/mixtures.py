"""Which parts of which recordings a training mixture is made of.

As they were recorded together, unless told otherwise: solos of different recordings are
mixed and separated (Zhao et al., "The Sound of Pixels", ECCV 2018), or stems change
places with those of the same name in other recordings (Uhlich et al., "Improving Music
Source Separation Based on Deep Neural Networks through Data Augmentation and Network
Blending", ICASSP 2017).

Glossary: K parts of a mixture, N tracks of a split, L instruments that the model knows.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from Datasets import stretching
from Schema import InputError

INSTRUMENTS = ("any", "different", "same")
# Streams of draws of an example, apart from those of `windows`.
COUNT, LABEL, TRACK, PART, START, REMIX, BALANCE, SILENCE = range(16, 24)
OWN_TRACK, OWN_START = 24, 25  # of an ensemble that is then remixed


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mixtures:
    """How training mixtures are made: the section `mixing` of Config.py.

    Attributes:
      sources_min: Sources that are mixed and separated, at least; 0: as recorded.
      sources_max: And at most.
      instruments: Of such a mixture: "any", "different" or "same".
      curriculum: Examples after which `sources_max` is reached, from `sources_min` on.
      remix: Probability that a part comes from another recording of its instrument.
      balance: 0: instruments occur as often as they play in the recordings; 1: all
        equally often.
      silence: Probability that a part is silent; one always sounds.
      polarity: Probability that a part is inverted.
      channel_swap: Probability that left and right of a part change places.
      equalizer: dB, greatest gain or loss of a part's bands.
      reverb: s, longest reverberation time of a part's room.
      pitch: Semitones, greatest change of a part's pitch.
      tempo: Greatest change of the tempo, as a share: 0.1 is 10 % faster or slower.
      effects: Probability of each of the last four, for each part or mixture.
    """

    sources_min: int = 0
    sources_max: int = 0
    instruments: str = "any"
    curriculum: int = 0
    remix: float = 0.0
    balance: float = 0.0
    silence: float = 0.0
    polarity: float = 0.0
    channel_swap: float = 0.0
    equalizer: float = 0.0
    reverb: float = 0.0
    pitch: float = 0.0
    tempo: float = 0.0
    effects: float = 0.5

    def __post_init__(self):
        for key in ("remix", "balance", "silence", "polarity", "channel_swap"):
            _check_between(key, getattr(self, key), 1)
        limits = {"equalizer": 40, "reverb": 10, "pitch": 12, "tempo": 0.5}
        for key, most in {**limits, "effects": 1}.items():
            _check_between(key, getattr(self, key), most)
        if self.instruments not in INSTRUMENTS:
            raise InputError(
                f"mixing.instruments={self.instruments!r}: choose one of "
                f"{', '.join(INSTRUMENTS)}"
            )
        if not 0 <= self.sources_min <= self.sources_max:
            raise InputError(
                f"mixing.sources_min={self.sources_min} and mixing.sources_max="
                f"{self.sources_max}: expected 0 <= least <= most"
            )
        if self.sources_max and not self.sources_min:
            raise InputError(
                f"mixing.sources_max={self.sources_max}, but mixing.sources_min=0 "
                "means as recorded: set both"
            )
        if self.curriculum < 0:
            raise InputError(f"mixing.curriculum={self.curriculum} must be 0 or more")
        if self.remix and self.sources_max:
            raise InputError(
                f"mixing.remix={self.remix} replaces parts of recorded ensembles, "
                f"mixing.sources_max={self.sources_max} mixes solos: set one to 0"
            )

    def fixed(self):
        """What of it holds for validation: how many sources of which instruments."""
        told = self.sources_min, self.sources_max
        return Mixtures(
            sources_min=told[0], sources_max=told[1], instruments=self.instruments
        )

    def reach(self, n_in, sample_rate):
        """Samples that are read of a recording for a window of `n_in`."""
        if not self.tempo:
            return n_in
        return stretching.reach(n_in, 1 + self.tempo, sample_rate)

    def longest(self, n_read, sample_rate):
        """Samples of the longest window for which `reach` is within `n_read`."""
        surplus = self.reach(0, sample_rate)
        return int((n_read - surplus) / (1 + self.tempo))

    @property
    def gathers(self):
        """Whether the parts of a mixture may come from several recordings."""
        return bool(self.sources_max or self.remix)


def _check_between(key, value, most):
    if not 0 <= value <= most:
        raise InputError(f"mixing.{key}={value} must lie between 0 and {most}")


class Chooser:
    """Draws the parts of a split's mixtures.

    Args:
      mixtures: `Mixtures`.
      labels: For each of the N tracks, the labels of its parts as indices below L.
      counts: For each, how many windows it has.
      names: The L instruments, for errors.
      split: Of the tracks, for errors.

    Raises:
      InputError: If the split has too few instruments, or recordings of one, for what
        is asked.
    """

    def __init__(self, mixtures, labels, counts, names, split):
        self.mixtures = mixtures
        self._labels = tf.ragged.constant([list(x) for x in labels], tf.int32)
        has = np.zeros([len(labels), len(names)])  # parts of each
        for track, found in enumerate(labels):
            np.add.at(has[track], list(found), 1)
        # In the logarithm, what cannot be drawn is far below what can.
        with np.errstate(divide="ignore"):
            self._has = tf.constant(np.maximum(np.log(has.T), -1e9), tf.float32)
            self._log_counts = tf.constant(np.log(np.asarray(counts)), tf.float32)
            self._log_labels = tf.constant(
                np.maximum(np.log(self._shares(has, counts)), -1e9), tf.float32
            )
        self._n_tracks = tf.constant((has > 0).sum(axis=0), tf.int32)
        self._check(has, names, split)

    def _shares(self, has, counts):
        """How often each instrument is drawn, [L]."""
        time = (has * np.asarray(counts, float)[:, np.newaxis]).sum(axis=0)
        even = (time > 0) / max(1, np.count_nonzero(time))
        balance, told = self.mixtures.balance, self.mixtures
        shares = (1 - balance) * time / time.sum() + balance * even
        # No recording is to be mixed with itself.
        if told.instruments == "same" and told.sources_max > 1:
            enough = (has > 0).sum(axis=0) >= told.sources_max
            shares = np.where(enough, shares, 0)
        return shares

    def _check(self, has, names, split):
        told, there = self.mixtures, np.flatnonzero(has.any(axis=0))
        found = ", ".join(names[k] for k in there)
        if told.instruments == "different" and told.sources_max > len(there):
            raise InputError(
                f"mixing.sources_max={told.sources_max} different instruments: the "
                f"{split} recordings have {len(there)} ({found}); choose fewer, or "
                "mixing.instruments=any"
            )
        if told.instruments == "same" and told.sources_max > 1:
            most = int((has > 0).sum(axis=0).max())
            if most < told.sources_max:
                raise InputError(
                    f"mixing.sources_max={told.sources_max} of the same instrument: of "
                    f"none there are more than {most} {split} recordings; choose "
                    "fewer, or mixing.instruments=any"
                )

    def balanced_track(self, seed_of, track, start_of):
        """A recorded ensemble, drawn by one of its instruments: (track, start).

        Args:
          seed_of: seed_of(stream) -> seed of the example's draws.
          track: As drawn by its windows alone.
          start_of: start_of(track, seed) -> start of a window.
        """
        chance = tf.random.stateless_uniform([], seed_of(BALANCE))
        even = tf.where(self._n_tracks > 0, 0.0, -1e9)
        label = _best(even, seed_of(LABEL), 1)
        other = self._tracks(label, seed_of(OWN_TRACK))[0]
        track = tf.where(
            chance < self.mixtures.balance, other, tf.cast(track, tf.int64)
        )
        return track, start_of(track, seed_of(OWN_START))

    def parts_of_solos(self, seed_of, i):
        """The parts of mixture i.

        Args:
          seed_of: seed_of(stream) -> seed of the example's draws.
          i: Number of the example, int64.

        Returns:
          (tracks int64 [K], their parts int32 [K]).
        """
        told = self.mixtures
        least, most = told.sources_min, told.sources_max
        if told.curriculum:
            grown = tf.cast(i, tf.float64) / told.curriculum * (most - least)
            most = least + tf.cast(tf.minimum(grown, most - least), tf.int32)
        count = tf.random.stateless_uniform(
            [], seed_of(COUNT), least, most + 1, tf.int32
        )
        labels = self._draw_labels(count, seed_of(LABEL))
        tracks = self._tracks(labels, seed_of(TRACK))
        return tracks, self._parts(tracks, labels, seed_of(PART))

    def _draw_labels(self, count, seed):
        if self.mixtures.instruments == "different":
            return _best(self._log_labels, seed, count)
        if self.mixtures.instruments == "same":
            return tf.repeat(_best(self._log_labels, seed, 1), count)
        drawn = _gumbel([count, self._log_labels.shape[0]], seed) + self._log_labels
        return tf.argmax(drawn, axis=1, output_type=tf.int32)

    def remixed(self, seed_of, track):
        """The parts of a recorded ensemble, some of them from elsewhere.

        Returns:
          (tracks int64 [P], their parts int32 [P]).
        """
        labels = self._labels[track]
        count = tf.shape(labels)[0]
        own = tf.fill([count], tf.cast(track, tf.int64))
        chance = tf.random.stateless_uniform([count], seed_of(REMIX))
        others = self._tracks(labels, seed_of(TRACK), without=track)
        # If no recording is left for a part, it stays.
        moved = (chance < self.mixtures.remix) & (others != own)
        parts = self._parts(others, labels, seed_of(PART))
        return tf.where(moved, others, own), tf.where(moved, parts, tf.range(count))

    def _tracks(self, labels, seed, without=None):
        """Recordings of instruments [K]: of an instrument, different ones if it has."""
        drawn = self._log_counts + _gumbel(self._log_counts.shape, seed)
        if without is not None:
            drawn -= 1e8 * tf.one_hot(without, self._log_counts.shape[0])
        scores = drawn + tf.gather(self._has, labels)
        # All of many recordings need not be sorted to find a few.
        count = tf.minimum(tf.shape(labels)[0], self._log_counts.shape[0])
        order = tf.math.top_k(scores, count).indices
        same = labels[:, tf.newaxis] == labels[tf.newaxis]
        earlier = tf.linalg.band_part(tf.cast(same, tf.int32), -1, 0)
        rank = tf.reduce_sum(earlier, axis=1) - 1
        rank %= tf.maximum(tf.gather(self._n_tracks, labels), 1)
        return tf.cast(tf.gather(order, rank, axis=1, batch_dims=1), tf.int64)

    def _parts(self, tracks, labels, seed):
        """A part of each track [K] that plays the instrument, int32 [K]."""
        there = tf.gather(self._labels, tracks).to_tensor(-1)
        drawn = tf.random.stateless_uniform(tf.shape(there), seed)
        fits = tf.cast(there == labels[:, tf.newaxis], tf.float32)
        return tf.argmax(drawn + 2 * fits, axis=1, output_type=tf.int32)


def _gumbel(shape, seed):
    """Noise whose greatest sum with logarithms of weights is drawn by these weights."""
    uniform = tf.random.stateless_uniform(shape, seed, 1e-20, 1.0)
    return -tf.math.log(-tf.math.log(uniform))


def _best(log_weights, seed, count):
    """Indices int32 [count], drawn by weight without putting any back."""
    drawn = log_weights + _gumbel(log_weights.shape, seed)
    order = tf.argsort(drawn, direction="DESCENDING", stable=True)
    return order[:count]


def silenced(n_parts, probability, seed):
    """float32 [P]: 0 where a part is silent; one always sounds."""
    drawn = tf.random.stateless_uniform([n_parts], seed)
    sounds = (drawn >= probability) | (
        tf.range(n_parts) == tf.argmax(drawn, output_type=tf.int32)
    )
    return tf.cast(sounds, tf.float32)
