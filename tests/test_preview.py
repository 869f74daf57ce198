"""Mixtures to listen to are those that a training sees."""

import json

import numpy as np
import pytest
import soundfile as sf

import Config
import Prepare
import Utils
from Datasets import preview
from Datasets.mixtures import Mixtures
from Schema import InputError
from tests.sighted_made import prepared, records_of

TOLD = dict(seconds=0.2, seed=3, gain=(1.0, 1.0))


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return records_of(prepared(tmp_path_factory.mktemp("urmp"), "apart"))


def read(folder):
    return {path.stem: sf.read(path) for path in folder.glob("*.wav")}


def test_the_sources_of_each_mixture_add_up_to_it(records, tmp_path):
    told = Mixtures(sources_min=2, sources_max=3)
    out = tmp_path / "pre view"
    preview.write(records, "train", told, 4, out, **TOLD)
    assert sorted(p.name for p in out.iterdir()) == ["1", "2", "3", "4", "preview.json"]
    for number in "1234":
        files = read(out / number)
        mixture, rate = files.pop("mixture")
        assert rate == 16000 and len(mixture) == 3200 and 2 <= len(files) <= 3
        total = sum(audio for audio, _ in files.values())
        np.testing.assert_allclose(total, mixture, atol=1e-6)
        for name in files:
            assert name.split("_")[0] in ("fl", "vc", "vn", "cl")


def test_at_another_tempo_mixtures_are_as_long_as_windows_allow(records, tmp_path):
    told = Mixtures(tempo=0.1, effects=1.0)
    out = tmp_path / "out"
    preview.write(records, "train", told, 1, out)
    audio, rate = read(out / "1")["mixture"]
    assert told.reach(len(audio), rate) <= 4000 < told.reach(len(audio) + 2, rate)
    with pytest.raises(InputError, match="seconds=0.25: windows of these .* 0.0527 s"):
        preview.write(records, "train", told, 1, out, seconds=0.25)


def test_parts_of_one_instrument_are_numbered(records, tmp_path):
    told = Mixtures(sources_min=2, sources_max=2, instruments="same")
    preview.write(records, "train", told, 3, tmp_path / "out", **TOLD)
    for number in "123":
        (one, other) = sorted(set(read(tmp_path / "out" / number)) - {"mixture"})
        assert one[:-1] == other[:-1] and (one[-2:], other[-2:]) == ("_1", "_2")


def test_what_was_done_and_how_loud_it_is_stands_beside(records, tmp_path):
    written = preview.write(records, "train", Mixtures(), 2, tmp_path / "out", **TOLD)
    told = json.loads((tmp_path / "out" / "preview.json").read_text())
    assert told["split"] == "train" and told["seed"] == 3
    for files, levels in zip(written, told["rms_dbfs"]):
        for name, audio in files.items():
            power = np.mean(np.square(audio, dtype=np.float64))
            assert levels[name] == pytest.approx(10 * np.log10(power), abs=0.01)


def test_an_earlier_preview_is_replaced_and_nothing_else_is(records, tmp_path):
    out = tmp_path / "out"
    preview.write(records, "train", Mixtures(), 3, out, **TOLD)
    preview.write(records, "train", Mixtures(), 1, out, **TOLD)
    assert sorted(p.name for p in out.iterdir()) == ["1", "preview.json"]
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="mine exists and is no preview"):
        preview.write(records, "train", Mixtures(), 1, mine, **TOLD)
    assert (mine / "thesis.txt").exists()


@pytest.mark.parametrize(
    "changes, words",
    [({"seconds": 9.0}, "up to 0.25 s"), ({"count": 0}, "n=0: expected 1 mixture")],
)
def test_impossible_wishes_are_refused(records, tmp_path, changes, words):
    told = {**TOLD, "count": 1, **changes}
    with pytest.raises(InputError, match=words):
        preview.write(records, "train", Mixtures(), output=tmp_path / "out", **told)
    assert not (tmp_path / "out").exists()


def prepare(*argv):
    told = dict(argv=["Prepare.py", *argv], check=Prepare.check)
    return Config.command_line(Prepare.ex, **told)


@pytest.fixture
def stored(options):
    """Where the records of `options` are, as a command line tells it."""
    data = Utils.read_json(options)["data"]
    return [f"data.{key}={value}" for key, value in data.items() if key != "raw"]


def test_the_verb_writes_what_training_would_hear(stored, here, capsys):
    prepare("preview", "with", *stored, "n=2", "seconds=0.2", "mixing.remix=1.0")
    said = capsys.readouterr().out
    assert "preview/1: mixture -" in said and "preview/2: " in said
    assert len(list((here / "preview" / "2").glob("*.wav"))) >= 2


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["preview", "with", "mixing.remix=2.0"], "mixing.remix=2.0 must lie between"),
        (["preview", "with", "n=two"], "n=two: expected a whole number"),
        (["preview", "with", "split=tests"], "no split 'tests'"),
        (["with", "n=2"], "n=2: only preview tells of mixtures to listen to"),
        (["with", "mixing.remix=0.5"], "does not use the section mixing"),
    ],
)
def test_a_mistake_is_one_sentence(stored, here, capsys, words, sentence):
    with pytest.raises(SystemExit):
        prepare(*words, *stored)
    assert sentence in capsys.readouterr().err
    assert not (here / "preview").exists()
