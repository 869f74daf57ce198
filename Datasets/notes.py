"""Lists of notes -> who plays when, on a clock of frames.

A note is (onset s, frequency Hz, duration s).  Frame k of a track is the time
[k / frame_rate, (k + 1) / frame_rate) since the track began; a window's frames are
frames of its track, whatever the window's own beginning.
"""

import pathlib

import numpy as np
import tensorflow as tf

from Schema import InputError

LONGEST, HIGHEST = 86_400.0, 100_000.0  # seconds, Hz; more is a mistake


def read_notes(path):
    """Reads a list of notes: a line a note, onset s, frequency Hz, duration s.

    The format of URMP's Notes files (Li et al., IEEE Transactions on Multimedia 2019).

    Args:
      path: Text file; empty lines don't count, and it may be empty.

    Returns:
      float64 [M, 3], by onset.

    Raises:
      InputError: Naming the file, the line, and what is wrong with it.
    """
    try:
        lines = pathlib.Path(path).read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read as a list of notes ({error}): repair or remove it"
        ) from None
    rows = [
        _note(line, f"{path}, line {number}")
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    notes = np.array(rows, np.float64).reshape(-1, 3)
    return notes[np.argsort(notes[:, 0], kind="stable")]


def _note(line, where):
    """The three numbers of a line."""
    try:
        values = [float(word) for word in line.split()]
    except ValueError:
        values = []
    if len(values) != 3 or not np.isfinite(values).all():
        raise InputError(
            f"{where}: {line.strip()[:60]!r} is not three finite numbers "
            "(onset s, frequency Hz, duration s); repair or remove the file"
        )
    check_note(values, where)
    return values


def check_note(values, where):
    """Refuses a note (onset s, frequency Hz, duration s) that cannot be.

    Raises:
      InputError: Naming `where` and the value.
    """
    limits = {"an onset": LONGEST, "a frequency": HIGHEST, "a duration": LONGEST}
    for (what, most), value in zip(limits.items(), values):
        if not 0 <= value <= most:
            raise InputError(
                f"{where}: {what} of {value:g} does not lie between 0 and {most:g}; "
                "repair or remove it"
            )


def read_table(paths):
    """The notes of all parts of a track as its records keep them.

    Args:
      paths: For each part, its players' files of notes (None: there is none).

    Returns:
      (float32 [M, 4]: part, onset s, frequency Hz, duration s, by part and onset;
      int64 [P]: 1 where all players of the part have a file).
    """
    rows = [np.zeros([0, 4])]
    for part, files in enumerate(paths):
        notes = [read_notes(path) for path in files if path is not None]
        notes = np.concatenate([np.zeros([0, 3]), *notes])
        notes = notes[np.argsort(notes[:, 0], kind="stable")]
        rows.append(np.insert(notes, 0, part, axis=1))
    complete = [all(path is not None for path in files) for files in paths]
    return np.concatenate(rows).astype(np.float32), np.array(complete, np.int64)


def activity(notes, slot_of_note, n_slots, first, n_frames, frame_rate):
    """How much of each frame the notes of each slot fill.

    The notes' beginnings and ends and the frames' edges, in order, cut time into
    stretches in which a slot either sounds or doesn't; a frame adds up its stretches.
    So notes that overlap in one slot count once.  A function of tensors inside a
    graph, or of NumPy arrays outside.

    Args:
      notes: [M, 3]: onset s since the beginning of the track, Hz, duration s.
      slot_of_note: int32 [M]; notes of slots outside [0, n_slots) are left out.
      n_slots: S.
      first: Number of the first frame, perhaps negative.
      n_frames: F, a Python int.
      frame_rate: Hz.

    Returns:
      float32 [S, F] in [0, 1].
    """
    notes, last = tf.cast(notes, tf.float64), tf.cast(n_frames, tf.float64)
    ends = tf.stack([notes[:, 0], notes[:, 0] + notes[:, 2]])
    ends = ends * frame_rate - tf.cast(first, tf.float64)
    near = (ends[0] < last) & (ends[1] > 0.0)
    ends = tf.clip_by_value(tf.boolean_mask(ends, near, axis=1), 0.0, last)
    edges = tf.range(n_frames + 1, dtype=tf.float64)
    starting = tf.one_hot(tf.boolean_mask(slot_of_note, near), n_slots)
    changes = tf.concat([tf.zeros([n_frames + 1, n_slots]), starting, -starting], 0)
    times = tf.concat([edges, ends[0], ends[1]], axis=0)
    order = tf.argsort(times, stable=True)
    times = tf.gather(times, order)
    sounds = tf.cumsum(tf.gather(changes, order))[:-1] > 0
    lasting = tf.where(sounds, (times[1:] - times[:-1])[:, tf.newaxis], 0.0)
    frame = tf.minimum(tf.cast(times[:-1], tf.int32), n_frames - 1)
    filled = tf.math.unsorted_segment_sum(lasting, frame, n_frames)
    filled = tf.cast(tf.minimum(filled, 1.0), tf.float32)  # rounding may exceed 1
    return tf.ensure_shape(tf.transpose(filled), [n_slots, n_frames])
