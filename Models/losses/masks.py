"""Which samples count, and which sources are heard."""

import tensorflow as tf

SILENCE = 2.0**-15  # root mean square of a source that is silent, or less: 1 of 16 bits


def floats(estimates, sources):
    """Both as float32.

    Raises:
      ValueError: If their shapes differ: broadcasting would give a number, and a wrong
        one.
    """
    estimates, sources = tf.cast(estimates, tf.float32), tf.cast(sources, tf.float32)
    if not estimates.shape.is_compatible_with(sources.shape):
        raise ValueError(
            f"estimates {estimates.shape} and sources {sources.shape} differ in shape"
        )
    return estimates, sources


def cut(x, n_valid):
    """A tensor [B, S, T, ...] with zeros beyond `n_valid` [B] of T; None: as it is."""
    if n_valid is None:
        return x
    n_time = tf.shape(x)[2]
    inside = tf.range(n_time) < tf.cast(n_valid, tf.int32)[:, tf.newaxis]  # [B, T]
    others = [1] * (x.shape.rank - 3)
    return x * tf.reshape(tf.cast(inside, x.dtype), [-1, 1, n_time, *others])


def n_inside(x, n_valid):
    """Int32 [B]: how many of the T steps of a tensor [B, S, T, ...] count."""
    n_batch, n_time = tf.shape(x)[0], tf.shape(x)[2]
    valid = tf.fill([n_batch], n_time) if n_valid is None else n_valid
    return tf.clip_by_value(tf.cast(valid, tf.int32), 0, n_time)


def share_inside(x, n_valid):
    """Float32 [B, S]: the share of the T steps of [B, S, T, ...] that count."""
    share = tf.cast(n_inside(x, n_valid), tf.float32) / tf.cast(
        tf.shape(x)[2], tf.float32
    )
    return tf.repeat(share[:, tf.newaxis], tf.shape(x)[1], axis=1)


def energy(x):
    """Float32 [B, S]: the sum of the squares of waveforms [B, S, T, C]."""
    return tf.reduce_sum(tf.square(x), axis=(2, 3))


def silent_energy(x, n_valid):
    """Float32 [B, 1]: the greatest energy of silence, in [B, S, T, C]."""
    n = tf.cast(n_inside(x, n_valid) * tf.shape(x)[3], tf.float32)
    return SILENCE**2 * n[:, tf.newaxis]


def heard(sources, n_valid):
    """Boolean [B, S]: which sources [B, S, T, C] sound while they count."""
    inside = cut(tf.cast(sources, tf.float32), n_valid)
    return energy(inside) > silent_energy(sources, n_valid)


def mixture(sources, mix, n_valid):
    """Float32 [B, 1, T, C]: the mixture where it counts; None: of the sources."""
    if mix is None:
        return cut(tf.reduce_sum(sources, axis=1, keepdims=True), n_valid)
    return cut(tf.cast(mix, tf.float32)[:, tf.newaxis], n_valid)
