"""How far estimates are from the sources: float32, whatever the network runs in.

Each loss compares estimates with sources, both [B, S, T, C], and may be told how
many samples of each target lie in its track, `n_valid` [B]; what lies beyond does
not count.  `loss(name)` gives the number to minimise; `masked(name)` gives its parts,
example by example, for an exact mean over a split.
"""

import tensorflow as tf

import Utils
from Schema import InputError


def _terms(distance, estimates, sources, n_valid):
    """Float32 [B, S, T, C]: one term a sample, zero beyond `n_valid`."""
    estimates, sources = tf.cast(estimates, tf.float32), tf.cast(sources, tf.float32)
    if not estimates.shape.is_compatible_with(sources.shape):
        raise ValueError(  # broadcasting would give a number, and a wrong one
            f"estimates {estimates.shape} and sources {sources.shape} differ in shape"
        )
    terms = distance(estimates - sources)
    return terms if n_valid is None else terms * _mask(terms, n_valid)


def _mask(terms, n_valid):
    """Float32 [B, 1, T, 1]: 1 in the track, 0 beyond it."""
    time = tf.range(tf.shape(terms)[2])
    inside = time < tf.cast(n_valid, tf.int32)[:, tf.newaxis]  # [B, T]
    return tf.cast(inside, tf.float32)[:, tf.newaxis, :, tf.newaxis]


def _counts(terms, n_valid):
    """Float32 [B]: how many terms of each example count."""
    n_batch, n_sources, n_time, n_channels = tf.unstack(tf.shape(terms))
    valid = tf.fill([n_batch], n_time) if n_valid is None else n_valid
    valid = tf.clip_by_value(tf.cast(valid, tf.int32), 0, n_time)
    return tf.cast(valid * n_sources * n_channels, tf.float32)


def mean_square(estimates, sources, n_valid=None):
    """Mean squared error over everything, the loss of f90's Wave-U-Net.

    There it is a mean over batch, time and channels, averaged over the sources:
    the same number, since all sources have one shape.

    Args:
      estimates: [B, S, T, C].
      sources: [B, S, T, C].
      n_valid: int [B], samples of each target that count, or None for all.

    Returns:
      A float32 scalar; 0 if nothing counts.
    """
    terms = _terms(tf.square, estimates, sources, n_valid)
    return _mean(terms, n_valid)


def mean_absolute(estimates, sources, n_valid=None):
    """Mean absolute error over everything; arguments as `mean_square`."""
    terms = _terms(tf.abs, estimates, sources, n_valid)
    return _mean(terms, n_valid)


def sum_square(estimates, sources, n_valid=None):
    """Sum of squared errors over everything, the loss of the 2018 VIMSS.

    It grows with the batch, the sources and the length of the target; arguments as
    `mean_square`.
    """
    return tf.reduce_sum(_terms(tf.square, estimates, sources, n_valid))


def _mean(terms, n_valid):
    if n_valid is None:
        return tf.reduce_mean(terms)
    return tf.math.divide_no_nan(
        tf.reduce_sum(terms), tf.reduce_sum(_counts(terms, n_valid))
    )


LOSSES = {
    "mean_square": mean_square,
    "sum_square": sum_square,
    "mean_absolute": mean_absolute,
}
DISTANCES = {
    "mean_square": tf.square,
    "sum_square": tf.square,
    "mean_absolute": tf.abs,
}


def loss(name):
    """The loss of that name: `f(estimates, sources, n_valid=None)` -> scalar.

    Raises:
      InputError: If there is none; it names the nearest.
    """
    if name not in LOSSES:
        near = Utils.nearest(name, LOSSES)
        hint = f"did you mean {near!r}? " if near else ""
        raise InputError(f"no loss {name!r}; {hint}the losses are {', '.join(LOSSES)}")
    return LOSSES[name]


def masked(name):
    """The parts of a loss, example by example.

    The mean over a split is the sum of all sums by the sum of all counts, however
    the split was cut into batches; the value of `sum_square` is the sum of sums.

    Returns:
      `f(estimates, sources, n_valid=None)` -> (float32 [B], sums of the terms;
      float32 [B], how many terms each sum has).

    Raises:
      InputError: If there is no such loss.
    """
    loss(name)
    distance = DISTANCES[name]

    def sums_and_counts(estimates, sources, n_valid=None):
        terms = _terms(distance, estimates, sources, n_valid)
        return tf.reduce_sum(terms, axis=[1, 2, 3]), _counts(terms, n_valid)

    return sums_and_counts
