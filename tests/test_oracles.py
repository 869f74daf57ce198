"""The floor and the ceiling of a table keep what physics promises."""

import librosa
import numpy as np
import pytest

from Models.baselines.oracles import (
    half,
    ideal_binary_mask,
    ideal_ratio_mask,
    mixture,
)
from Models.baselines.wiener import multichannel_wiener, wiener
from Schema import InputError
from Scores import si_sdr

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


def test_half_of_the_mixture_is_the_estimate_of_every_source():
    mix = noises()[0]
    estimates = half(mix, np.zeros([3, *mix.shape]))
    assert estimates.shape == (3, 5000, 2) and estimates.dtype == np.float32
    assert all(np.array_equal(estimate, mix / 2) for estimate in estimates)
    source = noises(n_sources=2)
    scores = si_sdr.si_sdr(source, half(source.sum(axis=0), source))
    floor = si_sdr.si_sdr(source, mixture(source.sum(axis=0), source))
    np.testing.assert_allclose(scores, floor)


@pytest.mark.parametrize("n_time", [1, 100, 2049, 5000])
@pytest.mark.parametrize("n_channels", [1, 2, 3])
@pytest.mark.parametrize("oracle", [ideal_binary_mask, multichannel_wiener])
def test_ceilings_are_as_long_as_the_mixture_and_sum_to_it(oracle, n_channels, n_time):
    sources = noises(n_time, n_channels=n_channels)
    mix = sources.sum(axis=0)
    estimates = oracle(mix, sources)
    assert estimates.shape == sources.shape and estimates.dtype == np.float32
    np.testing.assert_allclose(estimates.sum(axis=0), mix, atol=4e-6)


@pytest.mark.parametrize("oracle", [ideal_binary_mask, multichannel_wiener])
def test_ceilings_give_silent_sources_silence_and_share_what_nobody_plays(oracle):
    sources = noises()
    sources[1] = 0
    estimates = oracle(sources.sum(axis=0), sources)
    assert not estimates[1].any() and np.isfinite(estimates).all()
    mix = sources[0]
    shares = oracle(mix, np.zeros_like(sources))
    np.testing.assert_allclose(shares, np.stack([mix / 3] * 3), atol=1e-6)


def test_a_binary_mask_gives_each_bin_to_its_loudest_source():
    sources = noises(4096, n_channels=1)[..., 0]
    options = dict(n_fft=512, hop_length=128, pad_mode="constant")
    magnitudes = np.abs([librosa.stft(source, **options) for source in sources])
    wins = magnitudes == magnitudes.max(axis=0)
    masked = wins * librosa.stft(sources.sum(axis=0), **options)
    expected = [librosa.istft(x, hop_length=128, length=4096) for x in masked]
    mix = sources.sum(axis=0)[:, np.newaxis]
    found = ideal_binary_mask(mix, sources[..., np.newaxis], 512, 128)
    np.testing.assert_allclose(found[..., 0], expected, atol=1e-5)


def test_a_power_that_compares_nothing_is_refused():
    with pytest.raises(InputError, match="above 0, not 0"):
        ideal_ratio_mask(np.zeros([10, 1]), np.zeros([2, 10, 1]), power=0)


@pytest.mark.parametrize("oracle", [ideal_binary_mask, multichannel_wiener, wiener])
def test_ceilings_refuse_what_does_not_fit(oracle):
    with pytest.raises(InputError, match=r"not \(10, 1\) and \(2, 9, 1\)"):
        oracle(np.zeros([10, 1]), np.zeros([2, 9, 1]))
    with pytest.raises(InputError, match="at least one source"):
        oracle(np.zeros([10, 1]), np.zeros([0, 10, 1]))
    with pytest.raises(InputError, match="n_fft / 2 = 1024, not 1025"):
        oracle(np.zeros([10, 1]), np.zeros([2, 10, 1]), hop=1025)
