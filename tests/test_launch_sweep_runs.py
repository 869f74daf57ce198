"""launch/sweep.py from beginning to end, with stand-ins for the verbs."""

import csv
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

from launch import sweep, sweep_pool

ROOT = pathlib.Path(__file__).parents[1]
# Trains two epochs; writes what Training.py writes, and as early.  The loss of a run
# follows from its rate and its seed; other values of it do what is to be survived.
TRAINING = """
import csv, datetime, json, os, pathlib, signal, sys, time
words = sys.argv[1:]
home = pathlib.Path(words[words.index("-F") + 1])
told = dict(word.split("=", 1) for word in words if "=" in word)
old = told.get("resume") and pathlib.Path(told["resume"])
if old:
    config = json.loads((old / "config.json").read_text())
else:
    rate = told.get("training.learning_rate", "1")
    config = {"seed": int(told["seed"]), "training": {"learning_rate": rate}}
    config["training"] |= {"max_epochs": 2, "loss": told.get("training.loss", "snr")}
    config["data"] = {"name": "urmp"}
rate, seed = config["training"]["learning_rate"], config["seed"]
if rate == "refused":
    sys.exit("Training.py: training.learning_rate=refused: expected a number")
run = home / str(1 + len([path for path in home.glob("*") if path.name.isdigit()]))
(run / "checkpoint").mkdir(parents=True)
(run / "config.json").write_text(json.dumps(config))
begun = datetime.datetime(2026, 1, 1)
def say(status, seconds):
    times = begun.isoformat(), (begun + datetime.timedelta(seconds=seconds)).isoformat()
    told = {"status": status, "start_time": times[0], "stop_time": times[1]}
    (run / "run.json").write_text(json.dumps(told))
def stop(*_):
    if config["training"]["loss"] == "stubborn":
        return
    say("INTERRUPTED", 5)
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
say("RUNNING", 1)
rows = list(csv.DictReader(open(old / "history.csv"))) if old else []
cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
print(f"epoch 1/2\\repoch 2/2 on {cores} cores", flush=True)
while len(rows) < 2:
    epoch, loss = len(rows) + 1, (float(rate) if rate[0] < "a" else 1) + seed / 10
    rows.append({"epoch": epoch, "step": 4 * epoch, "steps_per_second": 2.0,
        "validation_loss": loss + epoch - 1, "best": epoch == 1, "new": 0})
    with open(run / "history.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    (run / "checkpoint" / "state.npz").touch()
    if rate == "failing" and not (home / "mended").exists():
        say("FAILED", 3)
        sys.exit("Training.py: the training loss is no number at step 3")
    if rate == "killed" and not old:
        os.kill(os.getpid(), signal.SIGKILL)
    while rate == "waiting" and not old:
        time.sleep(0.02)
(run / "checkpoint" / "model.json").write_text(json.dumps({"model": "wave_unet"}))
say("COMPLETED", 10)
"""
EVALUATE = """
import json, pathlib, sys
told = dict(word.split("=", 1) for word in sys.argv[2:])
run, split = pathlib.Path(told["run"]), told.get("evaluation.split", "test")
if (run.parent / "unscored").exists():
    sys.exit("Evaluate.py: none of the 8 tracks could be scored; see above")
folder = run / "evaluation" / f"urmp-composition-{split}"
folder.mkdir(parents=True, exist_ok=True)
config = json.loads((run / "config.json").read_text())
rate = config["training"]["learning_rate"]
gain = 3 + config["seed"] + (int(rate) if rate[0] < "a" else 0)
(folder / "results.csv").write_text(f\"\"\"\\
system,source,is_mean,protocol,family,SDR,SI-SDR,SI-SDRi,notes
mixture,mean,1,urmp-v4,museval v4,0.1,,,
wave_unet,mean,1,urmp-v4,museval v4,{gain - 2},,,
wave_unet,mean,1,urmp-v4,SI-SDR,,1.0,{gain},
wave_unet,vn,0,urmp-v4,museval v4,9.9,,,
oracle,mean,1,urmp-v4,SI-SDR,,20.0,17.0,
\"\"\")
"""


@pytest.fixture
def place(here, monkeypatch):
    """An empty folder whose verbs are the stand-ins."""
    (here / "Training.py").write_text(TRAINING)
    (here / "Evaluate.py").write_text(EVALUATE)
    monkeypatch.setattr(sweep_pool, "ROOT", here)
    monkeypatch.setattr(sweep_pool, "TICK", 0.01)
    return here


def swept(capfd, *words):
    """(Exit status, what was printed) of a sweep into the folder s."""
    status = sweep.main([*("--folder", "s"), *words])
    said = capfd.readouterr()
    return status, said.out + said.err


def rows():
    with open("s/sweep.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def number_of_runs():
    return len(list(pathlib.Path("s").glob("*/seed-*/[0-9]*")))


def rates(*values):
    return f"--vary=training.learning_rate={','.join(values)}"


def test_a_sweep_trains_scores_and_ranks_and_does_nothing_twice(place, capfd):
    words = ["--seeds", "2", rates("2", "1"), "--jobs", "2", "--evaluate"]
    status, said = swept(capfd, *words)
    assert status == 0, said
    assert "2 combinations, seeds 1 2: 4 runs" in said and "share   2 of 2" in said
    first, second = rows()
    assert [one["training.learning_rate"] for one in (first, second)] == ["2", "1"]
    assert float(second["validation_loss_mean"]) == pytest.approx(1.15)
    assert float(second["validation_loss_sd"]) == pytest.approx(0.005**0.5)
    numbers = ("epochs_mean", "seconds_mean", "steps_per_second_mean", "SI-SDRi_mean")
    assert [float(first[name]) for name in numbers] == [2, 10, 2, 6.5]
    assert float(first["SDR urmp-v4_mean"]) == 4.5 and first["SI-SDRi_n"] == "2"
    log = next(place.glob("s/*/seed-2/log.txt")).read_text()
    assert f"on {max(1, len(os.sched_getaffinity(0)) // 2)} cores" in log
    status, said = swept(capfd, *words)
    assert (status, number_of_runs()) == (0, 4)
    assert "to do   0 of them" in said and "6.50 ± 0.71 [6.00, 7.00] (2)" in said


def test_only_what_is_new_is_run_and_other_words_are_refused(place, capfd):
    swept(capfd, "--", "training.loss=snr")
    status, said = swept(capfd, "--seeds", "2", "--", "training.loss=snr")
    assert (status, number_of_runs()) == (0, 2) and "to do   1 of them" in said
    status, said = swept(capfd, "--", "training.loss=si_sdr")
    assert (status, number_of_runs()) == (1, 2)
    assert "`with training.loss=snr seed=1`" in said and "another --folder" in said
    swept(capfd, "--evaluate", "--", "training.loss=snr")
    other = ["--evaluate", "evaluation.split=train", "--", "training.loss=snr"]
    status, said = swept(capfd, *other, "--dry-run")
    assert status == 1 and "flags of sweep.py stand before it" in said
    swept(capfd, *other)
    found = place.glob("s/default/seed-1/1/evaluation/*")
    assert {path.name[17:] for path in found} == {"test", "train"}


def test_a_file_that_changed_is_another_configuration(place, capfd):
    (place / "mine.json").write_text("{}")
    assert swept(capfd, "mine.json")[0] == 0
    status, said = swept(capfd, "mine.json")
    assert status == 0 and "to do   0" in said
    (place / "mine.json").write_text('{"training": {}}')
    status, said = swept(capfd, "mine.json")
    assert (status, number_of_runs()) == (1, 1) and "with another mine.json" in said


def test_losses_of_different_kinds_are_told_apart(place, capfd):
    _, said = swept(capfd, "--vary=training.loss=snr,si_sdr")
    assert "differ in training.loss" in said and "--evaluate compares them" in said
    _, said = swept(capfd, rates("3", "4"))
    assert "differ" not in said


def test_what_fails_stands_in_the_table_and_waits_for_again(place, capfd):
    words = [rates("refused", "failing", "1"), "--evaluate"]
    (place / "s" / "default--training.learning_rate-1" / "seed-1").mkdir(parents=True)
    unscored = place / "s" / "default--training.learning_rate-1" / "seed-1" / "unscored"
    unscored.touch()
    status, said = swept(capfd, *words)
    assert status == 1 and [one["trained"] for one in rows()] == ["1", "0", "0"]
    told = {one["training.learning_rate"]: one["notes"] for one in rows()}
    assert told["refused"] == (
        "seed 1: failed: Training.py: training.learning_rate=refused: expected a number"
    )
    assert (
        "epoch 2/2 on" in told["failing"] and "no number at step 3" in told["failing"]
    )
    assert "epoch 1/2" not in told["failing"]
    assert told["1"].startswith("seed 1: evaluation failed: Evaluate.py: none of the 8")
    assert "refused seed=1: failed" in (place / "s" / "sweep.md").read_text()
    status, said = swept(capfd, *words)
    assert status == 1 and "--again tries them again" in said and "to do   0" in said
    unscored.unlink()
    home = place / "s" / "default--training.learning_rate-failing" / "seed-1"
    (home / "mended").touch()
    status, said = swept(capfd, *words, "--again")
    assert status == 1 and "to do   3" in said  # what is refused stays refused
    assert "resume  default training.learning_rate=failing" in said
    assert sorted(one["SI-SDRi_n"] for one in rows()) == ["", "1", "1"]
    seconds = [one["seconds_mean"] for one in rows()]
    assert sorted(seconds) == ["", "10.0", "13.0"]  # of both starts


def test_who_is_killed_has_failed_and_goes_on_from_its_state(place, capfd):
    status, said = swept(capfd, rates("killed"))
    assert status == 1 and "killed by SIGKILL (out of memory?)" in rows()[0]["notes"]
    status, said = swept(capfd, rates("killed"), "--again")
    assert status == 0 and (rows()[0]["trained"], rows()[0]["notes"]) == ("1", "")
    assert (
        "with resume=s/default--training.learning_rate-killed/seed-1/1 -F"
        in (
            place / "s/default--training.learning_rate-killed/seed-1/log.txt"
        ).read_text()
    )


@pytest.fixture
def tree(here):
    """A repository of this program and the stand-ins, to be run as a process."""
    for name in ("Schema.py", "Utils.py", "Learning"):
        (here / name).symlink_to(ROOT / name)
    (here / "launch").mkdir()
    more = [ROOT / "launch" / f"{name}.py" for name in ("__init__", "going_on")]
    for path in [*ROOT.glob("launch/sweep*.py"), *more]:
        shutil.copy(path, here / "launch")
    (here / "Training.py").write_text(TRAINING)
    return here


def waiting(*words, expected=1):
    """A sweep as a process, once its runs wait to be stopped."""
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(
        [sys.executable, "launch/sweep.py", "--folder", "s", rates("waiting"), *words],
        **both,
    )
    end = time.monotonic() + 30
    while len(list(pathlib.Path("s").glob("*/*/1/checkpoint/state.npz"))) < expected:
        assert time.monotonic() < end
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    return process


def test_ctrl_c_lets_runs_save_shows_the_table_and_the_same_line_goes_on(tree):
    words = ["--jobs", "2", "--seeds", "3"]
    process = waiting(*words, expected=2)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=20)[0]
    assert process.returncode == 130 and "each saves its state" in said
    assert said.count("cut off after 1 of at most 2 epochs") == 2
    assert "seed=3: not started" in said
    found = [json.loads(path.read_text()) for path in tree.glob("s/*/*/1/run.json")]
    assert [one["status"] for one in found] == ["INTERRUPTED"] * 2
    process = subprocess.Popen(
        [sys.executable, "launch/sweep.py", "--folder", "s", rates("waiting"), *words],
        stdout=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 20
    while not list(tree.glob("s/*/seed-3/1/checkpoint/state.npz")):
        assert time.monotonic() < end
        time.sleep(0.02)
    process.terminate()
    said = process.communicate(timeout=20)[0]
    assert process.returncode == 143 and said.count("resume ") == 2
    assert [one["trained"] for one in rows()] == ["2"]
    assert float(rows()[0]["validation_loss_mean"]) == pytest.approx(1.15)


def test_a_second_ctrl_c_kills_who_does_not_stop(tree):
    process = waiting("--", "training.loss=stubborn")
    process.send_signal(signal.SIGINT)
    time.sleep(0.4)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=20)[0]
    assert process.returncode == 130 and "1 at work: killed" in said
    assert "cut off after 1 of at most 2 epochs" in said and "failed" not in said


def test_a_run_that_outlives_its_sweep_is_not_started_a_second_time(tree):
    process = waiting()
    process.kill()
    process.communicate()
    again = [sys.executable, "launch/sweep.py", "--folder", "s", rates("waiting")]
    found = subprocess.run(again, capture_output=True, text=True)
    assert found.returncode == 1 and "is still at work" in found.stderr
    number = int(found.stderr.partition("`kill ")[2].partition("`")[0])
    os.kill(number, signal.SIGTERM)
    end = time.monotonic() + 20
    while "INTERRUPTED" not in next(tree.glob("s/*/*/1/run.json")).read_text():
        assert time.monotonic() < end
        time.sleep(0.02)
    time.sleep(0.1)
    found = subprocess.run(again, capture_output=True, text=True)
    assert found.returncode == 0 and "resume  " in found.stdout
