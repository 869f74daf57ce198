"""Predict's command line: files by the newest run, and mistakes in one line."""

import inspect
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile as sf
import tensorflow as tf

import Config
import Models
import Predict
from tests.echoes import noise, rest, write


def wave_unet(**options):
    tf.keras.utils.set_random_seed(1)
    return Models.build(
        "wave_unet",
        source_names=["fl", "vn"],
        sample_rate=8000,
        channels=1,
        num_layers=4,
        num_initial_filters=5,
        num_frames=500,
        context=True,
        **options,
    )


def test_the_verb_separates_a_file_with_a_checkpoint(tmp_path):
    from Models import checkpoints

    checkpoints.save(tmp_path / "runs" / "7" / "checkpoint", wave_unet())
    path = write(tmp_path / "mix.flac", noise(12_000, 2), 11025, "PCM_16")
    verb = pathlib.Path(__file__).parents[1] / "Predict.py"
    knobs = ["hop=ancestor", "precision=bfloat16", "form=plain"]
    done = subprocess.run(  # the newest run, by default
        [sys.executable, str(verb), "with", f"input={path}", "output=out", *knobs],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "x real time" in done.stdout and "out/fl.wav" in done.stdout
    options = dict(knob.split("=") for knob in knobs)
    wanted = Predict.Predictor(tmp_path / "runs", **options).separate(
        sf.read(path, dtype="float32")[0], 11025
    )
    assert rest(tmp_path / "out") == ["fl.wav", "vn.wav"]
    for name, source in wanted.items():
        found = sf.read(tmp_path / "out" / f"{name}.wav")[0]
        np.testing.assert_allclose(found, source, atol=1e-5)


def test_every_knob_of_a_predictor_is_one_of_the_verb_and_has_a_comment(capsys):
    arguments = inspect.signature(Predict.Predictor).parameters
    assert list(arguments)[1:] == Predict.KNOBS
    defaults = Predict.ex.configurations[0]()
    for knob in Predict.KNOBS:
        # The verb names the precision that None stands for.
        assert (
            defaults[knob] == (arguments[knob].default or None) or knob == "precision"
        )
    Config.command_line(Predict.ex, argv=["Predict.py", "print_config"])
    shown = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out)  # colours
    for knob in Predict.KNOBS:
        assert re.search(rf"^  {knob} = .*  # .{{9}}", shown, re.MULTILINE), knob


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A folder with a recording and a checkpoint that may be told who plays."""
    from Models import checkpoints

    folder = tmp_path_factory.mktemp("told")
    checkpoints.save(
        folder / "runs" / "1" / "checkpoint",
        wave_unet(fusers=["outer_product@bottleneck"]),
    )
    write(folder / "mix.wav", noise(4000), 8000)
    return folder


@pytest.mark.parametrize(
    "option, words",
    [
        ("batch_size=True", "batch_size=True: expected a whole number"),
        ("labels=5", "not 5"),
        ("labels=True", "not True"),
        ("labels=['fl', 5]", "not ['fl', 5]"),
        ("labels=fl, oboe", "no source is called 'oboe'; there are fl, vn"),
    ],
)
def test_impossible_values_are_refused_in_one_line(
    told, monkeypatch, capsys, option, words
):
    monkeypatch.chdir(told)
    options = ["with", "input=mix.wav", option]
    with pytest.raises(SystemExit) as ended:
        Config.command_line(Predict.ex, argv=["Predict.py", *options])
    said = capsys.readouterr().err.strip()
    assert ended.value.code == 1
    assert words in said and "\n" not in said
    assert "separated" not in rest(told)


@pytest.fixture(scope="module")
def wanted(told):
    """{source: estimate} of the recording, from Python."""
    mix = sf.read(told / "mix.wav", dtype="float32", always_2d=True)[0]
    return Predict.Predictor(told / "runs").separate(mix, 8000, ["fl", "vn"])


@pytest.mark.parametrize("labels", ["fl,vn", "['fl', 'vn']", " vn ,fl"])
def test_labels_are_text_with_commas_or_a_list(
    told, wanted, tmp_path, monkeypatch, labels
):
    monkeypatch.chdir(told)
    options = ["with", "input=mix.wav", f"output={tmp_path}", f"labels={labels}"]
    Config.command_line(Predict.ex, argv=["Predict.py", *options])
    for name, source in wanted.items():
        found = sf.read(tmp_path / f"{name}.wav", always_2d=True)[0]
        np.testing.assert_allclose(found, source, atol=1e-6)


@pytest.mark.parametrize(
    "options, words",
    [
        (["run=nowhere", "input=absent.wav"], "nowhere"),
        (["input=absent.wav"], "absent.wav does not exist"),
        (["output=x"], "input=FILE"),
        (["inptu=x.wav"], "input"),
    ],
)
def test_the_verb_says_what_is_wrong_in_one_line(
    tmp_path, monkeypatch, capsys, options, words
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        Config.command_line(Predict.ex, argv=["Predict.py", "with", *options])
    said = capsys.readouterr().err.strip()
    assert ended.value.code == 1
    assert words in said and "\n" not in said
    assert rest(tmp_path) == []
