"""Excerpts of stems -> a window -> the slots of a model.  TensorFlow graph only.

Glossary: P parts of the track, S slots of the model, T samples of the excerpt.
"""

import tensorflow as tf


def cut(samples, start, n_time):
    """Cuts [start, start + n_time) from the second last axis; zeros outside.

    Args:
      samples: [..., T, C], any dtype.
      start: Scalar int64, may be negative or beyond T.
      n_time: Samples wanted, a Python int.

    Returns:
      [..., n_time, C].
    """
    stop = start + n_time
    there = tf.cast(tf.shape(samples)[-2], tf.int64)
    first, last = (tf.clip_by_value(edge, 0, there) for edge in (start, stop))
    # Wholly outside, the piece is empty and all of the window is padding.
    before = tf.clip_by_value(first - start, 0, n_time)
    piece = samples[..., first:last, :]
    after = n_time - before - (last - first)
    edges = [[0, 0]] * (samples.shape.rank - 2) + [[before, after], [0, 0]]
    piece = tf.pad(piece, tf.cast(edges, tf.int32))
    return tf.ensure_shape(piece, [*samples.shape[:-2], n_time, samples.shape[-1]])


def random_gains(n_parts, gain, seed):
    """[P, 1, 1] gains, uniform in `gain` = (least, greatest).

    Each source is scaled on its own, and the mixture is their sum (Stoller et al.,
    "Wave-U-Net", ISMIR 2018, section 4.1: 0.7 to 1.0).
    """
    least, greatest = gain
    return tf.random.stateless_uniform([n_parts, 1, 1], seed, least, greatest)


def to_slots(parts, slot_of_part, n_slots):
    """Sums [P, ...] into [S, ...]; parts of one instrument share a slot."""
    return tf.math.unsorted_segment_sum(parts, slot_of_part, n_slots)


def active_slots(slot_of_part, n_slots):
    """float32 [S]: 1 where some part plays in the slot."""
    one = tf.ones_like(slot_of_part, tf.float32)
    return tf.minimum(tf.math.unsorted_segment_sum(one, slot_of_part, n_slots), 1.0)
