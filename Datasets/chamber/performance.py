"""Scores -> stems: expressive time, dynamics, articulation, intonation and vibrato.

Every player follows the tempo of the ensemble and strays from it as people do: the
standard deviation of asynchrony in chamber ensembles is 30 to 50 ms between players
(Rasch, Acustica 43, 1979); here about 25 ms.
"""

import dataclasses

import numpy as np

import Utils
from Datasets.chamber import instruments, synthesizer

HOP = 0.01  # seconds between the rows of an F0s file
CONTROL = 0.01  # seconds between movements of the pitch wheel: 18 a vibrato cycle


@dataclasses.dataclass(frozen=True)
class Performance:
    """What one player played.

    Attributes:
      stem: float32 [T], dry.
      notes: float [N, 3]: onset in s, pitch in Hz, duration in s, in URMP's order.
      keys: int [N], MIDI pitch.
      f0: float [F, 2]: time in s, pitch in Hz (0: no note is held).
    """

    stem: np.ndarray
    notes: np.ndarray
    keys: np.ndarray
    f0: np.ndarray


def perform(parts, codes, seconds, sample_rate, rng):
    """Plays a score.

    Args:
      parts: Lists of `composition.Note`, one a player.
      codes: URMP instrument codes, one a player.
      seconds: Length of the recording.
      sample_rate: Hz.
      rng: NumPy generator.

    Returns:
      A list of `Performance`, one a player.
    """
    tempo = _tempo(seconds, rng)
    return [
        _play(part, instruments.known(code), tempo, seconds, sample_rate, rng)
        for part, code in zip(parts, codes)
    ]


def _smooth(n, step, spread, rng):
    """A random curve [n] of standard deviation `spread`, a new aim every `step`."""
    aims = rng.normal(0, spread, int(n / step) + 3)
    return np.interp(np.arange(n) / step, np.arange(len(aims)), aims)


def _tempo(seconds, rng):
    """The ensemble's map from score time to time: (score s, played s).

    Fluctuates by a few percent and slows down at the end; length is kept.
    """
    grid = np.linspace(0, seconds, max(int(seconds * 20), 8))
    slowness = 1.0 + _smooth(len(grid), 30, 0.035, rng)
    slowness += 0.25 * np.clip((grid - seconds + 1.5) / 1.5, 0, 1) ** 2
    played = np.concatenate([[0.0], np.cumsum(slowness[:-1])])
    return grid, played * seconds / played[-1]


def _times(part, tempo, seconds, rng):
    """When notes begin and end [N], s: asynchrony, articulation, no overlaps."""
    onset = np.interp([n.onset for n in part], *tempo)
    end = np.interp([n.onset + n.duration for n in part], *tempo)
    held = np.ones(len(part))
    manner = 0.97
    for i, length in enumerate(end - onset):
        if rng.random() < 0.12:
            manner = rng.choice([0.97, 0.9, 0.7])
        held[i] = manner if length < 1.0 else 0.95
    shift = rng.normal(0, 0.008) + np.clip(rng.normal(0, 0.016, len(part)), -0.04, 0.04)
    length = held * (end - onset)
    onset = np.maximum.accumulate(np.maximum(onset + shift, 0.02))
    end = np.minimum(onset + np.maximum(length, 0.06), seconds - 0.05)
    gap = np.append(onset[1:], seconds) - 0.012  # a repeated note must stop first
    end = np.maximum(np.minimum(end, gap), onset + 0.03)
    return onset, end


def _cents(onset, end, instrument, time, rng):
    """Deviation of the pitch [K] at some times, and of each note's centre [N], cents.

    Vibrato begins late in a note and grows; short notes have none; bowed and brass
    notes are approached from a little below or above.
    """
    centre = rng.normal(0, 3.0) + rng.normal(0, instrument.intonation, len(onset))
    rate, curve = rng.normal(5.6, 0.3), np.zeros(len(time))
    drift = _smooth(len(time), 25, 1.5, rng)
    slide = rng.normal(0, 8.0 if instrument.family in ("bowed", "brass") else 3.0)
    for a, b, c in zip(onset, end, centre):
        span = slice(*np.searchsorted(time, [a, b]))
        t = time[span] - a
        depth = instrument.vibrato * rng.uniform(0.7, 1.2) * (b - a > 0.3)
        swing = np.sin(2 * np.pi * rate * rng.uniform(0.95, 1.05) * t)
        curve[span] = c + drift[span] + slide * np.exp(-t / 0.03)
        curve[span] += depth * np.clip((t - 0.12) / 0.3, 0, 1) * swing
    return curve, centre


def _dynamics(onset, end, n_time, sample_rate, rng):
    """The gain of each sample [T]: slow swells, and a shape inside long notes."""
    step = 0.02
    time = np.arange(0, n_time / sample_rate + step, step)
    decibels = np.clip(_smooth(len(time), 50, 2.0, rng), -5, 5)
    for a, b in zip(onset, end):
        if b - a > 0.35:
            span = slice(*np.searchsorted(time, [a, b]))
            x = (time[span] - a) / (b - a)
            decibels[span] += rng.uniform(0.5, 3.5) * (np.sin(np.pi * x) - 0.5)
    coarse = (10 ** (decibels / 20)).astype(np.float32)
    return np.interp(np.arange(n_time) / sample_rate, time, coarse).astype(np.float32)


def _bends(onset, end, curve, time):
    """Wheel movements (s, cents): at each onset, then on the grid inside notes."""
    rows = []
    for a, b in zip(onset, end):
        inside = slice(*np.searchsorted(time, [a, b]))
        bent = curve[inside]
        if len(bent):
            rows.append((a, bent[0]))
            # A movement is held for a step, so it takes the step's middle.
            rows += zip(time[inside][1:] - CONTROL / 2, bent[1:])
    return rows


def _play(part, instrument, tempo, seconds, sample_rate, rng):
    """One player's `Performance`."""
    onset, end = _times(part, tempo, seconds, rng)
    time = np.arange(0, seconds, CONTROL)
    curve, centre = _cents(onset, end, instrument, time, rng)
    keys = np.array([n.pitch for n in part])
    loud = np.array([n.velocity for n in part]) + rng.normal(0, 4, len(part))
    loud = np.clip(np.rint(loud), 20, 127)
    n_time = Utils.samples(seconds, sample_rate)
    at = np.rint(np.stack([onset, end], 1) * sample_rate).astype(int)
    bends = [
        (max(0, round(t * sample_rate)), c) for t, c in _bends(onset, end, curve, time)
    ]
    rows = np.column_stack([at, keys, loud]).astype(int)
    stem = synthesizer.render(instrument.program, rows, bends, n_time, sample_rate)
    stem *= _dynamics(onset, end, n_time, sample_rate, rng)
    hertz = 440.0 * 2.0 ** ((keys - 69 + centre / 100) / 12)
    f0 = np.zeros(len(time))
    for a, b, key in zip(onset, end, keys):
        span = slice(*np.searchsorted(time, [a, b]))
        f0[span] = 440.0 * 2.0 ** ((key - 69 + curve[span] / 100) / 12)
    notes = np.column_stack([onset, hertz, end - onset])
    return Performance(stem, notes, keys, np.column_stack([time, f0]))
