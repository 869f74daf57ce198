"""Differences between runs are called real when they are, and not when they aren't."""

import dataclasses

import numpy as np
import pytest
import scipy.stats

from Schema import InputError
from Scores import comparison, comparison_tables, paired
from tests.scores_made import made


def runs(shifts, n_tracks=12, noise=1.0, seed=0):
    """{system: {track: scores}}: tracks differ much, systems by shift and noise."""
    rng = np.random.default_rng(seed)
    tracks = rng.normal(scale=5, size=[n_tracks, 2])
    return {
        system: {
            f"t{k}": made(
                si_sdr=track + shift + noise * rng.normal(size=2),
                vn=[track[0] + shift + noise * rng.normal()] * 3,
                vc=[track[1] + shift + noise * rng.normal()] * 3,
            )
            for k, track in enumerate(tracks)
        }
        for system, shift in shifts.items()
    }


def of(found, metric, source, first=None):
    (one,) = (
        d
        for d in found
        if (d.metric, d.source) == (metric, source) and first in (None, d.first)
    )
    return one


def test_a_difference_of_three_decibels_is_real_though_tracks_differ_more():
    found = comparison.compare(runs({"a": 3.0, "b": 0.0}))
    assert len(found) == 2 * 3 and all(d.verdict == comparison.REAL for d in found)
    one = of(found, "SDR", "vn")
    low, high = one.mean_interval
    assert low < 3 < high and 0 < low and one.tracks == 12 and one.left_out == 0
    assert one.p == pytest.approx(2 / 2**12) and one.ahead == 12


def test_the_mirrored_pair_has_the_mirrored_difference():
    systems = runs({"a": 0.7, "b": 0.0})
    one = of(comparison.compare(systems, ["SDR"]), "SDR", "vc")
    other = of(comparison.compare(systems, ["SDR"], [("b", "a")]), "SDR", "vc")
    assert other.mean == pytest.approx(-one.mean) and other.p == one.p
    np.testing.assert_allclose(
        other.mean_interval, np.negative(one.mean_interval)[::-1]
    )
    np.testing.assert_allclose(
        other.medians_interval, np.negative(one.medians_interval)[::-1]
    )
    assert other.ahead == one.tracks - one.ahead


def test_means_and_medians_are_those_of_the_tracks():
    systems = runs({"a": 1.0, "b": 0.0}, n_tracks=7)
    one = of(comparison.compare(systems), "SDR", "vn")
    a, b = (
        np.array([s.of_track("vn", "SDR") for s in systems[name].values()])
        for name in ("a", "b")
    )
    assert one.mean == pytest.approx(a.mean() - b.mean())
    assert one.medians == pytest.approx(np.median(a) - np.median(b))
    whole = of(comparison.compare(systems), "SI-SDR", "mean")
    a, b = (
        np.mean([s.si_sdr for s in systems[name].values()], axis=1)
        for name in ("a", "b")
    )
    assert whole.is_mean and whole.mean == pytest.approx(np.mean(a - b))


def test_without_a_difference_real_is_said_rarely():
    false = 0
    for seed in range(60):
        systems = runs({"a": 0, "b": 0, "c": 0}, n_tracks=10, seed=seed)
        found = comparison.compare(systems, ["SI-SDR"], resamples=10)
        false += any(d.verdict == comparison.REAL for d in found if d.is_mean)
    # Of 60 corrected families at 5 % at most: 8 or more have a chance of 1 %.
    assert false < 8


def test_the_error_of_a_whole_family_stays_below_its_level():
    rng = np.random.default_rng(0)
    wrong = [
        min(paired.holm([paired.sign_flip_p(d) for d in rng.normal(size=[8, 8])]))
        for _ in range(400)
    ]
    assert np.mean(np.array(wrong) <= 0.05) < 0.085  # 3 standard errors above 5 %


@pytest.mark.parametrize("n", [6, 15, 40])
@pytest.mark.parametrize("draw", ["normal", "laplace", "exponential"])
def test_intervals_hold_the_true_mean_as_often_as_they_say(n, draw):
    rng = np.random.default_rng(n)
    true = 1.0 if draw == "exponential" else 0.0
    samples = getattr(rng, draw)(size=[300, n])
    held = 0
    for k, sample in enumerate(samples):
        low, high = paired.interval(
            sample, lambda drawn: drawn.mean(axis=1), resamples=1000, seed=k
        )
        held += low <= true <= high
    # Few and skewed scores are the hardest.  Of 800 samples of 6 these intervals held
    # 93, 92 and 88 %, plain percentiles 86, 83 and 81 %; of 40, 95, 95 and 92 %.
    least = {6: 0.89, 15: 0.91, 40: 0.92}[n] - (0.05 if draw == "exponential" else 0)
    assert least < held / 300 < 0.985


def test_intervals_of_medians_hold_the_true_difference():
    rng = np.random.default_rng(1)
    held = 0
    for k in range(200):
        track = rng.normal(scale=2, size=[20, 1])
        pairs = track + rng.normal(size=[20, 2]) + [1.0, 0.0]
        low, high = paired.interval(pairs, comparison._medians, 0.95, 500, k)
        held += low <= 1 <= high
    assert held / 200 > 0.92


def test_intervals_get_wider_with_confidence_and_repeat_with_their_seed():
    sample = np.random.default_rng(0).normal(size=12)
    ends = [paired.interval(sample, lambda d: d.mean(axis=1), c) for c in (0.5, 0.99)]
    assert ends[1][0] < ends[0][0] < ends[0][1] < ends[1][1]
    again = paired.interval(sample, lambda d: d.mean(axis=1), 0.5)
    other = paired.interval(sample, lambda d: d.mean(axis=1), 0.5, seed=1)
    assert again == ends[0] and other != ends[0]


@pytest.mark.parametrize("n", [2, 3, 5, 9])
def test_p_is_exactly_that_of_scipy_for_few_tracks(n):
    sample = np.random.default_rng(n).normal(0.5, size=n)
    expected = scipy.stats.permutation_test(
        (sample, np.zeros(n)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    ).pvalue
    assert paired.sign_flip_p(sample) == pytest.approx(expected, abs=1e-12)


def test_equal_differences_are_counted_in_spite_of_rounding():
    assert paired.sign_flip_p([0.1, 0.2, 0.3, 0.1]) == 2 / 2**4
    assert paired.sign_flip_p([0.0, 0.0, 0.0]) == 1 and paired.sign_flip_p([]) == 1
    # Of 0.1, 0.2 and -0.3 every flip has a sum of at least 0.
    assert paired.sign_flip_p([0.1, 0.2, -0.3]) == 1


def test_p_of_many_tracks_is_near_that_of_student():
    sample = np.random.default_rng(3).normal(0.3, size=60)
    expected = scipy.stats.ttest_1samp(sample, 0).pvalue
    found = paired.sign_flip_p(sample, seed=1)
    assert found == pytest.approx(expected, abs=0.01) and 1e-4 < found < 1
    assert paired.sign_flip_p(sample + 9) == pytest.approx(1 / 10001)


def test_holm_corrects_as_published():
    assert paired.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert paired.holm([0.5, 0.6]) == [1, 1] and paired.holm([]) == []


def test_few_tracks_never_tell_anything_apart_and_it_is_said():
    found = comparison.compare(runs({"a": 9, "b": 0}, n_tracks=5), ["SDR"])
    told = of(found, "SDR", "mean").verdict
    assert told == "not told apart by 5 tracks (fewer than 6 never do)"
    found = comparison.compare(runs({"a": 9, "b": 0}, n_tracks=6), ["SDR"])
    assert of(found, "SDR", "mean").verdict == comparison.REAL
    found = comparison.compare(runs({"a": 1, "b": 0}, n_tracks=1), ["SDR"])
    one = of(found, "SDR", "vn")
    assert "by 1 track (" in one.verdict and np.isnan(one.mean_interval).all()


def test_tracks_that_only_one_system_has_are_left_out_and_counted():
    systems = runs({"a": 1, "b": 0}, n_tracks=8)
    del systems["b"]["t3"]
    systems["b"]["t4"] = made(si_sdr=[1, np.nan], vn=[1.0], vc=[np.nan])
    found = comparison.compare(systems)
    assert [of(found, "SDR", s).tracks for s in ("vn", "vc", "mean")] == [7, 6, 7]
    assert [of(found, "SI-SDR", s).left_out for s in ("vn", "vc", "mean")] == [1, 2, 1]
    # The mean of a track is over the sources that both have.
    expected = np.mean(
        [systems["a"][t].whole("vn") - systems["b"][t].whole("vn") for t in ["t4"]]
    )
    rest = [t for t in systems["b"] if t != "t4"]
    means = [np.mean(systems["a"][t].si_sdr - systems["b"][t].si_sdr) for t in rest]
    assert of(found, "SI-SDR", "mean").mean == pytest.approx(
        np.mean([*means, expected])
    )


def test_all_pairs_are_compared_and_corrected_within_a_metric():
    found = comparison.compare(
        runs({"a": 0.8, "b": 0.4, "c": 0}), ["SDR"], order=["vc", "vn"]
    )
    assert [(d.first, d.second) for d in found[::3]] == [
        *(("a", "b"), ("a", "c"), ("b", "c"))
    ]
    assert [d.source for d in found[:3]] == ["vc", "vn", "mean"]
    for is_mean in (False, True):
        family = [d for d in found if d.is_mean == is_mean]
        assert [d.p_holm for d in family] == paired.holm([d.p for d in family])


def test_tables_show_every_comparison_once():
    found = comparison.compare(runs({"a|1": 3, "b_2": 0}), ["SDR"])
    caption = comparison_tables.caption(found)
    lines = comparison_tables.markdown(found, caption).splitlines()
    assert lines[2].startswith(r"| SDR | a\|1 | b\_2 | vn | 12 | +")
    assert lines[4].count("| *mean* |") == 1 and lines[4].endswith("| real |")
    assert "95 % bootstrap interval" in lines[-1] and "left out" not in lines[-1]
    shown = comparison_tables.text(found, caption).splitlines()
    assert shown[2] == "SDR: a|1 - b_2" and shown[3].startswith("  vn")
    assert shown[3].index("real") == shown[5].index("real")
    one = of(found, "SDR", "vn")
    assert f"{one.mean:+.2f}" in lines[2] and f"{one.mean:+.2f}" in shown[3]


@pytest.mark.parametrize(
    "change, options, message",
    [
        ({"b": None}, {}, r"two systems, not \['a'\]"),
        ({}, dict(metrics=["PESQ"]), "'PESQ' can be compared, but SDR"),
        ({}, dict(pairs=[("a", "x")]), "no system 'x'"),
        ({}, dict(confidence=95), "confidence=95 must be between 0 and 1"),
        ({}, dict(order=["vn"]), r"\['vn'\] lacks 'vc'"),
        ({"b": {"other": made(si_sdr=[1], vn=[1.0])}}, {}, "a and b have no track"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, options, message):
    systems = {**runs({"a": 1, "b": 0}, n_tracks=2), **change}
    systems = {name: tracks for name, tracks in systems.items() if tracks}
    with pytest.raises(InputError, match=message):
        comparison.compare(systems, **options)


def test_scores_of_different_protocols_are_not_compared():
    systems = runs({"a": 1, "b": 0}, n_tracks=2)
    one = systems["b"]["t0"]
    other = {**one.protocol, "hop_seconds": 0.5}
    systems["b"]["t0"] = dataclasses.replace(one, protocol=other)
    with pytest.raises(InputError, match="'hop_seconds', 0.5.*evaluate them alike"):
        comparison.compare(systems)


def test_each_track_is_compared_at_one_sample_rate():
    slow = {"a": made(vn=[1.0]), "b": made(vn=[2.0])}
    faster = dataclasses.replace(slow["b"], sample_rate=2000)
    compare = comparison.compare
    assert compare({"x": {**slow, "b": faster}, "y": {**slow, "b": faster}}, ["SDR"])
    with pytest.raises(InputError, match="b at 1000 Hz and b at 2000 Hz"):
        compare({"x": slow, "y": {**slow, "b": faster}}, ["SDR"])
