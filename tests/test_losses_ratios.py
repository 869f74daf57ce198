"""Losses in dB and of spectrograms, against Scores and librosa."""

import librosa
import numpy as np
import pytest

import Scores.si_sdr
import Scores.snr
from Models import losses
from Models.losses import ratios, spectral
from tests.losses_made import N_VALID, SUM, Doubling, given, gradient, pair

QUIET = 2.0**-17  # of full scale: below one step of 16 bits
UNDEFINED = ["si_sdr", "snr", "multi_resolution_stft", SUM]


def each(name, *what):
    """The loss of each source, NumPy [B, S]."""
    sums, counts = (x.numpy() for x in losses.LOSSES[name](*what))
    return sums / np.maximum(counts, 1e-9)


# --- Ratios --------------------------------------------------------------------------
@pytest.mark.parametrize(
    "name, score", [("si_sdr", Scores.si_sdr.si_sdr), ("snr", Scores.snr.snr)]
)
def test_a_ratio_is_minus_that_of_the_scores_but_for_a_floor(name, score):
    estimates, sources = pair()
    estimates[3] = sources[3] * 1.5 + 1e-4 * estimates[3]
    found = each(name, estimates, sources, N_VALID)
    for row in (0, 1, 3):
        n = N_VALID[row]
        decibels = score(sources[row, :, :n], estimates[row, :, :n])
        expected = 10 * np.log10(10 ** (-decibels / 10) + 1e-3)
        np.testing.assert_allclose(found[row], expected, atol=2e-4)
    if name == "si_sdr":  # 60 dB or so; what is beyond 30 is not asked for
        np.testing.assert_allclose(found[3], -30, atol=0.1)


def test_a_scale_changes_the_snr_and_not_the_si_sdr():
    estimates, sources = pair()
    once, twice = (each("si_sdr", k * estimates, sources) for k in (1, 0.01))
    np.testing.assert_allclose(once, twice, atol=1e-3)
    assert np.all(
        each("snr", estimates, sources) > each("snr", 0.1 * estimates, sources)
    )


@pytest.mark.parametrize("name", ["si_sdr", "snr"])
@pytest.mark.parametrize("quiet", [0.0, QUIET])
def test_of_a_silent_source_what_leaks_of_the_mixture_is_told(name, quiet):
    estimates, sources = pair()
    sources[:, 1] *= quiet
    mix = np.random.default_rng(5).normal(size=(4, 300, 2)).astype("f")
    found = each(name, estimates, sources, N_VALID, mix)
    for row in (0, 1, 3):
        n = N_VALID[row]
        leak = np.sum(estimates[row, 1, :n] ** 2) / np.sum(mix[row, :n] ** 2)
        expected = 10 * np.log10(leak + 0.01)
        np.testing.assert_allclose(found[row, 1], expected, atol=1e-4)
    # Without a mixture it is the sum of the sources; nothing leaks: -20 dB.
    summed = each(name, estimates, sources, N_VALID, sources.sum(axis=1))
    np.testing.assert_allclose(summed, each(name, estimates, sources, N_VALID))
    np.testing.assert_allclose(each(name, 0 * estimates, sources)[:, 1], -20, atol=1e-4)


def test_the_mixture_of_a_batch_is_taken_where_the_sources_are():
    estimates, sources = pair()
    sources[:, 1] = 0
    mix = np.random.default_rng(5).normal(size=(4, 300 + 2 * 40, 2)).astype("f")
    mix[:, :40] *= 30  # context
    outputs, batch = given(estimates, sources)
    model = Doubling()
    for name in ("snr", "multi_resolution_stft"):
        judged = losses.Loss(name, model)
        sums, _ = judged.parts(outputs, {**batch, "mix": mix})
        alone = each(name, estimates, sources, None, mix[:, 40:-40])
        np.testing.assert_allclose(sums[0], alone.sum(axis=1), rtol=1e-5)


def test_what_counts_as_silence_is_less_than_a_step_of_16_bits():
    assert ratios.masks.SILENCE == 1 / 32768
    estimates, sources = np.ones((2, 1, 1, 8, 1), "f")
    for level, silent in ((0.9, True), (1.1, False)):
        leak = each("snr", 0 * estimates, level / 32768 * sources)
        np.testing.assert_allclose(leak, -20 if silent else 0.0, atol=0.01)


# --- Spectrograms --------------------------------------------------------------------
def spectrograms(audio, sizes):
    """Magnitudes [C, K, F] by librosa, of [T, C]."""
    size, window, step = sizes
    spectrum = librosa.stft(
        audio.T.astype(np.float64),
        n_fft=size,
        hop_length=step,
        win_length=window,
        window="hann",
        center=True,
        pad_mode="constant",
    )
    return np.sqrt(np.maximum(np.abs(spectrum) ** 2, 1e-7))


def expected_of(estimate, source, mix):
    """Parallel WaveGAN's loss of one source, [T, C]."""
    terms = []
    for sizes in ((1024, 600, 120), (2048, 1200, 240), (512, 240, 50)):
        found, wanted, whole = (spectrograms(x, sizes) for x in (estimate, source, mix))
        of = wanted if np.sqrt(np.mean(source**2)) > 2.0**-15 else whole
        convergence = np.linalg.norm(found - wanted) / np.linalg.norm(of)
        convergence *= mix.any()
        terms.append(convergence + np.abs(np.log(found) - np.log(wanted)).mean())
    return np.mean(terms)


@pytest.mark.filterwarnings("ignore:n_fft")  # longer than the window
def test_spectrograms_differ_by_what_librosa_says():
    shape, n_valid = (3, 2, 1500, 2), np.array([1500, 990, 1400], np.int32)
    estimates, sources = pair(shape=shape)
    sources[1, 0] = 0
    mix = sources.sum(axis=1) + 0.1 * estimates[:, 0]
    sources[2] = mix[2] = 0
    found = each("multi_resolution_stft", estimates, sources, n_valid, mix)
    for row, n in enumerate(n_valid):
        for slot in (0, 1):
            waves = estimates[row, slot, :n], sources[row, slot, :n], mix[row, :n]
            np.testing.assert_allclose(found[row, slot], expected_of(*waves), rtol=2e-5)


def test_the_resolutions_are_those_of_parallel_wavegan():
    assert set(spectral.RESOLUTIONS) == {
        (1024, 600, 120),
        (2048, 1200, 240),
        (512, 240, 50),
    }


# --- Where a ratio has no value ----------------------------------------------------
@pytest.mark.parametrize("text", UNDEFINED)
def test_gradients_are_finite_where_a_ratio_has_no_value(text):
    estimates, sources = pair(shape=(6, 2, 300, 1))
    sources[0, 0] = 0  # a silent target
    sources[1, 0] *= QUIET
    estimates[2] = 0  # a silent estimate
    estimates[3] = sources[3]  # a perfect one
    estimates[4] = sources[4] = 0  # nothing at all
    estimates[5] *= 1e-20  # squares that no float32 holds
    found = gradient(text, estimates, sources)
    assert np.isfinite(found).all()
    assert np.abs(found[:2]).max(axis=(1, 2, 3)).min() > 0
    every = losses.LOSSES[text.split()[0]](estimates, sources)[0].numpy()
    assert np.isfinite(every).all() and np.abs(every).max() < 200


@pytest.mark.parametrize("name", ["si_sdr", "snr", "multi_resolution_stft"])
def test_a_perfect_estimate_has_the_least_loss(name):
    _, sources = pair(shape=(1, 2, 300, 1))
    least = {"multi_resolution_stft": 0.0}.get(name, -30.0)
    np.testing.assert_allclose(each(name, sources, sources), least, atol=1e-3)
