"""What training mixtures are made of: each option by its effect."""

import collections
import dataclasses

import numpy as np
import pytest

import Config
from Datasets import gathering, pipeline
from Datasets.frames import Frames
from Datasets.mixtures import Mixtures
from Datasets.windows import Windows
from Schema import InputError
from tests.mixtures_made import SOLOS, examples, label_of, origins
from tests.sighted_made import (
    FRAMES,
    N_IN,
    N_OUT,
    PIECES,
    RATE,
    SOURCES,
    prepared,
    records_of,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return prepared(tmp_path_factory.mktemp("urmp"), "apart")


def test_solos_of_several_recordings_are_mixed_and_separated(made):
    counts, recordings = collections.Counter(), set()
    for one in examples(made, 48, Mixtures(**SOLOS)):
        crop = (len(one["mix"]) - N_OUT) // 2
        centre = one["mix"][crop : crop + N_OUT]
        np.testing.assert_allclose(one["sources"].sum(axis=0), centre, atol=2e-6)
        counts[int(one["active"].sum())] += 1
        for slot, (piece, part, _) in origins(made, one).items():
            assert label_of(one, slot) == piece.split("_")[2:][part]
        recordings.add(frozenset(piece for piece, *_ in origins(made, one).values()))
    assert set(counts) == {2, 3}
    assert any(len(pieces) > 1 for pieces in recordings)


def test_example_i_of_mixed_solos_is_a_function_of_the_seed_and_i_alone(made):
    whole = list(examples(made, 8, Mixtures(**SOLOS)))
    later = list(examples(made, 4, Mixtures(**SOLOS), first=4))
    other = list(examples(made, 4, Mixtures(**SOLOS), seed=6))
    for key in ("mix", "sources", "labels"):
        for one, again in zip(whole[4:], later):
            np.testing.assert_array_equal(one[key], again[key])
    assert not np.array_equal(whole[0]["mix"], other[0]["mix"])


@pytest.mark.parametrize("instruments", ["different", "same", "any"])
def test_the_instruments_of_a_mixture_are_as_asked(made, instruments):
    told = Mixtures(sources_min=2, sources_max=2, instruments=instruments)
    kinds = set()
    for one in examples(made, 32, told):
        labels = [label_of(one, slot) for slot in np.flatnonzero(one["active"])]
        assert len(labels) == 2
        kinds.add(len(set(labels)))
        pieces = [piece for piece, *_ in origins(made, one).values()]
        if instruments == "same":
            assert len(set(pieces)) == len(pieces)  # never one recording twice
    assert kinds == {"different": {2}, "same": {1}, "any": {1, 2}}[instruments]


def test_a_curriculum_begins_with_few_sources_and_ends_with_many(made):
    told = Mixtures(sources_min=1, sources_max=3, curriculum=300)
    few = [one["active"].sum() for one in examples(made, 32, told)]
    many = [one["active"].sum() for one in examples(made, 64, told, first=300)]
    assert set(few) == {1} and set(many) == {1, 2, 3}


def test_remixed_stems_keep_their_instrument_and_change_their_recording(made):
    def moved(share):
        total = away = 0
        for one in examples(made, 48, Mixtures(remix=share)):
            found = origins(made, one)
            pieces = collections.Counter(piece for piece, *_ in found.values())
            for slot, (piece, part, _) in found.items():
                assert label_of(one, slot) == piece.split("_")[2:][part]
            total += len(found)
            away += len(found) - max(pieces.values(), default=0)
        return away / total

    assert moved(0.0) == 0 and moved(1.0) > 0.2


def test_with_balance_rare_instruments_are_as_frequent_as_others(made):
    def share(balance, label):
        told = Mixtures(sources_min=1, sources_max=1, balance=balance)
        labels = [
            label_of(one, one["active"].argmax()) for one in examples(made, 400, told)
        ]
        return labels.count(label) / len(labels)

    labels = [code for piece in trained(made) for code in piece.split("_")[2:]]
    even = 1 / len(set(labels))
    seconds = {
        label: sum(PIECES[p][0] * p.split("_")[2:].count(label) for p in trained(made))
        for label in set(labels)
    }
    rare = min(seconds, key=seconds.get)
    natural = seconds[rare] / sum(seconds.values())
    assert abs(natural - even) > 0.04  # the two are to be told apart
    assert abs(share(0.0, rare) - natural) < 0.07
    assert abs(share(1.0, rare) - even) < 0.07


def trained(made):
    return [track.id for track in records_of(made).tracks("train")]


def test_balance_also_chooses_among_recorded_ensembles(made):
    def share(balance):
        told = Mixtures(balance=balance)
        tracks = [int(one["track"]) for one in examples(made, 600, told)]
        return np.bincount(tracks, minlength=2) / len(tracks)

    assert np.abs(share(1.0) - share(0.0)).max() > 0.05


@pytest.mark.parametrize("slots", [4, None])
def test_silenced_stems_are_silent_inactive_and_unseen_and_one_always_sounds(
    made, slots
):
    told = Mixtures(sources_min=3, sources_max=3, instruments="different", silence=0.6)
    active = []
    for one in examples(made, 64, told, n_slots=slots):
        silent = one["active"] == 0
        assert not one["sources"][silent].any()
        active.append(one["active"].sum())
        assert one["has_visual"].sum() <= active[-1]
        if slots:
            assert one["labels"].sum() >= 3  # a name may be silent
        else:
            np.testing.assert_array_equal(one["labels"], one["active"])
        crop = (len(one["mix"]) - N_OUT) // 2
        np.testing.assert_allclose(
            one["sources"].sum(axis=0), one["mix"][crop : crop + N_OUT], atol=2e-6
        )
    assert min(active) == 1 and abs(np.mean(active) / 3 - 0.4) < 0.15


@pytest.mark.parametrize("slots", [4, None])
def test_what_is_seen_of_a_player_follows_their_sound(made, slots):
    told = Mixtures(sources_min=3, sources_max=3, instruments="different")
    checked = 0
    for one in examples(made, 48, told, n_slots=slots):
        first = round((one["visual_start"] + one["start"] / RATE) * FRAMES.frame_rate)
        base = int(one["start"])
        heard = origins(made, one)
        for looks, seen in zip(one["visual"], one["has_visual"]):
            if not seen or not looks.any():
                continue
            row = np.flatnonzero(looks[:, 2])[0]
            number, player, frame = looks[row].astype(int)
            mine = [
                start
                for piece, part, start in heard.values()
                if (int(piece[:2]), part + 1) == (number, player)
            ]
            for start in mine:
                checked += 1
                # The frame on screen, at the time of its own recording.
                moved = (start - base) / RATE * FRAMES.frame_rate
                assert abs(frame - 1 - (first + row) - moved) < 0.01
    assert checked > 20


def test_windows_of_a_mixture_are_moved_by_less_than_a_frame(made):
    frames = Frames(frame_rate=15.0)
    windows = Windows(
        records_of(made), "train", N_IN, N_OUT, SOURCES, None, None, frames
    )
    starts = np.arange(-400, 9000, 37)
    moved = gathering.aligned(windows, starts, 777).numpy()
    step = RATE / 15
    assert np.abs(moved - starts).max() <= step + 1
    phase = (moved - 777) / step
    np.testing.assert_allclose(phase, np.round(phase), atol=1.01 / step)


@pytest.mark.parametrize("size", [3, 4])
def test_solos_are_validated_in_mixtures_that_never_change(made, size):
    told = Mixtures(**SOLOS, silence=0.5, pitch=2.0, effects=1.0).fixed()
    assert told == Mixtures(**SOLOS)
    windows = Windows(
        records_of(made), "train", N_IN, N_OUT, SOURCES, 3, None, FRAMES, told
    )

    def passes(n):
        for batch in pipeline.evaluation_batches(windows, size).take(n):
            yield {key: value.numpy() for key, value in batch.items()}

    once, again = list(passes(-1)), list(passes(10))
    for one, other in zip(once, again):
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])
        assert np.all(one["active"].sum(axis=1) >= 2)
    count = len(windows.tiles())
    valid = [int((batch["n_valid"] > 0).sum()) for batch in once]
    assert sum(valid) == count and len(valid) == -(-count // size)


def test_the_section_of_the_configuration_is_what_mixtures_take():
    from tests.test_config import configuration

    defaults = {f.name: f.default for f in dataclasses.fields(Mixtures)}
    assert configuration()["mixing"] == defaults
    assert "mixing" in Config.SECTIONS


@pytest.mark.parametrize(
    "knobs, words",
    [
        ({"remix": 1.5}, "mixing.remix=1.5 must lie between 0 and 1"),
        ({"instruments": "similar"}, "mixing.instruments='similar': choose one of any"),
        ({"sources_max": 3}, "sources_min=0 means as recorded: set both"),
        ({"sources_min": 3, "sources_max": 2}, "expected 0 <= least <= most"),
        ({"remix": 0.5, **SOLOS}, "set one to 0"),
        ({"tempo": 0.9}, "mixing.tempo=0.9 must lie between 0 and 0.5"),
        ({"curriculum": -1}, "mixing.curriculum=-1 must be 0 or more"),
    ],
)
def test_impossible_mixtures_are_refused(knobs, words):
    with pytest.raises(InputError, match=words):
        Mixtures(**knobs)


@pytest.mark.parametrize(
    "instruments, words",
    [
        ("different", "=9 different instruments: the train recordings have"),
        ("same", "=9 of the same instrument: of none there are more than"),
    ],
)
def test_more_than_the_recordings_have_is_refused(made, instruments, words):
    told = Mixtures(sources_min=9, sources_max=9, instruments=instruments)
    with pytest.raises(InputError, match=words):
        next(examples(made, 4, told))
