"""The loss of spectrograms of several resolutions: one term a source and window.

Yamamoto, Song, Kim, "Parallel WaveGAN", ICASSP 2020, https://arxiv.org/abs/1910.11480,
equations 4 to 7 and section 4.1.2: the mean over the resolutions of

    || |S| - |E| || / || |S| ||  +  mean of | log |S| - log |E| |

with the spectrograms S and E of source and estimate, and Frobenius norms over frames,
bins and channels.  Powers are at least 1e-7, as in its authors' program.  Frame k is
centred at sample k times the step, of a window that is silent before and after; the
paper's program mirrors the window there.  A track's end is a window's end: the frames
are those of the samples in the track alone, and such a window counts by their share.

Of a silent source the first term would be infinite; there it is || |E| || / || |X| ||,
with the mixture X: how much of it leaks.  Where that is silent too it is 0.

Glossary of shapes: B examples, S sources, C channels, T samples, F frames, K bins.
"""

import tensorflow as tf

from Models.losses import masks

# Samples of a Fourier transform, of its Hann window, and from frame to frame.  In the
# paper, at 24 kHz: windows of 25, 50 and 10 ms.
RESOLUTIONS = ((1024, 600, 120), (2048, 1200, 240), (512, 240, 50))
LEAST_POWER = 1e-7


def multi_resolution_stft(estimates, sources, n_valid=None, mix=None):
    """As every loss (`Models.losses`), of waveforms [B, S, T, C]."""
    estimates, sources = masks.floats(estimates, sources)
    mix = masks.mixture(sources, mix, n_valid)
    waves = masks.cut(estimates, n_valid), masks.cut(sources, n_valid), mix
    n = masks.n_inside(sources, n_valid)
    heard = masks.heard(sources, n_valid), masks.heard(mix, n_valid)
    terms = [_of_resolution(*waves, heard, n, *sizes) for sizes in RESOLUTIONS]
    counts = masks.share_inside(sources, n_valid)
    return tf.add_n(terms) / len(RESOLUTIONS) * counts, counts


def _of_resolution(estimates, sources, mix, heard, n, size, window, step):
    """Float32 [B, S]; the first `n` samples [B] lie in the track.

    `heard` are the sources, [B, S], and the mixtures, [B, 1], that are not silent.
    """
    found, wanted, whole = (
        _magnitudes(x, size, window, step) for x in (estimates, sources, mix)
    )
    n_frames = tf.where(n > 0, 1 + n // step, 0)  # [B]
    inside = tf.range(tf.shape(found)[3]) < n_frames[:, tf.newaxis]  # [B, F]
    inside = tf.cast(inside, tf.float32)[:, tf.newaxis, tf.newaxis, :, tf.newaxis]
    reference = tf.where(heard[0], _norm(wanted * inside), _norm(whole * inside))
    reference = tf.where(heard[0] | heard[1], reference, 0.0)
    convergence = tf.math.divide_no_nan(_norm((found - wanted) * inside), reference)
    logs = tf.abs(tf.math.log(found) - tf.math.log(wanted)) * inside
    n_numbers = n_frames * found.shape[2] * found.shape[4]
    return convergence + tf.math.divide_no_nan(
        tf.reduce_sum(logs, axis=(2, 3, 4)),
        tf.cast(n_numbers, tf.float32)[:, tf.newaxis],
    )


def _magnitudes(audio, size, window, step):
    """Float32 [B, S, C, F, K] of waveforms [B, S, T, C]; F = 1 + T // step."""
    rows = tf.linalg.matrix_transpose(audio)  # [B, S, C, T]
    around = [(0, 0)] * 3 + [(window // 2, window // 2)]
    frames = tf.signal.frame(tf.pad(rows, around), window, step)
    spectrum = tf.signal.rfft(frames * tf.signal.hann_window(window), [size])
    power = tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))
    return tf.sqrt(tf.maximum(power, LEAST_POWER))


def _norm(x):
    """Float32 [B, S] of [B, S, C, F, K]; its gradient at zero is zero."""
    total = tf.reduce_sum(tf.square(x), axis=(2, 3, 4))
    return tf.where(total > 0, tf.sqrt(tf.where(total > 0, total, 1.0)), 0.0)
