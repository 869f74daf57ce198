"""The multichannel Wiener filter is its formula, and tells apart what masks cannot."""

import tracemalloc

import av
import librosa
import numpy as np
import pytest
import soundfile as sf

from Models.baselines import stft
from Models.baselines import wiener as wiener_module
from Models.baselines.oracles import ideal_binary_mask, ideal_ratio_mask, mixture
from Models.baselines.wiener import multichannel_wiener, wiener
from Schema import InputError
from Scores import si_sdr
from tests.test_oracles import RATE, noises

CEILINGS = (ideal_binary_mask, ideal_ratio_mask, multichannel_wiener, wiener)


def panned(n_time=12000, seed=0):
    """Three stereo noises at different places, alike in spectrum: [3, T, 2]."""
    mono = noises(n_time, n_channels=1, seed=seed)
    angles = np.array([0.1, 0.8, 1.4])[:, np.newaxis, np.newaxis]
    return (mono * np.concatenate([np.cos(angles), np.sin(angles)], 2)).astype("f4")


def test_the_wiener_filter_of_one_channel_is_the_mask_of_powers():
    sources = noises(n_channels=1)
    mix = sources.sum(axis=0)
    np.testing.assert_allclose(
        multichannel_wiener(mix, sources),
        ideal_ratio_mask(mix, sources, power=2),
        atol=1e-4,
    )


def test_the_wiener_filter_is_that_of_the_formula():
    sources = panned(3072)
    mix = sources.sum(axis=0)
    options = dict(n_fft=256, hop_length=128, pad_mode="constant")
    x, *y = (librosa.stft(s.T, **options) for s in (mix, *sources))
    y = np.array(y)  # [S, C, F, K]
    v = np.mean(np.abs(y) ** 2, axis=1)
    place = np.einsum("scfk,sdfk->sfcd", y, y.conj()) / v.sum(axis=2)[..., None, None]
    place += wiener_module.REGULARISATION * np.eye(2)
    covariances = np.einsum("sfk,sfcd->sfkcd", v, place)
    gains = covariances @ np.linalg.inv(covariances.sum(axis=0))
    filtered = np.einsum("sfkcd,dfk->scfk", gains, x)
    expected = librosa.istft(filtered, hop_length=128, length=3072)
    found = multichannel_wiener(mix, sources, 256, 128)
    np.testing.assert_allclose(found, np.moveaxis(expected, 1, 2), atol=2e-5)


def test_where_sources_stand_tells_them_apart_where_their_spectra_do_not():
    sources = panned()
    mix = sources.sum(axis=0)
    by_place = si_sdr.si_sdr(sources, multichannel_wiener(mix, sources))
    by_power = si_sdr.si_sdr(sources, ideal_ratio_mask(mix, sources, power=2))
    assert np.all(by_place > by_power + 2)


def test_the_blocks_of_a_transform_leave_no_seam(monkeypatch):
    sources = panned(6000)
    mix = sources.sum(axis=0)
    how = dict(n_fft=256, hop=64)
    whole = [f(mix, sources, **how) for f in CEILINGS]
    monkeypatch.setattr(stft, "BLOCK", 3 * 2 * 129 * 5)  # a few frames
    for f, expected in zip(CEILINGS, whole):
        np.testing.assert_allclose(f(mix, sources, **how), expected, atol=1e-5)


def test_memory_does_not_grow_with_the_length_of_a_track(monkeypatch):
    monkeypatch.setattr(stft, "BLOCK", 2**16)
    above = []
    for n_time in (60_000, 240_000):
        sources = noises(n_time, n_channels=1)
        mix = sources.sum(axis=0)
        tracemalloc.start()
        estimates = multichannel_wiener(mix, sources)
        above.append(tracemalloc.get_traced_memory()[1] - estimates.nbytes)
        tracemalloc.stop()
    # What grows is the weight of the windows: 4 bytes a sample.
    assert above[1] - above[0] < 180_000 * 4 * 3


def leaky(sources, seed=1):
    """What separators give: each source dull, with some of all others, and noise."""
    rng = np.random.default_rng(seed)
    leaks = 0.25 * (sources.sum(axis=0) - sources)
    noise = 0.05 * sources.std() * rng.normal(size=sources.shape)
    return (0.85 * sources + leaks + noise).astype(np.float32)


def test_a_post_filter_improves_leaky_estimates_and_makes_them_sum_to_the_mixture():
    t = np.arange(3 * RATE)[:, np.newaxis] / RATE
    tones = [
        sum(np.sin(2 * np.pi * f * k * t) / k for k in range(1, 6))
        * (0.5 + (t % d > 0.2))
        for f, d in ((220, 0.5), (277, 0.7), (330, 0.9))
    ]
    sources = np.stack(tones).astype(np.float32)
    mix = sources.sum(axis=0)
    estimates = leaky(sources)
    before = si_sdr.si_sdr(sources, estimates)
    for iterations in (1, 2):
        filtered = wiener(mix, estimates, iterations)
        assert np.all(si_sdr.si_sdr(sources, filtered) > before + 3)
        np.testing.assert_allclose(filtered.sum(axis=0), mix, atol=2e-5)


def test_iterations_are_the_filter_after_the_filter():
    sources = panned(4000)
    mix = sources.sum(axis=0)
    estimates = leaky(sources)
    assert np.array_equal(wiener(mix, estimates, 0), estimates)
    once = wiener(mix, estimates, 1)
    assert np.array_equal(once, multichannel_wiener(mix, estimates))
    twice = wiener(mix, estimates, 2)
    # Up to what overlapping windows change of a spectrum that no signal has.
    again = wiener(mix, once, 1)
    assert np.all(si_sdr.si_sdr(again, twice) > 15)
    assert not np.allclose(twice, once, atol=1e-3)
    with pytest.raises(InputError, match="0 or more, not -1"):
        wiener(mix, estimates, -1)


def test_masks_rank_on_real_chamber_music_as_is_known(shared):
    paths = sorted((shared / "urmp" / "24_Pirates_vn_vn_va_vc").glob("*.flac"))
    sources = np.stack([sf.read(path, dtype="float32")[0] for path in paths])
    sources = sources[:, : 5 * 48000, np.newaxis]
    mix = sources.sum(axis=0)
    scores = {
        name: si_sdr.si_sdr(sources, made).mean()
        for name, made in {
            "mixture": mixture(mix, sources),
            "binary": ideal_binary_mask(mix, sources),
            "ratio": ideal_ratio_mask(mix, sources),
            "powers": ideal_ratio_mask(mix, sources, power=2),
            "wiener": multichannel_wiener(mix, sources),
            "leaky": leaky(sources),
            "filtered": wiener(mix, leaky(sources)),
        }.items()
    }
    assert scores["mixture"] < -3 and scores["binary"] > 7 and scores["ratio"] > 7
    assert scores["powers"] > max(scores["binary"], scores["ratio"]) + 0.3
    assert scores["wiener"] == pytest.approx(scores["powers"], abs=0.05)
    assert scores["filtered"] > scores["leaky"] + 0.5


def test_masks_rank_on_a_real_stereo_song_as_is_known(shared):
    path = shared / "musdb18" / "Music Delta - 80s Rock.stem.mp4"
    streams = []
    for k in range(5):
        with av.open(str(path)) as container:
            decoded = [f.to_ndarray() for f in container.decode(audio=k)]
        streams.append(np.concatenate(decoded, axis=1).T)
    mix, sources = streams[0], np.stack(streams[1:])
    ratio, binary, powers, filtered = (
        si_sdr.si_sdr(sources, estimates).mean()
        for estimates in (
            ideal_ratio_mask(mix, sources),
            ideal_binary_mask(mix, sources),
            ideal_ratio_mask(mix, sources, power=2),
            multichannel_wiener(mix, sources),
        )
    )
    assert 9 < ratio < binary < powers < filtered < 12
    leaked = leaky(sources)
    before, once, twice = (
        si_sdr.si_sdr(sources, wiener(mix, leaked, n)) for n in range(3)
    )
    assert np.all(before + 3 < once) and np.all(once < twice)
