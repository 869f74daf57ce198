"""Records of four fabricated pieces, and runs that train on them in seconds."""

import csv

import numpy as np

import Config
import Prepare
import Test
import Training
import Utils
from Learning import history
from Learning.folder import RunFolder
from tests.conftest import write_piece

PIECES = {  # of each split of URMP by composition: seconds
    "02_Sonata_vn_vn": 1.7,
    "08_Spring_fl_vn": 2.3,
    "03_Dance_fl_cl": 1.9,
    "01_Jupiter_vn_vc": 1.4,
}
DATA = {
    "name": "urmp",
    "sample_rate": 4000,
    "partial": True,
    "keep_going": False,
    "beam_runner": None,
    "beam_options": [],
    "sources": ["cl", "fl", "vc", "vn"],
    "excerpt_seconds": 1.0,
    "window_seconds": 0.3,
}
MODEL = {"num_layers": 2, "num_initial_filters": 4, "num_frames": 256, "context": True}
TRAINING = {"batch_size": 3, "steps_per_epoch": 4, "max_epochs": 2, "patience": 5}
TRAINING |= {"log_audio_epochs": None}


def prepared(home):
    """A configuration file, in a folder, whose records exist."""
    for piece, seconds in PIECES.items():
        write_piece(home / "raw", piece, seconds=seconds, rate=4000)
    data = {**DATA, "raw": str(home / "raw"), "records": str(home / "records")}
    run = Config.command_line(
        Prepare.ex, argv=["Prepare.py", "with", written(home / "d", {"data": data})]
    )
    assert run.result
    sections = {"data": data, "model": MODEL, "training": TRAINING}
    return written(home / "options", sections)


def written(path, sections):
    """The file that now holds the sections."""
    Utils.write_json(f"{path}.json", sections)
    return f"{path}.json"


def train(*words, observed=True):
    """Training, as from the command line."""
    argv = ["Training.py", "with", *words]
    return Config.command_line(Training.ex, observed, argv, Training.refuse)


def test_(*words):
    return Config.command_line(Test.ex, argv=["Test.py", "with", *words]).result


test_.__test__ = False


def rows(folder):
    with open(f"{folder}/history.csv", newline="") as file:
        table = list(csv.DictReader(file))
    return [{k: r[k] for k in r if k not in history.TIMINGS} for r in table]


def arrays(folder):
    with np.load(RunFolder(folder).state) as archive:
        return {key: archive[key] for key in archive.files if key != "progress"}
