"""The page to read first: what a track, a record, a batch and an output hold.

    raw files -> Track -> TFRecords -> batch -> model -> output -> scores

Axes: B examples, S sources (slots), P parts that play, T samples, C channels,
M notes, F frames of the score or of a video, D features of a frame, H, W pixels.
Audio outside records is float32, nominally in [-1, 1], time first: [T, C].

A **record** is an excerpt of a track (see `excerpts`): int16 samples times the
track's `scale`, and only the parts that play; beside them all notes of the track,
float32 [M, 4]: part, onset s, frequency Hz, duration s.  A **batch** is what a model
reads:

    key         dtype    shape              meaning
    mix         float32  [B, n_in, C]       mixture with context on both sides
    sources     float32  [B, S, n_out, C]   one slot a source name; zeros: absent
    active      float32  [B, S]             1 where the slot's source plays
    labels      float32  [B, S]             the same, as a condition of the model
    has_labels  float32  [B]                1 where labels are known
    track       int64    [B]                row of the records' table of tracks
    start       int64    [B]                first sample of the target in the track
    n_valid     int32    [B]                target samples that lie in the track

if a score is asked for, also

    score       float32  [B, S, F]          share of a frame in which the slot has notes
    has_score   float32  [B]                1 where the notes of all parts are known
    score_start float64  [B]                s from time zero to the first frame

if players are seen, `has_visual`, `visual_start`, and one of `visual` and `frames`,
whichever the records hold:

    visual       float32  [B, P, F, D]       features of P players, or [B, S, F, D]
    frames       uint8    [B, P, F, H, W, 3] their pictures, RGB; black: none
    has_visual   float32  [B, P]             1 where a player is seen
    visual_start float64  [B]                s from time zero to the first frame

Frame k of a track is [k / frame_rate, (k + 1) / frame_rate); a batch holds whole ones.
What is not known is zeros, as features beyond the ends of a video are; of pictures the
first and the last are held there.

**Conditioned slots** hold the parts that the model is asked for, in any order, N of
them in place of S; labels are then float32 [B, N, L], one-hot over the L source
names.  Slots to spare name an instrument that doesn't play, or, all zeros, nothing.

An **output** is {"sources": float32 [B, S, n_out, C]}; extras may stand beside.
Time zero of a window is the first sample of its target: the mixture begins
(n_in - n_out) / 2 samples earlier.
"""

import numpy as np

# Slots of a URMP model, in the order of the 2018 VIMSS (alphabetical codes).
INSTRUMENTS = {
    "bn": "bassoon",
    "cl": "clarinet",
    "db": "double bass",
    "fl": "flute",
    "hn": "horn",
    "ob": "oboe",
    "sax": "saxophone",
    "tba": "tuba",
    "tbn": "trombone",
    "tpt": "trumpet",
    "va": "viola",
    "vc": "cello",
    "vn": "violin",
}

RECORD_VERSION = "1.1.0"  # of the records' layout; older records are refused

BATCH = {  # key: (dtype, axes)
    "mix": ("float32", ("B", "n_in", "C")),
    "sources": ("float32", ("B", "S", "n_out", "C")),
    "active": ("float32", ("B", "S")),
    "labels": ("float32", ("B", "S")),
    "has_labels": ("float32", ("B",)),
    "track": ("int64", ("B",)),
    "start": ("int64", ("B",)),
    "n_valid": ("int32", ("B",)),
}
SCORE = {  # the same, of batches with a score
    "score": ("float32", ("B", "S", "F")),
    "has_score": ("float32", ("B",)),
    "score_start": ("float64", ("B",)),
}
SIGHT = {  # the keys of which a batch has one, if players are seen
    "visual": ("float32", ("B", "P", "F", "D")),
    "frames": ("uint8", ("B", "P", "F", "H", "W", "RGB")),
}
SEEN = {  # and those that stand beside it
    "has_visual": ("float32", ("B", "P")),
    "visual_start": ("float64", ("B",)),
}


def sight(keys):
    """The one of `SIGHT` that is among some keys, or None."""
    return next((key for key in SIGHT if key in keys), None)


class InputError(ValueError):
    """What a user gave cannot be used; the message alone tells what to do.

    The verbs print it as one sentence and exit with status 1, without a traceback.
    """


def check_audio(samples, what):
    """Refuses samples that no part of VIMSS can work with.

    Args:
      samples: float [T, C].
      what: Names the audio in the error, usually its file.

    Raises:
      InputError: If it is empty, not [T, C], or holds NaN or infinity.
    """
    if samples.ndim != 2 or not samples.size:
        raise InputError(f"{what}: expected audio [T, C], found shape {samples.shape}")
    if not np.isfinite(samples).all():
        first = int(np.argmin(np.isfinite(samples).all(axis=1)))
        raise InputError(
            f"{what}: sample {first} is not a finite number; repair or remove the file"
        )


def check_batch(batch, n_in, n_out, n_sources, channels, n_labels=None):
    """Compares the shapes and dtypes of a batch with the tables above.

    Args:
      batch: dict of arrays or tensors; with any key of `SCORE` it needs all, with one
        of `SIGHT` or `SEEN` one of the former and all of the latter.
      n_in: Samples of the mixture.
      n_out: Samples of a source.
      n_sources: Slots.
      channels: C.
      n_labels: L, if the slots are conditioned; None: they are a vocabulary.

    Raises:
      InputError: Naming the first key that is missing or differs.
    """
    known = {"n_in": n_in, "n_out": n_out, "S": n_sources, "C": channels}
    known |= {"B": batch["mix"].shape[0], "L": n_labels}
    wanted = dict(BATCH)
    if n_labels is not None:
        wanted["labels"] = ("float32", ("B", "S", "L"))
    if any(key in batch for key in SCORE):
        wanted |= SCORE
        known["F"] = batch["score"].shape[-1] if "score" in batch else None
    for key, (dtype, axes) in wanted.items():
        _check_key(batch, key, dtype, tuple(known[axis] for axis in axes))
    if any(key in batch for key in (*SIGHT, *SEEN)):
        # The frames of a video are counted apart from those of a score.
        which = sight(batch) or "visual"
        sizes = batch[which].shape if which in batch else ()
        known |= dict(zip(SIGHT[which][1][1:], sizes[1:])) | {"RGB": 3}
        if n_labels is not None:
            known["P"] = n_sources
        for key, (dtype, axes) in {which: SIGHT[which], **SEEN}.items():
            _check_key(batch, key, dtype, tuple(known.get(axis) for axis in axes))


def _check_key(batch, key, dtype, shape):
    if key not in batch:
        raise InputError(f"the batch lacks {key!r}")
    value = batch[key]
    found = getattr(value.dtype, "name", str(value.dtype))
    if tuple(value.shape) != shape or found != dtype:
        raise InputError(
            f"batch[{key!r}] is {found} {tuple(value.shape)}, not {dtype} {shape}"
        )


def excerpts(n_time, excerpt, window):
    """Where the records of a track begin and end.

    Consecutive excerpts overlap by `window` samples, so every stretch of at most
    `window` samples lies whole in one of them.

    Args:
      n_time: Samples of the track, at least 1.
      excerpt: Samples of an excerpt; greater than `window`.
      window: Longest stretch that must lie whole in one excerpt.

    Returns:
      A list of (start, stop) samples, in order; the last stop is `n_time`.
    """
    hop = excerpt - window
    if hop <= 0:
        raise InputError(
            f"an excerpt of {excerpt} samples cannot hold windows of {window}"
        )
    count = 1 + max(0, -(-(n_time - excerpt) // hop))
    return [(k * hop, min(k * hop + excerpt, n_time)) for k in range(count)]
