"""Pictures of players through every verb: records, training, scores, separating."""

import numpy as np
import soundfile as sf

import Config
import Evaluate
import Predict
import Prepare
import Remote
import Test
import Training
import Utils
from tests.test_conditioned_verbs import command, refusal

CORPUS = ["chamber_tiny", "data.train_pieces=1", "data.validation_pieces=0"]
CORPUS += ["data.test_pieces=1", "data.video=True", "data.duplicates=always"]
CORPUS += ["data.same_instrument=apart", "visual.front_end=players_frames"]
MODEL = ["model.fusers=['film:visual@bottleneck']", "model.slots=conditioned"]
MODEL += ["model.output_type=direct", "model.visual_layers=0"]
QUICK = ["training.steps_per_epoch=2", "training.max_epochs=1"]
QUICK += ["training.batch_size=2"]


def test_a_separator_that_looks_at_players_goes_through_every_verb(
    tmp_path, monkeypatch, capsys, inline
):
    corpus, places = tmp_path / "corpus", [f"data.records={tmp_path / 'records'}"]
    command(Prepare, *CORPUS, *places, f"data.raw={corpus}")
    monkeypatch.setattr("sys.argv", ["Training.py"])
    argv = ["Training.py", "with", *CORPUS, *places, *MODEL, *QUICK]
    argv += ["-F", str(tmp_path / "runs")]
    Config.command_line(Training.ex, True, argv, Training.refuse)
    run = Remote.find_run(tmp_path / "runs")
    told = Utils.read_json(run / "checkpoint" / "model.json")["config"]
    assert told["visual_size"] == [64, 64, 3] and told["frame_weights"] is None
    assert told["front_end"].startswith("players_frames-")
    assert np.isfinite(command(Test, f"run={run}").result)
    assert np.isfinite(command(Evaluate, f"run={run}", "evaluation.workers=1").result)
    page = run / "evaluation" / "chamber-composition-test" / "results.md"
    assert "The model is given: visual." in page.read_text()
    film = sorted(corpus.glob("*/Vid_*.mp4"))[-1]
    options = [f"run={run}", f"input={film}", f"output={tmp_path / 'out'}"]
    command(Predict, *options, "players=2")
    files = sorted((tmp_path / "out").glob("*.wav"))
    assert [path.stem for path in files] == ["player_1", "player_2"]
    first, second = (sf.read(path)[0] for path in files)
    assert np.abs(first - second).max() > 0
    said = refusal(capsys, Predict, *options, "players=2", "weights=x.npz")
    assert "weights=x.npz: the image network of this checkpoint lies in" in said
