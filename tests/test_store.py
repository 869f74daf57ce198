"""Score files: written whole, read back exactly, and read by museval."""

import dataclasses
import importlib
import importlib.util
import json
import pathlib
import sys
import types

import numpy as np
import pytest

import Utils
from Schema import InputError
from Scores import pes, protocols, score_file, store
from Scores.aggregate import aggregate
from Scores.bss_eval import bss_eval, protocol
from Scores.track import METRICS, Dropped
from tests.scores_made import RATE, made

NAN, INF = np.nan, np.inf
SOME = np.array([NAN, -7.5])


def awkward():
    """Every kind of score there is: finite, infinite, undefined, dropped, silent."""
    scores = made(
        si_sdr=[INF, NAN, -INF, 4.25],
        dropped=[Dropped(1, ("a",), ("a", "c"))],
        silent=["b"],
        a=[1.123456789, NAN, INF, -3.0],
        b=[NAN] * 4,
        c=[0.5, NAN, NAN, 2.0],
        d=[1.0, NAN, 1.0, 1.0],
    )
    scores.bss["SIR"][0, [0, 2, 3]] = [-INF, INF, INF]
    frames = np.array([[NAN, -12.123456, NAN, NAN], [-120.0, -3.0, 0.5, 1.0]])
    silence = pes.TrackSilence(("a", "x"), frames, frames[::-1], SOME, ("x",))
    return dataclasses.replace(scores, silence=silence)


@pytest.fixture
def museval_aggregate(monkeypatch):
    """The installed museval/aggregate.py, without museval/__init__.py (ffmpeg)."""
    pytest.importorskip("pandas", reason="museval's aggregators need pandas")
    package = types.ModuleType("museval")
    spec = importlib.util.find_spec("museval")
    package.__path__ = list(spec.submodule_search_locations)
    package.__spec__ = spec
    monkeypatch.setitem(sys.modules, "museval", package)
    names = ("museval.aggregate", "museval.version")
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module("museval.aggregate")
    for name in names:
        sys.modules.pop(name, None)


def test_what_is_written_is_read_back(tmp_path):
    scores = awkward()
    about = {"track": "01", "checkpoint": "abc", "steps": 7, "parts": ("x", "y")}
    store.write(tmp_path / "01.json", scores, about)
    again, found = store.read(tmp_path / "01.json")
    for metric in METRICS:
        np.testing.assert_array_equal(
            again.bss[metric], np.round(scores.bss[metric], score_file.DECIMALS)
        )
    np.testing.assert_array_equal(again.si_sdr, scores.si_sdr)
    np.testing.assert_array_equal(again.snr, scores.snr)
    for field in dataclasses.fields(scores):
        if field.name not in ("bss", "si_sdr", "snr", "silence"):
            assert getattr(again, field.name) == getattr(scores, field.name)
    for key in ("pes", "eps", "leak"):
        there, here = getattr(again.silence, key), getattr(scores.silence, key)
        np.testing.assert_allclose(there, here, atol=1e-5)
    assert again.silence.names == ("a", "x") and again.silence.absent == ("x",)
    assert found == {**about, "parts": ["x", "y"]}


def test_a_score_file_is_strict_json_and_carries_its_own_explanation(tmp_path):
    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    store.write(tmp_path / "t.json", awkward())
    text = (tmp_path / "t.json").read_text()
    content = json.loads(text, parse_constant=refuse)
    assert content["frames"] == {
        "kept": 3,
        "dropped": [
            {"frame": 1, "time": 1.0, "references": ["a"], "estimates": ["a", "c"]}
        ],
    }
    assert content["silent_estimates"] == ["b"]
    assert content["si_sdr"] == {"a": "inf", "b": None, "c": "-inf", "d": 4.25}
    assert content["not_finite"]["c"]["SDR"] == {"nan": [2]}
    assert content["versions"]["numpy"] == np.__version__
    assert content["protocol"]["window_seconds"] == 1.0
    assert content["sample_rate"] == RATE


def test_a_written_file_keeps_the_schema_of_museval(tmp_path):
    jsonschema = pytest.importorskip("jsonschema", reason="museval's validator")
    folder = importlib.util.find_spec("museval").submodule_search_locations[0]
    schema = Utils.read_json(pathlib.Path(folder) / "musdb.schema.json")
    store.write(tmp_path / "t.json", awkward())
    content = Utils.read_json(tmp_path / "t.json")
    jsonschema.validate(content, schema)
    content["targets"][0]["frames"][0]["metrics"]["SDR"] = None
    with pytest.raises(jsonschema.ValidationError):  # the schema can say no
        jsonschema.validate(content, schema)


def test_museval_reads_our_file_as_it_reads_its_own(tmp_path, museval_aggregate):
    rng = np.random.default_rng(0)
    references = rng.normal(size=(2, 3 * RATE, 1))
    references[0, :RATE] = 0
    estimates = references + 0.1 * rng.normal(size=references.shape)
    estimates[1] = references[1]  # a perfect estimate: infinite SDR
    scores = bss_eval(references, estimates, RATE, names=["vn", "vc"])
    store.write(tmp_path / "test" / "song.json", scores)

    own = museval_aggregate.TrackStore("song", win=1.0, hop=1.0)
    for name in scores.names:
        own.add_target(name, {m: list(scores.frames(name, m)) for m in METRICS})
    content = Utils.read_json(tmp_path / "test" / "song.json")
    assert content["museval_version"] == own.scores["museval_version"]
    ours = museval_aggregate.json2df(content, "song")
    pandas = importlib.import_module("pandas")
    pandas.testing.assert_frame_equal(ours, own.df)


@pytest.mark.parametrize("sources", [1, 2])
def test_museval_aggregates_a_file_without_a_single_sir(
    tmp_path, museval_aggregate, sources
):
    frames = {name: [5.0, 7.0, 9.0] for name in "ab"[:sources]}
    scores = made(**frames)
    scores.bss["SIR"][:] = INF
    store.write(tmp_path / "test" / "song.json", scores)
    theirs = museval_aggregate.EvalStore()
    theirs.add_eval_dir(tmp_path)
    found = theirs.agg_frames_tracks_scores()
    assert found["a"]["SDR"] == 7.0 and np.isnan(found["a"]["SIR"])


def test_museval_reads_segments_of_v3_which_have_no_isr(tmp_path, museval_aggregate):
    rng = np.random.default_rng(0)
    references = rng.normal(size=(2, 3 * 16384, 1))
    estimates = references + 0.3 * references[::-1]
    of = protocols.named("ancestor-v3")
    scores = protocols.score(of, ["vn", "vc"], references, estimates, 22050)
    store.write(tmp_path / "test" / "song.json", scores)
    theirs = museval_aggregate.EvalStore(frames_agg="mean", tracks_agg="mean")
    theirs.add_eval_dir(tmp_path)
    found = theirs.agg_frames_tracks_scores()
    for name in scores.names:
        for metric in ("SDR", "SIR", "SAR"):
            wanted = scores.of_track(name, metric)
            assert found[name][metric] == pytest.approx(wanted, abs=1e-4)
        assert np.isnan(found[name]["ISR"])


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: c.pop("targets"),
        lambda c: c.pop("about"),
        lambda c: c.update(schema="0.9"),
        lambda c: c.update(targets=[]),
        lambda c: c["targets"][0]["frames"].pop(),
        lambda c: c["targets"].append(c["targets"][0]),
        lambda c: c["targets"][3]["frames"][0]["metrics"].pop("SDR"),
        lambda c: c["targets"][3]["frames"][1]["metrics"].update(SDR=1.0),
        lambda c: c["targets"][3]["frames"][0]["metrics"].update(SDR="loud"),
        lambda c: c["frames"].update(kept=2),
        lambda c: c["si_sdr"].pop("a"),
        lambda c: c.update(samples=5 * RATE),
        lambda c: c.update(silent_estimates=["nobody"]),
    ],
)
def test_a_damaged_file_is_refused_by_name_and_does_not_count_as_done(tmp_path, damage):
    path = tmp_path / "t.json"
    store.write(path, awkward(), {"id": 1})
    assert store.is_complete(path, {"id": 1})
    content = Utils.read_json(path)
    damage(content)
    Utils.write_json(path, content)
    with pytest.raises(InputError, match="t.json is not a whole score file"):
        store.read(path)
    assert not store.is_complete(path, {"id": 1})


def test_an_evaluation_is_skipped_only_if_it_is_exactly_the_same(tmp_path):
    path, about = tmp_path / "t.json", {"checkpoint": "abc", "n": (1, 2)}
    assert not store.is_complete(path, about)
    store.write(path, made(a=[1.0, 2.0]), about)
    assert store.is_complete(path, about)
    assert not store.is_complete(path, {**about, "checkpoint": "abd"})
    assert not store.is_complete(path, {**about, "more": 1})
    assert not store.is_complete(path)
    assert not store.is_complete(path, about, protocol(window_seconds=2.0))
    path.write_text(path.read_text()[:-20])
    assert not store.is_complete(path, about)


def test_a_description_that_json_cannot_hold_is_an_error_before_writing(tmp_path):
    for about in ({"x": object()}, {"x": NAN}):
        with pytest.raises((TypeError, ValueError)):
            store.write(tmp_path / "t.json", made(a=[1.0]), about)
    assert not list(tmp_path.iterdir())


def test_a_folder_is_read_whole_or_not_at_all(tmp_path):
    with pytest.raises(InputError, match="holds no scores"):
        store.read_folder(tmp_path)
    store.write(tmp_path / "test" / "b - x.y.json", made(a=[1.0]))
    store.write(tmp_path / "test" / "a.json", made(a=[1.0]))
    half = tmp_path / "test" / ".c.json.k3j"  # what a killed writer leaves
    half.mkdir()
    (half / "c.json").write_text("{")
    assert list(store.read_folder(tmp_path)) == ["test/a", "test/b - x.y"]
    (tmp_path / "notes.json").write_text("{}")
    with pytest.raises(InputError, match="notes.json is not a whole score file"):
        store.read_folder(tmp_path)


def test_medians_are_those_of_museval(tmp_path, museval_aggregate):
    rng = np.random.default_rng(0)
    for i in range(5):
        names = ("vn", "vc", "fl")[: 1 + i % 3]
        frames = {n: rng.normal(size=4 + i) for n in names}
        for values in frames.values():
            values[i % 4] = NAN
        frames["vn"][(i + 1) % 4] = INF
        scores = made(dropped=[Dropped(i % 4, ("vn",), ())], **frames)
        store.write(tmp_path / "test" / f"{i}.json", scores)
    theirs = museval_aggregate.EvalStore()
    theirs.add_eval_dir(tmp_path)
    expected = theirs.agg_frames_tracks_scores()
    found = aggregate({"model": tmp_path})
    for row in (row for row in found.rows if not row.is_mean):
        for metric in METRICS:
            assert row.values[metric] == pytest.approx(expected[row.source][metric])
    notes = {row.source: row.notes.get("SDR") for row in found.rows}
    assert notes["vn"] == "infinite frames left out: 5"
    assert notes["vc"] is None
