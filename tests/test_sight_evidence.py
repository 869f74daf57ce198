"""The evidence on sight: what is planned, and what is made of the scores."""

import numpy as np
import pytest

from benchmarks import sight, sight_permuted, sight_run
from benchmarks import sight_plan as plan
from Models import checkpoints
from Scores.si_sdr import si_sdr


def test_every_run_has_a_folder_of_its_own():
    assert len({run.name for run in plan.runs()}) == len(plan.runs()) == 15


def test_blind_and_sighted_differ_in_what_they_see_and_in_nothing_else():
    for corpus in plan.CORPORA:
        blind = plan.Run(corpus, "blind").sections()
        sighted = plan.Run(corpus, "sighted").sections()
        for key in ("fusers", "null_conditions"):
            sighted["model"] = {k: v for k, v in sighted["model"].items() if k != key}
            blind["model"] = {k: v for k, v in blind["model"].items() if k != key}
        training = dict(sighted["training"])
        assert training.pop("condition_dropout") > 0
        assert blind == {**sighted, "training": training}


def test_a_permuted_network_is_told_nothing_and_has_an_estimate_for_each_player(
    tmp_path, monkeypatch
):
    run = plan.Run("pair", "permuted")
    blind = plan.Run("pair", "blind").sections()
    assert run.sections()["training"] == blind["training"]
    assert not {"fusers", "slots"} & set(run.sections()["model"])
    monkeypatch.setitem(plan.CORPORA, "pair", {**plan.PAIR, **FEW})
    monkeypatch.setitem(
        plan.MODELS, ("pair", "permuted"), {**run.sections()["model"], **SMALL}
    )
    shortly = {**run.sections()["training"], "steps_per_epoch": 2}
    monkeypatch.setitem(plan.TRAINING, ("pair", "permuted"), shortly)
    told = sight_run.execute(run, tmp_path)
    rows = told["si_sdri"]
    assert rows["permuted, best order"] >= rows["permuted"]
    model = checkpoints.load(tmp_path / run.name / "1")
    assert model.source_names == sight_permuted.PLAYERS
    assert list(model.batch_keys) == ["mix"]


def test_the_pair_is_of_one_instrument_and_nobody_is_told_the_score():
    data = plan.PAIR
    assert data["duplicates"] == "always" and len(data["instruments"]) == 1
    assert data["min_parts"] == data["max_parts"] == 2
    for run in plan.runs():
        assert not any("score" in f for f in run.sections()["model"].get("fusers", []))


# Two pieces and a network of the least size, for seconds.
FEW = {"train_pieces": 1, "test_pieces": 1, "seconds": 4.0, "excerpt_seconds": 3.0}
FEW |= {"window_seconds": 1.0}
SMALL = {"num_layers": 2, "num_initial_filters": 4, "num_frames": 512}


def scored(corpus, kind, **more):
    keys = {key for of, key in sight.ROWS[corpus].values() if of == kind}
    return {
        "si_sdri": {**dict.fromkeys(keys, 0.1), **more},
        "training_seconds": 5.0,
        "scoring_seconds": 1.0,
        "commit": "abc",
    }


def results(**sighted):
    found = {}
    for seed in plan.SEEDS:
        found[plan.Run("pair", "blind", seed)] = scored("pair", "blind")
        found[plan.Run("pair", "permuted", seed)] = scored("pair", "permuted")
        found[plan.Run("pair", "sighted", seed)] = scored("pair", "sighted", **sighted)
    return found


GOOD = {"sighted": 3.2, "exchanged": 3.0, "absent": -0.3}


@pytest.mark.parametrize(
    "change, broken",
    [
        ({}, None),
        ({"sighted": 3.05, "exchanged": 3.0}, "3 dB or more above blind"),
        ({"exchanged": 2.6}, "within 0.5 dB of sighted"),
        ({"absent": -0.5}, "within 0.5 dB of blind"),
    ],
)
def test_a_promise_holds_in_each_seed_or_not_at_all(change, broken):
    found = results(**GOOD)
    run = plan.Run("pair", "sighted", 2)
    found[run] = scored("pair", "sighted", **{**GOOD, **change})
    kept = sight.promises(sight.table("pair", found)[1])
    assert [s for s, holds in kept.items() if not holds] == [
        sentence for sentence in kept if broken and broken in sentence
    ]
    del found[run]
    assert not any(sight.promises(sight.table("pair", found)[1]).values())


def test_a_table_has_a_column_for_each_seed_and_what_is_missing_is_a_dash():
    found = results(**GOOD)
    del found[plan.Run("pair", "blind", 3)]
    text, figures = sight.table("pair", found)
    lines = {line.split("|")[1].strip(): line for line in text.splitlines()}
    assert lines["blind, in fixed order"].split("|")[2:5] == [" 0.10 ", " 0.10 ", " - "]
    assert "3.20 ± 0.00" in lines["sighted, in fixed order"]
    assert figures["video absent"] == {"1": -0.3, "2": -0.3, "3": -0.3}


def test_the_best_order_is_at_least_as_good_as_the_fixed_one():
    random = np.random.default_rng(0)
    audio = random.normal(size=(2, 400, 1)).astype(np.float32)
    estimates = audio[::-1] + 0.1 * random.normal(size=audio.shape).astype(np.float32)
    mix = audio.sum(axis=0)
    found = sight_run._in_any_order("it", audio, estimates, mix)
    floor = si_sdr(audio, np.stack([mix, mix])).mean()
    assert found["it"] == pytest.approx(si_sdr(audio, estimates).mean() - floor)
    swapped = si_sdr(audio, estimates[::-1]).mean() - floor
    assert found["it, best order"] == pytest.approx(swapped) and swapped > 15


def test_an_exchanged_video_shows_the_players_in_each_others_place(tmp_path):
    from tests.video_made import write

    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, :32], picture[:, 32:] = 40, 200
    write(tmp_path / "two.mp4", [picture] * 3, np.arange(3) / 10)
    shown = next(iter(sight_run.Exchanged(tmp_path / "two.mp4", rate=10)))
    assert shown[:, :, 2:30].mean() > 180 and shown[:, :, 34:62].mean() < 60


def test_a_frozen_video_shows_its_first_picture(tmp_path):
    from tests.video_made import grey, write

    pictures = [grey(level) for level in (40, 90, 160, 220)]
    write(tmp_path / "steps.mp4", pictures, np.arange(4) / 10)
    shown = np.concatenate(list(sight_run.Frozen(tmp_path / "steps.mp4", rate=10)))
    assert len(shown) >= 3 and np.ptp(shown.astype(int), axis=0).max() == 0
    assert abs(int(shown[-1].mean()) - 40) < 8
