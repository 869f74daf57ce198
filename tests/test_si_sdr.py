"""SI-SDR and SNR: closed forms, and what they must not depend on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from Schema import InputError
from Scores.si_sdr import si_sdr
from Scores.snr import snr

RNG = np.random.default_rng(0)
S = RNG.normal(size=(3, 400, 2))


def orthogonal_noise(signal):
    """Noise of the same energy as each source, at right angles to it."""
    noise = RNG.normal(size=signal.shape)
    for s, n in zip(signal, noise):
        n -= s * (s * n).sum() / (s * s).sum()
        n *= np.sqrt((s * s).sum() / (n * n).sum())
    return noise


@pytest.mark.parametrize("level_db", [-40.0, -10.0, 0.0, 25.0])
@pytest.mark.parametrize("metric", [si_sdr, snr])
def test_orthogonal_noise_at_minus_x_db_scores_x_db(level_db, metric):
    noisy = S + 10 ** (-level_db / 20) * orthogonal_noise(S)
    np.testing.assert_allclose(metric(S, noisy), level_db, atol=1e-9)


def test_the_score_is_the_distance_to_the_line_through_the_reference():
    estimates = RNG.normal(size=S.shape)
    for s, e, score in zip(S, estimates, si_sdr(S, estimates)):
        scale, rest, *_ = np.linalg.lstsq(s.reshape(-1, 1), e.ravel())
        expected = 10 * np.log10(scale[0] ** 2 * (s**2).sum() / rest[0])
        assert score == pytest.approx(expected, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.floats(1e-6, 1e6), st.sampled_from([-1.0, 1.0]))
def test_gain_and_polarity_of_the_estimate_change_only_the_snr(gain, sign):
    noisy = S + 0.3 * orthogonal_noise(S)
    np.testing.assert_allclose(
        si_sdr(S, sign * gain * noisy), si_sdr(S, noisy), atol=1e-6
    )
    if sign < 0 or abs(gain - 1) > 0.01:
        assert not np.allclose(snr(S, sign * gain * noisy), snr(S, noisy), atol=1e-3)


def test_an_estimate_at_half_gain_has_an_snr_of_6_02_db():
    np.testing.assert_allclose(snr(S, S / 2), 20 * np.log10(2), atol=1e-12)


def test_perfect_orthogonal_and_silent_estimates_are_inf_minus_inf_and_nan():
    s = np.zeros((3, 4, 1))
    s[:, :2, 0] = [1.0, -1.0]
    e = s.copy()
    e[1, :, 0] = [0, 0, 1, 1]
    e[2] = 0
    np.testing.assert_array_equal(si_sdr(s, e), [np.inf, -np.inf, np.nan])
    np.testing.assert_allclose(snr(s, e), [np.inf, -10 * np.log10(2), 0.0])


@pytest.mark.parametrize("metric", [si_sdr, snr])
def test_a_silent_reference_has_no_score_and_leaves_the_others_alone(metric):
    s, e = S.copy(), S + 0.1
    s[1] = 0
    score = metric(s, e)
    assert np.isnan(score[1])
    np.testing.assert_array_equal(score[[0, 2]], metric(S, e)[[0, 2]])


def test_an_offset_counts_unless_the_means_are_taken_away():
    s = S - S.mean(axis=1, keepdims=True)
    noisy = s + 0.1 * orthogonal_noise(s)
    noisy -= noisy.mean(axis=1, keepdims=True)
    shifted = noisy + np.array([0.5, -2.0])
    assert np.all(si_sdr(s, shifted) < si_sdr(s, noisy) - 10)
    away = si_sdr(s + 3.0, shifted, zero_mean=True)
    np.testing.assert_allclose(away, si_sdr(s, noisy), atol=1e-9)


def test_one_scale_serves_all_channels_of_a_source():
    panned = S * np.array([1.0, 0.5])
    assert np.all(np.isfinite(si_sdr(S, panned)))
    assert np.all(si_sdr(S[..., :1], panned[..., :1]) > 250)
    assert np.all(si_sdr(S[..., 1:], panned[..., 1:]) > 250)


def test_float32_audio_scores_as_float64_of_the_same_values():
    e = (S + 0.1 * orthogonal_noise(S)).astype("float32")
    s = S.astype("float32")
    assert si_sdr(s, e).dtype == np.float64
    np.testing.assert_array_equal(
        si_sdr(s, e), si_sdr(s.astype(float), e.astype(float))
    )


@pytest.mark.parametrize("shape", [(3, 400), (3, 399, 2), (2, 400, 2)])
def test_audio_of_unlike_shapes_is_refused(shape):
    with pytest.raises(InputError, match=r"\[S, T, C\].*\[3, 400, 2\]"):
        si_sdr(S, np.ones(shape))
