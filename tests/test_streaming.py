"""Streams: no sample too many, none late, and no trace of the blocks."""

import numpy as np
import pytest
import soxr
import tensorflow as tf

import Predict
from Datasets import segments, streaming
from tests.echoes import Echo, chord, noise

RATES = [(44100, 22050), (48000, 22050), (8000, 22050), (11025, 16000)]


@pytest.mark.parametrize("rate, own", [*RATES, (22050, 8000), (96000, 44100)])
@pytest.mark.parametrize("n_time", [1, 2, 319, 320, 321, 1000, 20011])
@pytest.mark.parametrize("context", [0, 33])
def test_resampled_or_not_the_length_is_exact(rate, own, n_time, context):
    predictor = Predict.Predictor(Echo(512, context, rate=own), segment=4096)
    sources = predictor.separate(noise(n_time, 2), rate)
    assert sources["half"].shape == (n_time, 2)


@pytest.mark.parametrize("rate, own", RATES)
def test_resampling_adds_no_delay_and_next_to_no_error(rate, own):
    mix = chord(rate, rate)
    predictor = Predict.Predictor(Echo(512, 33, rate=own), segment=4096)
    echo = predictor.separate(mix, rate)["all"]
    assert np.abs(echo - mix).max() < 1e-4
    spectrum = np.fft.rfft(np.pad(mix[:, 0], (0, rate)))
    spectrum = np.conj(spectrum) * np.fft.rfft(np.pad(echo[:, 0], (0, rate)))
    assert np.argmax(np.fft.irfft(spectrum)) == 0


@pytest.mark.parametrize("rate, own", [(8000, 22050), (11025, 16000)])
def test_a_recording_that_begins_at_once_is_not_blurred_on_the_way_up_and_back(
    rate, own
):
    mix = np.cos(2 * np.pi * 440 * np.arange(rate) / rate)[:, np.newaxis]
    echo = Predict.Predictor(Echo(512, rate=own)).separate(mix, rate)["all"]
    assert np.abs(echo - mix).max() < 0.03


def test_the_model_hears_what_soxr_resamples_in_one_piece():
    mix = chord(30000, 44100, channels=1)
    heard = []

    class Listening(Echo):
        def __call__(self, batch, training):
            tf.py_function(lambda x: heard.append(x.numpy()), [batch["mix"]], [])
            return super().__call__(batch, training)

    predictor = Predict.Predictor(Listening(500, rate=22050), overlap=0)
    heard.clear()  # of the silence that it is tried on
    predictor.separate(mix, 44100)
    heard = np.concatenate(heard)[:, :, 0].ravel()
    wanted = soxr.resample(mix[:, 0], 44100, 22050, quality="VHQ")
    _, early = streaming.lead(44100, 22050)  # what rings before time zero
    np.testing.assert_allclose(heard[early:][:15000], wanted, atol=1e-6)


@pytest.mark.parametrize("n_time", [1, 700, 5000])
@pytest.mark.parametrize("block", [1, 37, 4096])
def test_a_resampled_stream_does_not_depend_on_its_blocks(n_time, block):
    audio = noise(n_time, 2)
    wanted = soxr.resample(audio, 11025, 16000, quality="VHQ")
    blocks = (audio[start : start + block] for start in range(0, n_time, block))
    given = streaming.resample(blocks, 11025, 16000, 2, lambda: len(wanted))
    np.testing.assert_array_equal(np.concatenate(list(given)), wanted)


@pytest.mark.parametrize(
    "rates, pair",
    [
        ((22050, 22050), (0, 0)),
        ((48000, 22050), (320, 147)),
        ((8000, 22050), (160, 441)),
    ],
)
def test_the_lead_lasts_equally_long_at_both_rates(rates, pair):
    assert streaming.lead(*rates) == pair
    assert pair[0] * rates[1] == pair[1] * rates[0]


def test_one_estimate_fades_into_the_next_by_sin_squared():
    low, high = np.zeros((1, 100, 1), np.float32), np.ones((1, 100, 1), np.float32)
    joined = np.concatenate(list(segments.crossfade([low, high, high], 40)), axis=1)
    assert joined.shape == (1, 180, 1)
    fade = joined[0, 60:100, 0]
    assert not joined[:, :60].any() and (joined[:, 100:] == 1).all()
    np.testing.assert_allclose(
        fade, np.sin((np.arange(40) + 0.5) / 80 * np.pi) ** 2, 1e-6
    )
    np.testing.assert_allclose(fade + fade[::-1], 1, atol=1e-6)
