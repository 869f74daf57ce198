"""launch/slurm.sh and launch/going_on.py, with stand-ins for Slurm's programs."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from launch import going_on
from tests.test_floors import imported

ROOT = pathlib.Path(__file__).parents[1]
# Saves a state, waits, and stops as Training.py does when it is asked to; a run that
# is resumed ends by itself.
TRAINING = """
import pathlib, signal, sys, time
def stop(*_):
    sys.exit(130)
signal.signal(signal.SIGTERM, stop)
words = sys.argv[1:]
folder = pathlib.Path(words[words.index("-F") + 1])
run = folder / str(1 + len(list(folder.glob("[0-9]*"))))
(run / "checkpoint").mkdir(parents=True)
(run / "words").write_text(" ".join(words))
(run / "checkpoint" / "state.npz").touch()
while not any(word.startswith("resume=") for word in words):
    time.sleep(0.02)
"""
SRUN = '#!/bin/sh\necho srun "$1" >> "$SLURM_SUBMIT_DIR/slurm.txt"\nshift\nexec "$@"\n'
SCONTROL = '#!/bin/sh\necho scontrol "$@" >> "$SLURM_SUBMIT_DIR/slurm.txt"\n'


class Slurm:
    """A cluster of one job, number 7."""

    def __init__(self, folder):
        self.folder, self.restarts = folder, 0
        (folder / "launch").mkdir()
        for name in ("slurm.sh", "going_on.py"):
            shutil.copy(ROOT / "launch" / name, folder / "launch" / name)
        (folder / "Training.py").write_text(TRAINING)
        (folder / "bin").mkdir()
        for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(0o755)

    def turn(self, number=None, **more):
        """Gives the job its turn, sends it a signal once it trains; its exit status."""
        environment = os.environ | {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "SLURM_SUBMIT_DIR": str(self.folder),
            "SLURM_JOB_ID": "7",
            "SLURM_RESTART_COUNT": str(self.restarts),
            "VIMSS_PYTHON": sys.executable,
        }
        before = len(self.runs())
        script = shutil.copy(self.folder / "launch" / "slurm.sh", self.folder / "spool")
        job = subprocess.Popen(
            ["bash", script, "with", "urmp"], env=environment | more, cwd="/"
        )
        end = time.monotonic() + 20
        while number and len(self.runs()) == before and time.monotonic() < end:
            time.sleep(0.02)
        if number:
            job.send_signal(number)
        self.restarts += 1
        return job.wait(timeout=20)

    def runs(self):
        """Folders of the runs that have a state."""
        found = self.folder.glob("runs/slurm-7/*/checkpoint/state.npz")
        return sorted(path.parents[1] for path in found)

    def told(self):
        return (self.folder / "slurm.txt").read_text().splitlines()


@pytest.fixture
def slurm(tmp_path):
    return Slurm(tmp_path)


def test_who_waits_for_a_training_imports_nothing_that_would_hold_its_tpu():
    names = {name.split(".")[0] for name in imported(ROOT / "launch/going_on.py")}
    assert names <= set(sys.stdlib_module_names)


def test_a_job_at_its_time_limit_saves_is_queued_again_and_resumes(slurm):
    assert slurm.turn(signal.SIGUSR1) == 143
    assert slurm.told()[-1] == "scontrol requeue 7"
    assert slurm.turn() == 0
    first, second = slurm.runs()
    assert (first / "words").read_text().startswith("with urmp -F")
    assert (second / "words").read_text().startswith(f"with resume={first} -F")
    assert slurm.told().count("scontrol requeue 7") == 1


def test_a_cancelled_job_is_not_queued_again(slurm):
    assert slurm.turn(signal.SIGTERM) == 143
    assert slurm.told() == ["srun --ntasks=1"]


def test_a_job_is_not_queued_again_for_ever(slurm):
    slurm.restarts = 3
    assert slurm.turn(signal.SIGUSR1, VIMSS_RESTARTS="3") == 143
    assert "scontrol requeue 7" not in slurm.told()


def test_the_script_asks_slurm_to_queue_it_again_and_to_warn_it():
    text = (ROOT / "launch" / "slurm.sh").read_text("utf-8")
    options = re.findall(r"^#SBATCH (\S+)$", text, re.MULTILINE)
    assert {"--requeue", "--signal=B:USR1@180", "--open-mode=append"} <= set(options)
    # sbatch reads options up to the first command only.
    assert text.rindex("#SBATCH") < text.index("\nset -u")


def test_the_newest_run_that_has_a_state_is_resumed(tmp_path):
    for number in (1, 2, 10):
        (tmp_path / str(number) / "checkpoint").mkdir(parents=True)
    assert going_on.newest(tmp_path) is None
    for number in (2, 1):
        (tmp_path / str(number) / "checkpoint" / "state.npz").touch()
    assert going_on.newest(tmp_path) == tmp_path / "2"
    assert going_on.newest(tmp_path / "nowhere") is None
