"""The video: who plays moves, with the notes; who rests is still."""

import itertools

import numpy as np
import pytest

from Datasets.chamber import gestures, stage
from Datasets.chamber.instruments import INSTRUMENTS
from Datasets.chamber.performance import Performance

RATE, SIZE = 15, (320, 180)


def player(onsets, duration=0.3, keys=None):
    """Notes at some times, without sound."""
    onsets = np.asarray(onsets, float)
    keys = 60 + np.arange(len(onsets)) % 5 if keys is None else np.asarray(keys)
    hertz = 440 * 2 ** ((keys - 69) / 12)
    notes = np.column_stack([onsets, hertz, np.full(len(onsets), duration)])
    return Performance(np.zeros(1, np.float32), notes, keys, np.zeros((1, 2)))


def filmed(played, codes, seconds, seed=0, **options):
    rng = np.random.default_rng(seed)
    return np.stack(
        list(stage.frames(played, codes, seconds, RATE, SIZE, rng, **options))
    )


def motion(shown, columns):
    """Mean absolute change of some columns from the frame before."""
    seen = shown[:, :, slice(*columns)].astype(np.int16)
    return np.abs(np.diff(seen, axis=0)).mean(axis=(1, 2, 3))


def near_onset(one, count):
    """1 where a note began less than 0.2 s before the end of the frame."""
    end = (np.arange(1, count) + 1) / RATE
    since = end[:, None] - one.notes[:, 0]
    return ((since >= 0) & (since < 0.2)).any(axis=1).astype(float)


@pytest.mark.parametrize("code", INSTRUMENTS)
def test_a_seat_moves_with_its_own_notes_and_not_the_neighbours(code):
    rng = np.random.default_rng(1)
    onsets = [np.cumsum(rng.uniform(0.35, 1.1, 12)) for _ in range(2)]
    low = INSTRUMENTS[code].low + 3
    keys = low + rng.integers(0, 12, (2, 12))
    played = [player(o, 0.25, k) for o, k in zip(onsets, keys)]
    shown = filmed(played, [code, code], 10.0)
    for i, columns in enumerate(stage.seats(2, SIZE[0])):
        playing = slice(int(RATE * onsets[i][0]), int(RATE * onsets[i][-1]))
        moved = motion(shown, columns)[playing]  # later it is lowered
        own, other = (
            np.corrcoef(moved, near_onset(played[k], len(shown))[playing])[0, 1]
            for k in (i, 1 - i)
        )
        assert own > 0.3 and own > other + 0.2


@pytest.mark.parametrize("code", INSTRUMENTS)
def test_a_note_starts_a_movement_at_once_and_a_rest_is_still(code):
    shown = filmed([player([2.0]), player([2.0])], [code, "fl"], 6.0)
    moved = motion(shown, stage.seats(2, SIZE[0])[0])
    frame = int(2.0 * RATE)  # shows [2.0, 2.067) s; moved[k - 1] leads to frame k
    assert moved[frame - 1 : frame + 1].max() > 0
    assert np.all(moved[: int(1.4 * RATE)] == 0)
    assert np.all(moved[int(4.5 * RATE) :] == 0)


def test_a_seat_shows_its_player_only():
    one, two, other = player([1.0, 1.5]), player([0.5, 2.0]), player([0.2, 0.9, 2.2])
    first = filmed([one, two], ["vn", "tbn"], 3.0)
    second = filmed([one, other], ["vn", "tbn"], 3.0)
    (start, middle), (_, stop) = stage.seats(2, SIZE[0])
    np.testing.assert_array_equal(first[:, :, start:middle], second[:, :, start:middle])
    assert np.any(first[:, :, middle:stop] != second[:, :, middle:stop])


def test_instruments_look_different():
    """Same player, same background: each pair differs in a good part of the seat."""
    still = {}
    for code in INSTRUMENTS:
        keys = [INSTRUMENTS[code].low + 5] * 2
        shown = filmed([player([0.6, 5.0], 2.0, keys)] * 2, [code, code], 2.0)
        still[code] = shown[24, :, : SIZE[0] // 2].astype(int)
    for one, other in itertools.combinations(still, 2):
        apart = np.abs(still[one] - still[other]).max(axis=-1) > 60
        assert apart.mean() > 0.012, (one, other)


def test_order_changes_seats():
    played = [player([0.5]), player([1.5])]
    shown = filmed(played, ["vn", "vn"], 3.0, order=[1, 0])
    left, right = (motion(shown, c) for c in stage.seats(2, SIZE[0]))
    assert np.argmax(right > 0) < np.argmax(left > 0)


def test_looks_are_drawn_from_the_generator():
    played = [player([0.5])] * 2
    one, same, other = (filmed(played, ["vn", "vc"], 0.5, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert np.mean(np.abs(one[0].astype(int) - other[0]) > 10) > 0.3


def test_every_started_frame_period_has_a_frame():
    played = [player([0.2])] * 2
    assert len(filmed(played, ["vn", "vc"], 1.0)) == 15
    assert len(filmed(played, ["vn", "vc"], 1.01)) == 16


def test_bows_turn_at_every_note_and_stop_between_them():
    onsets = np.array([0.5, 1.5, 2.5, 3.5])
    one = player(onsets, 0.8)
    drawn = gestures.gestures(
        one.notes, one.keys, "vn", 5.0, 100, np.random.default_rng(0)
    )
    speed = np.diff(drawn.bow)
    inside = [speed[int(100 * a) + 5 : int(100 * a) + 75] for a in onsets]
    signs = [np.sign(np.median(s)) for s in inside]
    assert signs in ([1, -1, 1, -1], [-1, 1, -1, 1])
    assert np.all(speed[135:145] == 0) and np.all(speed[450:] == 0)


def test_valves_and_slides_are_those_of_real_instruments():
    """Sounding pitches; a B flat trumpet's C is B flat 3 (58)."""
    trumpet = {
        58: 0,
        59: 7,
        60: 5,
        61: 6,
        62: 3,
        63: 1,
        64: 2,
        65: 0,
        57: 2,
        56: 1,
        55: 3,
    }
    for pitch, valves in trumpet.items():
        assert gestures.VALVES[gestures.brass_fingering("tpt", pitch)] == valves
    positions = {46: 1, 45: 2, 44: 3, 43: 4, 42: 5, 41: 6, 40: 7, 53: 1, 58: 1, 57: 2}
    for pitch, position in positions.items():
        assert gestures.brass_fingering("tbn", pitch) + 1 == position
