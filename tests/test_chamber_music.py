"""The composer: playable, tonal, varied, a pure function of its generator."""

import itertools

import numpy as np
import pytest

from Datasets.chamber import composition, harmony, roster
from Datasets.chamber.instruments import INSTRUMENTS
from Schema import InputError

# As orchestration books give them (sounding, MIDI): a bound from outside the code.
EXTREMES = {
    "bn": (34, 75),
    "cl": (50, 94),
    "db": (28, 67),
    "fl": (60, 96),
    "hn": (34, 77),
    "ob": (58, 91),
    "sax": (49, 80),
    "tba": (26, 65),
    "tbn": (40, 72),
    "tpt": (52, 82),
    "va": (48, 91),
    "vc": (36, 84),
    "vn": (55, 103),
}


def composed(codes, seconds, seed, crossing=False):
    rng = np.random.default_rng(seed)
    return composition.compose(codes, seconds, rng, crossing)


def line(part, time):
    """The pitch that a part plays at some times; NaN in rests."""
    pitch = np.full(len(time), np.nan)
    for note in part:
        inside = (time >= note.onset) & (time < note.onset + note.duration)
        pitch[inside] = note.pitch
    return pitch


@pytest.mark.parametrize("seconds", [1.0, 3.0, 30.0])
def test_parts_are_playable(seconds):
    for seed in range(30):
        count = 2 + seed % 4
        codes = list(np.random.default_rng(seed).choice(list(INSTRUMENTS), count))
        for code, part in zip(codes, composed(codes, seconds, seed), strict=True):
            low, high = EXTREMES[code]
            assert all(low <= note.pitch <= high for note in part)
            assert all(1 <= note.velocity <= 127 for note in part)
            onset = np.array([note.onset for note in part])
            end = onset + [note.duration for note in part]
            assert onset[0] >= 0 and end[-1] <= seconds
            assert np.all(end - onset > 0.04) and np.all(onset[1:] > end[:-1] - 1e-9)


def test_a_piece_is_a_function_of_its_seed():
    codes = ["fl", "vn", "vc"]
    assert composed(codes, 20, 5) == composed(codes, 20, 5)
    pieces = [composed(codes, 20, seed) for seed in range(8)]
    for one, other in itertools.combinations(pieces, 2):
        for part, counterpart in zip(one, other):
            assert [n.pitch for n in part] != [n.pitch for n in counterpart]


def test_pieces_differ_in_tempo_metre_and_texture():
    pieces = [composed(["fl", "vn", "vc"], 20, seed) for seed in range(12)]
    assert len({tuple(len(part) for part in piece) for piece in pieces}) >= 11
    shortest = [min(n.duration for part in p for n in part) for p in pieces]
    assert np.std(shortest) / np.mean(shortest) > 0.1


def test_parts_of_a_piece_have_rhythms_of_their_own():
    alike = 0
    for seed in range(20):
        parts = composed(["fl", "tpt", "vn", "vc"], 20, seed)
        rhythms = [tuple(round(n.onset, 6) for n in part) for part in parts]
        alike += len(set(rhythms)) < len(rhythms)
    assert alike == 0


def test_parts_do_not_always_all_play_and_none_is_mostly_silent():
    time, playing = np.arange(0, 30, 0.1), []
    for seed in range(10):
        parts = composed(["fl", "tpt", "vn", "vc"], 30, seed)
        playing.append([~np.isnan(line(part, time)) for part in parts])
    playing = np.array(playing)
    assert 0.1 < np.mean(playing.sum(axis=1) < 4) < 0.9
    assert playing.mean(axis=2).min() > 0.25
    assert playing.any(axis=1).mean() > 0.85  # somebody nearly always plays


def test_a_piece_ends_on_one_triad():
    triads = [{r, (r + t) % 12, (r + 7) % 12} for r in range(12) for t in (3, 4)]
    for seed in range(30):
        last = {
            part[-1].pitch % 12 for part in composed(["fl", "vn", "va", "vc"], 20, seed)
        }
        assert any(last <= triad for triad in triads)


def test_melodies_stay_in_seven_pitch_classes_most_of_the_time():
    scales = [{(r + s) % 12 for s in (0, 2, 4, 5, 7, 9, 11)} for r in range(12)]
    share = []
    for seed in range(20):
        notes = sorted(
            (n.onset, n.pitch % 12)
            for p in composed(["fl", "vn", "vc"], 30, seed)
            for n in p
        )
        for i in range(0, len(notes) - 12, 12):
            window = [pitch for _, pitch in notes[i : i + 12]]
            share.append(max(sum(p in s for p in window) for s in scales) / 12)
    # Twelve random pitch classes fit their best scale for about 0.8.
    assert np.mean(share) > 0.95


def test_parallel_fifths_and_octaves_are_rare_between_led_voices():
    ranges, count = [(67, 84), (60, 77), (53, 70), (41, 58)], 0
    rng, total = np.random.default_rng(0), 0
    targets = np.tile([75.0, 68.0, 61.0, 49.0], (16, 1))
    for _ in range(20):
        chords = harmony.phrase(16, int(rng.integers(12)), "major", "half", rng)
        pull, free = np.full(4, 0.15), np.zeros((4, 4), bool)
        led = harmony.lead(chords, ranges, targets, pull, free)
        for v, w in itertools.combinations(range(4), 2):
            apart = (led[:, v] - led[:, w]) % 12
            moved = (np.diff(led[:, v]) != 0) & (np.diff(led[:, w]) != 0)
            parallel = np.isin(apart[1:], (0, 7)) & (np.diff(apart) == 0) & moved
            count, total = count + parallel.sum(), total + len(parallel)
        assert np.all(np.diff(led, axis=1) < 0)  # voices keep their order
    assert count / total < 0.02


def test_twins_cross_and_ordinary_pairs_hardly_do():
    time, crossings = np.arange(0, 20, 0.05), {True: [], False: []}
    for seed, crossing in itertools.product(range(8), (True, False)):
        first, second, _ = composed(["vn", "vn", "vc"], 20, seed, crossing)
        order = np.sign(line(first, time) - line(second, time))
        order = order[~np.isnan(order) & (order != 0)]
        crossings[crossing].append(np.count_nonzero(np.diff(order)))
        if crossing:
            assert 0.2 < np.mean(order > 0) < 0.8
    assert min(crossings[True]) >= 3
    assert np.mean(crossings[False]) < np.mean(crossings[True]) / 2


def test_different_pieces_have_different_players():
    names = roster.pieces(
        range(1, 41),
        seed=0,
        instruments=["fl", "tpt", "vn", "vc"],
        parts=(2, 4),
        duplicates="never",
    )
    casts = [tuple(name.split("_")[2:]) for name in names]
    assert len(set(casts)) >= 8 and {len(cast) for cast in casts} == {2, 3, 4}
    assert all(len(set(cast)) == len(cast) for cast in casts)
    other = roster.pieces(range(1, 41), seed=1, parts=(2, 4))
    assert other != names


def test_the_variant_always_has_exactly_one_pair():
    for name in roster.pieces(range(1, 30), seed=3, duplicates="always"):
        cast = name.split("_")[2:]
        assert len(cast) - len(set(cast)) == 1


@pytest.mark.parametrize(
    "options, word",
    [
        ({"instruments": ["fl", "violn"]}, "'vn'"),
        ({"instruments": ["fl", "fl"]}, "once"),
        ({"instruments": ["fl", "vn"], "duplicates": "never"}, "5 players of 2"),
        ({"duplicates": "perhaps"}, "perhaps"),
        ({"parts": (1, 2)}, "players"),
        ({"numbers": [0]}, "from 1"),
        ({"numbers": [3, 3]}, "twice"),
    ],
)
def test_impossible_ensembles_are_refused_with_the_fix(options, word):
    options = {"numbers": [1], "seed": 0} | options
    with pytest.raises(InputError, match=word):
        roster.pieces(options.pop("numbers"), **options)
