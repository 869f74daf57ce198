"""The fast BSS Eval gives the numbers of museval (v4, v3) and of mir_eval (v3)."""

import tracemalloc
import warnings

import numpy as np
import pytest
import soundfile as sf

from benchmarks import museval as benchmark
from Scores import fast_v3, fast_v4, projections, toeplitz
from tests.bss_eval_made import ROUNDING, assert_same, blurred, museval, tracks


def mir_eval(name, references, estimates):
    separation = pytest.importorskip("mir_eval.separation", reason="needs mir_eval")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mir_eval deprecates its separation metrics
        *values, _ = getattr(separation, name)(references, estimates, False)
    return np.stack(values)


@pytest.mark.parametrize("n_sources, n_channels", [(1, 1), (1, 2), (2, 1), (3, 2)])
@pytest.mark.parametrize(
    "n_time, window, hop",
    [(5000, 1000, 1000), (5100, 1000, 300), (5000, 1000, 1700), (700, 1000, 500)],
)
def test_every_frame_scores_as_in_museval(n_sources, n_channels, n_time, window, hop):
    pair = tracks(n_sources, n_time, n_channels)
    found = fast_v4.measure(*pair, window, hop, taps=32)
    assert_same(found, museval(*pair, window, hop, 32))
    assert np.isposinf(found[2]).all() == (n_sources == 1)


def test_filters_of_512_taps_and_frames_of_many_blocks_score_as_in_museval():
    pair = tracks(2, 41000, 2)
    assert_same(fast_v4.measure(*pair, 20000, 20000), museval(*pair, 20000, 20000))


def test_silence_gives_nan_where_museval_does():
    references, estimates = tracks()
    references[1, 1000:2000] = 0
    estimates[2, 3000:4000] = 0
    references[0, :1000, 1] = -references[0, :1000, 0]  # their sum is silent
    expected = museval(references, estimates, 1000, 1000, 32)
    assert np.isnan(expected).all(axis=(0, 1)).tolist() == [1, 1, 0, 1, 0]
    assert_same(fast_v4.measure(references, estimates, 1000, 1000, 32), expected)


def test_what_only_rounding_decides_is_infinite_where_museval_has_it_so():
    references, estimates = tracks()
    estimates[0] = references[0]
    estimates[1, :1000] = references[1, :1000]  # its filters are others
    estimates[2] = references[2] / 2
    expected = museval(references, estimates, 1000, 1000, 32)
    assert np.isposinf(expected[0, 0]).all() and expected[0, 1, 0] > 300
    found = fast_v4.measure(references, estimates, 1000, 1000, 32)
    assert_same(found, expected)
    assert found[0, 1, 0] > 300


@pytest.mark.parametrize("case", ["copy", "louder", "mono", "opposite", "one", "empty"])
def test_references_that_repeat_one_another_score_as_in_museval(case):
    references, estimates = tracks(3, 4000)
    if case == "copy":
        references[1] = references[0]
    elif case == "louder":
        references[1] = 2 * references[0]
    elif case == "mono":
        references[..., 1] = references[..., 0]
    elif case == "opposite":
        references[0, :, 1] = -0.5 * references[0, :, 0]
    elif case == "one":
        references[0, :, 1] = 0.3 * references[0, :, 0]
    else:
        references[0, :, 1] = 0
    found = fast_v4.measure(references, estimates, 1000, 1000, 32)
    assert_same(found, museval(references, estimates, 1000, 1000, 32))


@pytest.mark.parametrize("n_channels", [1, 2])
def test_two_equal_references_have_no_interference(n_channels):
    references, estimates = tracks(2, 4000, n_channels)
    references[1] = references[0]
    found = fast_v4.measure(references, estimates, 1000, 1000, 32)
    assert_same(found, museval(references, estimates, 1000, 1000, 32))
    assert np.all(found[2] > ROUNDING)


@pytest.mark.parametrize("n_time", [1, 20, 31, 32, 33, 90, 200])
def test_tracks_shorter_than_filters_score_as_in_museval(n_time):
    pair = tracks(2, n_time, 1)
    assert_same(fast_v4.measure(*pair, 1000, 1000, 32), museval(*pair, 1000, 1000, 32))


def test_signals_so_faint_that_the_ridge_counts_score_as_in_museval():
    references, estimates = (1e-9 * audio for audio in tracks())
    found = fast_v4.measure(references, estimates, 1000, 1000, 32)
    assert_same(found, museval(references, estimates, 1000, 1000, 32))
    loud = fast_v4.measure(1e9 * references, 1e9 * estimates, 1000, 1000, 32)
    assert np.abs(found - loud)[1].max() > 0.1


def test_an_exactly_singular_system_is_solved_by_least_squares():
    clicks = np.zeros((3, 600, 1))
    clicks[0, 0], clicks[1, 0], clicks[2, 0] = 4, 2, 8
    estimates = clicks + 0.1 * np.random.default_rng(0).normal(size=clicks.shape)
    lags, right = toeplitz.correlate(clicks, estimates, 32)
    gram = toeplitz.gram(lags)
    with pytest.raises(np.linalg.LinAlgError):  # the premise
        np.linalg.solve(gram + projections.RIDGE * np.eye(96), gram)
    found = toeplitz.solve(lags, right, projections.RIDGE).reshape(96, 3)
    shortest = np.linalg.pinv(gram) @ right.swapaxes(1, 2).reshape(96, 3)
    np.testing.assert_allclose(found, shortest, atol=1e-12)
    scores = fast_v4.measure(clicks, estimates, 600, 600, 32)
    assert_same(scores, museval(clicks, estimates, 600, 600, 32))


@pytest.mark.parametrize("n_time, taps", [(900, 7), (40, 64), (9000, 33)])
def test_filters_are_those_of_least_squares_on_delayed_signals(n_time, taps):
    references, estimates = tracks(1, n_time, 2)
    inputs, outputs = references[0].T, estimates[0].T
    delayed = [np.pad(x, (k, taps - 1 - k)) for x in inputs for k in range(taps)]
    delayed = np.stack(delayed, axis=1)
    lags, right = toeplitz.correlate(references, estimates, taps)
    scale = np.abs(lags).max()
    np.testing.assert_allclose(
        toeplitz.gram(lags), delayed.T @ delayed, rtol=0, atol=1e-13 * scale
    )
    padded = np.pad(outputs, ((0, 0), (0, taps - 1))).T
    best = np.linalg.lstsq(delayed, padded)[0]
    found = toeplitz.solve(lags, right, 0.0).reshape(2 * taps, 2)
    error, least = (((delayed @ x - padded) ** 2).sum() for x in (found, best))
    assert error <= least * (1 + 1e-9) + 1e-18 * (padded**2).sum()


@pytest.mark.parametrize("as_sources", [False, True])
def test_filters_of_each_frame_score_as_in_museval(as_sources):
    references, estimates = tracks(2, 3500, 2)
    references[1, 1000:2000] = 0
    ratios = projections.sources if as_sources else projections.images
    found = fast_v3.framewise(references, estimates, 1000, 500, 32, ratios)
    options = dict(framewise_filters=True, bsseval_sources_version=as_sources)
    expected = museval(references, estimates, 1000, 500, 32, **options)
    assert np.isnan(expected[0, 0]).sum() == 1
    assert_same(found, expected)


def test_sources_of_a_segment_score_as_in_mir_eval(shared):
    references = excerpt(shared, "12_Spring_vn_vn_vc", 10.0, 16384 / 48000)[..., 0]
    estimates = blurred(references[..., None])[..., 0]
    expected = mir_eval("bss_eval_sources", references, estimates)
    assert_same(fast_v3.sources(references, estimates), expected)


@pytest.mark.parametrize("n_sources, n_channels", [(1, 1), (2, 1), (2, 2)])
def test_noise_scores_as_in_mir_eval(n_sources, n_channels):
    references, estimates = tracks(n_sources, 4000, n_channels)
    expected = mir_eval("bss_eval_images", references, estimates)
    assert_same(fast_v3.images(references, estimates), expected)
    flat = references[..., 0], estimates[..., 0]
    assert_same(fast_v3.sources(*flat), mir_eval("bss_eval_sources", *flat))


def excerpt(shared, piece, start, seconds):
    """Parts of a piece of URMP as recorded: float64 [S, T, 1] at 48 kHz."""
    paths = sorted((shared / "urmp" / piece).glob("AuSep_*"))
    if not paths:
        pytest.skip(f"urmp/{piece} is not in ../shared/data")
    cut = [
        sf.read(p, frames=round(seconds * 48000), start=round(start * 48000))[0]
        for p in paths
    ]
    return np.stack(cut)[..., np.newaxis]


@pytest.mark.parametrize("piece", ["01_Jupiter_vn_vc", "24_Pirates_vn_vn_va_vc"])
def test_real_music_scores_as_in_museval_to_a_millionth_of_a_decibel(shared, piece):
    references = excerpt(shared, piece, 0.0, 2.2)
    estimates = blurred(references, 1e-3)
    expected = museval(references, estimates, 48000, 24000)
    assert expected.shape[2] == 3
    assert_same(fast_v4.measure(references, estimates, 48000, 24000), expected)


def decoded(path, seconds):
    """The stems of a MUSDB18 track, without its mixture: [4, T, 2], and their rate."""
    av = pytest.importorskip("av", reason="needs PyAV")
    stems = []
    for k in range(1, 5):
        with av.open(str(path)) as file:
            stream = file.streams.audio[k]
            frames = [frame.to_ndarray() for frame in file.decode(stream)]
            stems.append(np.concatenate(frames, axis=1).T[: seconds * stream.rate])
    return np.stack(stems).astype(np.float64), stream.rate


@pytest.mark.parametrize("level", [0.1, 0.5])
def test_decoded_music_scores_as_in_museval_as_far_as_that_repeats_itself(
    shared, level
):
    found = sorted((shared / "musdb18").glob("*.stem.mp4"))
    if not found:
        pytest.skip("no MUSDB18 stem file in ../shared/data")
    stems, rate = decoded(found[0], 2)
    references = np.stack([stems[3], stems[:3].sum(axis=0)])
    pair = references, blurred(references, level)
    expected = museval(*pair, rate, rate)
    spread = max(
        np.abs(expected - museval(*(gain * audio for audio in pair), rate, rate)).max()
        for gain in (0.7, 3)
    )
    assert_same(fast_v4.measure(*pair, rate, rate), expected, max(0.02, 2 * spread))


@pytest.mark.parametrize("window", [4000, 10**9])
def test_a_longer_track_takes_no_more_memory(window, monkeypatch):
    monkeypatch.setattr(toeplitz, "THREADS", 1)  # two peak together, or do not

    def peak(n_time):
        pair = tracks(2, n_time, 2)
        tracemalloc.start()
        fast_v4.measure(*pair, window, window, 32)
        taken = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return taken

    assert peak(320_000) < 1.2 * peak(80_000)


def test_the_benchmark_compares_both_engines_and_tells_what_is_not_kept(monkeypatch):
    row = "museval_v4_13mono"

    def alone(row, engine, seconds, folder):
        path = folder + f"/{engine}.npy"
        benchmark.once(row, engine, seconds, path)
        return {"museval": 30.0, "fast": 2.0}[engine], 1.0, np.load(path)

    monkeypatch.setattr(benchmark, "alone", alone)
    monkeypatch.setitem(benchmark.SIZES, row, (2, 1, 2000, 15))
    told = benchmark.compare(row, 3.0, 1)
    assert told["ratio_to_museval"] == 15.0 and told["peak_rss_gib_fast"] == 1.0
    assert not [*benchmark.failures({row: told})]
    slow = {**told, "ratio_to_museval": 14.9}
    apart = {**told, "db_apart": {"SDR": float("nan")}}
    for bad, why in ((slow, "14.9 times as fast, not 15"), (apart, "nan dB apart")):
        assert why in next(benchmark.failures({row: bad}))
