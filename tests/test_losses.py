"""Losses against NumPy, and what lies beyond a track."""

import numpy as np
import pytest
import tensorflow as tf

from Models import losses
from Schema import InputError

SHAPE = 4, 3, 7, 2  # B, S, T, C
N_VALID = np.array([7, 3, 0, 5], np.int32)
every_loss = pytest.mark.parametrize("name", sorted(losses.LOSSES))

NUMPY = {
    "mean_square": lambda e: np.mean(e**2),
    "sum_square": lambda e: np.sum(e**2),
    "mean_absolute": lambda e: np.mean(np.abs(e)),
}


def pair(seed=0):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=SHAPE).astype(np.float32) for _ in range(2)]


def inside():
    """All errors that count, example after example, in one list."""
    estimates, sources = pair()
    errors = (estimates - sources).astype(np.float64)
    return np.concatenate([e[:, :n].ravel() for e, n in zip(errors, N_VALID)])


@every_loss
def test_a_loss_is_what_numpy_says(name):
    estimates, sources = pair()
    expected = NUMPY[name]((estimates - sources).astype(np.float64))
    value = losses.loss(name)(estimates, sources)
    assert value.dtype == tf.float32 and value.shape == ()
    np.testing.assert_allclose(value, expected, rtol=1e-6)


@every_loss
def test_what_lies_beyond_the_track_does_not_count(name):
    value = losses.loss(name)(*pair(), N_VALID)
    np.testing.assert_allclose(value, NUMPY[name](inside()), rtol=1e-6)


@every_loss
def test_nothing_beyond_the_track_receives_a_gradient(name):
    estimates, sources = map(tf.constant, pair())
    with tf.GradientTape() as tape:
        tape.watch(estimates)
        value = losses.loss(name)(estimates, sources, N_VALID)
    gradient = tape.gradient(value, estimates).numpy()
    for g, n in zip(gradient, N_VALID):
        assert g[:, :n].all() and not g[:, n:].any()


@every_loss
def test_a_mask_of_whole_targets_changes_nothing(name):
    estimates, sources = pair()
    loss, whole = losses.loss(name), np.full(4, 7)
    np.testing.assert_allclose(
        loss(estimates, sources, whole), loss(estimates, sources), rtol=1e-6
    )
    beyond = losses.loss(name)(estimates, sources, np.full(4, 1000))
    np.testing.assert_allclose(beyond, loss(estimates, sources), rtol=1e-6)


@every_loss
def test_a_batch_without_a_single_sample_has_loss_zero(name):
    assert losses.loss(name)(*pair(), np.zeros(4, np.int32)) == 0


@every_loss
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_the_parts_add_up_however_a_split_is_cut_into_batches(name, cut):
    estimates, sources = pair()
    parts = [
        losses.masked(name)(estimates[rows], sources[rows], N_VALID[rows])
        for rows in (slice(0, cut), slice(cut, None))
    ]
    sums, counts = (np.concatenate(x) for x in zip(*parts))
    np.testing.assert_array_equal(counts, N_VALID * 6)
    total = np.sum(sums) if name.startswith("sum") else np.sum(sums) / np.sum(counts)
    np.testing.assert_allclose(total, NUMPY[name](inside()), rtol=1e-6)


@every_loss
def test_parts_without_a_mask_count_everything(name):
    sums, counts = losses.masked(name)(*pair())
    assert sums.shape == (4,)
    np.testing.assert_array_equal(counts, np.full(4, 3 * 7 * 2))


@every_loss
def test_a_network_in_bfloat16_is_judged_in_float32(name):
    estimates, sources = (tf.cast(x, tf.bfloat16) for x in pair())
    exact = losses.loss(name)(tf.cast(estimates, tf.float32), sources)
    value = losses.loss(name)(estimates, sources)
    assert value.dtype == tf.float32
    np.testing.assert_array_equal(value, exact)


@every_loss
def test_a_loss_in_a_graph_takes_any_batch(name):
    any_batch = tf.TensorSpec([None, 3, None, 2])
    spec = [any_batch, any_batch, tf.TensorSpec([None], tf.int32)]
    graph = tf.function(losses.loss(name), input_signature=spec)
    np.testing.assert_allclose(
        graph(*pair(), N_VALID), losses.loss(name)(*pair(), N_VALID), rtol=1e-6
    )


def test_shapes_that_would_broadcast_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        losses.mean_square(tf.zeros([2, 1, 5, 1]), tf.zeros([2, 3, 5, 1]))


@pytest.mark.parametrize("function", [losses.loss, losses.masked])
def test_a_misspelt_loss_is_told_the_nearest(function):
    with pytest.raises(InputError, match="'mean_sqare'; did you mean 'mean_square'"):
        function("mean_sqare")
