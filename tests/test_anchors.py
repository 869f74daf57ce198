"""Published figures stand beside ours only if they mean the same."""

import math

import pytest

from Scores import anchors
from Scores.anchors import ANCHORS


def test_the_ladder_of_music_is_the_published_one():
    found = anchors.anchors("music-2mix-v3", "MUSIC")
    assert [(a.system, anchors.mean_sdr(a)) for a in found] == [
        ("Sound of Pixels", 6.1),
        ("MP-Net", 7.0),
        ("Co-Separation", 7.4),
        ("Sound of Motions", 8.2),
        ("Music Gesture", 10.1),
        ("iQuery", 11.17),
        ("AVSGS", 11.4),
    ]


def test_songs_have_their_sources_in_the_right_place():
    (umx,) = (a for a in anchors.anchors("musdb-v4") if a.system == "UMX")
    assert {name: of["SDR"] for name, of in umx.figures.items()} == {
        "vocals": 6.32,
        "drums": 5.73,
        "bass": 5.23,
        "other": 4.02,
    }
    assert anchors.mean_sdr(umx) == pytest.approx(5.325)  # the 5.3 that is quoted


@pytest.mark.parametrize("protocol", ["musdb-v4", "music-2mix-v3", "snr", "urmp-v4"])
def test_only_figures_of_the_same_protocol_are_given(protocol):
    found = anchors.anchors(protocol)
    assert all(a.protocol == protocol for a in found)
    assert len(found) == sum(a.protocol == protocol for a in ANCHORS)
    assert bool(found) == (protocol != "urmp-v4")


def test_figures_of_an_unknown_protocol_are_never_given():
    unknown = [a for a in ANCHORS if a.protocol is None]
    assert unknown and anchors.anchors(None) == ()
    given = {id(a) for p in {a.protocol for a in ANCHORS} for a in anchors.anchors(p)}
    assert not given & {id(a) for a in unknown}
    assert len(given) + len(unknown) == len(ANCHORS)


def test_another_data_set_is_another_row():
    for data_set in ("MUSIC", "MUSIC-21"):
        found = anchors.anchors("music-2mix-v3", data_set)
        assert found and all(a.data_set == data_set for a in found)
    assert len({(a.system, a.data_set, a.protocol) for a in ANCHORS}) == len(ANCHORS)


def test_every_anchor_has_finite_figures_and_a_source():
    for anchor in ANCHORS:
        assert anchor.reported_in and anchor.figures
        for metrics in anchor.figures.values():
            assert set(metrics) <= {"SDR", "SIR", "SAR", "SI-SDR"} and "SDR" in metrics
            assert all(math.isfinite(v) and -25 < v < 25 for v in metrics.values())


def test_conditioning_bought_less_leakage_and_no_better_sdr():
    found = {a.system: a for a in anchors.anchors("urmp-segments-v3", "URMP")}
    blind, told = found["U-Net, no filter"], found["U-Net, labels by FiLM, final"]
    assert anchors.mean_sdr(told) < anchors.mean_sdr(blind)
    assert blind.note == "PES -8.1 dB" and told.note == "PES -33.9 dB"
    assert anchors.mean_sdr(found["ideal ratio mask"]) == 11.79
