"""BSSEval v4: museval's own numbers, minus the ways in which museval gives up."""

import importlib.util
import pathlib
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest

import Scores
from Schema import InputError
from Scores import museval_file
from Scores.bss_eval import bss_eval, spans
from Scores.track import METRICS

RATE = 2000
ROOT = pathlib.Path(__file__).parents[1]


def museval_metrics():
    """The file museval/metrics.py, untouched."""
    folder = importlib.util.find_spec("museval").submodule_search_locations[0]
    path = pathlib.Path(folder) / "metrics.py"
    spec = importlib.util.spec_from_file_location("untouched_museval", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tracks(n_sources=2, seconds=3.3, channels=1, seed=0):
    rng = np.random.default_rng(seed)
    shape = (n_sources, int(seconds * RATE), channels)
    references = rng.normal(size=shape)
    leak = 0.1 * references.sum(axis=0)
    return references, references + leak + 0.05 * rng.normal(size=shape)


def stacked(scores):
    return np.stack([scores.bss[m] for m in METRICS])


def assert_alike(found, expected):
    """The same to 1e-6 dB, NaN and infinity where the other has them."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def snr_of_frames(references, estimates, frames):
    """SDR of BSSEval v4 in closed form: its error terms add up to e - s."""
    return np.array(
        [
            [
                10 * np.log10((s[a:b] ** 2).sum() / ((e - s)[a:b] ** 2).sum())
                for a, b in frames
            ]
            for s, e in zip(references, estimates)
        ]
    )


@pytest.mark.parametrize(
    "n_sources, channels, window, hop",
    [(1, 1, 1.0, 1.0), (2, 2, 1.0, 1.0), (3, 1, 1.0, 0.4), (2, 1, 0.5, 0.75)],
)
def test_scores_are_those_of_museval(n_sources, channels, window, hop):
    references, estimates = tracks(n_sources, channels=channels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        *expected, _ = museval_metrics().bss_eval(
            references, estimates, int(window * RATE), int(hop * RATE)
        )
    found = bss_eval(references, estimates, RATE, window, hop)
    assert_alike(stacked(found), np.stack(expected))
    assert found.n_frames == found.kept == len(expected[0][0])


def test_sdr_is_the_snr_of_each_frame():
    references, estimates = tracks(2, channels=2)
    frames = [(0, 2000), (2000, 4000), (4000, 6000)]
    found = bss_eval(references, estimates, RATE)
    expected = snr_of_frames(references, estimates, frames)
    np.testing.assert_allclose(found.bss["SDR"], expected, atol=1e-9)


def test_a_whole_track_in_one_window_scores_as_mir_eval_scores_images():
    separation = pytest.importorskip("mir_eval.separation", reason="needs mir_eval")
    references, estimates = tracks(2, seconds=1.5, channels=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mir_eval deprecates its separation metrics
        *expected, _ = separation.bss_eval_images(
            references, estimates, compute_permutation=False
        )
    found = bss_eval(references, estimates, RATE, window_seconds=1.5)
    np.testing.assert_allclose(stacked(found)[..., 0], np.stack(expected), atol=1e-6)


def test_half_gain_scores_6_02_db_and_leaves_no_interference():
    references, _ = tracks(2)
    found = bss_eval(references, references / 2, RATE)
    np.testing.assert_allclose(found.bss["SDR"], 20 * np.log10(2), atol=1e-9)
    np.testing.assert_allclose(found.bss["ISR"], 20 * np.log10(2), atol=1e-6)
    assert np.all(found.bss["SIR"] > 100) and np.all(found.bss["SAR"] > 100)


def test_interference_and_artifacts_are_told_apart():
    rng = np.random.default_rng(1)
    references = rng.normal(size=(2, 60 * RATE, 1))
    leaking = references + 0.1 * references[::-1]  # 20 dB below
    noisy = references + 0.1 * rng.normal(size=references.shape)
    leak = bss_eval(references, leaking, RATE, window_seconds=60)
    noise = bss_eval(references, noisy, RATE, window_seconds=60)
    np.testing.assert_allclose(leak.bss["SIR"], 20, atol=0.2)
    assert np.all(leak.bss["SAR"] > 100)
    np.testing.assert_allclose(noise.bss["SAR"], 20, atol=0.2)
    assert np.all(noise.bss["SIR"] > 35)


def test_a_silent_frame_is_dropped_for_all_and_the_culprits_are_named():
    references, estimates = tracks(3, seconds=4)
    references[1, RATE : 2 * RATE] = 0
    estimates[2, RATE : 3 * RATE] = 0
    found = bss_eval(references, estimates, RATE, names=["vn", "va", "vc"])
    assert np.isnan(stacked(found)).all(axis=(0, 1)).tolist() == [
        False,
        True,
        True,
        False,
    ]
    assert np.isfinite(stacked(found)[..., [0, 3]]).all()
    assert [(d.frame, d.references, d.estimates) for d in found.dropped] == [
        (1, ("va",), ("vc",)),
        (2, (), ("vc",)),
    ]
    assert (found.n_frames, found.kept) == (4, 2)
    *expected, _ = museval_metrics().bss_eval(references, estimates, RATE, RATE)
    assert_alike(stacked(found), np.stack(expected))


def test_channels_that_cancel_count_as_silent_as_in_museval():
    references, estimates = tracks(2, seconds=3, channels=2)
    references[0, :RATE, 1] = -references[0, :RATE, 0]
    found = bss_eval(references, estimates, RATE)
    assert [d.references for d in found.dropped] == [("1",)]
    *expected, _ = museval_metrics().bss_eval(references, estimates, RATE, RATE)
    assert_alike(stacked(found), np.stack(expected))


def test_an_estimate_that_is_silent_throughout_costs_only_its_own_scores():
    references, estimates = tracks(3)
    references[0, :RATE] = 0  # a frame is still dropped for all
    expected = stacked(bss_eval(references, estimates, RATE))
    mute = estimates.copy()
    mute[1] = 0
    with pytest.raises(ValueError):
        museval_metrics().bss_eval(references, mute, RATE, RATE)
    found = bss_eval(references, mute, RATE, names=["vn", "va", "vc"])
    np.testing.assert_array_equal(stacked(found)[:, [0, 2]], expected[:, [0, 2]])
    assert np.isnan(stacked(found)[:, 1]).all()
    assert found.silent_estimates == ("va",)
    assert [d.frame for d in found.dropped] == [0]
    assert found.why_missing("va", "SDR") == "the estimate is silent throughout"
    assert found.why_missing("vn", "SDR") is None


def test_silence_for_every_source_is_an_answer_too():
    references, estimates = tracks(2)
    found = Scores.score_track(references, 0 * estimates, ["vn", "vc"], RATE)
    assert np.isnan(stacked(found)).all() and np.isnan(found.si_sdr).all()
    assert found.silent_estimates == ("vn", "vc") and not found.dropped


def test_a_track_without_a_frame_in_which_all_play_says_so():
    references, estimates = tracks(2, seconds=2)
    references[0, :RATE] = references[1, RATE:] = 0
    found = bss_eval(references, estimates, RATE)
    assert found.kept == 0
    assert found.why_missing("1", "SIR") == "a silent source in every frame"


@pytest.mark.parametrize("n_time", [1, 300, RATE - 1, RATE])
def test_a_track_of_at_most_a_window_is_one_frame_of_its_own_length(n_time):
    references, estimates = (x[:, :n_time] for x in tracks(2))
    found = bss_eval(references, estimates, RATE)
    assert (found.n_frames, found.window, found.unscored) == (1, n_time, 0)
    expected = snr_of_frames(references, estimates, [(0, n_time)])
    np.testing.assert_allclose(found.bss["SDR"], expected, atol=1e-9)


def test_the_samples_after_the_last_whole_frame_are_counted():
    found = bss_eval(*tracks(2, seconds=2.25), RATE)
    assert (found.n_frames, found.unscored) == (2, RATE // 4)


@pytest.mark.parametrize("n_time", [1, 7, 8, 9, 23, 24, 25, 100])
@pytest.mark.parametrize("window, hop", [(8, 8), (8, 3), (8, 11)])
def test_frames_are_cut_where_museval_cuts_them(n_time, window, hop):
    framing = museval_metrics().Framing(window, hop, n_time)
    assert spans(n_time, window, hop) == [(f.start, f.stop) for f in framing]


def test_one_source_alone_has_infinite_sir():
    references, estimates = tracks(1)
    found = bss_eval(references, estimates, RATE)
    assert np.all(found.bss["SIR"] == np.inf)
    assert np.isnan(found.of_track("1", "SIR"))
    assert "infinite" in found.why_missing("1", "SIR")
    assert found.of_track("1", "SDR") == np.median(found.bss["SDR"])


def test_an_exactly_singular_system_is_solved_by_least_squares():
    references = np.zeros((2, 1500, 1))
    references[:, 0] = 4.0  # twice the same source: G is 16 [[I, I], [I, I]]
    estimates = references + 0.1 * np.random.default_rng(0).normal(size=(2, 1500, 1))
    metrics = museval_metrics()
    gram = metrics._reshape_G(
        metrics._compute_reference_correlations(references, 512)[0]
    )
    with pytest.raises(np.linalg.LinAlgError):  # the premise
        np.linalg.solve(gram + np.finfo(float).eps * np.eye(1024), gram)
    before = hasattr(np.linalg, "linalg")
    found = bss_eval(references, estimates, RATE)
    assert hasattr(np.linalg, "linalg") == before
    alone = bss_eval(references[:1], estimates[:1], RATE)
    for metric in ("SDR", "ISR", "SAR"):  # a copy adds nothing to project on
        np.testing.assert_allclose(
            found.bss[metric][0], alone.bss[metric][0], atol=1e-6
        )
    assert np.all(found.bss["SIR"] > 200)


def test_museval_sees_its_exception_and_the_rest_of_numpy_as_it_is():
    seen = museval_file.metrics().np
    assert seen.linalg.linalg.LinAlgError is np.linalg.LinAlgError
    assert seen.linalg.solve is np.linalg.solve and seen.fft is np.fft
    assert museval_file.metrics() is museval_file.metrics()


def test_scoring_needs_neither_the_package_museval_nor_ffmpeg():
    code = (
        "import sys, numpy as np; from Scores.bss_eval import bss_eval;"
        "x = np.random.default_rng(0).normal(size=(2, 900, 1));"
        "assert np.isfinite(bss_eval(x, x + 1, 500).bss['SDR']).all();"
        "assert not {'museval', 'stempeg', 'musdb', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={"PATH": ""}, check=True)


def test_scores_and_scoring_travel_between_processes():
    references, estimates = tracks(2)
    score = pickle.loads(pickle.dumps(Scores.score_track))
    found = score(references, estimates, ["vn", "vc"], RATE)
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(stacked(again), stacked(found))
    assert (again.names, again.protocol) == (found.names, found.protocol)


def test_float32_audio_scores_as_float64_of_the_same_values_and_is_not_changed():
    pair = [x.astype("float32") for x in tracks(2)]
    pair[1][0] = 0
    copies = [x.copy() for x in pair]
    found = bss_eval(*pair, RATE)
    wide = bss_eval(*(x.astype(float) for x in pair), RATE)
    np.testing.assert_array_equal(stacked(found), stacked(wide))
    np.testing.assert_array_equal(pair, copies)


def test_a_reference_that_is_silent_throughout_is_refused_by_name():
    references, estimates = tracks(2)
    references[1] = 0
    with pytest.raises(InputError, match="'tba' is silent throughout; leave"):
        bss_eval(references, estimates, RATE, names=["vn", "tba"])


def test_what_cannot_be_scored_is_refused_with_the_users_own_values():
    references, estimates = tracks(2)
    bad = estimates.copy()
    bad[1, 5] = np.nan
    with pytest.raises(InputError, match="estimate of source 'vc' holds NaN"):
        bss_eval(references, bad, RATE, names=["vn", "vc"])
    with pytest.raises(InputError, match="2 references need 2 different names"):
        bss_eval(references, estimates, RATE, names=["vn", "vn"])
    with pytest.raises(InputError, match=r"\[2, 6600, 1\].*\[2, 6599, 1\]"):
        bss_eval(references, estimates[:, 1:], RATE)
    with pytest.raises(InputError, match=r"estimates as \[S, T, C\]"):
        bss_eval(references, estimates[..., 0], RATE)
    with pytest.raises(InputError, match="a window of 0 s"):
        bss_eval(references, estimates, RATE, window_seconds=0)
    with pytest.raises(InputError, match=r"references as \[S, T, C\]"):
        bss_eval(references[:0], estimates[:0], RATE)
