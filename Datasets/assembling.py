"""What was read of a window -> the keys of a batch (Schema.BATCH).

Slots are either a vocabulary, one for each source name, or conditioned: slot i is
the part that the i-th condition names.

    found    dict of mix float32 [n_in, C], parts float32 [P, n_in, C], label_of_part
             int32 [P]; perhaps gains float32 [P] of the parts in the mixture, and
             sounding float32 [P], 0 where a part is silenced.
             Of a score: notes and has_notes of the track, or score float32 [P, F] and
             has_score [P] of its parts.  Of players: what `watching.of_record` gives,
             or looks [P, F, ...] and seen [P] of each part's own; tempo, how
             many times faster than recorded all of it is played.
"""

import tensorflow as tf

from Datasets import mixing, notes, watching


def example(windows, track, start, found, order_seed=None):
    """The keys of a batch for one window.

    Args:
      windows: `Datasets.windows.Windows`.
      track: Its place among the tracks of the split.
      start: First sample of the target in the track.
      found: As above.
      order_seed: Draws the order of conditioned slots; None: by vocabulary.
    """
    crop, n_out, channels = windows.context, windows.n_out, windows.records.channels
    slot_of_part, labels = _assign(windows, found["label_of_part"], order_seed)
    n_slots = labels.shape[0]
    sounding = slot_of_part
    if "sounding" in found:
        sounding = tf.where(found["sounding"] > 0, slot_of_part, -1)
    active = mixing.active_slots(sounding, n_slots)
    targets = found["parts"][:, crop : crop + n_out]
    if "gains" in found:
        targets *= found["gains"][:, tf.newaxis, tf.newaxis]
    batch = {
        "mix": tf.ensure_shape(found["mix"], [windows.n_in, channels]),
        "sources": tf.ensure_shape(
            mixing.to_slots(targets, sounding, n_slots), [n_slots, n_out, channels]
        ),
        "active": active,
        "labels": active if windows.n_slots is None else labels,
        "has_labels": tf.ones([]),
        "track": windows.row[track],
        "start": start,
        "n_valid": tf.cast(
            tf.clip_by_value(windows.n_time[track] - start, 0, n_out), tf.int32
        ),
    }
    if windows.score is not None:
        batch |= _score(windows, start, found, sounding, n_slots)
    if windows.visual is not None:
        batch |= _visual(windows, start, found, sounding, n_slots)
    return batch


def _assign(windows, label_of_part, order_seed):
    """(slot of each part, -1: none; labels [S] or [N, S])."""
    n_labels = len(windows.source_names)
    if windows.n_slots is None:
        return label_of_part, mixing.active_slots(label_of_part, n_labels)
    n_parts = tf.shape(label_of_part)[0]
    orders = label_of_part, tf.range(n_labels)
    if order_seed is not None:
        drawn = tf.random.stateless_uniform([n_parts + n_labels], order_seed)
        orders = drawn[:n_parts], drawn[n_parts:]
    return mixing.conditioned_slots(label_of_part, n_labels, windows.n_slots, *orders)


def _score(windows, start, found, slot_of_part, n_slots):
    """The keys of a batch that tell the score."""
    rate, sample_rate = windows.score.frame_rate, windows.records.sample_rate
    first = windows.score.first(start - windows.context, sample_rate)
    if "score" in found:
        # Parts of one slot that fill a frame in turn are not told from those at once.
        activity = tf.minimum(
            mixing.to_slots(found["score"], slot_of_part, n_slots), 1.0
        )
        known = tf.reduce_min(found["has_score"])
    else:
        part_of_note = tf.cast(found["notes"][:, 0], tf.int32)
        activity = notes.activity(
            found["notes"][:, 1:],
            tf.gather(slot_of_part, part_of_note),
            *(n_slots, first, windows.n_frames, rate),
        )
        known = tf.cast(tf.reduce_all(found["has_notes"] > 0), tf.float32)
    return {
        "score": tf.ensure_shape(activity * known, [n_slots, windows.n_frames]),
        "has_score": known,
        "score_start": windows.score.start(first, start, sample_rate),
    }


def _visual(windows, start, found, slot_of_part, n_slots):
    """The keys of a batch that tell what is seen of the players."""
    sample_rate, size = windows.records.sample_rate, windows.records.visual_size
    count = windows.visual.count(windows.n_in, sample_rate)
    first = windows.visual.first(start - windows.context, sample_rate)
    if "looks" in found:
        looks, seen, slot_of_player = found["looks"], found["seen"], slot_of_part
    else:
        looks, _ = watching.of_window(
            *(found, windows.visual, start - windows.context),
            *(windows.n_in, sample_rate, start, found.get("tempo")),
        )
        seen = tf.cast(found["has_visual"], tf.float32)
        slot_of_player = tf.gather(slot_of_part, found["part_of_player"])
    if windows.n_slots is None:
        looks, seen = watching.unseen(looks, seen, slot_of_player < 0)
        looks, seen = watching.to_tokens(looks, seen, windows.n_players)
    else:
        looks, seen = watching.to_slots(looks, seen, slot_of_player, n_slots)
    rows, key = looks.shape[0], "visual"
    if watching.holds_pictures(size):
        looks, key = watching.decoded(looks, size), "frames"
    size = size if key == "frames" else [size]
    return {
        key: tf.ensure_shape(looks, [rows, count, *size]),
        "has_visual": tf.ensure_shape(seen, [rows]),
        "visual_start": windows.visual.start(first, start, sample_rate),
    }
