"""The Fourier transform that TensorFlow 1 had on a CPU, rounding and all.

Eigen's radix-2 transform makes its twiddle factors in float32, each four from the
last four by a product (`TensorFFT.h`).  Their errors add up to about 4e-6 of the
greatest magnitude at 1,024 points, twenty times those of the transforms in use today.
To give an ancestor's numbers, their errors must be made again.
"""

import numpy as np
import tensorflow as tf

LEAST = 8  # points that Eigen transforms at once, without twiddle factors


def twiddles(n):
    """Eigen's complex64 [n / 2]: about exp(-2 pi i k / n), for n = 16, 32, ..."""
    single = np.complex64
    lag = complex(
        np.float32(-2 * np.sin(np.pi / n) ** 2), np.float32(-np.sin(2 * np.pi / n))
    )
    step = single(1) + single(lag)
    steps = [single(1), step]
    for _ in range(3):
        steps.append(single(steps[-1] * step))
    w, found = single(1), []
    for _ in range(0, n // 2, 4):
        found += [single(w * step) for step in steps[:4]]
        w = single(w * steps[4])
    return np.array(found, np.complex64)


def fft(x):
    """Discrete Fourier transform along the last axis: complex64 [..., n].

    Args:
      x: Complex64 [..., n]; n is known and a power of 2, at least 8.
    """
    n = x.shape[-1]
    lead = tf.shape(x)[:-1]
    k = np.arange(LEAST)
    small = np.exp(-2j * np.pi * np.outer(k, k) / LEAST).astype(np.complex64)
    # Row q, column r: frequency q of the points r, r + n / 8, r + 2 n / 8, ...
    y = small @ tf.reshape(x, [-1, LEAST, n // LEAST])
    while (rows := y.shape[1]) < n:
        even, odd = tf.split(y, 2, axis=2)
        odd = odd * twiddles(2 * rows)[:, np.newaxis]
        y = tf.concat([even + odd, even - odd], axis=1)  # twice the rows
    return tf.reshape(y, tf.concat([lead, [n]], axis=0))


def rfft(x):
    """The first n / 2 + 1 frequencies of real numbers: float32 [..., n]."""
    return fft(tf.complex(x, tf.zeros_like(x)))[..., : x.shape[-1] // 2 + 1]


def irfft(spectrum):
    """The inverse of `rfft`: complex64 [..., n / 2 + 1] -> float32 [..., n]."""
    mirrored = tf.math.conj(tf.reverse(spectrum[..., 1:-1], [-1]))
    whole = tf.concat([spectrum, mirrored], axis=-1)
    return tf.math.real(fft(tf.math.conj(whole))) / whole.shape[-1]
