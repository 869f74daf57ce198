"""Spectrograms, and the layers of a U-Net that reads them as pictures.

Glossary of shapes: B examples, T samples, F frames, K bins of frequency, C channels of
a map.  Maps are [B, F, K, C]; a halving layer takes both F and K to their half.
"""

import functools

import keras
import tensorflow as tf

from Models.layers import legacy_fft

KERNEL, STRIDE = 5, 2  # along frames and along bins


class Spectrogram:
    """The short-time Fourier transform and its inverse.

        audio [B, T] <-> spectrum complex64 [B, F, frame_length / 2 + 1],
        T = (F - 1) frame_step + frame_length

    A periodic Hann window both ways; the inverse divides by the sum of the squared
    windows that overlap in the middle of a recording.  `inverse` is exact but for the
    first and the last `frame_length - frame_step` samples: there a second window is
    missing, and the samples fade, to zero at the very first.

    Args:
      frame_length: Samples of a frame, even.
      frame_step: Samples from a frame to the next, less than `frame_length`.
      legacy: Whether to round as TensorFlow 1 did (`legacy_fft`); `frame_length` is a
        power of 2 then, at least 8.
    """

    def __init__(self, frame_length, frame_step, legacy=False):
        self.frame_length, self.frame_step = frame_length, frame_step
        self._rfft = legacy_fft.rfft if legacy else tf.signal.rfft
        self._irfft = legacy_fft.irfft if legacy else tf.signal.irfft
        hann = functools.partial(tf.signal.hann_window, periodic=True)
        self._window = functools.partial(hann, frame_length)
        inverse = tf.signal.inverse_stft_window_fn(frame_step, hann)
        self._inverse_window = functools.partial(inverse, frame_length, tf.float32)

    def __call__(self, audio):
        """Complex64 [B, F, K] of audio [B, T]; samples past the last frame are lost."""
        audio = tf.cast(audio, tf.float32)
        frames = tf.signal.frame(audio, self.frame_length, self.frame_step)
        return self._rfft(frames * self._window())

    def inverse(self, spectrum):
        """Float32 [B, T] of a spectrum [B, F, K]."""
        frames = self._irfft(spectrum) * self._inverse_window()
        return tf.signal.overlap_and_add(frames, self.frame_step)

    def samples(self, frames):
        """T that F frames span."""
        return (frames - 1) * self.frame_step + self.frame_length

    def frames(self, samples):
        """Fewest F that span at least T samples."""
        beyond = max(0, samples - self.frame_length)
        return 1 - -beyond // self.frame_step


@keras.saving.register_keras_serializable("vimss")
class BatchNormalization(keras.layers.Layer):
    """Mean 0 and variance 1 of each channel, then an offset: [..., C] -> [..., C].

    In training by the batch's own statistics, whose moving means serve afterwards.
    There is no factor.  The moving variance is of the unbiased estimate, as in
    TensorFlow 1's fused kernel; Keras' own layer keeps the biased one.  Float32 inside.

    Ioffe, Szegedy, "Batch Normalization", ICML 2015, https://arxiv.org/abs/1502.03167

    Args:
      momentum: What the moving means keep of themselves at a step.
      epsilon: Added to variances.
      **kwargs: Of `keras.layers.Layer`.
    """

    def __init__(self, momentum=0.999, epsilon=1e-3, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.momentum, self.epsilon = momentum, epsilon

    def build(self, shape):
        options = dict(shape=[shape[-1]], autocast=False)
        kept = dict(options, trainable=False, aggregation="mean")
        self.beta = self.add_weight(initializer="zeros", name="beta", **options)
        self.moving_mean = self.add_weight(
            initializer="zeros", name="moving_mean", **kept
        )
        self.moving_variance = self.add_weight(
            initializer="ones", name="moving_variance", **kept
        )
        super().build(shape)

    def call(self, x, training=False):
        x = tf.cast(x, tf.float32)
        mean, variance = (
            tf.identity(self.moving_mean),
            tf.identity(self.moving_variance),
        )
        if training:
            old = mean, variance
            mean, variance = tf.nn.moments(x, axes=[*range(x.shape.rank - 1)])
            n = tf.cast(tf.size(x) // x.shape[-1], tf.float32)
            new = mean, variance * n / tf.maximum(n - 1.0, 1.0)
            moving = self.moving_mean, self.moving_variance
            for variable, before, now in zip(moving, old, new):
                step = (1.0 - self.momentum) * (now - before)
                variable.assign(before + tf.stop_gradient(step))
        scale = tf.math.rsqrt(variance + self.epsilon)
        return tf.cast((x - mean) * scale + self.beta, self.compute_dtype)

    def get_config(self):
        own = {"momentum": self.momentum, "epsilon": self.epsilon}
        return {**super().get_config(), **own}


class _Strided(keras.layers.Layer):
    """A kernel and a bias, added in float32: sums of bfloat16 gradients are rough."""

    def __init__(self, filters, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.filters = filters

    def build(self, shape):
        self.kernel = self.add_weight(
            shape=self.kernel_shape(shape[-1]),
            initializer="glorot_uniform",
            name="kernel",
        )
        self.bias = self.add_weight(
            shape=[self.filters], initializer="zeros", name="bias"
        )
        super().build(shape)

    def call(self, x):
        kernel = tf.cast(self.kernel, self.compute_dtype)
        y = self.convolved(tf.cast(x, self.compute_dtype), kernel)
        return tf.cast(y, tf.float32) + self.bias

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


@keras.saving.register_keras_serializable("vimss")
class HalvingConvolution(_Strided):
    """A 5 x 5 convolution with stride 2.

        [B, F, K, C] -> float32 [B, F / 2, K / 2, filters]

    Zeros around the map: one before it and two after, along frames and bins.  Weights:
    kernel [5, 5, C, filters], Glorot uniform, and bias [filters], zeros.

    Args:
      filters: Channels of the result.
      **kwargs: Of `keras.layers.Layer`.
    """

    def kernel_shape(self, channels):
        return [KERNEL, KERNEL, channels, self.filters]

    def convolved(self, x, kernel):
        return tf.nn.conv2d(x, kernel, STRIDE, "SAME")


@keras.saving.register_keras_serializable("vimss")
class DoublingConvolution(_Strided):
    """The transpose of a halving convolution.

        [B, F, K, C] -> float32 [B, 2 F, 2 K, filters]

    Weights: kernel [5, 5, filters, C], Glorot uniform, and bias [filters], zeros.

    Args:
      filters: Channels of the result.
      **kwargs: Of `keras.layers.Layer`.
    """

    def kernel_shape(self, channels):
        return [KERNEL, KERNEL, self.filters, channels]

    def convolved(self, x, kernel):
        static, known = x.shape, tf.shape(x)
        n_batch, *sizes = (
            known[i] if static[i] is None else static[i] for i in range(3)
        )
        shape = [n_batch, *(STRIDE * size for size in sizes), self.filters]
        return tf.nn.conv2d_transpose(x, kernel, shape, STRIDE, "SAME")
