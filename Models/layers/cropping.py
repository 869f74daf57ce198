"""Centre crops along time."""

import tensorflow as tf


def crop_start(n_from, n_to):
    """First sample that a crop from n_from to n_to samples keeps.

    Where an odd number of samples goes, the end loses one more than the start.
    """
    return (n_from - n_to) // 2


def centre_crop(x, n):
    """The n samples in the middle: [B, T, C] -> [B, n, C].

    Args:
      x: [B, T, C].
      n: Samples to keep, at most T; an integer or an integer tensor.

    Raises:
      ValueError: If n exceeds a T that is known.
    """
    n_time = x.shape[1]
    if n_time is None:
        n_time = tf.shape(x)[1]
    elif isinstance(n, int) and n > n_time:
        raise ValueError(f"{n} samples cannot be cropped from {n_time}")
    start = crop_start(n_time, n)
    return x[:, start : start + n]


def concat_cropped(wide, x):
    """[cropped wide, x] along the channels.

    Args:
      wide: [B, T', D], T' >= T; its middle goes first.
      x: [B, T, C].

    Returns:
      [B, T, D + C], in the dtype of `x`.
    """
    n = tf.shape(x)[1] if x.shape[1] is None else x.shape[1]
    return tf.concat([tf.cast(centre_crop(wide, n), x.dtype), x], axis=-1)
