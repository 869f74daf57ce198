"""A small tonal composer: a pure function of a NumPy generator.

A piece has a key, a metre, a tempo and phrases.  Each phrase has chords, an inner
key, and a role for each part (melody, counter-melody, long notes, repeated notes,
arpeggio, bass, walking bass or rest), so the parts share harmony, not rhythm.
"""

import dataclasses

import numpy as np

from Datasets.chamber import harmony, instruments, rhythm

INNER = ("counter", "long", "pulse", "offbeat", "arpeggio")
FREE = ("melody", "counter", "walk")  # roles with passing and neighbour notes


@dataclasses.dataclass(frozen=True)
class Note:
    """A note of a score.

    Attributes:
      onset: Seconds.
      duration: Seconds.
      pitch: MIDI number as it sounds.
      velocity: 1 to 127.
    """

    onset: float
    duration: float
    pitch: int
    velocity: int


def compose(codes, seconds, rng, crossing=False, compass=12):
    """Composes a piece.

    Args:
      codes: URMP instrument codes, one a part.
      seconds: Length of the piece; at least 1.
      rng: NumPy generator; the piece depends on nothing else.
      crossing: Whether parts of the same instrument cross all the time and play
        throughout; otherwise the earlier part stays above.
      compass: Semitones that a part may stray from the middle of its register, at
        least 7.

    Returns:
      A list of parts in the order of `codes`; a part is a list of `Note`, in order
      of onset and not overlapping.
    """
    frame, seconds_a_quarter, start = _frame(seconds, rng)
    ranges, order, twin = _registers(codes, rng, crossing, compass)
    tonic, mode = int(rng.integers(12)), str(rng.choice(["major", "minor"]))
    lengths = rhythm.phrase_lengths(frame.bars)
    keys = harmony.local_keys(len(lengths), tonic, mode, rng)
    chords = []
    for i, (bars, key) in enumerate(zip(lengths, keys)):
        cadence = _cadence(i == len(lengths) - 1, rng)
        chords += harmony.phrase(bars * frame.slots, *key, cadence, rng)
    anchors = _skeleton(chords, ranges, twin, rng)
    roles = _roles(len(lengths), len(codes), twin.any(axis=1), rng)
    voices, bar = [[] for _ in codes], 0
    for i, bars in enumerate(lengths):
        span = slice(bar * frame.slots, (bar + bars) * frame.slots)
        level = rng.uniform(58, 92)
        for v, voice in enumerate(voices):
            events = _events(roles[i][v], frame, bars, i == len(lengths) - 1, rng)
            pitches = _pitches(
                roles[i][v],
                events,
                frame,
                chords[span],
                anchors[span, v],
                ranges[v],
                rng,
            )
            accents = _velocities(roles[i][v], events, frame, bars, level, rng)
            voice += [
                (begin + bar * frame.bar, length, pitch, velocity)
                for (begin, length), pitch, velocity in zip(events, pitches, accents)
            ]
        bar += bars
    parts = [None] * len(codes)
    for v, part in enumerate(order):
        parts[part] = [
            Note(start + b * seconds_a_quarter, d * seconds_a_quarter, int(p), int(x))
            for b, d, p, x in voices[v]
        ]
    return parts


def _frame(seconds, rng):
    """Metre and tempo such that whole bars fill the piece."""
    unit, beats = rhythm.METRES[str(rng.choice(list(rhythm.METRES)))]
    beat = rng.uniform(0.38, 0.8) * (1.25 if unit > 1 else 1.0)
    start = min(0.35, 0.06 * seconds) * rng.uniform(0.5, 1.0)
    music = seconds - start - min(0.6, 0.08 * seconds)
    bars = max(1, int(round(music / (beat * beats))))
    two = beats % 2 == 0 and (rng.random() < 0.6 or bars < 3)
    frame = rhythm.Frame(unit, beats, bars, 2 if two else 1)
    return frame, music / (bars * frame.bar), start


def _cadence(last, rng):
    if last:
        return "authentic" if rng.random() < 0.85 else "plagal"
    return str(rng.choice(["half", "authentic", "deceptive"], p=[0.45, 0.35, 0.2]))


def _registers(codes, rng, crossing, compass):
    """Voices from high to low: ranges, the part of each, and which are twins."""
    table = [instruments.known(code) for code in codes]
    middles = []
    for part, (code, one) in enumerate(zip(codes, table)):
        below = 0 if crossing else 4 * codes[:part].count(code)
        middles.append(one.centre - below)
    order = sorted(range(len(codes)), key=lambda part: (-middles[part], part))
    ranges = []
    for part in order:
        shift = 0 if crossing else int(rng.integers(-(compass // 6), compass // 6 + 1))
        middle = middles[part] + shift
        low = max(table[part].low, middle - compass)
        ranges.append((low, min(table[part].high, max(middle + compass, low + 14))))
    named = np.array([codes[part] for part in order])
    twin = (named[:, None] == named[None]) & ~np.eye(len(codes), dtype=bool)
    return ranges, order, twin & crossing


def _skeleton(chords, ranges, twin, rng):
    """The chord tone of each voice in each chord [n, V]."""
    count = np.arange(len(chords))
    targets, pull = [], []
    for v, (low, high) in enumerate(ranges):
        middle, phase = (low + high) / 2, rng.uniform(0, 2 * np.pi)
        swing, period = (high - low) / 8, rng.uniform(6, 14)
        if twin[v].any():  # twins swing against each other, and so cross
            period = 2.0 if len(chords) < 4 else 4.0
            swing, phase = 5.0, np.pi * int(twin[v, :v].sum() % 2)
        targets.append(middle + swing * np.cos(2 * np.pi * count / period + phase))
        pull.append(2.5 if twin[v].any() else 0.15)
    return harmony.lead(chords, ranges, np.stack(targets, 1), np.array(pull), twin)


def _roles(phrases, voices, always, rng):
    """A role for each voice in each phrase; somebody always has the melody."""
    plan, rested = [], np.zeros(voices, bool)
    for i in range(phrases):
        upper = voices - 1 if rng.random() < 0.85 else voices
        leader, roles = int(rng.integers(max(1, upper))), []
        for v in range(voices):
            role = _role(v == leader, always[v], v == voices - 1, roles, rng)
            may_rest = 0 < i < phrases - 1 and not rested[v] and not always[v]
            if may_rest and v != leader and rng.random() < 0.3:
                role = "rest"
            roles.append(role)
        if voices - roles.count("rest") < min(2, voices):
            roles[roles.index("rest")] = "long"
        rested = np.array([role == "rest" for role in roles])
        plan.append(roles)
    return plan


def _role(leads, always, lowest, taken, rng):
    """One voice's role; accompaniments of one phrase differ while there are some."""
    if leads:
        return "melody"
    if always:
        return "counter"
    choices = ("bass", "walk", "long", "pulse") if lowest else INNER
    same = {"walk": "pulse", "pulse": "walk"}  # of one rhythm
    free = [c for c in choices if c not in taken and same.get(c) not in taken]
    return str(rng.choice(free or choices))


def _events(role, frame, bars, last, rng):
    """The rhythm of a phrase; the piece ends with a note held by everybody."""
    if role == "rest":
        return []
    if role == "long" and bars < 3:
        role = "pulse"
    events = rhythm.of_role(role, frame, bars, rng)
    if bars > 2 and role in INNER[1:]:
        silent = int(rng.integers(2 * bars))  # half the time, one bar of rest
        events = [e for e in events if int(e[0] / frame.bar + 1e-9) != silent]
    if last:
        length = min(frame.slot, 2 * frame.unit)
        hold = frame.bar * bars - length
        events = [(b, min(d, hold - b)) for b, d in events if b < hold - 1e-9]
        events.append((hold, length))
    return events


def _pitches(role, events, frame, chords, anchors, limits, rng):
    """Gives each event its pitch."""
    slots = [min(int(b / frame.slot + 1e-9), len(chords) - 1) for b, _ in events]
    if role in FREE:
        return _melody(events, slots, frame, chords, anchors, limits, rng)
    pattern = rng.permutation(3)
    pitches = []
    for i, slot in enumerate(slots):
        tones = _tones(chords[slot].tones, limits)
        near = tones[np.argsort(np.abs(tones - anchors[slot]), kind="stable")]
        pick = 0
        if role == "arpeggio":
            pick = pattern[i % 3]
        elif role in ("pulse", "offbeat") and i % 2 and rng.random() < 0.25:
            pick = 1
        pitches.append(near[min(pick, len(near) - 1)])
    return pitches


def _tones(classes, limits):
    """All pitches of some pitch classes within (low, high)."""
    pitches = np.arange(limits[0], limits[1] + 1)
    return pitches[np.isin(pitches % 12, classes)]


def _melody(events, slots, frame, chords, anchors, limits, rng):
    """Chord tones where chords begin and at the end; steps and skips between."""
    pitches, current = [], None
    for i, ((begin, _), slot) in enumerate(zip(events, slots)):
        if i in (0, len(slots) - 1) or slot != slots[i - 1]:
            current = anchors[slot]
            pitches.append(current)
            continue
        following = [j for j in range(i, len(slots)) if slots[j] != slot]
        left = following[0] - i if following else slots.count(slot)
        goal = anchors[slots[following[0]]] if following else anchors[slot]
        scale = _tones(chords[slot].scale, limits)
        here = int(np.argmin(np.abs(scale - current)))
        away = int(np.argmin(np.abs(scale - goal))) - here
        on_beat = abs(begin / frame.unit - round(begin / frame.unit)) < 1e-9
        if abs(away) >= left and away:
            step = int(np.sign(away)) * (2 if abs(away) > left + 1 else 1)
        elif on_beat and rng.random() < 0.7:
            tones = _tones(chords[slot].tones, limits)
            near = tones[(np.abs(tones - current) < 8) & (tones != current)]
            step = int(np.argmin(np.abs(scale - rng.choice(near)))) - here
        else:
            step = int(rng.choice([-1, 1]))
        current = scale[np.clip(here + step, 0, len(scale) - 1)]
        pitches.append(current)
    return pitches


def _velocities(role, events, frame, bars, level, rng):
    """Accents of the metre, a swell over the phrase, and the melody in front."""
    rise = rng.uniform(4, 14)
    velocities = []
    for begin, _ in events:
        metric = 6 * (begin % frame.bar < 1e-9) + 2 * (begin % frame.unit < 1e-9)
        swell = rise * np.sin(np.pi * begin / (frame.bar * bars))
        front = 8 if role == "melody" else 0
        velocities.append(np.clip(level + metric + swell + front, 40, 120))
    return velocities
