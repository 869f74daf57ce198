"""Keys, chords, phrases with cadences, and the leading of voices.

Pitch classes count semitones from C; degrees count from 0 (I) to 6 (VII).
"""

import dataclasses

import numpy as np

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "rising": (0, 2, 3, 5, 7, 9, 11),  # melodic minor, over dominant chords
}
# What may follow a degree, and how often: tonic -> subdominant -> dominant -> tonic.
FOLLOWERS = {
    0: {3: 4, 4: 4, 5: 3, 1: 3, 2: 1},
    1: {4: 6, 6: 1, 3: 1},
    2: {5: 3, 3: 3},
    3: {4: 4, 1: 3, 0: 2, 6: 1},
    4: {0: 6, 5: 2, 3: 1},
    5: {3: 3, 1: 4, 4: 2},
    6: {0: 5, 5: 1},
}
CADENCES = {
    "authentic": (4, 0),
    "half": (3, 4),
    "deceptive": (4, 5),
    "plagal": (3, 0),
}


@dataclasses.dataclass(frozen=True)
class Chord:
    """One harmony.

    Attributes:
      tones: Pitch classes: root, third, fifth and perhaps seventh.
      bass: Pitch class that the lowest voice takes.
      scale: Pitch classes of passing and neighbour notes.
      leading: The leading note if the chord holds it, else -1.
    """

    tones: tuple
    bass: int
    scale: tuple
    leading: int


def chord(tonic, mode, degree, rng, inverted=True):
    """Builds the chord on a degree; dominants of minor keys get a leading note."""
    dominant = degree in (4, 6)
    steps = SCALES["rising" if mode == "minor" and dominant else mode]
    count = 4 if degree == 4 and rng.random() < 0.5 else 3
    tones = [(steps[(degree + 2 * i) % 7] + tonic) % 12 for i in range(count)]
    if mode == "minor" and dominant and count == 4:
        tones[3] = (tonic + 5) % 12
    turn = inverted and rng.random() < 0.3 or degree == 6
    scale = tuple(sorted((s + tonic) % 12 for s in steps))
    leading = (tonic + 11) % 12 if dominant else -1
    return Chord(tuple(tones), tones[1 if turn else 0], scale, leading)


def phrase(count, tonic, mode, cadence, rng):
    """A functional progression that begins on the tonic and ends with a cadence.

    Args:
      count: Number of chords, at least 1.
      tonic: Pitch class.
      mode: "major" or "minor".
      cadence: A key of `CADENCES`.
      rng: NumPy generator.

    Returns:
      A list of `count` chords.
    """
    degrees = [0]
    while len(degrees) < count:
        after = FOLLOWERS[degrees[-1]]
        weights = np.array(list(after.values()), float)
        degrees.append(int(rng.choice(list(after), p=weights / weights.sum())))
    closing = CADENCES[cadence]
    degrees[-2:] = closing[-min(2, count) :]
    if count > 3 and degrees[-3] in (2, 4, 6):  # prepare the cadence
        degrees[-3] = 5 if closing[0] == 3 else int(rng.choice([1, 3]))
    last = count - 1
    return [
        chord(tonic, mode, d, rng, inverted=0 < i < last - 1)
        for i, d in enumerate(degrees)
    ]


def local_keys(count, tonic, mode, rng):
    """The keys of successive phrases: home at both ends, visits in between."""
    near = (
        [((tonic + 7) % 12, "major"), ((tonic + 9) % 12, "minor")]
        if mode == "major"
        else [((tonic + 3) % 12, "major"), ((tonic + 5) % 12, "minor")]
    )
    home = (tonic, mode)
    inner = [
        home if rng.random() < 0.4 else near[rng.integers(2)] for _ in range(count)
    ]
    return [home if i in (0, count - 1) else key for i, key in enumerate(inner)]


def _candidates(harmony, low, high, near, lowest, count):
    """The chord tones of a range that lie nearest to a pitch."""
    pitches = np.arange(low, high + 1)
    wanted = [harmony.bass] if lowest else harmony.tones
    pitches = pitches[np.isin(pitches % 12, wanted)]
    return pitches[np.argsort(np.abs(pitches - near), kind="stable")[:count]]


def _completeness(combos, harmony):
    """The cost of a missing third, root, seventh, fifth, or a doubled leading note."""
    tones = combos % 12
    cost = np.zeros(len(combos))
    for tone, weight in zip(harmony.tones, (3.0, 6.0, 1.0, 3.0)):
        cost += weight * ~(tones == tone).any(axis=1)
    return cost + 8.0 * ((tones == harmony.leading).sum(axis=1) > 1)


def _between(combos, previous, may_cross):
    """The cost of crossings, unisons, gaps, parallel fifths and octaves."""
    cost = np.zeros(len(combos))
    count = combos.shape[1]
    for v in range(count):
        for w in range(v + 1, count):
            apart = combos[:, v] - combos[:, w]
            if not may_cross[v, w]:
                cost += 4.0 * np.clip(-apart, 0, 4) + 3.0 * (apart == 0)
            if w == v + 1 and w < count - 1:
                cost += 0.4 * np.clip(apart - 14, 0, None)
            before = previous[v] - previous[w]
            moved = (combos[:, v] != previous[v]) & (combos[:, w] != previous[w])
            perfect = np.isin(apart % 12, (0, 7)) & ((before - apart) % 12 == 0)
            cost += 9.0 * (moved & perfect)
    return cost


def lead(chords, ranges, targets, pull, may_cross):
    """Leads voices through chords at the least cost, chord by chord.

    Small steps, complete chords, no parallel fifths or octaves, voices in order.

    Args:
      chords: n chords.
      ranges: V pairs (low, high), the highest voice first; the last is the bass.
      targets: float [n, V], where each voice would like to be (MIDI pitch).
      pull: float [V], how strongly it is drawn there.
      may_cross: bool [V, V], pairs of voices whose order is free.

    Returns:
      int [n, V] MIDI pitches, each within its voice's range.
    """
    previous, led = targets[0], []
    count = int(np.clip(4096 ** (1 / len(ranges)), 2, 5))  # bounds the combinations
    for harmony, target in zip(chords, targets):
        choices = [
            _candidates(harmony, low, high, (p + t) / 2, v == len(ranges) - 1, count)
            for v, ((low, high), p, t) in enumerate(zip(ranges, previous, target))
        ]
        combos = np.stack([c.ravel() for c in np.meshgrid(*choices)], axis=1)
        leap = np.abs(combos - previous)
        cost = (leap + 2.0 * np.clip(leap - 7, 0, None)).sum(axis=1) * 0.4
        cost += (pull * np.abs(combos - target)).sum(axis=1)
        cost += _completeness(combos, harmony) + _between(combos, previous, may_cross)
        previous = combos[np.argmin(cost)]
        led.append(previous)
    return np.array(led)
