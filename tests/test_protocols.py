"""Protocols: the numbers of museval and mir_eval, and what a table makes of them."""

import csv
import sys
import types
import warnings

import numpy as np
import pytest
import soundfile as sf
import soxr

from benchmarks import agreement
from Schema import InputError
from Scores import (
    aggregate,
    bss_eval_v3,
    protocols,
    score_file,
    store,
)
from tests.bss_eval_made import assert_same, blurred, tracks

FOUR = list(protocols.TARGETS)


def mir_eval(references, estimates):
    """float64 [3, S] of mono [S, T]."""
    separation = pytest.importorskip("mir_eval.separation")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        *values, _ = separation.bss_eval_sources(references, estimates, False)
    return np.stack(values)


def mono(n_sources=3, n_time=4000, seed=0):
    return tracks(n_sources, n_time, 1, seed)


def test_segments_are_scored_as_mir_eval_scores_each():
    references, estimates = mono(n_time=4100)
    found = bss_eval_v3.bss_eval(references, estimates, 1000, 2.0)
    assert (found.n_frames, found.window, found.unscored) == (2, 2000, 100)
    for k, part in enumerate((slice(0, 2000), slice(2000, 4000))):
        wanted = mir_eval(references[:, part, 0], estimates[:, part, 0])
        values = np.stack([found.bss[m][:, k] for m in bss_eval_v3.METRICS])
        assert_same(values, wanted)
    again = bss_eval_v3.bss_eval(references, estimates, 1000, 2.0, engine="museval")
    assert_same(*(np.stack([*s.bss.values()]) for s in (found, again)))


def test_a_source_loses_its_own_score_where_it_is_silent():
    references, estimates = mono(n_time=6000)
    references[1, 2000:4000] = 0
    estimates[2, 4000:] = 0
    found = bss_eval_v3.bss_eval(references, estimates, 1000, 2.0, ["a", "b", "c"])
    assert [(d.frame, d.references, d.estimates, d.of) for d in found.dropped] == [
        (1, ("b",), (), ("b",)),
        (2, (), ("c",), ("c",)),
    ]
    missing = np.isnan(np.stack([*found.bss.values()]))
    assert missing.sum() == 2 * 3 and missing[:, 1, 1].all() and missing[:, 2, 2].all()
    pair = references[[0, 2], 2000:4000, 0], estimates[[0, 2], 2000:4000, 0]
    assert_same(found.bss["SIR"][[0, 2], 1], mir_eval(*pair)[1])
    # The estimate of c is silent: a and b are scored against all three references.
    pair = references[:, 4000:, 0], estimates[:, 4000:, 0].copy()
    pair[1][2] = np.random.default_rng(0).normal(size=2000)
    assert_same(found.bss["SIR"][:2, 2], mir_eval(*pair)[1][:2])
    assert found.dropped_of("a") == 0 and found.kept == 1
    told = references, estimates, 1000, 2.0, ["a", "b", "c"], "museval"
    again = bss_eval_v3.bss_eval(*told)
    assert again.dropped == found.dropped
    assert_same(*(np.stack([*s.bss.values()]) for s in (found, again)))


def test_the_ancestor_takes_the_mean_over_all_segments_of_all_tracks():
    protocol = protocols.named("ancestor-v3")
    scores, segments = {}, []
    for seed, count in enumerate((1, 3)):
        references, estimates = mono(2, 16384 * count + 99, seed)
        estimates += 0.1 * seed * references[::-1]
        told = protocol, ["vn", "vc"], references, estimates, 22050
        scores[str(seed)] = protocols.score(*told)
        for k in range(count):
            part = slice(k * 16384, (k + 1) * 16384)
            segments.append(mir_eval(references[:, part, 0], estimates[:, part, 0]))
    table = aggregate.aggregate({"net": scores}, floor="net")
    vn, mean = table.rows[0], table.rows[-1]
    for k, metric in enumerate(("SDR", "SIR", "SAR")):
        wanted = [found[k] for found in segments]
        assert vn.values[metric] == pytest.approx(np.mean([w[0] for w in wanted]))
        assert mean.values[metric] == pytest.approx(np.mean(wanted))
    assert "ISR" not in vn.values and vn.protocol == "ancestor-v3"


def test_clips_of_sound_of_pixels_are_one_segment_at_its_rate():
    rng = np.random.default_rng(0)
    references = rng.normal(size=[2, 131070, 2])
    estimates = blurred(references)
    protocol = protocols.named("music-2mix-v3")
    found = protocols.score(protocol, ["a", "b"], references, estimates, 22050)
    assert (found.sample_rate, found.n_time, found.n_frames) == (11025, 65535, 1)
    pair = (
        np.stack(
            [soxr.resample(one.mean(axis=1), 22050, 11025, "VHQ") for one in audio]
        )
        for audio in (references, estimates)
    )
    wanted = mir_eval(*pair)
    assert_same(np.stack([*found.bss.values()])[..., 0], wanted)


@pytest.fixture
def museval(monkeypatch):
    """The package museval is loaded, and forgotten after it."""
    pytest.importorskip("pandas", reason="museval needs pandas")
    for name in ("musdb", "stempeg"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    for name in [n for n in sys.modules if n.split(".")[0] == "museval"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(np.linalg, "linalg", np.linalg, raising=False)
    yield
    for name in [n for n in sys.modules if n.split(".")[0] == "museval"]:
        del sys.modules[name]


def song(seed=0, rate=4000, seconds=3):
    """(references, estimates) [4, T, 2]; the bass is silent in the second frame."""
    rng = np.random.default_rng(seed)
    references = rng.normal(size=[4, seconds * rate, 2])
    references[FOUR.index("bass"), rate : 2 * rate] = 0
    return references, blurred(references)


@pytest.mark.usefixtures("museval")
def test_musdb_is_scored_as_musevals_own_api_scores_a_song():
    references, estimates = song()
    names = [*FOUR, "accompaniment"]
    both = ([*audio, audio[1:].sum(axis=0)] for audio in (references, estimates))
    theirs = agreement.theirs(names, *both, 4000)
    protocol = protocols.named("musdb-v4")
    ours = protocols.score(protocol, FOUR, references, estimates, 4000)
    assert ours.names == (*FOUR, "accompaniment")
    assert set(theirs) == set(names)
    for name, wanted in theirs.items():
        found = np.stack([ours.frames(name, metric) for metric in ours.bss])
        np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
        np.testing.assert_allclose(found, wanted, atol=1.1e-5)  # theirs are rounded
    # The bass costs drums and other a frame, but not vocals and accompaniment.
    dropped = {name: ours.dropped_of(name) for name in ours.names}
    assert dropped == {**dict.fromkeys(FOUR, 1), "vocals": 0, "accompaniment": 0}


def test_the_accompaniment_is_no_part_of_the_mean(tmp_path):
    protocol = protocols.named("musdb-v4")
    scores = protocols.score(protocol, FOUR, *song(), 4000)
    store.write(tmp_path / "a.json", scores)
    again = store.read(tmp_path / "a.json")[0]
    assert again.dropped == scores.dropped and again.protocol == protocol.told()
    rows = aggregate.aggregate({"net": {"a": again}}, floor="net").rows
    four = [row.values["SDR"] for row in rows if row.source in FOUR]
    assert rows[-1].values["SDR"] == pytest.approx(np.mean(four)) and len(four) == 4
    assert [row.source for row in rows][-2:] == ["accompaniment", "mean"]


@pytest.mark.parametrize(
    "names, scenarios",
    [
        (["vocals"], [["vocals"]]),
        (["drums"], [["drums"]]),
        (["drums", "bass"], [["drums", "bass"]]),
        (["vocals", "accompaniment"], [["vocals", "accompaniment"]]),
        (["vocals", "bass"], [["vocals", "bass"], ["vocals", "accompaniment"]]),
    ],
)
def test_what_is_there_of_a_song_is_scored_together(names, scenarios):
    protocol = protocols.named("musdb-v4")
    pair = [np.ones([len(names), 10, 1])] * 2
    found = [chosen for chosen, _ in protocols.scenarios(protocol, names, pair)]
    assert found == scenarios
    scores = protocols.score(protocol, names, *tracks(len(names), 4000), 2000)
    assert set(scores.names) == set(sum(scenarios, []))


def test_scores_of_two_protocols_are_never_put_together(tmp_path):
    references, estimates = tracks(2, 30000, 1)
    made = {}
    for name in ("urmp-v4", "ancestor-v3"):
        told = protocols.named(name), ["a", "b"], references, estimates, 22050
        made[name] = {"t": protocols.score(*told)}
        store.write(tmp_path / f"{name}.json", made[name]["t"])
    with pytest.raises(InputError, match="ancestor-v3.*evaluate them alike"):
        aggregate.aggregate(made, floor="urmp-v4")
    path, told = tmp_path / "ancestor-v3.json", protocols.named("ancestor-v3").told()
    assert store.is_complete(path, None, told) and not store.is_complete(path)
    content = score_file.document(made["ancestor-v3"]["t"])
    frames = content["targets"][0]["frames"]
    assert all(frame["metrics"]["ISR"] is None for frame in frames)  # for museval


def test_every_protocol_tells_itself_apart():
    told = [repr(sorted(p.told().items())) for p in protocols.PROTOCOLS.values()]
    assert len(set(told)) == len(told)
    other = protocols.named("urmp-v4", "source").told()
    assert other != protocols.named("urmp-v4").told()
    assert protocols.named("urmp-v4", "frame") is protocols.named("urmp-v4")


def test_what_no_protocol_knows_is_refused():
    with pytest.raises(InputError, match="did you mean 'musdb-v4'"):
        protocols.named("musdb4")
    with pytest.raises(InputError, match="silence=frame: ancestor-v3"):
        protocols.named("ancestor-v3", "frame")
    with pytest.raises(InputError, match="silence='never' must be one of"):
        protocols.named("urmp-v4", "never")
    told = protocols.named("musdb-v4"), ["vn"], *tracks(1), 8000
    with pytest.raises(InputError, match="there is 'vn': choose protocol=urmp-v4"):
        protocols.score(*told)
    with pytest.raises(InputError, match="expected mono, found 2 channels"):
        bss_eval_v3.bss_eval(*tracks(2), 8000, 0.1)


def test_folders_are_scored_by_the_protocol_that_is_named(here, inline):
    import Config
    import Evaluate

    references, estimates = song()
    for what, audio in (("reference", references), ("estimates", estimates)):
        (here / what / "a song").mkdir(parents=True)
        for name, samples in zip(FOUR, audio):
            path = here / what / "a song" / f"{name}.wav"
            sf.write(path, 0.1 * samples, 4000, subtype="DOUBLE")
    made = 0.1 * estimates[1:].sum(axis=0) + 0.01
    path = here / "estimates" / "a song" / "accompaniment.wav"
    sf.write(path, made, 4000, subtype="DOUBLE")
    argv = ["Evaluate.py", "with", "estimates=estimates", "reference=reference"]
    argv += ["protocol=musdb-v4", "output=out", "evaluation.workers=1"]
    Config.command_line(Evaluate.ex, argv=[*argv, "evaluation.wiener_iterations=1"])
    found = store.read(here / "out" / "a song.json")[0]
    two = [references[0], references[1:].sum(axis=0)], [0.1 * estimates[0], made]
    two = [np.stack(audio) for audio in ((0.1 * np.stack(two[0])), two[1])]
    wanted = protocols.score(protocols.named("urmp-v4"), ["v", "a"], *two, 4000)
    for metric, values in wanted.bss.items():
        for k, name in enumerate(("vocals", "accompaniment")):
            np.testing.assert_allclose(found.frames(name, metric), values[k], atol=1e-4)
    table = (here / "out" / "table.md").read_text("utf-8")
    assert "musdb-v4, museval v4 (BSSEval v4)" in table and "Versions: museval" in table
    assert "Published, by musdb-v4" in table and "Estimates without" not in table
    assert r"| estimates, Wiener filter x1 | vocals |" in table
    with open(here / "out" / "results.csv", newline="") as file:
        assert {line["protocol"] for line in csv.DictReader(file)} == {"musdb-v4"}
