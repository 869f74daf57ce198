"""Pictures of scores: marks stand where the numbers are, and say them."""

import re
import xml.etree.ElementTree

import numpy as np
import pytest

from Scores import axes, plots
from Scores.track import Dropped
from tests.scores_made import made

NAN, INF = float("nan"), float("inf")
SVG = xml.etree.ElementTree.fromstring  # refuses what is not well-formed


def values(*numbers):
    return {f"t{k}": v for k, v in enumerate(numbers)}


def height_of(svg):
    """What gives y of dB, from the numbers beside the axis."""
    ticks = [
        (float(e.text), float(e.get("y")) - 4)
        for e in SVG(svg).iter("text")
        if e.get("text-anchor") == "end" and re.fullmatch(r"-?[\d.]+", e.text)
    ]
    slope, offset = np.polyfit(*np.array(ticks).T, 1)
    assert len(ticks) > 2 and slope < 0  # up is more
    return lambda v: slope * v + offset


def of_class(svg, tag, name):
    return [e for e in SVG(svg).iter(tag) if name in (e.get("class") or "").split()]


def test_a_box_stands_at_the_quartiles_and_its_whiskers_at_tukeys_fences():
    numbers = [1, 2, 3, 4, 5, 6, 7, 8, 14]  # quartiles 3, 5, 7; fence at 13
    svg = plots.boxes({"vn": {"net": values(*numbers)}}, "SDR")
    y = height_of(svg)
    (box,) = of_class(svg, "rect", "box")
    assert float(box.get("y")) == pytest.approx(y(7), abs=0.2)
    assert float(box.get("height")) == pytest.approx(y(3) - y(7), abs=0.2)
    (median,) = of_class(svg, "path", "median")
    assert float(median.get("d").split()[1].split("h")[0]) == pytest.approx(y(5), abs=1)
    (whisker,) = of_class(svg, "path", "whisker")
    ends = [float(found) for found in re.findall(r"V([\d.]+)", whisker.get("d"))]
    assert ends == pytest.approx([y(8), y(1)], abs=0.2)
    points = [float(e.get("cy")) for e in SVG(svg).iter("circle")]
    assert points == pytest.approx([y(v) for v in numbers], abs=0.2)


def test_each_group_has_a_box_a_system_that_tells_its_numbers():
    groups = {
        "vn": {"mixture": values(-3.0, -1.0), "net": values(4.0, 6.0)},
        "vc": {"mixture": values(-2.0), "net": values(NAN)},
    }
    svg = plots.boxes(groups, "SDR by source")
    assert [len(of_class(svg, "rect", f"s{k}")) for k in (0, 1, 2)] == [2, 1, 0]
    texts = [e.text for e in SVG(svg).iter()]
    assert "SDR by source" in texts and "vn" in texts and "n=2" in texts
    told = "vn, net: median 5.0, quartiles 4.5 to 5.5 dB, 2 tracks"
    assert told in texts and "t1: 6.0 dB" in texts
    (desc,) = [e.text for e in SVG(svg).iter("desc")]
    assert "vc, mixture -2.0" in desc and "nan" not in svg.lower()
    assert SVG(svg).get("role") == "img"


def test_what_is_missing_is_counted_and_not_drawn():
    groups = {"vn": {"net": values(1.0, NAN, INF), "mixture": values(2.0, 3.0, 4.0)}}
    assert plots.missing(groups) == "tracks without a finite score, vn of net 2."
    svg = plots.boxes(groups, "SDR")
    assert "3 tracks, 2 without a score" in svg
    assert len(list(SVG(svg).iter("circle"))) == 4
    assert plots.missing({"vn": {"net": values(1.0)}}) == ""
    assert plots.boxes({"vn": {"net": values(NAN)}}, "SDR") == ""


def test_of_very_many_tracks_only_those_beyond_the_whiskers_are_points():
    spread = np.linspace(0, 1, 5000)
    svg = plots.boxes({"vn": {"net": values(*spread, 9.0, -9.0)}}, "SDR")
    assert [float(e.get("cy")) for e in SVG(svg).iter("circle")] == pytest.approx(
        [height_of(svg)(v) for v in (9, -9)], abs=0.2
    )


def test_names_with_markup_are_text():
    nasty = '<script>"&'
    svg = plots.boxes({nasty: {nasty: {nasty: 1.0}}}, nasty)
    svg += plots.over_time(made(**{nasty: [1.0, 2.0]}), nasty)
    assert "<script" not in svg
    assert nasty in [e.text for e in SVG(f"<div>{svg}</div>").iter()]


SYSTEMS = {
    "mixture": {
        "duo": made([0, 1], vn=[1, 3], vc=[5, 5]),
        "trio": made([0, 1, 2], vn=[0, 0], vc=[3, 3], fl=[NAN, NAN]),
    },
    "net": {
        "duo": made([5, INF], vn=[7, 9], vc=[6, INF]),
        "trio": made([0, 1, 2], vn=[0, 0], vc=[3, 3], fl=[9, 9]),
    },
}


def test_scores_are_sorted_by_source_and_system():
    found = plots.by_source(SYSTEMS, "SDR", ["vc", "vn", "fl"])
    assert list(found) == ["vc", "vn", "fl"]
    assert found["vn"] == {
        "mixture": {"duo": 2.0, "trio": 0.0},
        "net": {"duo": 8.0, "trio": 0.0},
    }
    assert found["vc"]["net"] == {"duo": 6.0, "trio": 3.0}  # infinity is left out
    assert list(found["fl"]["net"]) == ["trio"]
    whole = plots.by_source(SYSTEMS, "SI-SDR")
    assert whole["vn"]["net"]["duo"] == 5 and np.isnan(whole["vc"]["net"]["duo"])


def test_tracks_are_sorted_by_their_number_of_sources():
    found = plots.by_count(SYSTEMS, "SDR")
    assert list(found) == ["duos", "trios"]
    assert found["duos"] == {"mixture": {"duo": 3.5}, "net": {"duo": 7.0}}
    assert found["trios"]["net"] == {"trio": 4.0}
    assert np.isnan(found["trios"]["mixture"]["trio"])  # no score of the flute
    names = [plots._ensemble(n) for n in (1, 4, 7, 8)]
    assert names == ["solos", "quartets", "septets", "8 sources"]


def line_of(svg, name):
    (path,) = [
        e
        for e in of_class(svg, "path", "frames")
        if e.find("title") is not None and e.find("title").text == name
    ]
    steps = re.findall(r"([ML])([\d.]+) ([\d.]+)h", path.get("d"))
    return [(kind, float(x), float(y)) for kind, x, y in steps]


def test_a_line_over_time_goes_through_the_middle_of_each_frame():
    svg = plots.over_time(made(vn=[1.0, 2.0, 3.0, 4.0], vc=[0.0] * 4), "SDR")
    y = height_of(svg)
    steps = line_of(svg, "vn")
    assert "".join(kind for kind, *_ in steps) == "MLLL"
    assert [s[2] for s in steps] == pytest.approx([y(v) for v in (1, 2, 3, 4)], abs=0.2)
    second = (plots.LINE - axes.LEFT) / 4
    middles = [axes.LEFT + second * (k + 0.5) for k in range(4)]
    assert [s[1] for s in steps] == pytest.approx(middles, abs=0.1)


def test_dropped_frames_are_marked_and_interrupt_the_line():
    dropped = [Dropped(1, ("vn",), ("vc",))]
    track = made(dropped=dropped, vn=[1, NAN, 3, 4], vc=[0, NAN, 0, INF])
    svg = plots.over_time(track, "SDR")
    assert "".join(kind for kind, *_ in line_of(svg, "vn")) == "MML"
    (gap,) = of_class(svg, "rect", "gap")
    second = (plots.LINE - axes.LEFT) / 4
    assert float(gap.get("x")) == pytest.approx(axes.LEFT + second, abs=0.1)
    assert float(gap.get("width")) == pytest.approx(second, abs=0.1)
    told = gap.find("title").text
    assert told == "1 s: dropped, silent: reference of vn, estimate of vc"
    assert "vc: inf dB" in [e.text for e in SVG(svg).iter("title")]
    (desc,) = [e.text for e in SVG(svg).iter("desc")]
    assert "3 frames scored, 1 dropped" in desc and "vn 3.0" in desc


def test_every_source_of_an_orchestra_has_a_line_of_its_own():
    track = made(**{f"s{k}": [float(k), 2.0] for k in range(13)})
    svg = plots.over_time(track, "SDR")
    dress = {
        (e.get("class"), e.get("stroke-dasharray"))
        for e in of_class(svg, "path", "frames")
    }
    assert len(dress) == 13
    texts = [e for e in SVG(svg).iter("text") if e.text == "s12"]
    assert float(texts[0].get("y")) < float(SVG(svg).get("height"))


def test_a_track_without_a_score_has_no_picture():
    assert plots.over_time(made(silent=["vn"], vn=[NAN, NAN]), "SDR") == ""


@pytest.mark.parametrize("low, high", [(-3, 17), (0, 0.05), (-1e-3, 2e-3), (0, 300)])
def test_the_numbers_of_an_axis_are_round_and_few(low, high):
    found = axes.ticks(low, high)
    assert 3 <= len(found) <= 11 and low <= found[0] and found[-1] <= high
    steps = np.diff(found)
    assert np.allclose(steps, steps[0])
    assert f"{steps[0]:.0e}"[0] in "125"


def test_no_zero_is_below_zero():
    assert [axes.number(v) for v in (-0.04, 0.04, -0.06)] == ["0.0", "0.0", "-0.1"]
