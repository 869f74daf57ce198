"""Estimates of any program, in folders: what is scored, told and kept."""

import json
import os
import shutil
import unicodedata

import numpy as np
import pytest
import soundfile as sf

import Config
import Evaluate
from Evaluating import comparing
from Schema import InputError
from Scores import bss_eval, folders, store

RATE = 8000


@pytest.fixture(autouse=True)
def processes(request):
    """One test has processes of its own."""
    if "museval" not in request.node.name:
        request.getfixturevalue("inline")


def write(folder, audio, rate=RATE):
    """`<folder>/<source>.wav` for each of {source: [T] or [T, C]}."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, samples in audio.items():
        sf.write(folder / f"{name}.wav", samples, rate, subtype="FLOAT")


def sources(seed, names=("vn", "vc"), seconds=2.5):
    rng = np.random.default_rng(seed)
    n_time = round(seconds * RATE)
    return {name: 0.1 * rng.normal(size=n_time) for name in names}


@pytest.fixture
def tree(tmp_path):
    """A reference and estimates of two tracks, one of them below a folder."""
    for seed, track in enumerate(("01 Größe", "b/02_'x'")):
        truth = sources(seed)
        noise = sources(seed + 10)
        write(tmp_path / "reference" / track, truth)
        close = {n: truth[n] + (k + 1) * 0.3 * noise[n] for k, n in enumerate(truth)}
        write(tmp_path / "estimates" / track, close)
    return tmp_path


def verb(tree, *more, fails=False):
    told = [f"{knob}={tree / knob}" for knob in ("estimates", "reference")]
    argv = ["Evaluate.py", "with", *told, f"output={tree / 'out'}", *more]
    if not fails:
        return Config.command_line(Evaluate.ex, argv=argv)
    with pytest.raises(SystemExit):
        Config.command_line(Evaluate.ex, argv=argv)
    return None


def test_the_scores_are_those_of_museval_for_the_same_arrays(tree):
    verb(tree)
    for track in ("01 Größe", "b/02_'x'"):
        names = ["vc", "vn"]
        truth, made = (
            np.stack([sf.read(tree / what / track / f"{n}.wav")[0] for n in names])
            for what in ("reference", "estimates")
        )
        wanted = bss_eval.bss_eval(truth[..., None], made[..., None], RATE, names=names)
        found, _ = store.read(tree / "out" / f"{track}.json")
        assert found.names == ("vc", "vn")
        for metric, values in wanted.bss.items():
            np.testing.assert_allclose(found.bss[metric], values, atol=2e-5)


def test_the_table_has_floor_and_ceiling_and_says_what_was_found(tree, capsys):
    run = verb(tree)
    said = capsys.readouterr().out
    table = (tree / "out" / "table.md").read_text("utf-8")
    for row in ("| mixture | vc |", "| estimates | vn |", "| ideal ratio mask | vn |"):
        assert row in table
    assert "Tracks found: 2, scored: 2." in table and "dB above" not in table
    assert f"SI-SDR above the mixture: {run.result:.2f} dB" in said
    assert {p.name for p in (tree / "out").glob("*.*") if p.is_file()} == {
        *("01 Größe.json", "results.csv", "table.md", "table.tex", "report.html")
    }
    page = (tree / "out" / "report.html").read_text("utf-8")
    assert page.count("<audio") >= 2 * 5  # of each track mixture, references, estimates


def test_what_is_scored_is_not_scored_again_and_what_changed_is(tree, capsys):
    verb(tree)
    capsys.readouterr()
    file = tree / "out" / "01 Größe.json"
    before = file.stat().st_mtime_ns
    verb(tree)
    assert "2 of 2 tracks are scored already" in capsys.readouterr().out
    assert file.stat().st_mtime_ns == before
    write(tree / "estimates" / "01 Größe", sources(99))
    verb(tree)
    assert "1 of 2 tracks are scored already" in capsys.readouterr().out
    assert file.stat().st_mtime_ns > before


def test_a_damaged_score_file_is_made_anew(tree):
    verb(tree)
    file = tree / "out" / "01 Größe.json"
    whole = json.loads(file.read_text("utf-8"))
    file.write_text(file.read_text("utf-8")[:200])
    verb(tree)
    assert json.loads(file.read_text("utf-8")) == whole


def broken(kind, folder):
    """Spoils the estimate of vn in a folder; returns words of the error."""
    path = folder / "vn.wav"
    audio, _ = sf.read(path)
    if kind == "absent":
        path.unlink()
        return "no estimate of vn"
    if kind == "zero bytes":
        path.write_bytes(b"")
        return "vn.wav cannot be read"
    if kind == "rate":
        sf.write(path, audio, 16000)
        return "vn.wav is at 16000 Hz"
    if kind == "channels":
        sf.write(path, np.stack([audio, audio], axis=1), RATE)
        return "vn.wav has 2 channels"
    if kind == "NaN":
        sf.write(
            path, np.where(np.arange(len(audio)) == 9, np.nan, audio), RATE, "FLOAT"
        )
        return "vn.wav holds NaN"
    sf.write(path, audio[:-4000], RATE)
    return "vn.wav has -0.500 s more than"


@pytest.mark.parametrize(
    "kind", ["absent", "zero bytes", "rate", "channels", "NaN", "length"]
)
def test_a_track_that_fails_is_told_and_loses_no_other(tree, capsys, kind):
    words = broken(kind, tree / "estimates" / "01 Größe")
    verb(tree)
    said = capsys.readouterr().out
    line = next(x for x in said.splitlines() if x.startswith("not scored: 01 Größe"))
    assert words in line
    table = (tree / "out" / "table.md").read_text("utf-8")
    assert "scored: 1. Not scored: 01 Größe" in table.replace("\\", "")
    assert (tree / "out" / "b" / "02_'x'.json").exists()


def test_a_few_samples_more_or_less_are_aligned_and_told(tree, capsys):
    for change, name in ((slice(None, -7), "vn"), (None, "vc")):
        path = tree / "estimates" / "01 Größe" / f"{name}.wav"
        audio, _ = sf.read(path)
        audio = audio[change] if change else np.pad(audio, (0, 5))
        sf.write(path, audio, RATE, subtype="FLOAT")
    verb(tree)
    said = capsys.readouterr().out
    assert "01 Größe: estimate of vc: +5 samples" in said and "vn: -7 samples" in said
    verb(tree)
    assert "estimate of vc: +5 samples" in capsys.readouterr().out  # scored already
    pair = folders.pairs(tree / "reference", tree / "estimates")[0]
    names, truth, mix, made, _, rate = folders.read(pair)
    assert truth.shape == made.shape == (2, 20000, 1) and rate == RATE
    assert not made[names.index("vn"), -7:].any()
    np.testing.assert_allclose(mix, truth.sum(axis=0))


def test_a_mixture_that_is_there_is_the_floor(tree):
    truth = sources(0)
    write(tree / "reference" / "01 Größe", {"mixture": 3 * sum(truth.values())})
    pair = folders.pairs(tree / "reference", tree / "estimates")[0]
    _, references, mix, *_ = folders.read(pair)
    np.testing.assert_allclose(mix, 3 * references.sum(axis=0), atol=1e-6)


def test_estimates_without_a_reference_are_told(tree):
    write(tree / "estimates" / "01 Größe", {"fl": sources(0)["vn"]})
    write(tree / "estimates" / "gone", sources(0))
    verb(tree)
    table = (tree / "out" / "table.md").read_text("utf-8")
    assert "Estimates without a reference: fl." in table
    assert "without a reference: gone." in table
    (line,) = [
        x for x in table.splitlines() if x.startswith("| estimates | fl | absent")
    ]
    scores, _ = store.read(tree / "out" / "01 Größe.json")
    assert scores.silence.absent == ("fl",) and scores.names == ("vc", "vn")
    energy = np.square(sources(0)["vn"][:RATE].astype(np.float32), dtype=float).sum()
    assert scores.silence.pes[2, 0] == pytest.approx(10 * np.log10(energy), abs=1e-4)
    assert line.count("|") == 9


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda t: shutil.rmtree(t / "estimates"), "is no folder"),
        (lambda t: shutil.rmtree(t / "estimates" / "b"), None),
        (lambda t: (t / "estimates").rename(t / "x") and (t / "estimates").mkdir(),
         "holds none of the 2 tracks"),
    ],
)  # fmt: skip
def test_folders_without_tracks_are_refused_by_name(tree, capsys, spoil, words):
    spoil(tree)
    if words is None:
        verb(tree)
        assert "not scored: b/02_'x': no estimate of vc, vn" in capsys.readouterr().out
        return
    verb(tree, fails=True)
    assert words in capsys.readouterr().err


def test_silent_references_are_left_out_and_a_silent_track_is_told(tree, capsys):
    write(tree / "reference" / "01 Größe", {"vn": np.zeros(20000)})
    nothing = {name: np.zeros(20000) for name in ("vn", "vc")}
    write(tree / "reference" / "b" / "02_'x'", nothing)
    verb(tree)
    assert "b/02_'x': all references are silent" in capsys.readouterr().out
    assert store.read(tree / "out" / "01 Größe.json")[0].names == ("vc",)


def test_names_of_another_system_are_the_same_names(tree):
    home = tree / "estimates"
    os.rename(home / "01 Größe", home / unicodedata.normalize("NFD", "01 Größe"))
    found = folders.pairs(tree / "reference", home)[0]
    assert found.name == "01 Größe" and sorted(found.estimates) == ["vc", "vn"]
    assert not folders.unasked(tree / "reference", home)


def test_one_source_in_two_files_is_refused(tree):
    path = tree / "reference" / "01 Größe" / "vn.flac"
    sf.write(path, np.zeros(100), RATE)
    with pytest.raises(InputError, match="are one source twice"):
        folders.pairs(tree / "reference", tree / "estimates")


def test_a_track_called_as_a_row_loses_no_score_of_that_row(tree, capsys):
    for what in ("reference", "estimates"):
        shutil.copytree(tree / what / "01 Größe", tree / what / "mixture/01 Größe")
    verb(tree)
    assert "rename the folder mixture" in capsys.readouterr().out
    found = store.read(tree / "out/mixture/01 Größe.json")[1]
    assert found["track"] == "01 Größe"
    table = (tree / "out/table.md").read_text("utf-8")
    assert "Not scored: mixture/01 Größe (the scores of a row stand in" in table


def test_scores_of_folders_are_compared_without_those_of_their_rows(tree):
    verb(tree)
    assert set(store.read_folder(tree / "out")) == {"01 Größe", "b/02_'x'"}
    os.remove(tree / "out/01 Größe.json")  # all that are left are below a folder
    os.remove(tree / "out/mixture/01 Größe.json")
    os.remove(tree / "out/ideal_ratio_mask/01 Größe.json")
    assert comparing.scores_of(tree / "out", "test") == tree / "out"
    assert set(store.read_folder(tree / "out")) == {"b/02_'x'"}


def test_one_source_by_itself_is_told_to_have_no_gain(tree, capsys):
    for what in ("reference", "estimates"):
        for path in tree.glob(f"{what}/**/vc.wav"):
            path.unlink()
    verb(tree)
    assert "no mean of all sources of all tracks" in capsys.readouterr().out


def test_scores_of_tracks_that_are_gone_go_too_and_nothing_else(tree):
    verb(tree)
    (tree / "out/notes.json").write_text("{}")
    shutil.copytree(tree / "out/b", tree / "out/elsewhere/b")
    shutil.rmtree(tree / "reference/b")
    verb(tree)
    left = {p.relative_to(tree / "out").as_posix() for p in tree.glob("out/**/*.json")}
    rows = {f"{row}01 Größe.json" for row in ("", "mixture/", "ideal_ratio_mask/")}
    assert left == rows | {"notes.json", "elsewhere/b/02_'x'.json"}


def test_tracks_may_differ_in_their_sample_rate(tree):
    for what in ("reference", "estimates"):
        for path in tree.glob(f"{what}/01 Größe/*.wav"):
            samples = sf.read(path)[0]
            sf.write(path, samples, 2 * RATE, subtype="FLOAT")
    verb(tree)
    table = (tree / "out/table.md").read_text("utf-8")
    assert "2 tracks at 8000 and 16000 Hz" in table
