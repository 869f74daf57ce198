"""Estimates, sources and a stub of a model, for the tests of losses."""

import numpy as np
import pytest
import tensorflow as tf

from Models import losses

SHAPE = 4, 3, 300, 2  # B, S, T, C
N_VALID = np.array([300, 130, 0, 241], np.int32)
NUMPY = {  # distances of single numbers
    "mean_square": lambda e: e**2,
    "sum_square": lambda e: e**2,
    "mean_absolute": np.abs,
    "magnitude_absolute": np.abs,
}
SUM = "si_sdr + 10 * mean_absolute"
every_loss = pytest.mark.parametrize("name", sorted(losses.LOSSES))
every_text = pytest.mark.parametrize("text", [*sorted(losses.LOSSES), SUM])


class Doubling:
    """A model of which only the magnitudes are asked; twice what they are of."""

    source_names, slots, batch_keys = ["a", "b", "c"], "vocabulary", ("mix",)

    def magnitudes(self, audio):
        return audio[..., tf.newaxis, :] * 2.0

    def frames_within(self, n_valid):
        return n_valid


def given(estimates, sources, n_valid=None, active=None):
    """The outputs of a `Doubling` that gives some estimates, and their batch."""
    outputs = {"sources": estimates, "magnitudes": 2 * estimates[..., tf.newaxis, :]}
    batch = {"sources": sources}
    batch["active"] = np.ones(sources.shape[:2], "f") if active is None else active
    return outputs, batch if n_valid is None else {**batch, "n_valid": n_valid}


def pair(seed=0, shape=SHAPE):
    """Noise, and sources that it resembles somewhat."""
    generator = np.random.default_rng(seed)
    first, second = generator.normal(size=(2, *shape)).astype(np.float32)
    return first, (0.1 * (first + second)).astype(np.float32)


def parts(text, *what, **knobs):
    """(sums, weights), NumPy [K, B], of a `Doubling`."""
    both = losses.Loss(text, Doubling(), **knobs).parts(*given(*what))
    return [part.numpy() for part in both]


def mean(text, *what, **knobs):
    """The loss of all of it."""
    judged = losses.Loss(text, Doubling(), **knobs)
    both = judged.parts(*given(*what))
    return float(judged.mean(*(tf.reduce_sum(part, axis=1) for part in both)))


def gradient(text, estimates, *what, **knobs):
    """Of the loss of all of it, with respect to the estimates."""
    judged = losses.Loss(text, Doubling(), **knobs)
    with tf.GradientTape() as tape:
        estimates = tf.constant(estimates)
        tape.watch(estimates)
        both = judged.parts(*given(estimates, *what))
        value = judged.mean(*(tf.reduce_sum(part, axis=1) for part in both))
    return tape.gradient(value, estimates).numpy()
