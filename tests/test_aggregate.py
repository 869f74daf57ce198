"""From the scores of tracks to the rows of a table, against hand calculations."""

import collections
import dataclasses

import numpy as np
import pytest

import Scores
from Schema import InputError
from Scores import store
from Scores.aggregate import COLUMNS, aggregate
from Scores.bss_eval import protocol
from Scores.track import METRICS, Dropped
from tests.scores_made import RATE, made

NAN, INF = np.nan, np.inf


def row_of(summary, system, source):
    found = [r for r in summary.rows if (r.system, r.source) == (system, source)]
    assert len(found) == 1
    return found[0]


GAP = [Dropped(2, ("vn",), ())]
MIXTURE = {
    "t1": made([-3, 0], vn=[0.0, 1.0, 5.0], vc=[1.0, 1.0, 1.0]),
    "t2": made([-4], vn=[-1.0, -1.0, -1.0]),
}
MODEL = {
    "t1": made([6, 9], dropped=GAP, vn=[2.0, 4.0, NAN], vc=[7.0, 8.0, NAN]),
    "t2": made([8], vn=[10.0, 1.0, 6.0]),
}


def test_medians_over_frames_then_tracks_means_over_sources():
    found = aggregate({"mixture": MIXTURE, "model": MODEL})
    vn, vc, mean = (row_of(found, "model", s) for s in ("vn", "vc", "mean"))
    assert vn.values["SDR"] == 4.5  # of 3 and 6
    assert vc.values["SDR"] == 7.5
    assert mean.values["SDR"] == 6.0
    assert [vn.values[m] for m in METRICS] == [4.5, 5.5, 6.5, 7.5]
    assert (vn.values["SI-SDR"], vc.values["SI-SDR"]) == (7.0, 9.0)
    assert mean.values["SI-SDR"] == 8.0
    assert vn.values["SI-SDRi"] == np.mean([6 + 3, 8 + 4])
    assert (vc.values["SI-SDRi"], mean.values["SI-SDRi"]) == (9.0, 9.75)
    assert (vn.tracks, vc.tracks, mean.tracks, found.tracks) == (2, 1, 2, 2)
    assert (vn.kept, vn.dropped, vc.kept, vc.dropped) == (5, 1, 2, 1)
    assert not vn.notes and not mean.notes and mean.is_mean and not vn.is_mean
    assert found.silent["model"] == collections.Counter({"reference of vn": 1})
    assert row_of(found, "mixture", "vn").values["SI-SDRi"] == 0.0
    assert [r.system for r in found.rows] == ["mixture"] * 3 + ["model"] * 3


def test_tracks_are_joined_by_median_and_si_sdr_by_mean():
    levels = {"t1": 0.0, "t2": 3.0, "t3": 30.0}
    mixture = {t: made([-x], vn=[x, x]) for t, x in levels.items()}
    model = {t: made([x], vn=[x, x]) for t, x in levels.items()}
    vn = row_of(aggregate({"mixture": mixture, "m": model}), "m", "vn").values
    assert (vn["SDR"], vn["SI-SDR"], vn["SI-SDRi"]) == (3, 11, 22)


def test_what_has_no_number_is_none_and_says_why():
    model = {
        "t1": made([NAN, 9], silent=["vn"], vn=[NAN] * 3, vc=[7.0, 8.0, INF]),
        "t2": made([INF], vn=[INF] * 3),
    }
    found = aggregate({"model": model})
    vn, vc, mean = (row_of(found, "model", s) for s in ("vn", "vc", "mean"))
    assert set(vn.values) == set(COLUMNS) and not any(vn.values.values())
    assert vn.notes["SDR"] == (
        "no track has one (the estimate is silent throughout: 1; infinite or "
        "undefined in every scored frame: 1)"
    )
    assert "SI-SDR of the estimate is infinite: 1" in vn.notes["SI-SDR"]
    assert vn.notes["SI-SDRi"] == "no system named 'mixture'"
    assert vc.values["SDR"] == 7.5
    assert vc.notes["SDR"] == "infinite frames left out: 1"
    assert mean.values["SDR"] == 7.5 and mean.notes["SDR"] == "mean of 1 of 2 sources"
    assert mean.values["SI-SDRi"] is None
    assert mean.notes["SI-SDRi"] == "no source has one"


def test_a_track_without_a_number_is_counted():
    model = {**MODEL, "t2": made([NAN], silent=["vn"], vn=[NAN] * 3)}
    vn = row_of(aggregate({"mixture": MIXTURE, "m": model}), "m", "vn")
    assert (vn.values["SDR"], vn.values["SI-SDR"], vn.values["SI-SDRi"]) == (3, 6, 9)
    for column in set(COLUMNS) - {"SNR"}:  # there is one of a silent estimate
        assert vn.notes[column] == (
            "without 1 of 2 tracks (the estimate is silent throughout)"
        )


def test_sources_come_in_the_order_asked_for():
    found = aggregate({"m": MODEL}, order=["fl", "vc", "vn"])
    assert [r.source for r in found.rows] == ["vc", "vn", "mean"]
    with pytest.raises(InputError, match="lacks 'vc'"):
        aggregate({"m": MODEL}, order=["vn"])


def test_systems_that_were_not_measured_alike_are_refused():
    with pytest.raises(InputError, match="model has no scores of 'vn' in track 't2'"):
        aggregate({"mixture": MIXTURE, "model": {"t1": MODEL["t1"]}})
    with pytest.raises(InputError, match="mixture has no scores of 'vn' in track 't3'"):
        aggregate({"mixture": MIXTURE, "model": {**MODEL, "t3": MODEL["t2"]}})
    for change in ({"sample_rate": 500}, {"protocol": protocol(2.0)}):
        other = {t: dataclasses.replace(s, **change) for t, s in MODEL.items()}
        with pytest.raises(InputError, match="model, track t1: .*evaluate them alike"):
            aggregate({"mixture": MIXTURE, "model": other})
    with pytest.raises(InputError, match="no system"):
        aggregate({})
    with pytest.raises(InputError, match="model has no scored track"):
        aggregate({"model": {}})


def test_real_scores_go_all_the_way(tmp_path):
    rng = np.random.default_rng(0)
    references = rng.normal(size=(2, 2500, 1))
    mixture = np.broadcast_to(references.sum(axis=0), references.shape)
    estimates = references + 0.1 * mixture[:, ::-1]
    for system, e in (("mixture", mixture), ("model", estimates)):
        scores = Scores.score_track(references, e, ["vn", "vc"], RATE)
        store.write(tmp_path / system / "t.json", scores)
    found = aggregate({s: tmp_path / s for s in ("mixture", "model")})
    floor, model = (row_of(found, s, "mean").values for s in ("mixture", "model"))
    assert model["SDR"] - floor["SDR"] == pytest.approx(17, abs=1)  # 0 and 17 dB
    assert model["SI-SDRi"] == pytest.approx(model["SI-SDR"] - floor["SI-SDR"])
    assert found.shorter == 0
