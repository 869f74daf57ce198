"""Records -> windows -> mixtures -> batches, by tf.data alone.

Example i of a training stream is a pure function of (seed, i): a stateless draw
picks a window among all that touch a track, so every sample of every track is a
target equally often; the record that holds the window is read by its place in the
file.  Nothing is shuffled or buffered, so resuming is starting at another i.
"""

import os

import numpy as np
import tensorflow as tf

import Schema
from Datasets import gathering, mixing
from Datasets.assembling import example as assembled
from Datasets.windows import DROPOUT, GAIN, ORDER, VISUAL, Windows, seed_of  # noqa: F401
from Schema import InputError

FIXED = 2018  # seed of mixtures that are validated with
CALLS = min(8, os.cpu_count() or 1)  # examples that are made at once


def training_batches(
    windows,
    batch_size,
    seed=0,
    first=0,
    gain=(0.7, 1.0),
    condition_dropout=0.0,
    visual_dropout=0.0,
    part=(0, 1),
):
    """Endless random windows; the mixture is the sum of the gained stems.

    `windows.mixtures` tells whose stems these are, and what is done to each.

    Conditioned slots come in random order; if a track has more parts than there are
    slots, a random choice of them.

    Args:
      windows: `Windows`.
      batch_size: Examples of a batch.
      seed: Of the whole stream, an int.
      first: Index of the first example: resuming at step s, s * batch_size.
      gain: (least, greatest) gain of a source.
      condition_dropout: Probability that an example's labels are withheld, and that
        its score is, each on its own; with conditioned slots one of them stays.
      visual_dropout: Probability that an example does without one of the features of
        its players, each on its own, all players and frames alike; the rest is scaled
        up (Srivastava et al., "Dropout", JMLR 2014).
      part: (k, n): of each batch only the k-th of n equal parts, for one of n
        processes; nothing is read of the others.

    Returns:
      tf.data.Dataset of batches (Schema.BATCH).

    Raises:
      InputError: If the dropout is no probability, or if there is no score, or no
        video, at all.
    """
    check_training(windows, condition_dropout)

    gathered = gathering.Gathering(windows)
    size = _size(batch_size, part)

    def example(k):
        # Of the batch k // size, the example k % size of this part.
        i = first + k + k // size * (batch_size - size) + part[0] * size
        track, start, found = gathered(seed, i)
        n_parts = tf.shape(found["parts"])[0]
        drawn = mixing.random_gains(n_parts, gain, seed_of(GAIN, seed, i))
        found = mixing.mixed(found, drawn)
        batch = assembled(windows, track, start, found, seed_of(ORDER, seed, i))
        if condition_dropout:
            keep_one, key = windows.n_slots is not None, seed_of(DROPOUT, seed, i)
            batch |= _withheld(batch, condition_dropout, keep_one, key)
        if visual_dropout and "visual" in batch:
            key = seed_of(VISUAL, seed, i)
            batch["visual"] = mixing.fewer_features(
                batch["visual"], visual_dropout, key
            )
        return batch

    numbers = tf.data.Dataset.range(np.iinfo(np.int64).max // part[1] - first)
    return _batched(numbers.map(example, CALLS), size)


def _size(batch_size, part):
    """Examples of one part of a batch."""
    if batch_size % part[1]:
        raise InputError(
            f"batch_size={batch_size} cannot be shared by {part[1]} processes: choose "
            f"{-(-batch_size // part[1]) * part[1]}"
        )
    return batch_size // part[1]


def _of_part(rows, batch_size, part):
    """Those of the rows of whole batches, an array, that are of one part."""
    shape, size = rows.shape[1:], _size(batch_size, part)
    return rows.reshape(-1, part[1], size, *shape)[:, part[0]].reshape(-1, *shape)


def check_training(windows, condition_dropout):
    """Raises the errors of `training_batches`, except for those of mixtures."""
    if not 0 <= condition_dropout <= 1:
        raise InputError(
            f"condition_dropout={condition_dropout} is no probability: choose 0 to 1"
        )
    if windows.visual is not None and not any(t.has_video for t in windows.tracks):
        raise InputError(
            f"the model is to see players, but no {windows.split} track of "
            f"{windows.records.folder} has a video: prepare recordings that have, or "
            "choose other conditions"
        )
    scored = [track for track in windows.tracks if track.has_score]
    if windows.score is not None and not scored:
        raise InputError(
            f"the model asks for a score, but no {windows.split} track of "
            f"{windows.records.folder} has notes for all of its parts: prepare "
            "recordings that come with Notes files, or choose other conditions"
        )


def _withheld(batch, dropout, keep_one, seed):
    """The conditions of an example, some of them zeroed."""
    told = [key for key in batch if key.startswith("has_")]
    given = tf.stack([tf.reduce_max(batch[key]) for key in told])
    kept = mixing.kept_conditions(given, dropout, keep_one, seed)
    keys = {"has_visual": Schema.sight(batch)}
    return {
        key: batch[key] * tf.cast(kept[k], batch[key].dtype)
        for k, has in enumerate(told)
        for key in (keys.get(has, has.removeprefix("has_")), has)
    }


def evaluation_batches(windows, batch_size, spread=False, part=(0, 1)):
    """Every sample of every track once, with the data set's own mixture.

    Conditioned slots hold the parts, then instruments that don't play, both in the
    order of the vocabulary.  The last batch is filled with copies of the last window
    whose n_valid is 0.

    Where `windows.mixtures` mixes solos, they are as many mixtures as that would be
    windows, the same ones each time, and their samples are all valid.

    Args:
      windows: `Windows`.
      batch_size: Examples of a batch.
      spread: Whether the windows of a batch lie as far from each other as they can, for
        models that compare them.
      part: As of `training_batches`.

    Returns:
      A finite tf.data.Dataset of batches (Schema.BATCH).

    Raises:
      InputError: If a track has more parts than there are conditioned slots.
    """
    if windows.mixtures.sources_max:
        return _mixed_solos(windows, batch_size, part)
    for track in windows.tracks if windows.n_slots else ():
        if len(track.labels) > windows.n_slots:
            raise InputError(
                f"{windows.split} track {track.id} has {len(track.labels)} parts, the "
                f"model is given n_slots={windows.n_slots}: choose n_slots="
                f"{windows.records.most_parts(windows.split)}"
            )
    tiles = windows.tiles()
    missing = -len(tiles) % batch_size
    filling = np.repeat(tiles[-1:] * [1, 1, 0], missing, axis=0)

    def example(tile):
        found = windows.fetch(tile[0], tile[1])
        batch = assembled(windows, tile[0], tile[1], found)
        return {**batch, "n_valid": tf.cast(tile[2], tf.int32)}

    tiles = np.concatenate([tiles, filling])
    if spread:
        tiles = tiles.reshape(batch_size, -1, 3).swapaxes(0, 1).reshape(-1, 3)
    tiles = _of_part(tiles, batch_size, part)
    rows = tf.data.Dataset.from_tensor_slices(tiles)
    return _batched(rows.map(example, CALLS), _size(batch_size, part))


def _mixed_solos(windows, batch_size, part):
    """Batches of mixtures that never change; as the last ones, copies of no weight."""
    gathered, count = gathering.Gathering(windows), len(windows.tiles())

    def example(i):
        track, start, found = gathered(FIXED, tf.minimum(i, count - 1))
        found = mixing.mixed(found, tf.ones([tf.shape(found["parts"])[0]]))
        batch = assembled(windows, track, start, found)
        return {**batch, "n_valid": tf.where(i < count, windows.n_out, 0)}

    numbers = np.arange(count + -count % batch_size)
    rows = tf.data.Dataset.from_tensor_slices(_of_part(numbers, batch_size, part))
    return _batched(rows.map(example, CALLS), _size(batch_size, part))


def _batched(examples, batch_size):
    options = tf.data.Options()
    options.deterministic = True
    # Its thread sleeps up to a minute at a time, and whoever drops an iterator waits
    # for it to wake: at the end of every training and of every validation.
    options.autotune.enabled = False
    batches = examples.batch(batch_size, drop_remainder=True)
    return batches.prefetch(2).with_options(options)
