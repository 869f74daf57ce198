"""Resampling, cropping and their lengths, against NumPy and TensorFlow 1's own."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from Models.layers.convolution import Convolution
from Models.layers.cropping import centre_crop, concat_cropped
from Models.layers.resampling import Decimation, LearnedUpsampling, LinearUpsampling

LENGTHS = [1, 2, 3, 4, 7, 32, 33]
both_paddings = pytest.mark.parametrize("padding", ["valid", "same"])
every_length = pytest.mark.parametrize("n", LENGTHS)


def signal(n, n_channels=3, seed=0):
    noise = np.random.default_rng(seed).normal(size=(2, n, n_channels))
    return noise.astype(np.float32)


def fine_times(n, padding):
    return np.arange(2 * n - 1 if padding == "valid" else 2 * n) / 2


@both_paddings
@every_length
def test_linear_upsampling_draws_straight_lines(n, padding):
    x = signal(n)
    y = LinearUpsampling(padding)(x).numpy()
    times = fine_times(n, padding)  # np.interp holds the last value, as "same" does
    for b, c in np.ndindex(2, 3):
        expected = np.interp(times, np.arange(n), x[b, :, c])
        np.testing.assert_allclose(y[b, :, c], expected, rtol=1e-6, atol=1e-6)


@both_paddings
@every_length
def test_linear_upsampling_is_the_bilinear_resize_of_tensorflow_1(n, padding):
    x = signal(n)
    resized = tf.compat.v1.image.resize_bilinear(
        x[:, np.newaxis],
        [1, len(fine_times(n, padding))],
        align_corners=padding == "valid",
    )
    y = LinearUpsampling(padding)(x)
    np.testing.assert_allclose(y, resized[:, 0], rtol=1e-5, atol=1e-6)


@both_paddings
@every_length
def test_learned_upsampling_weighs_each_pair_by_a_sigmoid(n, padding):
    x, layer = signal(n), LearnedUpsampling(padding)
    layer.build(x.shape)
    weight = np.array([-1.5, 0.0, 2.0], np.float32)
    layer.weight.assign(weight)
    share = 1 / (1 + np.exp(-weight))
    expected = []
    for t in range(n):
        following = x[:, t + 1] if t + 1 < n else np.zeros_like(x[:, t])
        expected += [x[:, t], share * x[:, t] + (1 - share) * following]
    expected = np.stack(expected, axis=1)[:, : len(fine_times(n, padding))]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-6)


def test_a_learned_weight_of_zero_is_linear_upsampling():
    x, layer = signal(9), LearnedUpsampling("valid")
    layer.build(x.shape)
    layer.weight.assign(np.zeros(3, np.float32))
    np.testing.assert_allclose(layer(x), LinearUpsampling("valid")(x), atol=1e-6)


def test_learned_weights_start_glorot_uniform():
    layer = LearnedUpsampling()
    layer.build([None, None, 3000])
    limit, weight = np.sqrt(3 / 3000), layer.weight.numpy()
    assert 0.99 * limit < np.abs(weight).max() <= limit
    assert abs(weight.mean()) < 0.1 * limit


@every_length
def test_decimation_keeps_every_second_sample_to_the_bit(n):
    x = signal(n)
    x[0, 0, 0], x[1, -1, 2] = np.nan, np.inf
    np.testing.assert_array_equal(Decimation()(x), x[:, ::2])


@every_length
def test_the_gradient_of_decimation_reaches_the_kept_samples_only(n):
    x = tf.constant(signal(n))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = Decimation()(x)
    gradient = tape.gradient(y, x, output_gradients=y).numpy()
    np.testing.assert_array_equal(gradient[:, ::2], x[:, ::2])
    assert not gradient[:, 1::2].any()


@both_paddings
@pytest.mark.parametrize("layer_class", [LinearUpsampling, LearnedUpsampling])
def test_upsampling_and_decimation_undo_each_other(layer_class, padding):
    x = signal(12)
    y = Decimation(padding)(layer_class(padding)(x))
    np.testing.assert_array_equal(y, x)


BLOCKS = [
    lambda padding: Convolution(2, 1, padding),
    lambda padding: Convolution(2, 4, padding),
    lambda padding: Convolution(2, 5, padding),
    Decimation,
    LinearUpsampling,
    LearnedUpsampling,
]


@both_paddings
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("n", [5, 6, 7, 8])
def test_each_block_knows_what_it_does_to_a_length(block, padding, n):
    layer = block(padding)
    assert layer(signal(n)).shape[1] == layer.length_out(n)
    assert layer.length_out(layer.length_in(n)) >= n
    assert layer.length_out(layer.length_in(n) - 2) < n


@both_paddings
@pytest.mark.parametrize("block", BLOCKS[2:])
def test_each_block_takes_lengths_known_only_at_run_time(block, padding):
    layer = block(padding)
    layer.build([None, None, 3])
    graph = tf.function(layer, input_signature=[tf.TensorSpec([None, None, 3])])
    for n in (8, 9):
        np.testing.assert_allclose(graph(signal(n)), layer(signal(n)), atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(n=st.integers(1, 30), less=st.integers(0, 10))
def test_a_centre_crop_takes_the_odd_sample_from_the_end(n, less):
    x = np.arange(n + less, dtype=np.float32)[np.newaxis, :, np.newaxis]
    kept = centre_crop(tf.constant(x), n).numpy()[0, :, 0]
    left, right = kept[0], n + less - 1 - kept[-1]
    assert len(kept) == n and left + right == less and right - left in (0, 1)
    assert np.all(np.diff(kept) == 1)


def test_a_crop_longer_than_its_map_is_refused():
    with pytest.raises(ValueError, match="9 samples cannot be cropped from 8"):
        centre_crop(tf.zeros([1, 8, 1]), 9)


def test_the_wider_map_goes_first_in_a_concatenation():
    wide, x = signal(9, 2), signal(5, 3, seed=1)
    y = concat_cropped(tf.constant(wide), tf.constant(x))
    np.testing.assert_array_equal(y[..., :2], wide[:, 2:7])
    np.testing.assert_array_equal(y[..., 2:], x)
