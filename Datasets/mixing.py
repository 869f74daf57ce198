"""Excerpts of stems -> a window -> the slots of a model.  TensorFlow graph only.

Glossary: P parts of the track, S slots of the model, L instruments that it knows,
T samples of the excerpt.
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
    """Gains float32 [P], uniform in `gain` = (least, greatest).

    Each source is scaled on its own, and the mixture is their sum (Stoller et al.,
    "Wave-U-Net", ISMIR 2018, section 4.1: 0.7 to 1.0).
    """
    least, greatest = gain
    return tf.random.stateless_uniform([n_parts], seed, least, greatest)


def mixed(found, gains):
    """The mixture of the parts of a window, and the gain of each in it.

    The parts themselves stay as they are: most of their samples are context, which only
    the mixture needs.

    Args:
      found: dict of parts float32 [P, T, C]; perhaps sounding float32 [P], 0 where a
        part is silenced.
      gains: float32 [P].

    Returns:
      The same with mix float32 [T, C] and gains, those of silenced parts 0.
    """
    if "sounding" in found:
        gains *= found["sounding"]
    mix = tf.tensordot(gains, found["parts"], 1)
    return {**found, "mix": mix, "gains": gains}


def to_slots(parts, slot_of_part, n_slots):
    """Sums [P, ...] into [S, ...]; a part whose slot is negative is left out."""
    return tf.math.unsorted_segment_sum(parts, slot_of_part, n_slots)


def active_slots(slot_of_part, n_slots):
    """float32 [S]: 1 where some part plays in the slot."""
    one = tf.ones_like(slot_of_part, tf.float32)
    return tf.minimum(tf.math.unsorted_segment_sum(one, slot_of_part, n_slots), 1.0)


def conditioned_slots(label_of_part, n_labels, n_slots, part_order, absent_order):
    """Gives each slot a part, and slots to spare to instruments that don't play.

    Args:
      label_of_part: int32 [P], each in [0, L).
      n_labels: L.
      n_slots: S.
      part_order: [P]; the part of the least value comes first, then the next.  If
        there are more than S, the last have no slot.
      absent_order: [L], the same for the instruments that no part plays.

    Returns:
      (slot_of_part int32 [P], -1: none; labels float32 [S, L], one-hot; zeros where
      no instrument is left).
    """
    order = tf.argsort(part_order, stable=True)
    rank = tf.argsort(order)  # of each part in that order
    slot_of_part = tf.where(rank < n_slots, rank, -1)
    playing = active_slots(label_of_part, n_labels) > 0
    absent = tf.argsort(absent_order, stable=True)
    absent = tf.boolean_mask(absent, ~tf.gather(playing, absent))
    labels = tf.concat([tf.gather(label_of_part, order), absent], axis=0)[:n_slots]
    labels = tf.one_hot(labels, n_labels)
    labels = tf.pad(labels, [[0, n_slots - tf.shape(labels)[0]], [0, 0]])
    return slot_of_part, tf.ensure_shape(labels, [n_slots, n_labels])


def kept_conditions(given, dropout, keep_one, seed):
    """Which conditions of an example are left when each is withheld at random.

    Args:
      given: float32 [K], 1 where the example has the condition.
      dropout: Probability of withholding one, each on its own.
      keep_one: Whether one of those given, drawn at random, stays in any case.
      seed: Of the stateless draws.

    Returns:
      float32 [K], at most `given`.
    """
    drawn, spare = tf.unstack(tf.random.stateless_uniform([2, given.shape[0]], seed))
    kept = tf.where(drawn >= dropout, given, 0.0)
    if not keep_one:
        return kept
    spare = tf.one_hot(tf.argmax((1.0 + spare) * given), given.shape[0])
    return tf.where(tf.reduce_any(kept > 0), kept, spare * given)


def fewer_features(features, dropout, seed):
    """Features [..., D] without some of the D, drawn at random; the rest scaled up."""
    kept = tf.random.stateless_uniform([features.shape[-1]], seed) >= dropout
    return tf.where(kept, features / (1 - dropout), 0.0)
