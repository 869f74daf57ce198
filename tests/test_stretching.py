"""Pitch, tempo and speed of stems, measured by frequencies, clicks and levels."""

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from Datasets import effects, stretching
from tests.test_effects import N_TIME, RATE, SEED, noise

# As a pipeline runs them: eager loops are slow.
TEMPO = tf.function(stretching.tempo)
SPEED = tf.function(stretching.resampled)
PITCH = tf.function(effects.pitch)


def as_parts(sounds):
    return np.asarray(sounds, np.float32)[:, :, np.newaxis]


def harmonics(f0, seconds, n=6, vibrato=0.0):
    """A tone whose n partials are 1 / k; vibrato is a share of f0, 5.5 times a s."""
    t = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * f0 * t + f0 * vibrato / 5.5 * np.sin(2 * np.pi * 5.5 * t)
    return sum(np.sin(k * phase + k * k) / k for k in range(1, n + 1))


def frequency_near(sound, hertz):
    """Frequency of the strongest partial within a tenth around, by a parabola."""
    n = 2**18
    power = np.log(np.abs(np.fft.rfft(sound * np.hanning(len(sound)), n)) + 1e-12)
    low, high = int(hertz / 1.1 * n / RATE), int(hertz * 1.1 * n / RATE)
    k = low + np.argmax(power[low:high])
    a, b, c = power[k - 1 : k + 2]
    return (k + (a - c) / (a - 2 * b + c) / 2) * RATE / n


def cents(a, b):
    return 1200 * np.log2(a / b)


def test_the_pitch_moves_by_the_drawn_semitones_and_onsets_stay():
    onset = 0.7
    tone = harmonics(330, 2.0, n=5) * (np.arange(N_TIME) >= onset * RATE)
    drawn = effects.pitch_shifts(6, 3.0, 1.0, SEED).numpy()
    assert drawn.min() < -1 and drawn.max() > 2 and np.abs(drawn).max() <= 3
    moved = PITCH(as_parts([tone] * 6), 3.0, RATE, 1.0, SEED).numpy()
    for p, sound in enumerate(moved[:, :, 0]):
        inside = sound[int(0.8 * RATE) : int(1.9 * RATE)]
        for k in (1, 3):
            hertz = 330 * k * 2 ** (drawn[p] / 12)
            assert abs(cents(frequency_near(inside, hertz), hertz)) < 2
        assert inside.std() == pytest.approx(tone[-RATE:].std(), rel=0.06)
        level = np.sqrt(np.convolve(sound**2, np.ones(80) / 80, "same"))
        half = np.flatnonzero(level > 0.5 * np.median(level[-RATE:]))[0]
        assert abs(half / RATE - onset) < 0.004


def test_the_tempo_moves_clicks_and_leaves_the_pitch():
    rates, n_time = np.array([0.84, 1.0, 1.19], np.float32), 2 * RATE
    longest = stretching.reach(n_time, 1.19, RATE)
    clicks = np.array([0.31, 0.9, 1.42, 1.6])
    sound = 0.1 * harmonics(220, longest / RATE)
    sound[(clicks * RATE).astype(int)] += 2
    made = TEMPO(as_parts([sound] * 3), rates, n_time, RATE).numpy()
    assert made.shape == (3, n_time, 1)
    for rate, heard in zip(rates, made[:, :, 0]):
        high = scipy.signal.butter(4, 3000, "high", fs=RATE, output="sos")
        level = np.abs(scipy.signal.sosfiltfilt(high, heard))
        for click in clicks / rate:
            if click > 1.9:
                continue
            start = int((click - 0.1) * RATE)
            found = start + np.argmax(level[start : start + RATE // 5])
            assert abs(found / RATE - click) < 0.004
        for k in (1, 2, 5):
            assert abs(cents(frequency_near(heard, 220 * k), 220 * k)) < 2


def test_a_slower_or_faster_tone_does_not_waver():
    n_time, tones = 2 * RATE, [(98, 0.0), (98, 0.0), (660, 0.02), (660, 0.02)]
    sounds = as_parts([harmonics(f0, 2.6, vibrato=v) for f0, v in tones])
    rates = np.array([0.88, 1.13, 0.88, 1.13], np.float32)
    made = TEMPO(sounds, rates, n_time, RATE).numpy()[:, :, 0]
    for (f0, _), heard in zip(tones, made):
        for k in (1, 2, 4):
            edges = (k * f0 - 0.45 * f0, k * f0 + 0.45 * f0)
            band = scipy.signal.butter(4, edges, "band", fs=RATE, output="sos")
            partial = scipy.signal.hilbert(scipy.signal.sosfiltfilt(band, heard))
            envelope = np.abs(partial)[4000:-4000]
            np.testing.assert_allclose(envelope, 1 / k, rtol=0.08)


def test_a_tone_between_two_bands_of_frames_keeps_its_level():
    n_time, t = 2 * RATE, np.arange(round(2.6 * RATE)) / RATE
    hertz = np.array([320, 335, 350, 365, 385, 1400, 1450, 1500, 1550, 1630])
    tones = np.sin(2 * np.pi * hertz[:, np.newaxis] * t) * (t > 0.5)
    made = TEMPO(as_parts(tones), np.full(10, 1.13, np.float32), n_time, RATE).numpy()
    inside = made[:, round(0.7 * RATE) : round(1.9 * RATE), 0]
    np.testing.assert_allclose(inside.std(axis=1), 0.5**0.5, rtol=0.06)


def test_the_channels_of_a_part_keep_their_relation():
    left = noise(1, 10000)[:, :, 0]
    stereo = np.stack([left, -0.5 * left], axis=2)
    made = TEMPO(stereo, np.array([0.9], np.float32), 9000, RATE).numpy()
    np.testing.assert_allclose(made[..., 1], -0.5 * made[..., 0], atol=1e-5)


def test_another_speed_is_the_same_wave_read_at_other_times():
    hertz, n_time = 1800.0, RATE
    t = np.arange(2 * RATE) / RATE
    rates = np.array([0.8, 1.0001, 1.25], np.float32)
    sounds = as_parts([np.sin(2 * np.pi * hertz * t)] * 3)
    made = SPEED(sounds, rates, n_time).numpy()[:, :, 0]
    for rate, heard in zip(rates.astype(float), made):
        expected = np.sin(2 * np.pi * hertz * rate * t[:n_time])
        np.testing.assert_allclose(heard[2000:], expected[2000:], atol=2e-4)


def test_what_a_greater_speed_lifts_past_half_the_rate_is_gone():
    t = np.arange(2 * RATE) / RATE
    sound = as_parts([np.sin(2 * np.pi * 7000 * t)] * 3)
    rates = np.array([1.3, 1.2, 1.05], np.float32)
    made = SPEED(sound, rates, RATE).numpy()[:, 400:, 0]
    assert np.abs(made[:2]).max() < 1e-3 and made[2].std() > 0.6


def test_nothing_beyond_the_reach_is_read_and_nothing_within_it_is_missing():
    rates, n_time = np.array([0.9, 1.2], np.float32), 8000
    far = stretching.reach(n_time, 1.2, RATE)
    sound = noise(2, far + 4000)
    other = sound.copy()
    other[:, far:] = 0
    for apply in (
        lambda x: TEMPO(x, rates, n_time, RATE).numpy(),
        lambda x: SPEED(x, rates, n_time).numpy(),
    ):
        made = apply(sound)
        np.testing.assert_allclose(made, apply(other), atol=2e-3)
        assert made[:, -200:].std() == pytest.approx(made.std(), rel=0.3)
