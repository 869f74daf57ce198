"""The evidence on conditioning: what is planned, and what is made of the scores."""

import pytest

from benchmarks import conditioning, machine
from benchmarks import conditioning_plan as plan
from benchmarks import conditioning_tables as tables
from benchmarks import runs as running
from Learning.folder import commit


def scored(**values):
    return {"si_sdri": 5.0, "training_seconds": 50.0, "scoring_seconds": 9.0} | values


def test_every_run_has_a_folder_of_its_own():
    runs = set(plan.everything("film@decoder_2"))
    assert len({run.name for run in runs}) == len(runs)


def test_runs_of_one_comparison_differ_in_nothing_else():
    blind, told = plan.Run(3).sections(), plan.Run(3, plan.CEXP).sections()
    assert told["model"].pop("fusers") == ["outer_product@bottleneck"]
    assert blind["model"].pop("fusers") == [] and blind == told


def test_labels_tell_something_in_every_piece():
    for run in plan.part_a():
        data = run.sections()["data"]
        assert data["min_parts"] == data["max_parts"] == run.players
        assert run.players < len(data["sources"])


def test_parts_share_the_networks_that_they_have_in_common():
    assert set(plan.Run(3).seeds()) < set(plan.part_a()) & set(plan.part_b({}))
    assert set(plan.Run(3).seeds()) < set(plan.part_c({}))


def test_the_best_three_are_trained_again_when_the_grid_is_done():
    grid = list(plan.grid().values())
    assert len(grid) == 35 and len(plan.part_b({})) == 38
    results = {run: scored(si_sdri=float(k)) for k, run in enumerate(grid)}
    results |= dict.fromkeys(plan.Run(3).seeds(), scored())
    results[grid[-1]] = None  # it failed
    assert [run.fusers[0] for run in plan.best(results)] == [
        f"multiplicative_attention@{place}"
        for place in ("decoder", "bottleneck", "encoder")
    ]
    assert len(plan.part_b(results)) == 38 + 6
    assert set(plan.part_b(results)) < set(plan.everything())


def test_the_dropout_takes_the_best_fuser_or_the_one_that_is_named():
    run = plan.grid()["film", "decoder"]
    assert plan.fuser_of_c({run: scored()}) == ("film@decoder",)
    assert plan.fuser_of_c({run: scored()}, "film@input") == ("film@input",)
    training = plan.part_c({})[-1].sections()["training"]
    assert training["condition_dropout"] == 0.5


def test_a_mean_stands_beside_its_standard_error():
    mean, error = tables.estimate([1.0, 2.0, 3.0])
    assert mean == 2.0 and error == pytest.approx(1 / 3**0.5)
    assert tables.estimate([4.0]) == (4.0, None) and tables.estimate([]) is None
    assert tables.gain((3.0, 0.3), (1.0, 0.4)) == (2.0, pytest.approx(0.5))
    assert tables.shown((2.0, 0.577)) == "2.00 ± 0.58"


def test_conditioning_gains_by_players_in_the_table():
    results = {}
    for run in plan.part_a():
        sir = 2.0 * run.players * bool(run.fusers) + 0.1 * run.seed
        results[run] = scored(SIR=sir, SDR=1.0, SAR=1.0)
    text, figures = tables.table_a(results)
    assert "| gain of labels | 4 | 0.00 ± 0.00 | 0.00 ± 0.00 | 8.00 ± 0.08 |" in text
    assert figures["2"]["gain of labels"]["SIR"] == [4.0, 0.082]


def test_the_loss_without_labels_is_held_against_what_is_allowed():
    results = {run: scored(si_sdri=5.0 + 0.1 * run.seed) for run in plan.part_c({})}
    for run in plan.part_c({})[3:]:
        results[run]["si_sdri_blind"] = 4.9 + 0.1 * run.seed
    text, figures = tables.table_c(results)
    assert "loss without labels: 0.10 ± 0.08 dB, allowed 0.30 dB" in text
    assert figures["loss"] == [0.1, 0.082] and figures["allowed"] == 0.3


def test_a_result_counts_for_its_commit_and_its_settings(tmp_path):
    run = plan.Run(2)
    told = {"commit": commit(running.ROOT), "settings": running.settings(run)}
    path = tmp_path / run.name / "result.json"
    running.Utils.write_json(path, told)
    assert running.finished(run, tmp_path) == told
    running.Utils.write_json(path, {**told, "commit": "another"})
    assert running.finished(run, tmp_path) is None
    assert running.finished(run, tmp_path, keep=True)
    running.Utils.write_json(path, {**told, "settings": {}})
    assert running.finished(run, tmp_path, keep=True) is None


def test_a_run_that_fails_stops_no_other(tmp_path, monkeypatch, capsys):
    kept, bad = {}, plan.Run(3, seed=2)

    def execute(runs, folder, cores):
        for run in set(runs) - {bad}:
            kept[run] = scored(SDR=1.0, SIR=2.0, SAR=3.0, commit="c")
        return {bad: "ValueError: no"} if bad in runs else {}

    monkeypatch.setattr(conditioning, "execute", execute)
    monkeypatch.setattr(conditioning, "found", lambda *_: dict(kept))
    monkeypatch.setattr(machine, "store", lambda rows: None)
    with pytest.raises(SystemExit, match="1"):
        conditioning.main([str(tmp_path), "a"])
    said = capsys.readouterr()
    assert "Part a: 17 of 18 runs, 59.0 s each" in said.out
    assert f"FAILED {bad.name}: ValueError: no" in said.err
