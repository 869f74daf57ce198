"""Convolutions of what is kept against convolutions of everything."""

import numpy as np
import pytest
import tensorflow as tf

from Models.layers import onednn, polyphase
from Models.layers.convolution import Convolution, add_bias
from Models.layers.resampling import LearnedUpsampling, LinearUpsampling

every_size = pytest.mark.parametrize("taps", range(1, 9))
generator = np.random.default_rng(0)


def noise(*shape):
    return tf.constant(generator.normal(size=shape))  # float64


def conv(x, kernel):
    return tf.nn.conv1d(x, kernel, 1, "VALID").numpy()


def assert_begins_alike(found, expected, spare=1):
    """Up to `spare` steps of the expected may be missing at the end."""
    n = min(found.shape[1], expected.shape[1])
    assert n >= expected.shape[1] - spare
    np.testing.assert_allclose(found[:, :n], expected[:, :n], rtol=0, atol=1e-12)


def test_pairs_hold_two_steps_side_by_side():
    x = tf.reshape(tf.range(24.0), [1, 8, 3])
    folded = polyphase.pairs(x)
    np.testing.assert_array_equal(folded[0, 1], [6, 7, 8, 9, 10, 11])
    np.testing.assert_array_equal(polyphase.unfolded(folded), x)


@pytest.mark.parametrize("shape", [[None, None, 3], [2, None, 3], [None, 8, 3]])
def test_pairs_need_no_known_length(shape):
    both = tf.function(lambda x: polyphase.unfolded(polyphase.pairs(x)))
    graph = both.get_concrete_function(tf.TensorSpec(shape, tf.float64))
    x = noise(2, 8, 3)
    np.testing.assert_array_equal(graph(x), x)
    assert graph.structured_outputs.shape[-1] == 3


@every_size
@pytest.mark.parametrize("phase", [0, 1, 2])
def test_a_decimated_kernel_gives_every_second_step(taps, phase):
    x, kernel = noise(2, 24, 3), noise(taps, 3, 2)
    folded = polyphase.decimated_kernel(kernel, phase)
    assert folded.shape == (-(-(taps + phase) // 2), 6, 2)
    found = conv(polyphase.pairs(x), folded)
    assert_begins_alike(found, conv(x, kernel)[:, phase::2])


@pytest.mark.parametrize("channels", range(2, 17, 2))
@pytest.mark.parametrize("taps", [4, 8, 16, 32])
def test_narrow_maps_are_convolved_right_in_bfloat16(channels, taps):
    x, kernel = noise(3, 123, channels), noise(taps, channels, 8)
    expected = conv(x, kernel)
    rough, bias = tf.cast(x, tf.bfloat16), tf.zeros(8)
    weights = tf.cast(kernel, tf.float32)
    layer = Convolution(8, taps, dtype="mixed_bfloat16")
    layer.build(x.shape)
    layer.kernel.assign(weights)
    block = polyphase.convolve([rough], [weights], bias)
    linear = tf.where(block > 0, block, block / 0.2)
    for found in (layer(rough), linear):
        error = tf.cast(found, tf.float64) - expected
        assert np.linalg.norm(error) < 0.01 * np.linalg.norm(expected)


@every_size
@pytest.mark.parametrize("phase", [0, 1])
def test_a_paired_kernel_gives_every_step(taps, phase):
    x, kernel = noise(2, 24, 3), noise(taps, 3, 2)
    found = conv(polyphase.pairs(x), polyphase.paired_kernel(kernel, phase))
    found = polyphase.unfolded(tf.constant(found)).numpy()
    assert_begins_alike(found, conv(x, kernel)[:, phase:])


@every_size
@pytest.mark.parametrize("upsampling", [LinearUpsampling, LearnedUpsampling])
def test_an_upsampled_kernel_is_upsampling_and_convolution(taps, upsampling):
    x, kernel = noise(2, 12, 3), noise(taps, 3, 2)
    layer = upsampling("valid", dtype="float64")
    expected = conv(layer(x), kernel)
    folded = polyphase.upsampled_kernel(kernel, layer.share)
    assert folded.shape == (-(-taps // 2) + 1, 3, 4)
    found = polyphase.unfolded(tf.constant(conv(x, folded))).numpy()
    assert_begins_alike(found, expected)


def block(inputs, kernels, bias, padding):
    """What `convolve` says it computes, left to TensorFlow to differentiate."""
    y = [tf.nn.conv1d(x, w, 1, padding) for x, w in zip(inputs, kernels)]
    return tf.nn.leaky_relu(tf.add_n(y) + bias, 0.2)


@pytest.mark.parametrize("padding", ["VALID", "SAME"])
@pytest.mark.parametrize("sizes", [[(3, 9, 2)], [(4, 12, 3), (6, 14, 2)]])
def test_a_block_is_a_sum_of_convolutions_with_their_gradients(padding, sizes):
    if padding == "SAME":
        sizes = [(taps, 11, channels) for taps, _, channels in sizes]
    inputs = [noise(2, n, channels) for _, n, channels in sizes]
    kernels = [noise(taps, channels, 5) for taps, _, channels in sizes]
    values, found = [*inputs, *kernels, noise(5)], []
    weights = None
    for function in (polyphase.convolve, block):
        with tf.GradientTape() as tape:
            tape.watch(values)
            y = function(inputs, kernels, values[-1], padding)
            weights = noise(*y.shape) if weights is None else weights
            total = tf.reduce_sum(weights * y)
        found.append([y, *tape.gradient(total, values)])
    for fast, plain in zip(*found):
        np.testing.assert_allclose(fast, plain, rtol=1e-10, atol=1e-10)


def long_kernel_gradient(n_time, taps, dtype, channels=5):
    x = tf.cast(generator.normal(size=(2, n_time, channels)), dtype)
    kernel = tf.cast(generator.normal(size=(taps, channels, 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        y = polyphase.convolve([x], [kernel], tf.zeros(3))
        up = tf.cast(generator.normal(size=y.shape), dtype)
        total = tf.reduce_sum(tf.cast(up * y, tf.float32))
    slope = np.where(tf.cast(y, tf.float64) > 0, 1.0, 0.2) * tf.cast(up, tf.float64)
    x = tf.cast(x, tf.float64).numpy()
    n = y.shape[1]
    expected = [np.einsum("btc,btd->cd", x[:, k : k + n], slope) for k in range(taps)]
    return tape.gradient(total, kernel), np.array(expected)


@pytest.mark.parametrize("n_time", [700, 4096, 4103, 9000])
@pytest.mark.parametrize("taps", [1, 4, 8])
def test_kernel_gradients_of_long_maps_lose_nothing(n_time, taps):
    found, expected = long_kernel_gradient(n_time, taps, tf.float32)
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("n_time", [700, 4103])
@pytest.mark.parametrize("channels", [5, 8, 80])
def test_kernel_gradients_in_bfloat16_are_rounded_once(n_time, channels):
    found, expected = long_kernel_gradient(n_time, 4, tf.bfloat16, channels)
    assert found.dtype == tf.float32
    assert np.abs(found - expected).max() <= 0.02 * np.abs(expected).max()


def kernels_of(function, monkeypatch):
    """Shapes of the kernels whose gradients TensorFlow is asked for."""
    asked, original = [], tf.raw_ops.Conv2DBackpropFilter

    def recorded(**options):
        asked.append(tuple(options["filter_sizes"]))
        return original(**options)

    monkeypatch.setattr(tf.raw_ops, "Conv2DBackpropFilter", recorded)
    function()
    return asked


@pytest.mark.parametrize("channels", [*onednn.SICK, 3, 16])
def test_channels_whose_kernel_gradients_err_are_never_asked_for(channels, monkeypatch):
    asked = kernels_of(
        lambda: long_kernel_gradient(700, 4, tf.bfloat16, channels), monkeypatch
    )
    expected = {2: 16, 4: 16, 8: 16, 80: 96}.get(channels, channels)
    assert [shape[2] for shape in asked] == [expected]


@pytest.mark.parametrize("channels", onednn.SICK)
def test_the_plain_layer_never_convolves_such_channels(channels, monkeypatch):
    seen, original = [], tf.nn.conv1d
    monkeypatch.setattr(
        tf.nn, "conv1d", lambda x, *rest: seen.append(x.shape) or original(x, *rest)
    )
    layer = Convolution(3, 5, dtype="mixed_bfloat16")
    layer(tf.cast(noise(1, 40, channels), tf.bfloat16))
    assert seen[0][-1] % 16 == 0 and seen[0][-1] not in onednn.SICK


def test_bias_gradients_of_bfloat16_maps_are_summed_in_float32():
    # In bfloat16 a running sum of ones stops at 256.
    x, bias = tf.ones([4, 5000, 3], tf.bfloat16), tf.zeros([3])
    kernel = tf.ones([1, 3, 3])
    for function in (add_bias, lambda x, b: polyphase.convolve([x], [kernel], b)):
        with tf.GradientTape() as tape:
            tape.watch(bias)
            y = function(x, bias)
        gradient = tape.gradient(y, bias)
        assert gradient.dtype == tf.float32
        np.testing.assert_array_equal(gradient, [20000.0] * 3)
