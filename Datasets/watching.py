"""What a front end sees of a track's video -> what its records hold of it.

Features, or pictures, belong to players, from left to right; `part_of_player` tells
whose part each plays, an index into the parts of the records.  A record holds the
frames of its excerpt and `MARGIN` more on both sides, as far as there are any, and one
at least of a video that ends before.  Pictures stay JPEG until a window needs them.
"""

import math

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

import Schema
from Datasets import mixing

MARGIN = 64  # frames
SKELETONS = "solos_skeleton"  # kind of the front end that reads key points from files
TIMED = (*Schema.SIGHT, "boxes")  # what has frames
KEYS = (*TIMED, "part_of_player", "has_visual", "visual_first")


def holds_pictures(size):
    """Whether a `visual_size` is [H, W, 3] of pictures, not a number of features."""
    return isinstance(size, list | tuple)


def features(pictures=False):
    """The TFDS features of what records hold.

    Args:
      pictures: Whether they hold pictures of players in place of features.
    """
    tensor = tfds.features.Tensor
    seen = {"visual": tensor(shape=(None,) * 3, dtype=np.float16, encoding="bytes")}
    if pictures:  # player by player: TFDS knows no strings of two unknown dimensions
        seen = {"frames": tensor(shape=(None,), dtype=tf.string)}
    return {
        **seen,
        "boxes": tensor(shape=(None, None, 4), dtype=np.float32, encoding="bytes"),
        "part_of_player": tfds.features.Sequence(np.int64),
        "has_visual": tfds.features.Sequence(np.int64),
        "visual_first": np.int64,
    }


def shown(track, front_end):
    """What a front end looks at of a track: its video, or its key points.

    Args:
      track: `Track`.
      front_end: Its name, with or without the hash.

    Returns:
      `Track.video` or `Track.skeleton`; None if the track has none.
    """
    return track.skeleton if front_end.startswith(SKELETONS) else track.video


def span(track):
    """(start, seconds) of the stretch that is seen; None: the file is seen whole."""
    return None if track.start is None else (track.start, track.seconds)


def jobs(tracks, front_end):
    """(what is shown, number of players, span) of each track that shows anything."""
    return [
        (shown(track, front_end), len(track.seated()), span(track))
        for track in tracks
        if shown(track, front_end) is not None
    ]


def look(track, parts, watch):
    """What there is to see of a track.

    Args:
      track: `Track`.
      parts: A list of (label, indices of the track's sources), those of the records.
      watch: watch(video, n_players) -> an object with features float32 [P, F, D] and
        boxes float32 [P, F, 4], P = n_players from left to right; `watch.size` is D.
        If that is [H, W, 3], it gives frames in place of features: an object array
        [P, F] of JPEG pictures, bytes.  Of a track that is a stretch of its files
        it is also told `span` (start, seconds).  `watch.front_end.name` says whether
        it is shown the video or the key points.

    Returns:
      dict of visual float16 [P, F, D] or frames, object [P, F]; boxes float32
      [P, F, 4], part_of_player (P indices into parts) and has_visual (P times 0 or 1;
      without a video 0, F = 0).
    """
    seats, pictures = track.seated(), holds_pictures(watch.size)
    part_of = {k: part for part, (_, members) in enumerate(parts) for k in members}
    count = len(seats)
    boxes = np.zeros([count, 0, 4])
    found = np.zeros([count, 0], object)
    if not pictures:
        found = np.zeros([count, 0, watch.size])
    what = shown(track, watch.front_end.name)
    if what is not None:
        told = {"span": span(track)} if span(track) else {}
        seen = watch(what, count, **told)
        found, boxes = seen.frames if pictures else seen.features, seen.boxes
    return {
        **({"frames": found} if pictures else {"visual": found.astype(np.float16)}),
        "boxes": boxes.astype(np.float32),
        "part_of_player": [part_of[k] for k in seats],
        "has_visual": [int(what is not None)] * count,
    }


def excerpt(seen, start, stop, sample_rate, frame_rate):
    """What a record holds.

    Args:
      seen: What `look` returned.
      start: First sample of the excerpt.
      stop: One past its last sample.
      sample_rate: Hz.
      frame_rate: Hz.

    Returns:
      The same with fewer frames, pictures in one row, player by player, and
      "visual_first", the number of the first.
    """
    count = seen["boxes"].shape[1]
    first = math.floor(start / sample_rate * frame_rate) - MARGIN
    first = min(max(first, 0), max(count - 1, 0))
    last = math.ceil(stop / sample_rate * frame_rate) + MARGIN
    cut = {key: seen[key][:, first:last] for key in TIMED if key in seen}
    if "frames" in cut:
        cut["frames"] = cut["frames"].ravel()
    return {**seen, **cut, "visual_first": first}


def of_record(record):
    """What a record holds of its players: dict of tensors, frames [P, F]."""
    found = {key: record[key] for key in KEYS if key in record}
    if "frames" in found:
        shape = tf.shape(found["boxes"])[:2]
        found["frames"] = tf.reshape(found["frames"], shape)
    return found


def joined(records):
    """What there is to see of a whole track.

    Args:
      records: What `of_record` gives of its records, in order.

    Returns:
      dict of visual float32 [P, F, D] or frames (object [P, F] of JPEG pictures,
      bytes), boxes float32 [P, F, 4], part_of_player and has_visual (int64 [P]).
    """
    whole = {}
    for key in TIMED:
        if key not in records[0]:
            continue
        pieces, done = [], 0
        for record in records:
            first = int(record["visual_first"])
            pieces.append(record[key].numpy()[:, max(done - first, 0) :])
            done = max(done, first + record[key].shape[1])
        dtype = object if key == "frames" else np.float32
        whole[key] = np.concatenate(pieces, axis=1).astype(dtype)
    last = records[-1]
    return whole | {k: last[k].numpy() for k in ("part_of_player", "has_visual")}


def of_window(record, frames, begin, n_in, sample_rate, start=0, tempo=None):
    """The frames of a window.

    Args:
      record: What `of_record` gives.
      frames: `Frames` that the model asks for.
      begin: First sample of the model's input in the track.
      n_in: Samples of it.
      sample_rate: Hz.
      start: First sample of the target.
      tempo: How many times faster than recorded the window is played around it; None:
        as recorded.

    Returns:
      (features float32 [P, F, D], zeros where the video has none, or JPEG pictures
      [P, F], the first and the last held there; number of the first frame, float64).
    """
    first = frames.first(begin, sample_rate)
    offset = tf.cast(first, tf.int64) - record["visual_first"]
    count = frames.count(n_in, sample_rate)
    if tempo is not None:
        shown = first + 0.5 + tf.range(count, dtype=tf.float64)
        centre = tf.cast(start, tf.float64) / sample_rate * frames.frame_rate
        wanted = centre + (shown - centre) * tf.cast(tempo, tf.float64)
        wanted = tf.cast(tf.floor(wanted + 1e-6), tf.int64) - record["visual_first"]
        return _picked(record, wanted), first
    if "visual" in record:
        return tf.cast(mixing.cut(record["visual"], offset, count), tf.float32), first
    return held(record["frames"], offset, count), first


def _picked(record, wanted):
    """The frames of a record with some numbers, as `of_window` returns them."""
    if "visual" not in record:
        return _held(record["frames"], wanted)
    there = tf.shape(record["visual"], tf.int64)[1]
    inside = (wanted >= 0) & (wanted < there)
    seen = tf.pad(record["visual"], [[0, 0], [0, 1], [0, 0]])  # the last is nobody
    seen = tf.gather(seen, tf.where(inside, wanted, there), axis=1)
    return tf.cast(seen, tf.float32)


def held(pictures, first, count):
    """JPEG pictures [P, F'] -> [P, count] from a frame on; empty ones if F' is 0."""
    return _held(pictures, first + tf.range(count, dtype=tf.int64))


def _held(pictures, wanted):
    there = tf.shape(pictures, tf.int64)[1]
    pictures = tf.pad(pictures, [[0, 0], [0, tf.cast(there == 0, tf.int32)]])
    wanted = tf.clip_by_value(wanted, 0, tf.maximum(there - 1, 0))
    return tf.gather(pictures, wanted, axis=1)


def to_slots(found, seen, slot_of_player, n_slots):
    """Players -> slots that follow them.

    Args:
      found: Features float32 [P, F, D], or JPEG pictures [P, F].
      seen: float32 [P], 1 where a player is seen.
      slot_of_player: int32 [P]; negative: none.
      n_slots: N.

    Returns:
      (float32 [N, F, D], the mean of a slot's players, or the pictures [N, F] of the
      first; float32 [N]).
    """
    slot_of_player = tf.where(seen > 0, slot_of_player, -1)
    there = mixing.active_slots(slot_of_player, n_slots)
    if found.dtype != tf.string:
        found = tf.math.unsorted_segment_mean(found, slot_of_player, n_slots)
        return found, there
    count = tf.shape(found)[0]
    first = tf.math.unsorted_segment_min(tf.range(count), slot_of_player, n_slots)
    found = tf.pad(found, [[0, 1], [0, 0]])  # the last row is nobody's
    return tf.gather(found, tf.minimum(first, count)), there


def unseen(found, seen, hidden):
    """(found, seen) without the players who are hidden, bool [P]."""
    seen = tf.where(hidden, 0.0, seen)
    if found.dtype == tf.string:
        return tf.where(hidden[:, tf.newaxis], "", found), seen
    return tf.where(hidden[:, tf.newaxis, tf.newaxis], 0.0, found), seen


def to_tokens(found, seen, n_players):
    """([n_players, F, ...], [n_players]): players that there are not are unseen."""
    missing = n_players - tf.shape(found)[0]
    found = tf.pad(found, [[0, missing]] + [[0, 0]] * (found.shape.rank - 1))
    shape = [n_players, *found.shape[1:]]
    return tf.ensure_shape(found, shape), tf.pad(seen, [[0, missing]])


def decoded(pictures, size):
    """JPEG pictures [N, F] -> uint8 [N, F, H, W, 3]; where one is empty, black.

    Args:
      pictures: strings.
      size: H, W, 3; all pictures are of this size.
    """

    def one(picture):
        return tf.cond(
            tf.strings.length(picture) > 0,
            # As OpenCV decodes, which Predict does.
            lambda: tf.io.decode_jpeg(picture, 3, dct_method="INTEGER_ACCURATE"),
            lambda: tf.zeros(size, tf.uint8),
        )

    spec = tf.TensorSpec(size, tf.uint8)
    flat = tf.map_fn(one, tf.reshape(pictures, [-1]), fn_output_signature=spec)
    return tf.reshape(flat, [*tf.unstack(tf.shape(pictures)), *size])
