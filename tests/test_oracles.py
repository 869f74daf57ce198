"""The floor and the ceiling of a table keep what physics promises."""

import librosa
import numpy as np
import pytest

from Models.baselines.oracles import ideal_ratio_mask, mixture
from Schema import InputError

RATE = 8000


def noises(n_time=5000, n_sources=3, n_channels=2, seed=0):
    generator = np.random.default_rng(seed)
    shape = n_sources, n_time, n_channels
    return generator.normal(scale=0.2, size=shape).astype(np.float32)


def sdr(reference, estimate):
    error = np.sum((reference - estimate) ** 2)
    return 10 * np.log10(np.sum(reference**2) / error)


def test_the_mixture_is_the_estimate_of_every_source():
    mix = noises()[0]
    estimates = mixture(mix, np.zeros([3, *mix.shape]))
    assert estimates.shape == (3, 5000, 2) and estimates.dtype == np.float32
    assert all(np.array_equal(estimate, mix) for estimate in estimates)


@pytest.mark.parametrize("n_time", [1, 100, 2047, 2048, 2049, 5000, 5120])
@pytest.mark.parametrize("power", [1, 2])
def test_estimates_are_as_long_as_the_mixture_and_sum_to_it(n_time, power):
    sources = noises(n_time)
    mix = sources.sum(axis=0)
    estimates = ideal_ratio_mask(mix, sources, power=power)
    assert estimates.shape == sources.shape and estimates.dtype == np.float32
    np.testing.assert_allclose(estimates.sum(axis=0), mix, atol=2e-6)


def test_a_single_source_is_returned():
    sources = noises(n_sources=1)
    np.testing.assert_allclose(
        ideal_ratio_mask(sources[0], sources), sources, atol=1e-6
    )


@pytest.mark.parametrize("power, least", [(1, 35), (2, 45)])
def test_sources_apart_in_frequency_come_apart(power, least):
    t = np.arange(RATE)[:, np.newaxis] / RATE
    sources = np.stack([np.sin(2 * np.pi * f * t) for f in (440, 3000)])
    estimates = ideal_ratio_mask(sources.sum(axis=0), sources, power=power)
    middle = slice(2048, -2048)  # a tone that starts at once is not of one frequency
    for source, estimate in zip(sources, estimates):
        assert sdr(source[middle], estimate[middle]) > least


def test_the_oracle_beats_the_mixture_and_is_not_perfect():
    sources = noises()
    mix = sources.sum(axis=0)
    masked, floor = (
        ideal_ratio_mask(mix, sources),
        mixture(mix, np.zeros([3, *mix.shape])),
    )
    for source, estimate, lowest in zip(sources, masked, floor):
        assert sdr(source, lowest) + 3 < sdr(source, estimate) < 20


def test_silent_sources_get_silence_and_a_silent_mixture_no_nan():
    sources = noises()
    sources[1] = 0
    estimates = ideal_ratio_mask(sources.sum(axis=0), sources)
    assert not estimates[1].any() and np.isfinite(estimates).all()
    assert not ideal_ratio_mask(np.zeros([3000, 2]), np.zeros([2, 3000, 2])).any()


def test_where_all_sources_are_silent_each_gets_an_equal_share():
    mix = noises()[0]
    estimates = ideal_ratio_mask(mix, np.zeros([4, *mix.shape]))
    np.testing.assert_allclose(estimates, np.stack([mix / 4] * 4), atol=1e-6)


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("n_fft, hop", [(512, 128), (256, 128)])
def test_the_mask_is_the_one_that_librosa_computes(power, n_fft, hop):
    sources = noises(4096, n_channels=1)[..., 0]
    options = dict(n_fft=n_fft, hop_length=hop, pad_mode="constant")
    spectra = [librosa.stft(source, **options) for source in sources]
    weights = np.stack([np.abs(spectrum) ** power for spectrum in spectra])
    masked = weights / weights.sum(axis=0) * librosa.stft(sources.sum(0), **options)
    expected = [librosa.istft(x, hop_length=hop, length=4096) for x in masked]
    found = ideal_ratio_mask(
        sources.sum(axis=0)[:, np.newaxis], sources[..., np.newaxis], n_fft, hop, power
    )
    np.testing.assert_allclose(found[..., 0], expected, atol=1e-5)


@pytest.mark.parametrize(
    "mix, sources, options, message",
    [
        ((10, 1), (2, 9, 1), {}, r"not \(10, 1\) and \(2, 9, 1\)"),
        ((10,), (2, 10), {}, r"not \(10,\) and \(2, 10\)"),
        ((10, 1), (2, 10, 1), dict(hop=2000), "n_fft / 2 = 1024, not 2000"),
        ((10, 1), (2, 10, 1), dict(hop=0), "not 0"),
    ],
)
def test_what_no_mask_fits_is_refused(mix, sources, options, message):
    with pytest.raises(InputError, match=message):
        ideal_ratio_mask(np.zeros(mix), np.zeros(sources), **options)


def test_no_estimates_of_no_sources():
    with pytest.raises(InputError, match="at least one source, not 0"):
        mixture(np.zeros([3, 1]), np.zeros([0, 3, 1]))
