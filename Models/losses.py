"""How far estimates are from the sources: float32, whatever the network runs in.

Each loss compares estimates with sources, both [B, S, T, C], and may be told how
many samples of each target lie in its track, `n_valid` [B]; what lies beyond does
not count.  `masked(name)` gives a loss in parts, example by example, for an exact mean
over a batch or a split; `of_outputs(name, model)` picks from a model's outputs what
the loss compares.

The losses of `MAGNITUDES` compare magnitudes [B, S, frames, bins, C] instead, and
there `n_valid` counts frames.
"""

import itertools

import tensorflow as tf

import Models
import Utils
from Schema import InputError

LOSSES = {  # name: the distance of an estimate, given its error
    # f90's Wave-U-Net: there a mean for each source, then over the sources, which is
    # the same number, since all sources have one shape.
    "mean_square": tf.square,
    "sum_square": tf.square,  # the 2018 VIMSS; of a window, it grows with its length
    "mean_absolute": tf.abs,
    # f90's U7a: Jansson et al., "Singing Voice Separation with Deep U-Net
    # Convolutional Networks", ISMIR 2017; averaged over everything as by f90.
    "magnitude_absolute": tf.abs,
}
MAGNITUDES = {"magnitude_absolute"}  # losses of models that have `magnitudes`


def _terms(distance, estimates, sources, n_valid):
    """Float32 [B, S, T, ...]: one term a value, zero beyond `n_valid`."""
    estimates, sources = tf.cast(estimates, tf.float32), tf.cast(sources, tf.float32)
    if not estimates.shape.is_compatible_with(sources.shape):
        raise ValueError(  # broadcasting would give a number, and a wrong one
            f"estimates {estimates.shape} and sources {sources.shape} differ in shape"
        )
    terms = distance(estimates - sources)
    return terms if n_valid is None else terms * _mask(terms, n_valid)


def _mask(terms, n_valid):
    """Float32 [B, 1, T, 1, ...]: 1 in the track, 0 beyond it."""
    time = tf.range(tf.shape(terms)[2])
    inside = time < tf.cast(n_valid, tf.int32)[:, tf.newaxis]  # [B, T]
    others = [1] * (terms.shape.rank - 3)
    return tf.reshape(tf.cast(inside, tf.float32), [-1, 1, tf.shape(terms)[2], *others])


def _counts(terms, n_valid):
    """Float32 [B]: how many terms of each example count."""
    shape = tf.shape(terms)
    n_batch, n_time = shape[0], shape[2]
    valid = tf.fill([n_batch], n_time) if n_valid is None else n_valid
    valid = tf.clip_by_value(tf.cast(valid, tf.int32), 0, n_time)
    of_one_step = shape[1] * tf.reduce_prod(shape[3:])
    return tf.cast(valid, tf.float32) * tf.cast(of_one_step, tf.float32)


def masked(name):
    """The parts of a loss, example by example.

    The mean over a split is the sum of all sums by the sum of all counts, however
    the split was cut into batches.

    Args:
      name: A key of `LOSSES`.

    Returns:
      `f(estimates, sources, n_valid=None)` -> (float32 [B], sums of the terms;
      float32 [B], how many terms each sum has).

    Raises:
      InputError: If there is no such loss; it names the nearest.
    """
    if name not in [*LOSSES]:
        near = Utils.nearest(name, LOSSES)
        hint = f"did you mean {near!r}? " if near else ""
        raise InputError(f"no loss {name!r}; {hint}the losses are {', '.join(LOSSES)}")
    distance = LOSSES[name]

    def sums_and_counts(estimates, sources, n_valid=None):
        terms = _terms(distance, estimates, sources, n_valid)
        return tf.reduce_sum(terms, axis=[*range(1, terms.shape.rank)]), _counts(
            terms, n_valid
        )

    return sums_and_counts


def in_best_order(name):
    """The parts of a loss, each example's sources in the order that costs it least.

    For estimates that no name and no seat belongs to: Yu et al., "Permutation Invariant
    Training of Deep Models for Speaker-Independent Multi-talker Speech Separation",
    ICASSP 2017.  All S! orders are tried.

    Args:
      name: A key of `LOSSES`.

    Returns:
      As `masked`.
    """
    parts = masked(name)

    def sums_and_counts(estimates, sources, n_valid=None):
        orders = [*itertools.permutations(range(sources.shape[1]))]
        tried = [
            parts(estimates, tf.gather(sources, order, axis=1), n_valid)
            for order in orders
        ]
        # The order changes no count.
        return tf.reduce_min([sums for sums, _ in tried], axis=0), tried[0][1]

    return sums_and_counts


def of_outputs(name, model):
    """The parts of a loss of what a model gave, example by example.

    Samples beyond batch["n_valid"], where there is such a key, do not count.  A
    magnitude belongs to a frame, not to a sample: a frame counts if any of its samples
    lies in the track.  At the end of a track the last of these frames holds silence
    too, of mixture and target alike; frames of silence alone don't count.

    Args:
      name: A key of `LOSSES`.
      model: Separator; for a loss of `MAGNITUDES` one that has `magnitudes` and
        `frames_within`.

    Returns:
      f(outputs, batch) -> as `masked`: (sums float32 [B], counts float32 [B]).

    Raises:
      InputError: If there is no such loss, or the model gives no magnitudes.
    """
    parts = masked(name)
    if name not in MAGNITUDES:
        return lambda outputs, batch: parts(
            outputs["sources"], batch["sources"], batch.get("n_valid")
        )
    if not hasattr(model, "magnitudes"):
        having = [
            n for n in Models.MODELS if hasattr(Models.model_class(n), "magnitudes")
        ]
        raise InputError(
            f"loss={name!r} compares magnitudes, which a {type(model).__name__} does "
            f"not give; use it with model.name={' or '.join(having)}, or another loss"
        )

    def of_magnitudes(outputs, batch):
        n_valid = batch.get("n_valid")
        frames = None if n_valid is None else model.frames_within(n_valid)
        target = model.magnitudes(batch["sources"])
        return parts(outputs["magnitudes"], target, frames)

    return of_magnitudes
