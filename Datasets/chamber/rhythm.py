"""Metres, and the rhythms of melodies, inner voices and basses.

Rhythms are lists of (start, duration) in quarter notes.
"""

import dataclasses

METRES = {"2/4": (1.0, 2), "3/4": (1.0, 3), "4/4": (1.0, 4), "6/8": (1.5, 2)}
SPLITS = {
    1.0: [(0.5, 0.5), (0.75, 0.25), (0.5, 0.25, 0.25), (0.25,) * 4, (0.5, 0.5)],
    1.5: [(0.5, 0.5, 0.5), (1.0, 0.5), (0.75, 0.25, 0.5), (0.5, 1.0)],
}


@dataclasses.dataclass(frozen=True)
class Frame:
    """The metrical frame of a piece.

    Attributes:
      unit: Quarter notes of a beat.
      beats: Beats of a bar.
      bars: Bars of the piece.
      slots: Chords a bar.
    """

    unit: float
    beats: int
    bars: int
    slots: int

    @property
    def bar(self):
        """Quarter notes of a bar."""
        return self.unit * self.beats

    @property
    def slot(self):
        """Quarter notes of a chord."""
        return self.bar / self.slots


def phrase_lengths(bars):
    """Splits a number of bars into phrases of four, the last of up to six."""
    lengths = []
    while bars > 6:
        lengths.append(4)
        bars -= 4
    if bars == 6:
        return lengths + [2, 4]
    return lengths + [bars]


def melodic_bar(frame, density, rng):
    """One bar whose beats are split, joined or kept.

    Args:
      frame: The `Frame`.
      density: Probability in [0, 1] that a beat is split.
      rng: NumPy generator.
    """
    durations, left = [], frame.beats
    while left:
        draw = rng.random()
        if draw < density:
            durations += SPLITS[frame.unit][rng.integers(len(SPLITS[frame.unit]))]
        elif left > 1 and draw < density + 0.5 * (1.0 - density):
            durations.append(2 * frame.unit)
            left -= 1
        else:
            durations.append(frame.unit)
        left -= 1
    starts = [sum(durations[:i]) for i in range(len(durations))]
    return list(zip(starts, durations))


def _melodic(frame, bars, density, rng):
    """Bars of two motifs, A B A' B', with a long note and a breath at the end."""
    motifs = [melodic_bar(frame, density, rng) for _ in range(2)]
    events = []
    for bar in range(bars - 1):
        new = rng.random() < 0.25
        cell = melodic_bar(frame, density, rng) if new else motifs[bar % 2]
        events += [(bar * frame.bar + start, d) for start, d in cell]
    close = frame.bar * (bars - 1)
    if bars == 1:
        return [(s, d) for s, d in motifs[0] if s < frame.bar - frame.unit / 2]
    if frame.beats > 2:
        events.append((close, frame.unit))
        close += frame.unit
    return events + [(close, frame.bar * bars - close - frame.unit / 2)]


def _every(frame, bars, step, skip=0.0):
    """A note each `step` quarters, begun `skip` late and as much shorter."""
    count = int(round(frame.bar * bars / step))
    return [(i * step + skip, step - skip) for i in range(count)]


def _bass(frame, bars, rng):
    """The chords' beginnings, some of them divided."""
    events = []
    for start, duration in _every(frame, bars, frame.slot):
        if duration > frame.unit and rng.random() < 0.4:
            events += [(start, duration - frame.unit)]
            start, duration = start + duration - frame.unit, frame.unit
        events.append((start, duration))
    return events


def of_role(role, frame, bars, rng):
    """The rhythm of a role over a phrase.

    Args:
      role: "melody", "counter", "long", "pulse", "offbeat", "arpeggio", "bass" or
        "walk".
      frame: The `Frame`.
      bars: Bars of the phrase.
      rng: NumPy generator.
    """
    if role == "melody":
        return _melodic(frame, bars, rng.uniform(0.35, 0.65), rng)
    if role == "counter":
        return _melodic(frame, bars, rng.uniform(0.15, 0.35), rng)
    if role == "pulse":
        return _every(frame, bars, frame.unit)
    if role == "offbeat":
        return _every(frame, bars, frame.unit, frame.unit - 0.5)
    if role == "arpeggio":
        return _every(frame, bars, 0.5)
    if role == "walk":
        return _every(frame, bars, frame.unit)
    if role == "bass":
        return _bass(frame, bars, rng)
    return _every(frame, bars, frame.slot)
