"""Fourier transforms against NumPy, and two-dimensional layers against sums."""

import numpy as np
import pytest
import tensorflow as tf

from Models.layers import legacy_fft
from Models.layers.spectral import (
    BatchNormalization,
    DoublingConvolution,
    HalvingConvolution,
    Spectrogram,
)


def noise(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return 0.3 * rng.normal(size=shape).astype(np.float32)


def hann(n):
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)


# --- Fourier transforms ----------------------------------------------------------
@pytest.mark.parametrize("legacy, error", [(False, 1e-6), (True, 2e-5)])
def test_a_spectrum_is_the_transform_of_windowed_frames(legacy, error):
    audio = noise(2, 1024 + 3 * 768)
    found = Spectrogram(1024, 768, legacy)(audio).numpy()
    starts = range(0, 4 * 768, 768)
    frames = np.stack([audio[:, s : s + 1024] for s in starts], 1) * hann(1024)
    expected = np.fft.rfft(frames.astype(float))
    assert found.shape == (2, 4, 513) and found.dtype == np.complex64
    assert np.abs(found - expected).max() <= error * np.abs(expected).max()


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("length, step", [(64, 48), (64, 32), (128, 40), (8, 3)])
def test_the_inverse_is_exact_but_for_the_ends(length, step, legacy):
    transform = Spectrogram(length, step, legacy)
    audio = noise(2, transform.samples(9))
    again = transform.inverse(transform(audio)).numpy()
    assert again.shape == audio.shape
    fade = length - step
    inner = slice(fade, -fade)
    np.testing.assert_allclose(again[:, inner], audio[:, inner], atol=3e-6)
    # What fades is the audio times the share of the windows that are there.
    squares = np.zeros(audio.shape[1])
    for start in range(0, 9 * step, step):
        squares[start : start + length] += hann(length) ** 2
    whole = np.zeros(length)
    for k in range(-length // step - 1, length // step + 2):
        at = np.arange(length) - k * step
        inside = (0 <= at) & (at < length)
        whole += np.where(inside, hann(length)[at % length] ** 2, 0)
    whole = np.resize(whole[:step], audio.shape[1])
    np.testing.assert_allclose(again, audio * squares / whole, atol=3e-6)
    assert np.all(again[:, 0] == 0)


@pytest.mark.parametrize("n", [8, 16, 64, 1024])
def test_the_legacy_transform_is_one_and_has_the_ancestors_errors(n):
    x = noise(5, n, seed=1)
    exact = np.fft.rfft(x.astype(float))
    error, modern = (
        np.abs(found - exact).max() / np.abs(exact).max()
        for found in (legacy_fft.rfft(x), tf.signal.rfft(x))
    )
    assert error < 1e-5
    if n == 1024:  # no transform in use today is as rough as that
        assert error > 1e-6 > 3 * modern
    np.testing.assert_allclose(legacy_fft.irfft(legacy_fft.rfft(x)), x, atol=1e-5)


def test_the_twiddle_factors_drift_as_products_do():
    w = legacy_fft.twiddles(1024)
    error = np.abs(w - np.exp(-2j * np.pi * np.arange(512) / 1024))
    assert w.shape == (512,) and w.dtype == np.complex64 and w[0] == 1
    assert error[:8].max() < 1e-6 < error.max() < 1e-4


# --- Layers, against explicit sums -----------------------------------------------
def test_a_halving_convolution_has_one_zero_before_the_map_and_two_after():
    layer = HalvingConvolution(3)
    x = noise(2, 6, 8, 2)
    found = layer(x).numpy()
    layer.bias.assign([1.0, 2.0, 3.0])
    np.testing.assert_allclose(
        layer(x) - found, np.broadcast_to([1, 2, 3], found.shape)
    )
    padded = np.pad(x, [(0, 0), (1, 2), (1, 2), (0, 0)])
    expected = np.zeros((2, 3, 4, 3))
    for f, k in np.ndindex(3, 4):
        patch = padded[:, 2 * f : 2 * f + 5, 2 * k : 2 * k + 5]
        expected[:, f, k] = np.einsum("bijc,ijcd->bd", patch, layer.kernel.numpy())
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_doubling_convolution_is_the_transpose_of_a_halving_one():
    halving, doubling = HalvingConvolution(3), DoublingConvolution(2)
    fine, coarse = noise(1, 6, 8, 2), noise(1, 3, 4, 3, seed=1)
    halving(fine), doubling(coarse)
    doubling.kernel.assign(halving.kernel)
    there, back = np.vdot(halving(fine), coarse), np.vdot(fine, doubling(coarse))
    assert there == pytest.approx(back, rel=1e-5) and abs(there) > 1e-3


def test_batch_normalization_is_the_fused_kernel_of_tensorflow_1():
    layer, x = BatchNormalization(), 3 * noise(4, 3, 5, 2) + 1
    layer.build(x.shape)
    layer.beta.assign([0.5, -1.0])
    layer.moving_mean.assign([0.2, 0.4])
    layer.moving_variance.assign([2.0, 3.0])
    ones, beta = tf.ones(2), layer.beta.numpy()
    moving = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    expected, *_ = tf.compat.v1.nn.fused_batch_norm(
        x, ones, beta, *moving, epsilon=1e-3, is_training=False
    )
    np.testing.assert_allclose(layer(x), expected, atol=1e-6)
    expected, *new = tf.compat.v1.nn.fused_batch_norm(x, ones, beta, epsilon=1e-3)
    np.testing.assert_allclose(layer(x, training=True), expected, atol=1e-5)
    for variable, old, now in zip(
        (layer.moving_mean, layer.moving_variance), moving, new
    ):
        np.testing.assert_allclose(variable, 0.999 * old + 0.001 * now, rtol=1e-6)
        assert not np.allclose(variable, old, rtol=1e-5)
