"""Random effects on stems: what each does to a sound, measured from outside."""

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from Datasets import effects, stretching

RATE = 16000
N_TIME = 2 * RATE
SEED = tf.constant([7, 11], tf.int64)
OTHER = tf.constant([7, 12], tf.int64)
EFFECTS = {
    "polarity": effects.polarity,
    "channel_swap": effects.channel_swap,
    "equalizer": lambda x, p, s: effects.equalizer(x, 9.0, RATE, p, s),
    "reverb": lambda x, p, s: effects.reverb(x, 0.5, 0.7, RATE, p, s),
    "pitch": lambda x, p, s: effects.pitch(x, 2.0, RATE, p, s),
}
NOTHING = {
    "equalizer": lambda x: effects.equalizer(x, 0.0, RATE, 1.0, SEED),
    "reverb": lambda x: effects.reverb(x, 0.5, 0.0, RATE, 1.0, SEED),
    "room of no length": lambda x: effects.reverb(x, 0.0, 0.5, RATE, 1.0, SEED),
    "pitch": lambda x: effects.pitch(x, 0.0, RATE, 1.0, SEED),
    "tempo": lambda x: stretching.tempo(x, tf.ones([len(x)]), N_TIME, RATE),
    "speed": lambda x: stretching.resampled(x, tf.ones([len(x)]), N_TIME),
}
each_effect = pytest.mark.parametrize("name", EFFECTS)


def noise(n_parts, n_time=N_TIME, channels=1, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_parts, n_time, channels)).astype(np.float32)


# What holds for all of them.


@each_effect
def test_a_probability_of_zero_is_the_identity_bit_for_bit(name):
    parts = noise(3, channels=2)
    np.testing.assert_array_equal(EFFECTS[name](parts, 0.0, SEED), parts)


@pytest.mark.parametrize("name", NOTHING)
def test_an_amount_of_zero_is_the_identity_bit_for_bit(name):
    parts = noise(2)
    np.testing.assert_array_equal(NOTHING[name](parts), parts)


@each_effect
def test_an_example_is_a_function_of_its_seed_and_parts_are_drawn_apart(name):
    parts = np.repeat(noise(1, 8000, channels=2), 8, axis=0)
    effect = tf.function(EFFECTS[name])
    once, again, other = (
        effect(parts, 0.5, seed).numpy() for seed in (SEED, SEED, OTHER)
    )
    assert once.shape == parts.shape
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)
    clean = [np.array_equal(part, parts[0]) for part in once]
    assert 0 < sum(clean) < 8
    different = {part.tobytes() for part in once}
    assert (
        len(different) == 2 if name in ("polarity", "channel_swap") else 8 - sum(clean)
    )


def test_the_effects_run_in_a_pipeline_on_any_number_of_parts():
    stems = [noise(n, 4000, seed=n) for n in (1, 3, 2)]
    stems.append(np.zeros([2, 4000, 1], np.float32))
    spec = tf.TensorSpec([None, 4000, 1], tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([], tf.int64), spec])
    def example(i, parts):
        seed = tf.stack([tf.constant(5, tf.int64), i])
        for effect in EFFECTS.values():
            parts = effect(parts, 0.7, seed)
        return parts

    parts = tf.data.Dataset.from_generator(lambda: iter(stems), output_signature=spec)
    made = parts.enumerate().map(example, num_parallel_calls=2)
    assert made.element_spec.shape.as_list() == [None, 4000, 1]
    for i, (result, given) in enumerate(zip(made, stems, strict=True)):
        assert result.shape == given.shape
        np.testing.assert_allclose(result, example(i, given), atol=1e-4)
        assert np.isfinite(result).all()
        assert (np.std(result) > 0.1) == (i < 3)
    np.testing.assert_array_equal(result, stems[-1])  # silence stays silence


# Polarity and channels.


def test_a_part_and_its_inverse_cancel():
    parts = noise(300, 10)
    inverted = effects.polarity(parts, 1.0, SEED)
    np.testing.assert_array_equal(parts + inverted, np.zeros_like(parts))
    some = effects.polarity(parts, 0.3, SEED) + parts
    cancelled = np.all(some == 0, axis=(1, 2))
    assert 0.2 < cancelled.mean() < 0.4
    np.testing.assert_array_equal(cancelled, effects.signs(300, 0.3, SEED) < 0)


def test_left_and_right_change_places_and_mono_has_none():
    parts = noise(300, 10, channels=2)
    swapped = effects.channel_swap(parts, 0.3, SEED).numpy()
    drawn = effects.swaps(300, 0.3, SEED).numpy()
    assert 0.2 < drawn.mean() < 0.4
    np.testing.assert_array_equal(swapped[drawn], parts[drawn][..., ::-1])
    np.testing.assert_array_equal(swapped[~drawn], parts[~drawn])
    mono = noise(3)
    np.testing.assert_array_equal(effects.channel_swap(mono, 1.0, SEED), mono)


# Equaliser.


def cookbook_curve(bands, frequencies, decibels):
    """Gain in dB: SciPy's response of the cookbook's analogue filters, of one part."""
    total = 0.0
    for k, (f, gain, q) in enumerate(zip(*(x.numpy() for x in bands))):
        a, shelf = 10 ** (gain / 40), np.sqrt(10 ** (gain / 40)) / q
        above, below = {
            0: ([a, a * shelf, a * a], [a, shelf, 1]),
            len(bands.gain) - 1: ([a * a, a * shelf, a], [1, shelf, a]),
        }.get(k, ([1, a / q, 1], [1, 1 / (a * q), 1]))
        total += 20 * np.log10(
            np.abs(scipy.signal.freqs(above, below, frequencies / f)[1])
        )
    return total * min(1, decibels / np.abs(total).max())


def test_the_equalizer_gives_white_noise_the_drawn_curve_and_no_phase():
    parts = noise(3, 8 * RATE)
    given = {"n_parts": 3, "decibels": 9.0, "sample_rate": RATE, "probability": 1.0}
    bands = effects.equalizer_bands(**given, seed=SEED)
    coloured = effects.equalizer(parts, 9.0, RATE, 1.0, SEED).numpy()
    for p in range(3):
        hertz, cross = scipy.signal.csd(
            parts[p, :, 0], coloured[p, :, 0], RATE, nperseg=2048
        )
        power = scipy.signal.welch(parts[p, :, 0], RATE, nperseg=2048)[1]
        response = (cross / power)[4:-1]
        drawn = cookbook_curve(effects.Bands(*(x[p] for x in bands)), hertz[4:-1], 9.0)
        assert np.ptp(drawn) > 3
        np.testing.assert_allclose(20 * np.log10(np.abs(response)), drawn, atol=0.5)
        assert np.abs(np.angle(response)).max() < 0.05


def test_no_curve_of_the_equalizer_leaves_its_limits():
    hertz = np.linspace(0, RATE / 2, 500).astype(np.float32)
    bands = effects.equalizer_bands(400, 6.0, RATE, 1.0, SEED)
    most = np.abs(effects.equalizer_curve(bands, hertz, 6.0)).max(axis=1)
    assert most.max() <= 6.001
    assert (most > 5.99).mean() > 0.1 and most.min() < 4


def test_the_end_of_an_equalized_excerpt_does_not_come_out_at_its_start():
    last = np.zeros([4, N_TIME, 1], np.float32)
    last[:, -1] = 1
    heard = effects.equalizer(last, 12.0, RATE, 1.0, SEED).numpy()
    assert np.abs(heard[:, : N_TIME // 2]).max() < 1e-5
    assert np.abs(heard[:, -1]).min() > 0.1


# Reverberation.


def decay_time(tail, edge, kind):
    """RT60 in s by Schroeder's backward integral, from -5 to -25 dB, of a band."""
    band = scipy.signal.butter(4, edge, kind, fs=RATE, output="sos")
    energy = np.cumsum(scipy.signal.sosfilt(band, tail)[::-1] ** 2)[::-1]
    level = 10 * np.log10(energy / energy[0] + 1e-12)
    inside = np.flatnonzero((level < -5) & (level > -25))
    return -60 / np.polyfit(inside / RATE, level[inside], 1)[0]


def test_a_room_decays_in_the_drawn_time():
    clap = np.zeros([6, N_TIME, 1], np.float32)
    clap[:, 0] = 1
    drawn = effects.rooms(6, 1.0, 0.8, 1.0, SEED)
    heard = effects.reverb(clap, 1.0, 0.8, RATE, 1.0, SEED).numpy()[:, :, 0]
    rt60, centres = effects.band_rt60(drawn.rt60, drawn.dullness, RATE)
    rt60, wet = rt60.numpy(), drawn.wet.numpy()
    assert centres == [250, 500, 1000, 2000, 4000]
    assert 0.2 <= np.min(drawn.rt60) < np.max(drawn.rt60) - 0.2 and np.max(rt60) <= 1
    for p in range(6):
        first = int(np.ceil(drawn.gap[p] * RATE))
        assert heard[p, 0] == pytest.approx(1, abs=1e-6)
        assert np.abs(heard[p, 1:first]).max() < 1e-6 < np.abs(heard[p, first])
        tail = heard[p, first:]
        assert decay_time(tail, 4000, "high") == pytest.approx(rt60[p, -1], rel=0.15)
        assert decay_time(tail, 250, "low") == pytest.approx(rt60[p, 0], rel=0.25)
        assert np.sqrt(np.sum(tail**2)) == pytest.approx(wet[p], rel=1e-3)


def test_the_direct_sound_of_a_room_stays_in_place_and_nothing_comes_before_it():
    at = N_TIME - 300
    clap = np.zeros([4, N_TIME, 2], np.float32)
    clap[:, at] = 0.5
    heard = effects.reverb(clap, 1.0, 0.8, RATE, 1.0, SEED).numpy()
    assert np.abs(heard[:, :at]).max() < 1e-6
    np.testing.assert_allclose(heard[:, at], 0.5, atol=1e-6)
    left, right = heard[:, at + 1 :, 0], heard[:, at + 1 :, 1]
    assert not np.allclose(left, right, atol=1e-4)


# Rates.


def test_rates_are_one_for_all_or_each_its_own_and_lie_within_the_limits():
    own = effects.random_rates(500, 1.2, 0.6, SEED, shared=False).numpy()
    assert 0.3 < np.mean(own == 1) < 0.5
    assert 1 / 1.2 <= own.min() < 0.86 and 1.16 < own.max() <= 1.2001
    assert 0.4 < np.mean(own[own != 1] > 1) < 0.6
    shared = effects.random_rates(500, 1.2, 1.0, SEED, shared=True).numpy()
    assert np.ptp(shared) == 0 and shared[0] != 1
    still = effects.random_rates(5, 1.0, 1.0, SEED, shared=False)
    np.testing.assert_array_equal(still, np.ones(5))
