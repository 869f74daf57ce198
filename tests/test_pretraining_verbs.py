"""Pre-training through every verb, to a separator that begins with it."""

import pathlib
import types

import numpy as np
import pytest

import Config
import Evaluate
import Predict
import Prepare
import Remote
import Test
import Training
from Datasets import pipeline
from Models import checkpoints, transfer
from tests.conftest import write_piece
from tests.test_conditioned_verbs import QUICK, command, refusal
from tests.training_made import DATA, written

pytestmark = pytest.mark.usefixtures("inline", "stub")
PIECES = {  # of URMP by composition: two to train, two to validate, one to test
    "02_Sonata_vn_vn": 1.7,
    "08_Spring_fl_vn": 2.3,
    "03_Dance_fl_cl": 1.9,
    "11_Maria_ob_vc": 1.4,
    "01_Jupiter_vn_vc": 1.2,
}
SIZES = ["model.num_layers=3", "model.num_initial_filters=4"]
SIZES += ["model.visual_channels=8", "model.visual_layers=1"]
SMALL = ["pretrain", *SIZES, "model.num_frames=800", "model.moments=4"]
SMALL += ["training.batch_size=6"]
SEES = ["model.fusers=['film:visual@decoder']", "model.num_frames=256"]


class Watcher:
    """Sees three numbers in each of 30 frames of a player."""

    size, front_end = 3, types.SimpleNamespace(name="stub-00000000", rate=12.5)

    def __call__(self, video, n_players):
        number = int(pathlib.Path(video).parent.name[:2])
        features = np.random.default_rng(number).random((n_players, 30, 3))
        boxes = np.zeros([n_players, 30, 4])
        return types.SimpleNamespace(features=features.astype("f"), boxes=boxes)

    def report(self):
        return []


@pytest.fixture(scope="module")
def stub():
    """Every front end is that of `Watcher`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prepare, "watcher_of", lambda visual: Watcher())
        patch.setattr("Models.vision.build", lambda *_: Watcher.front_end)
        patch.setattr("sys.argv", ["Training.py"])
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory, stub):
    where = tmp_path_factory.mktemp("pretraining")
    for piece, seconds in PIECES.items():
        folder = where / "raw" / piece
        write_piece(where / "raw", piece, seconds=seconds, rate=4000)
        (folder / f"Vid_{piece}.mp4").write_bytes(b"a video")
    data = {**DATA, "raw": str(where / "raw"), "records": str(where / "records")}
    data["sources"] = ["cl", "fl", "ob", "vc", "vn"]
    visual = {"front_end": "players_motion", "frame_rate": 12.5}
    sections = {"data": data, "visual": visual}
    command(Prepare, written(where / "options", sections))
    return where


def trained(home, name, *words):
    """(the folder of a run, its validation loss)."""
    argv = ["Training.py", "with", str(home / "options.json"), *QUICK]
    argv += ["training.validation_steps=None", *words]
    argv += ["-F", str(home / name)]
    found = Config.command_line(Training.ex, True, argv, Training.refuse).result
    assert np.isfinite(found)
    return Remote.find_run(home / name), found


@pytest.fixture(scope="module")
def run(home):
    return trained(home, "pretrained", *SMALL)


def test_a_test_compares_as_many_windows_as_training_did(run, capsys):
    found = command(Test, f"run={run[0]}", "evaluation.split=validation").result
    assert found == pytest.approx(run[1], rel=1e-9)
    assert "correspondence on validation (2 tracks, 6 windows at once)" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("verb", [Predict, Evaluate])
def test_to_separate_with_it_is_refused_with_what_to_do(verb, run, home, capsys):
    mix = next((home / "raw").glob("*/AuMix*"))
    words = {Predict: [f"input={mix}", f"output={home / 'out'}"], Evaluate: []}
    said = refusal(capsys, verb, f"run={run[0]}", *words[verb])
    assert "compares sound and sight, and separates nothing" in said
    assert "\"training.warm_start_patterns=['encoder/*']\"" in said


def test_a_separator_begins_with_its_parts_and_keeps_the_report(run, home, capsys):
    warm = f"training.warm_start={run[0]}"
    words = [*SIZES, *SEES, "training.learning_rate=1e-12", warm]
    taken = "training.warm_start_patterns=['encoder/*','down_*']"
    found, _ = trained(home, "warm", *words, taken)
    out = capsys.readouterr().out
    assert "warm    11 weights (" in out and "taken   down_0 down_1 down_2 enc" in out
    told = checkpoints.describe(found)["extra"]
    assert told["warm"] in out and told["training"]["warm_start_patterns"]
    there, here = (transfer.named(checkpoints.load(f)) for f in (run[0], found))
    for name in here:
        if name.split("/")[0] in ("encoder", "down_0", "down_1", "down_2"):
            np.testing.assert_allclose(here[name], there[name], atol=1e-9)
    words += [home / "options.json", "training.warm_start_patterns=['encoders/*']"]
    said = refusal(capsys, Training, *words, observed=True, check=Training.refuse)
    assert "did you mean 'encoder/*'" in said


def test_one_recording_at_a_time_is_refused(home, capsys):
    words = [*SMALL, home / "options.json", "training.batch_size=1"]
    said = refusal(capsys, Training, *words, observed=True, check=Training.refuse)
    assert "training.batch_size=1 leaves nothing to compare a window with" in said


def test_spread_windows_are_the_same_ones_far_from_each_other(home, run):
    model = checkpoints.load(run[0])
    data, visual = Config.stored_data(run[0]), Config.stored_visual(run[0])
    windows = Test.windows(Test.open_records(data, visual), "train", model)
    near, far = (
        [
            list(zip(batch["track"].numpy(), batch["start"].numpy()))
            for batch in pipeline.evaluation_batches(windows, 4, spread)
        ]
        for spread in (False, True)
    )
    assert sorted(sum(near, [])) == sorted(sum(far, [])) and len(near) > 1
    assert all(len({track for track, _ in batch}) == 2 for batch in far)
    assert not all(len({track for track, _ in batch}) == 2 for batch in near)
