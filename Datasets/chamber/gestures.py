"""Notes -> the movements of a player, one value a video frame.

Everything moves because of the player's own notes: who rests is still.
"""

import dataclasses

import numpy as np

from Datasets.chamber import instruments

READY = 0.45  # seconds before a note in which an instrument is raised
PATIENCE = 0.8  # seconds of rest after which it is lowered
# Valves pressed (1, 2, 4 are the first, second and third finger) for each semitone
# below an open note; slide positions of a trombone are these semitones.
VALVES = (0, 2, 1, 3, 6, 5, 7)
# Pitches of open notes above the fundamental, semitones: harmonics 2 to 12.
HARMONICS = np.array([12, 19, 24, 28, 31, 36, 38, 40, 43])
# The pedal tone of each brass instrument, MIDI number as it sounds.
PEDAL = {"tpt": 46, "hn": 29, "tbn": 34, "tba": 22}


@dataclasses.dataclass(frozen=True)
class Gestures:
    """What moves, per video frame [F].

    Attributes:
      raised: 0 (instrument at rest) to 1 (playing position).
      bow: Place of the bow on the string, -1 (frog) to 1 (tip).
      reach: Left hand on the neck, or the trombone's slide: 0 to 1.
      fingers: int, bits of six fingers (or three valves) that are down.
      bob: Nod of body and instrument at onsets, 0 to about 1.5.
      lean: Slow sway while playing, -1 to 1.
      shake: Vibrato of a bowed instrument's left hand, -1 to 1.
    """

    raised: np.ndarray
    bow: np.ndarray
    reach: np.ndarray
    fingers: np.ndarray
    bob: np.ndarray
    lean: np.ndarray
    shake: np.ndarray

    def key(self, frame):
        """All values of a frame, rounded to what an eye can tell apart."""
        values = [getattr(self, f.name)[frame] for f in dataclasses.fields(self)]
        return tuple(int(round(float(v) * 200)) for v in values)


def brass_fingering(code, pitch):
    """Semitones from 0 to 6 that valves or slide lower the nearest open note by.

    Example:
      >>> brass_fingering("tpt", 58), brass_fingering("tpt", 57)
      (0, 1)
    """
    down = PEDAL[code] + HARMONICS - pitch
    usable = down[(down >= 0) & (down <= 6)]
    return int(usable.min()) if len(usable) else 0


def _raised(time, onset, end):
    """Raised shortly before a note, lowered after a long rest."""
    aim = np.zeros(len(time))
    for i, (a, b) in enumerate(zip(onset, end)):
        following = onset[i + 1] if i + 1 < len(onset) else np.inf
        stay = following if following - b < PATIENCE + READY else b + 0.25
        span = (time >= a - READY) & (time <= stay)
        aim[span] = np.maximum(
            aim[span], np.clip((time[span] - a + READY) / 0.35, 0, 1)
        )
        after = (time > stay) & (time < stay + 0.4)
        aim[after] = np.maximum(aim[after], 1 - (time[after] - stay) / 0.4)
    return aim * aim * (3 - 2 * aim)


def _bow(time, onset, end):
    """Strokes that change direction at each note and stop with it."""
    place, bow = -0.8, np.zeros(len(time))
    bow[:] = place
    for a, b in zip(onset, end):
        sign = 1.0 if place < 0 else -1.0
        reach = min(1.5, 0.35 + 1.6 * (b - a))
        goal = float(np.clip(place + sign * reach, -0.9, 0.9))
        later = time >= a
        bow[later] = place + (goal - place) * np.clip((time[later] - a) / (b - a), 0, 1)
        place = goal
    return bow


def _steps(time, onset, values, travel=0.08):
    """Values that are taken up at onsets within `travel` seconds."""
    curve = np.full(len(time), float(values[0]) if len(values) else 0.0)
    for a, before, after in zip(onset[1:], values[:-1], values[1:]):
        later = time >= a - travel / 2
        share = np.clip((time[later] - a + travel / 2) / travel, 0, 1)
        curve[later] = before + (after - before) * share
    return curve


def _bob(time, onset, end):
    """A dip at each onset that dies away, deeper after a pause."""
    bob, before = np.zeros(len(time)), -1.0
    for a, b in zip(onset, end):
        t = np.clip(time - a, 0, None)
        depth = 0.75 + 0.5 * min(max(a - before, 0.0), 1.0)
        bob += depth * np.clip(t / 0.05, 0, 1) * np.exp(-t / 0.16) * (time >= a)
        before = b
    return np.minimum(bob, 1.5)


def _lean(time, sounding, rng):
    """A sway whose phase advances only while the player plays."""
    phase = np.cumsum(sounding) * (time[1] - time[0] if len(time) > 1 else 0.0)
    rate = rng.uniform(0.35, 0.6)
    return np.sin(2 * np.pi * (rate * phase + rng.random()))


def _fingers(code, keys):
    """Bits of the fingers that are down for each pitch [N]."""
    if code in ("tpt", "hn", "tba"):
        return [VALVES[brass_fingering(code, int(key))] for key in keys]
    low = instruments.known(code).low
    # Woodwinds open their holes from the lowest up; the pattern repeats higher up.
    return [(1 << (6 - (int(key) - low) % 7)) - 1 for key in keys]


def _reach(code, keys):
    """Left hand or slide: 0 to 1 for each pitch [N]."""
    if code == "tbn":
        return np.array([brass_fingering(code, int(k)) / 6 for k in keys])
    low, high = instruments.known(code).low, instruments.known(code).high
    # Strings a fifth apart: the hand moves within a string and up the highest.
    height = np.asarray(keys, float) - low
    return np.clip(0.13 * (height % 7) + 0.4 * height / (high - low), 0, 1)


def gestures(notes, keys, code, seconds, frame_rate, rng):
    """The movements of one player.

    Args:
      notes: float [N, 3]: onset s, Hz, duration s.
      keys: int [N], MIDI pitches.
      code: URMP instrument code.
      seconds: Length of the video; the last frame may reach beyond.
      frame_rate: Hz.
      rng: NumPy generator.

    Returns:
      `Gestures` of ceil(seconds * frame_rate) frames.  Frame k is seen in
      [k, k + 1) / frame_rate and shows the middle of that.
    """
    count = max(1, int(np.ceil(seconds * frame_rate - 1e-9)))
    time = (np.arange(count) + 0.5) / float(frame_rate)
    onset, end = notes[:, 0], notes[:, 0] + notes[:, 2]
    last = np.searchsorted(onset, time, side="right") - 1
    sounding = (last >= 0) & (time < end[last])
    bits = np.array(_fingers(code, keys))
    bowed = instruments.known(code).family == "bowed"
    since = time - onset[last]
    swing = np.sin(2 * np.pi * 5.5 * since) * np.clip((since - 0.12) / 0.3, 0, 1)
    return Gestures(
        raised=_raised(time, onset, end),
        bow=_bow(time, onset, end) if bowed else np.zeros(count),
        reach=_steps(time, onset, _reach(code, keys)),
        fingers=np.where(last >= 0, bits[last], 0),
        bob=_bob(time, onset, end),
        lean=_lean(time, sounding, rng),
        shake=swing * sounding * bowed,
    )
