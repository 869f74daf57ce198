"""Channels of zeros where TensorFlow's library for CPUs errs in bfloat16.

Found in TensorFlow 2.21 (oneDNN) on a processor with AVX512-BF16 and AMX, by sweeps
over channels, taps, filters and lengths.  Zeros change no result.
"""

import tensorflow as tf

BLOCK = 16  # channels that the library takes at once
# Channels of maps whose kernel gradients are computed from unwritten memory as well:
# now and then they are not finite.  With all memory that is handed out filled with NaN
# these, and no others up to 418, give NaN.
SICK = (2, 4, 8, 80)


def for_convolution(x, kernel):
    """A map and a kernel whose convolution is right.

    Of fewer than 16 channels, an even number whose product with the taps is a multiple
    of 32 and at least 64 gives a result that is wrong by 100 %.

    Args:
      x: [..., C].
      kernel: [..., K, C, D].
    """
    taps, channels = kernel.shape[-3:-1]
    if x.dtype != tf.bfloat16 or channels >= BLOCK or taps * channels < 64:
        return x, kernel
    return _wider(x, kernel)


def for_kernel_gradient(x, kernel):
    """A map and a kernel whose kernel gradient is right, but perhaps wider.

    Args:
      x: [..., C].
      kernel: [..., K, C, D].
    """
    if x.dtype != tf.bfloat16 or x.shape[-1] not in SICK:
        return x, kernel
    return _wider(x, kernel)


def _wider(x, kernel):
    """Up to the next whole number of blocks."""
    channels = x.shape[-1]
    more = BLOCK - channels % BLOCK
    return _with_zeros(x, -1, more), _with_zeros(kernel, -2, more)


def _with_zeros(x, axis, count):
    # No tf.pad: TensorFlow would merge it with the convolution, as if it were of time.
    zeros = tf.zeros_like(tf.gather(x, [0] * count, axis=axis))
    return tf.concat([x, zeros], axis)
