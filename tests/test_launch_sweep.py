"""launch/sweep.py before and after its runs: plans, commands, shares, tables."""

import csv
import os
import pathlib
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest

from launch import sweep, sweep_plan, sweep_pool, sweep_shares
from launch import sweep_table as table
from launch.sweep_plan import Combination
from launch.sweep_runs import Look
from Schema import InputError

ROOT = pathlib.Path(__file__).parents[1]


def test_a_sweep_is_every_combination_of_configurations_values_and_seeds():
    vary = sweep_plan.varied(["training.loss=mean_square,snr", "model.fusers=[],['a']"])
    jobs = sweep_plan.planned("sweep", ["urmp", "a+b"], vary, [1, 2], ["c"], ["x=1"])
    assert len(jobs) == 2 * 2 * 2 * 2 == len({job.folder for job in jobs})
    assert jobs[0].words == (
        *("with", "c", "urmp", "x=1", "training.loss=mean_square", "model.fusers=[]"),
        "seed=1",
    )
    assert jobs[-1].words[:4] == ("with", "c", "a", "b")
    assert jobs[-1].words[-3:] == ("training.loss=snr", "model.fusers=['a']", "seed=2")


def test_the_folder_of_a_combination_stays_when_others_join():
    vary = sweep_plan.varied(["training.loss=snr"])
    more = sweep_plan.varied(["training.loss=mean_square,snr"])
    (one,) = sweep_plan.planned("s", ["urmp"], vary, [1])
    assert one.folder in {
        j.folder for j in sweep_plan.planned("s", ["urmp"], more, [1])
    }
    assert one.folder == pathlib.Path("s/urmp--training.loss-snr/seed-1")


def test_folders_that_lose_characters_stay_different():
    values = ["10 * snr", "10 + snr", "10_*_snr", "x" * 300, "x" * 301]
    names = {Combination("u", (("training.loss", value),)).folder for value in values}
    assert len(names) == len(values)
    assert all(re.fullmatch("[a-z0-9+_.-]+", name) for name in names)
    assert max(map(len, names)) < 140


def test_commas_inside_of_brackets_and_quotes_part_no_values():
    text = "[], ['film@decoder', 'x,y'],\"a, b\",(1, 2)"
    parts = ["[]", "['film@decoder', 'x,y']", '"a, b"', "(1, 2)"]
    assert sweep_plan.split(text) == parts


def test_seeds_are_a_number_of_them_or_their_names():
    assert sweep_plan.seeds(["3"]) == [1, 2, 3]
    assert sweep_plan.seeds(["7", "9"]) == [7, 9]
    assert sweep_plan.seeds(["7-9", "8", "0"]) == [7, 8, 9, 0]
    assert sweep_plan.seeds(["7-7"]) == [7]
    assert sweep_plan.seeds(["0"]) == [0]


@pytest.mark.parametrize(
    "make, told",
    [
        (lambda: sweep_plan.varied(["training.loss"]), "KEY=VALUE,VALUE"),
        (lambda: sweep_plan.varied(["a=1,,2"]), "--vary a=1,,2"),
        (lambda: sweep_plan.varied(["a=1,2,1"]), "the value 1 is there twice"),
        (lambda: sweep_plan.varied(["a=1", "a=2"]), "a is there twice"),
        (lambda: sweep_plan.varied(["seed=1,2"]), "--seeds"),
        (lambda: sweep_plan.seeds(["three"]), "three is neither"),
        (lambda: sweep_plan.seeds(["9-7"]), "9-7 is neither"),
        (lambda: sweep_plan.shared(["resume=runs/1"], {}), "resumes by itself"),
        (lambda: sweep_plan.shared(["a=1"], {"a": ["2"]}), "--vary sets a too"),
        (lambda: sweep_plan.shared(["--jobs"], {}), "stand before it"),
        (lambda: sweep_plan.check_name("urpm", ["urmp"]), "did you mean urmp?"),
        (lambda: sweep_plan.check_name("no.json", ["urmp"]), "there are urmp"),
    ],
)
def test_what_cannot_be_swept_is_refused_with_the_users_words(make, told):
    with pytest.raises(InputError, match=".") as caught:
        make()
    assert told in str(caught.value)


def test_a_folder_in_a_bucket_is_refused(capsys):
    with pytest.raises(SystemExit):
        sweep.parser().parse_args(["--folder", "gs://bucket/sweep"])
    assert "gs://bucket/sweep: a sweep is kept on a disk" in capsys.readouterr().err


def test_jobs_at_once_get_different_cores_and_gpus():
    first, second = sweep_shares.shares(2, cores=[0, 1, 2], gpus=["4", "5", "6"])
    assert (first[0], second[0]) == ([0, 2], [1])
    assert first[1]["CUDA_VISIBLE_DEVICES"] == "4,6"
    assert second[1]["CUDA_VISIBLE_DEVICES"] == "5"
    assert second[1]["OMP_NUM_THREADS"] == "1"
    assert "TF_FORCE_GPU_ALLOW_GROWTH" not in first[1]
    crowd = sweep_shares.shares(3, cores=[0, 1], gpus=["0"])
    assert [one[0] for one in crowd] == [[0], [1], [0]]
    assert {one[1]["CUDA_VISIBLE_DEVICES"] for one in crowd} == {"0"}
    assert crowd[0][1]["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert "1 of 2 cores, GPU 0 (shared)" in crowd[0][2]


def test_one_job_at_a_time_gets_all_there_is():
    assert sweep_shares.shares(1, cores=[0, 1], gpus=["0"])[0][:2] == ([0, 1], {})


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="not on this system")
def test_cores_are_chosen_for_a_child_and_given_back():
    before = os.sched_getaffinity(0)
    with sweep_shares.on_cores({min(before)}):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before


def test_what_is_next_follows_from_how_a_job_is():
    (job,) = sweep_plan.planned("s", [], {}, [1])

    def step(look, evaluation=None, again=False):
        found = sweep_pool.next_step(job, look, evaluation, again)
        return found and found[0]

    run = pathlib.Path("s/default/seed-1/1")
    assert step(Look("new")) == step(Look("cut off", run, run)) == "train"
    assert step(Look("failed")) is None
    assert step(Look("failed"), again=True) == "train"
    assert step(Look("trained", run)) is None
    assert step(Look("trained", run), []) == "evaluate"
    assert step(Look("trained", run, scores=run), []) is None
    assert step(Look("trained", run, unscored=True), []) is None
    assert step(Look("trained", run, unscored=True), [], again=True) == "evaluate"


def row(name, losses, gains=(), notes=()):
    numbers = {"validation_loss": losses, "SI-SDRi": gains, "SDR urmp-v4": gains}
    numbers["seconds"] = [10.0] * len(losses)
    kept = {key: table.spread(values) for key, values in numbers.items() if values}
    return table.Row(Combination(name, (("k", "a|b"),)), 3, len(losses), kept, notes)


def test_a_spread_is_that_of_numpy_and_of_one_seed_there_is_none():
    values = [0.3, 0.1, 0.4]
    found = table.spread(values)
    assert found["mean"] == pytest.approx(np.mean(values))
    assert found["sd"] == pytest.approx(np.std(values, ddof=1))
    assert (found["min"], found["max"], found["n"]) == (0.1, 0.4, 3)
    assert table.spread([0.5])["sd"] is None


def test_rows_are_ranked_by_what_is_heard_then_by_the_loss():
    scored = [row("low", [0.1], [3.0]), row("high", [0.3], [5.0]), row("none", [0.2])]
    order = [one.combination.config for one in sorted(scored, key=table._rank)]
    assert order == ["high", "low", "none"]
    plain = [row("b", [0.3]), row("failed", []), row("a", [0.2, 0.3])]
    order = [one.combination.config for one in sorted(plain, key=table._rank)]
    assert order == ["a", "b", "failed"]


def test_each_number_of_the_table_says_over_how_many_seeds_it_is():
    rows = [
        row("a", [0.1, 0.2, 0.3], [5.0, 6.0]),
        row("b", [0.5], (), ((2, "failed: x"),)),
    ]
    text = table.text(rows, "what it is")
    line = next(line for line in text.splitlines() if line.startswith("a k=a|b"))
    assert "3/3" in line and "2.0000e-01 ± 1.0e-01 [1.0000e-01, 3.0000e-01] (3)" in line
    assert line.count("5.50 ± 0.71 [5.00, 6.00] (2)") == 2
    assert "5.0000e-01 (1)" in text and "b k=a|b seed=2: failed: x" in text
    assert text.index("SI-SDRi dB") < text.index("SDR urmp-v4")


def test_a_table_in_markdown_has_as_many_cells_in_each_line():
    lines = table.markdown([row("a", [0.1], [5.0])], "what it is").splitlines()
    pipes = {line.replace("\\|", "").count("|") for line in lines[:3]}
    assert len(pipes) == 1 and lines[2].startswith("| `a k=a\\|b` |")


def test_a_csv_has_what_was_varied_and_five_columns_of_each_number(tmp_path):
    notes = ((2, "cut off, twice"),)
    table.write_csv(tmp_path / "t.csv", [row("a", [0.1, 0.3], (), notes), row("b", [])])
    with open(tmp_path / "t.csv", newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert (first["config"], first["k"], first["trained"]) == ("a", "a|b", "2")
    found = [float(first[f"validation_loss_{part}"]) for part in table.PARTS]
    assert found == pytest.approx([0.2, np.std([0.1, 0.3], ddof=1), 0.1, 0.3, 2])
    assert first["notes"] == "seed 2: cut off, twice"
    assert second["validation_loss_mean"] == "" and second["seeds"] == "3"


def test_the_commands_of_the_page_are_sweeps():
    page = (ROOT / "docs" / "launch.md").read_text("utf-8").replace("\\\n", " ")
    typed = re.findall(r"^python launch/sweep.py (.*)$", page, re.MULTILINE)
    counts = []
    for line in typed:
        words, _, others = line.partition(" -- ")
        args = sweep.parser().parse_args(shlex.split(words))
        counts.append(len(sweep.planned(args, shlex.split(others))))
    assert counts == [2 * 3, 2 * 2 * 3]


def test_a_sweep_itself_does_without_tensorflow(tmp_path):
    code = (
        "import sys; from launch import sweep\n"
        f"told = ['chamber_demo', '--folder', {str(tmp_path)!r}]\n"
        "status = sweep.main([*told, '--dry-run'])\n"
        "assert status == 0 and sweep.main(['chamber_dmo', *told[1:]]) == 1\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Training.py with chamber_demo seed=1 -F" in done.stdout
    assert "chamber_dmo: there is no such named configuration" in done.stderr
    assert "did you mean chamber_demo?" in done.stderr
    assert not list(tmp_path.iterdir())
