"""Losses of single numbers: samples, or magnitudes."""

import functools

import tensorflow as tf

from Models.losses import masks


def _of_numbers(distance, estimates, sources, n_valid=None, mix=None):
    """One term a number; as every loss (`Models.losses`), of tensors [B, S, T, ...]."""
    estimates, sources = masks.floats(estimates, sources)
    terms = masks.cut(distance(estimates - sources), n_valid)
    shape = tf.shape(terms)
    of_one_step = tf.cast(tf.reduce_prod(shape[3:]), tf.float32)
    counts = tf.cast(masks.n_inside(terms, n_valid), tf.float32) * of_one_step
    return (
        tf.reduce_sum(terms, axis=[*range(2, terms.shape.rank)]),
        tf.repeat(counts[:, tf.newaxis], shape[1], axis=1),
    )


squares = functools.partial(_of_numbers, tf.square)
absolutes = functools.partial(_of_numbers, tf.abs)
