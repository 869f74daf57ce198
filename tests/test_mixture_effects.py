"""What is done to the parts of a training mixture: tempo, pitch, tone, room, sign."""

import numpy as np
import pytest

from Datasets import changing, watching
from Datasets.frames import Frames
from Datasets.mixtures import Mixtures
from Datasets.windows import Windows
from Schema import InputError
from tests.mixtures_made import SOLOS, examples
from tests.sighted_made import FRAMES, N_IN, N_OUT, RATE, SOURCES, prepared, records_of


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return prepared(tmp_path_factory.mktemp("urmp"), "apart")


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """The same with windows that are long enough for another tempo."""
    told = {"excerpt_seconds": 1.5, "window_seconds": 0.5}
    return prepared(tmp_path_factory.mktemp("urmp"), "apart", **told)


@pytest.mark.parametrize("knobs", [{}, {"remix": 1.0}, SOLOS])
def test_at_another_tempo_sound_and_sight_keep_together(long, knobs):
    made = long
    told = Mixtures(tempo=0.5, effects=1.0, **knobs)
    rates = []
    for one in examples(made, 96, told):
        for looks, seen in zip(one["visual"], one["has_visual"]):
            frames = looks[looks[:, 2] > 0, 2] - 1
            if seen and len(frames) >= 5:
                rates.append(np.polyfit(np.arange(len(frames)), frames, 1)[0])
    assert min(rates) < 0.85 and max(rates) > 1.2
    assert abs(np.log(rates).mean()) < 0.12  # as often slower as faster


@pytest.mark.parametrize("tempo", [0.7, 1.4])
def test_the_target_begins_where_it_was_asked_at_any_tempo(long, tempo):
    told = Mixtures(tempo=0.5, effects=1.0)
    windows = Windows(
        records_of(long), "train", N_IN, N_OUT, SOURCES, None, None, FRAMES, told
    )
    start = 160  # after the beginning, which is heard and seen in the context
    found = windows.fetch(0, np.int64(start), tempo)
    rates = np.full(len(found["parts"]), tempo, np.float32)
    parts = changing.in_tempo(found["parts"], rates, N_IN, RATE, told).numpy()
    begun = windows.context - start / tempo
    power = np.square(parts[0, :, 0])
    heard = np.searchsorted(np.cumsum(power), 0.02 * power.sum())
    assert abs(heard - begun) < 0.01 * RATE
    begin = np.int64(start - windows.context)
    told = windows.visual, begin, N_IN, RATE, np.int64(start), tempo
    looks, first = watching.of_window(watching.of_record(found), *told)
    shown = looks.numpy()[0, :, 2]  # number of the frame on screen, from 1
    times = (float(first) + 0.5 + np.arange(len(shown))) / FRAMES.frame_rate
    played = start / RATE + (times - start / RATE) * tempo
    wanted = np.floor(played * FRAMES.frame_rate + 1e-6) + 1
    np.testing.assert_array_equal(shown, np.where(wanted < 1, 0, wanted))


def test_notes_of_a_faster_window_come_earlier_around_its_target():
    notes = np.array([[2.0, 440, 1.0], [4.0, 220, 0.5]], np.float32)
    found = changing.notes_in_tempo(notes, 3.0, 2.0).numpy()
    np.testing.assert_allclose(found, [[2.5, 440, 0.5], [3.5, 220, 0.25]])


@pytest.mark.parametrize(
    "knob, much",
    [("pitch", 3.0), ("equalizer", 12.0), ("reverb", 0.4), ("polarity", 1.0)],
)
def test_an_effect_changes_each_source_and_the_mixture_stays_their_sum(
    made, knob, much
):
    plain = list(examples(made, 8, Mixtures()))
    changed = list(examples(made, 8, Mixtures(effects=1.0, **{knob: much})))
    for before, after in zip(plain, changed):
        crop = (len(after["mix"]) - N_OUT) // 2
        centre = after["mix"][crop : crop + N_OUT]
        np.testing.assert_allclose(after["sources"].sum(axis=0), centre, atol=1e-5)
        np.testing.assert_array_equal(before["labels"], after["labels"])
        for slot in np.flatnonzero(before["active"]):
            one, other = before["sources"][slot], after["sources"][slot]
            if knob == "polarity":
                np.testing.assert_array_equal(one, -other)
            elif np.abs(one).max() > 0.01:
                assert np.abs(one - other).max() > 1e-3


@pytest.mark.parametrize(
    "tempo, reach, fits",
    [(0.0, 64, True), (0.5, 42, True), (0.0, 65, False), (0.5, 43, False)],
)
def test_frames_around_a_window_lie_in_the_record_at_any_tempo(
    long, tempo, reach, fits
):
    frames, told = Frames(FRAMES.frame_rate, reach), Mixtures(tempo=tempo)
    wanted = records_of(long), "train", N_IN, N_OUT, SOURCES, None, None, frames, told
    if fits:
        assert Windows(*wanted).visual.reach == reach
        return
    words = f"looks {reach * (1 + tempo):g} frames around a window, records hold 64"
    with pytest.raises(InputError, match=words):
        Windows(*wanted)
