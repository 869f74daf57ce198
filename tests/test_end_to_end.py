"""The command lines, as users type them, from raw data to an SDR table."""

import json
import os
import pathlib
import runpy
import subprocess
import sys

import numpy as np
import pytest
import soundfile as sf
import tensorflow_datasets as tfds

import Datasets  # noqa: F401  (makes its data sets known to TFDS)
from Models import checkpoints
from tests.conftest import write_piece

ROOT = pathlib.Path(__file__).parents[1]


def verb(where, name, *options, fails=False):
    """Runs `python NAME.py OPTIONS` in a folder; returns what it printed."""
    done = subprocess.run(
        [sys.executable, str(ROOT / f"{name}.py"), *map(str, options)],
        cwd=where,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": str(where)},  # no ffmpeg, no git: wheels alone
    )
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    for word in ("Traceback", "All log messages", "oneDNN"):  # TensorFlow's own
        assert word not in done.stderr, done.stderr
    return done.stdout, done.stderr


@pytest.fixture
def inside(monkeypatch, capfd):
    """`verb` in the process of the test, which has imported TensorFlow already."""

    def verb(where, name, *options, fails=False):
        path, status = str(ROOT / f"{name}.py"), 0
        monkeypatch.chdir(where)
        monkeypatch.setenv("PATH", str(where))
        monkeypatch.setattr(sys, "argv", [path, *map(str, options)])
        try:
            runpy.run_path(path, run_name="__main__")
        except SystemExit as end:
            status = end.code
        said = capfd.readouterr()
        assert status == (1 if fails else 0), said.out + said.err
        return said

    return verb


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder in which a tiny corpus was prepared and a tiny model trained."""
    where = tmp_path_factory.mktemp("home")
    data = ["data.raw=corpus", "data.records=records"]
    verb(where, "Prepare", "with", "chamber_tiny", *data)
    said, _ = verb(
        where, "Training", "with", "chamber_tiny", "data.records=records", "-F", "runs"
    )
    assert "python Evaluate.py with run=runs/1" in said
    return where


def test_training_leaves_a_run_that_is_complete_by_itself(home):
    run = home / "runs" / "1"
    for part in ("config.json", "checkpoint/model.json", "checkpoint/best.weights.h5"):
        assert (run / part).is_file(), part
    assert list((run / "log").rglob("events*"))
    assert json.loads((run / "run.json").read_text())["status"] == "COMPLETED"


def test_a_resumed_run_goes_on_in_a_folder_of_its_own(home, inside, tmp_path):
    told = ["resume=" + str(home / "runs" / "1"), "training.max_epochs=3"]
    inside(home, "Training", "with", *told, "-F", tmp_path)
    lines = (tmp_path / "1" / "history.csv").read_text().splitlines()
    assert len(lines) == 4  # a heading, two epochs of before, one of now
    before = (home / "runs" / "1" / "history.csv").read_text().splitlines()
    assert lines[:3] == before
    assert (tmp_path / "1" / "checkpoint" / "best.weights.h5").is_file()


def test_test_prints_the_mean_loss_of_the_newest_run(home, inside):
    said, _ = inside(home, "Test")
    assert "test" in said and float(said.split(":")[1].split()[0]) > 0


def test_evaluate_writes_scores_tables_and_estimates(home, inside):
    said, _ = verb(home, "Evaluate", "with", "run=runs/1")
    assert "mixture" in said and "ideal ratio mask" in said and "SI-SDR" in said
    folder = home / "runs" / "1" / "evaluation" / "chamber-composition-test"
    (score,) = (folder / "scores" / "mixture" / "test").glob("*.json")
    targets = json.loads(score.read_text())["targets"]
    assert set(targets[0]["frames"][0]["metrics"]) == {"SDR", "ISR", "SIR", "SAR"}
    wavs = {path.stem for path in (folder / "estimates").glob("*/*.wav")}
    assert wavs == {target["name"] for target in targets} | {"mixture"}
    assert (folder / "results.csv").is_file() and (folder / "results.md").is_file()
    again, _ = inside(home, "Evaluate", "with", "evaluation.required_si_sdri=-99")
    assert "1 of 1 tracks are scored already" in again
    _, error = inside(
        home, "Evaluate", "with", "evaluation.required_si_sdri=99", fails=True
    )
    assert "less than the 99 dB" in error


def test_predict_writes_every_source_at_the_input_s_own_rate_and_length(home, inside):
    rng = np.random.default_rng(0)
    audio = 0.1 * rng.standard_normal((44117, 2))
    sf.write(home / "song.flac", audio, 44100)
    inside(home, "Predict", "with", "run=runs/1", "input=song.flac", "output=out")
    for name in ("fl", "vn"):
        info = sf.info(home / "out" / f"{name}.wav")
        assert (info.frames, info.samplerate, info.channels) == (44117, 44100, 2)


BAD = [
    ("Prepare", ["with", "urmp", "data.raw=absent"], "absent is not a folder"),
    ("Prepare", ["with", "urmp"], "data.raw is not set"),
    ("Training", ["with", "chamber_tiny", "model.num_layer=3"],
     "model.num_layer=3: there is no such option; did you mean model.num_layers?"),
    ("Training", ["with", "chamber_tiny", "data.sample_rate=8000"],
     "composition-4000hz"),
    ("Training", ["with", "chamber_tiny", "data.sources=['vc','fl']"],
     "'vn', which is not among the sources vc,fl"),
    ("Training", ["with", "chamber_tiny", "data.sources=['fl','vn','violn']"],
     "data.sources has 'violn'"),
    ("Training", ["with", "chamber_tiny", "training.batch_size=0"],
     "training.batch_size=0 must be at least 1"),
    ("Evaluate", ["with", "run=empty"], "empty"),
    ("Evaluate", ["with", "run=runs/1", "evaluation.workers=0"],
     "evaluation.workers=0 must be at least 1"),
    ("Predict", ["with", "run=runs/1", "input=text.wav"], "text.wav"),
    ("Predict", ["with", "run=runs/1", "input=short.wav"], "0.1"),
    ("Predict", ["with", "run=runs/1", "input=ok.wav", "output=text.wav/out"],
     "text.wav"),
]  # fmt: skip


def assert_refused(run, home, name, options, sentence):
    (home / "empty").mkdir(exist_ok=True)
    (home / "text.wav").write_text("no recording")
    sf.write(home / "short.wav", np.zeros(1600), 16000)
    sf.write(home / "ok.wav", np.zeros(16000), 16000)
    before = sorted(path for path in home.rglob("*") if path.is_file())
    _, error = run(home, name, *options, fails=True)
    assert sentence in error and len(error.strip().splitlines()) == 1, error
    after = sorted(path for path in home.rglob("*") if path.is_file())
    assert after == before


@pytest.mark.parametrize("name, options, sentence", BAD)
def test_bad_input_ends_in_one_clear_sentence(home, inside, name, options, sentence):
    assert_refused(inside, home, name, options, sentence)


def test_a_process_that_refuses_its_input_says_nothing_else(home):
    assert_refused(verb, home, *BAD[-1])  # comes farthest: a checkpoint was loaded


def test_an_imported_checkpoint_is_evaluated_with_what_it_knows_of_itself(
    inside, inline, tmp_path
):
    parity = ROOT.parent / "shared" / "parity" / "VIMSS_uncond13"
    if not parity.is_dir():
        pytest.skip("the ancestors' checkpoints (../shared/parity) are not here")
    told = ["import", "--config", parity / "config.json"]
    told += [parity / "VIMSS_uncond13-1000", tmp_path / "imported"]
    checkpoints.main([*map(str, told)])
    write_piece(tmp_path / "raw", "01_Jupiter_vn_vc", rate=22050, seconds=2)
    data = ["data.records=records"]
    raw = ["data.raw=raw", "data.partial=True"]
    inside(tmp_path, "Prepare", "with", "urmp", *raw, *data)
    said, _ = inside(tmp_path, "Evaluate", "with", "run=imported", *data)
    assert "ideal ratio mask" in said
    raw += ["data.sample_rate=8000"]
    inside(tmp_path, "Prepare", "with", "urmp", *raw, *data)
    _, error = inside(
        tmp_path,
        "Evaluate", "with", "run=imported", *data, "data.sample_rate=8000", fails=True
    )  # fmt: skip
    assert "the records have sample_rate 8000, the model has 22050" in error


def test_the_real_urmp_excerpts_go_all_the_way(inside, inline, shared, tmp_path):
    for piece in (shared / "urmp").iterdir():
        os.symlink(piece, tmp_path / piece.name)
    net = ["model.num_layers=4", "model.num_initial_filters=4", "model.num_frames=4096"]
    data = ["data.records=records", "data.sample_rate=8000"]
    raw = ["data.raw=.", "data.partial=True"]
    inside(tmp_path, "Prepare", "with", "urmp", *raw, *data)
    steps = ["training.steps_per_epoch=3", "training.max_epochs=1"]
    steps += ["training.batch_size=2", "training.log_audio_epochs=None"]
    inside(tmp_path, "Training", "with", "urmp", *data, *net, *steps, "-F", "runs")
    said, _ = inside(tmp_path, "Evaluate", "with", "run=runs/1")
    assert "vn" in said and "vc" in said


def test_prepared_records_load_by_name_with_tfds_alone(inside, tmp_path):
    stems = write_piece(tmp_path / "raw", "01_Jupiter_vn_vc", rate=22050)
    data = ["data.raw=raw", "data.records=records", "data.partial=True"]
    said, _ = inside(tmp_path, "Prepare", "with", "urmp", *data)
    assert "found 1 tracks" in said and "missing: 44_K515" in said
    dataset = tfds.load("urmp", data_dir=str(tmp_path / "records"), split="test")
    (record,) = dataset
    np.testing.assert_array_equal(record["sources"], np.round(stems * 32768))


@pytest.mark.parametrize("name", ["Prepare", "Training", "Test", "Evaluate", "Predict"])
def test_every_verb_has_help_and_prints_its_configuration(inside, tmp_path, name):
    said, _ = inside(tmp_path, name, "help")
    assert f"python {name}.py" in said and "Named configurations" in said
    said, _ = inside(tmp_path, name, "print_config")
    assert "Configuration" in said and "#" in said
