"""What a front end sees of a track's video -> what its records hold of it.

Features belong to players, from left to right; `part_of_player` tells whose part each
plays, an index into the parts of the records.  A record holds the frames of its
excerpt and `MARGIN` more on both sides, as far as there are any.
"""

import math

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from Datasets import mixing

MARGIN = 64  # frames
KEYS = ("visual", "boxes", "part_of_player", "has_visual", "visual_first")


def features():
    """The TFDS features of what records hold."""
    tensor = tfds.features.Tensor
    return {
        "visual": tensor(shape=(None,) * 3, dtype=np.float16, encoding="bytes"),
        "boxes": tensor(shape=(None, None, 4), dtype=np.float32, encoding="bytes"),
        "part_of_player": tfds.features.Sequence(np.int64),
        "has_visual": tfds.features.Sequence(np.int64),
        "visual_first": np.int64,
    }


def look(track, parts, watch):
    """What there is to see of a track.

    Args:
      track: `Track`.
      parts: A list of (label, indices of the track's sources), those of the records.
      watch: watch(video, n_players) -> an object with features float32 [P, F, D] and
        boxes float32 [P, F, 4], P = n_players from left to right; `watch.size` is D.

    Returns:
      dict of visual float16 [P, F, D], boxes float32 [P, F, 4], part_of_player (P
      indices into parts) and has_visual (P times 0 or 1; without a video 0, F = 0).
    """
    seats = track.seated()
    part_of = {k: part for part, (_, members) in enumerate(parts) for k in members}
    count = len(seats)
    features, boxes = np.zeros([count, 0, watch.size]), np.zeros([count, 0, 4])
    if track.video is not None:
        seen = watch(track.video, count)
        features, boxes = seen.features, seen.boxes
    return {
        "visual": features.astype(np.float16),
        "boxes": boxes.astype(np.float32),
        "part_of_player": [part_of[k] for k in seats],
        "has_visual": [int(track.video is not None)] * count,
    }


def excerpt(seen, start, stop, sample_rate, frame_rate):
    """The features of a record.

    Args:
      seen: What `look` returned.
      start: First sample of the excerpt.
      stop: One past its last sample.
      sample_rate: Hz.
      frame_rate: Hz.

    Returns:
      The same with fewer frames, and "visual_first", the number of the first.
    """
    count = seen["visual"].shape[1]
    first = math.floor(start / sample_rate * frame_rate) - MARGIN
    first = min(max(first, 0), count)
    last = math.ceil(stop / sample_rate * frame_rate) + MARGIN
    cut = {key: seen[key][:, first:last] for key in ("visual", "boxes")}
    return {**seen, **cut, "visual_first": first}


def joined(records):
    """The features of a whole track from its records, in order.

    Returns:
      dict of visual float32 [P, F, D], boxes float32 [P, F, 4], part_of_player and
      has_visual (int64 [P]).
    """
    whole = {}
    for key in ("visual", "boxes"):
        pieces, done = [], 0
        for record in records:
            first = int(record["visual_first"])
            pieces.append(record[key].numpy()[:, max(done - first, 0) :])
            done = max(done, first + record[key].shape[1])
        whole[key] = np.concatenate(pieces, axis=1).astype(np.float32)
    last = records[-1]
    return whole | {k: last[k].numpy() for k in ("part_of_player", "has_visual")}


def of_window(record, frames, begin, n_in, sample_rate):
    """The frames of a window; zeros where the video has none.

    Args:
      record: Features of a record.
      frames: `Frames` that the model asks for.
      begin: First sample of the model's input in the track.
      n_in: Samples of it.
      sample_rate: Hz.

    Returns:
      (float32 [P, F, D], number of the first frame, float64).
    """
    first = frames.first(begin, sample_rate)
    offset = tf.cast(first, tf.int64) - record["visual_first"]
    count = frames.count(n_in, sample_rate)
    return tf.cast(mixing.cut(record["visual"], offset, count), tf.float32), first


def to_slots(features, seen, slot_of_player, n_slots):
    """Players -> slots that follow them.

    Args:
      features: float32 [P, F, D].
      seen: float32 [P], 1 where a player is seen.
      slot_of_player: int32 [P]; negative: none.
      n_slots: N.

    Returns:
      (float32 [N, F, D], the mean of a slot's players; float32 [N]).
    """
    slot_of_player = tf.where(seen > 0, slot_of_player, -1)
    features = tf.math.unsorted_segment_mean(features, slot_of_player, n_slots)
    return features, mixing.active_slots(slot_of_player, n_slots)


def to_tokens(features, seen, n_players):
    """([n_players, F, D], [n_players]): players that there are not are unseen."""
    missing = n_players - tf.shape(features)[0]
    features = tf.pad(features, [[0, missing], [0, 0], [0, 0]])
    shape = [n_players, *features.shape[1:]]
    return tf.ensure_shape(features, shape), tf.pad(seen, [[0, missing]])
