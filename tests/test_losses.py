"""What every loss promises, and distances against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

import Models
import Test
from Models import losses
from Schema import InputError
from tests.losses_made import (
    N_VALID,
    NUMPY,
    SHAPE,
    Doubling,
    every_loss,
    every_text,
    given,
    gradient,
    mean,
    pair,
    parts,
)

every_distance = pytest.mark.parametrize("name", sorted(NUMPY))


def distances(name):
    """All distances that count: an array for each example."""
    estimates, sources = pair()
    errors = (estimates - sources).astype(np.float64)
    factor = 2 if name in losses.MAGNITUDES else 1
    return [factor * NUMPY[name](e[:, :n]) for e, n in zip(errors, N_VALID)]


# --- Distances --------------------------------------------------------------------
@every_distance
def test_the_loss_of_a_batch_is_what_numpy_says(name):
    estimates, sources = pair()
    terms = NUMPY[name]((estimates - sources).astype(np.float64))
    expected = terms.sum() / SHAPE[0] if name == "sum_square" else terms.mean()
    expected *= 2 if name in losses.MAGNITUDES else 1
    for n_valid in (None, N_VALID):  # training sees the silence around a track too
        value = Test.batch_loss(name, Doubling())(*given(estimates, sources, n_valid))
        assert value.dtype == tf.float32 and value.shape == ()
        np.testing.assert_allclose(value, expected, rtol=1e-6)


@every_distance
def test_each_number_in_the_track_is_a_term(name):
    sums, weights = parts(name, *pair(), N_VALID)
    np.testing.assert_allclose(sums, [[d.sum() for d in distances(name)]], rtol=1e-6)
    counted = N_VALID > 0 if name == "sum_square" else N_VALID * 6
    np.testing.assert_array_equal(weights, [counted])


@every_distance
def test_each_source_has_its_own_terms(name):
    sums, counts = losses.LOSSES[name](*pair(), N_VALID)
    factor = 2 if name in losses.MAGNITUDES else 1
    expected = [d.sum(axis=(1, 2)) / factor for d in distances(name)]
    np.testing.assert_allclose(sums, expected, rtol=1e-6)
    np.testing.assert_array_equal(counts, np.outer(N_VALID, [2, 2, 2]))


@every_distance
def test_magnitudes_have_one_more_axis(name):
    estimates, sources = (x.reshape(4, 3, 300, 2, 1).repeat(5, 3) for x in pair())
    sums, counts = losses.LOSSES[name](estimates, sources, N_VALID)
    plain = losses.LOSSES[name](*pair(), N_VALID)
    np.testing.assert_allclose(sums, 5 * plain[0], rtol=1e-6)
    np.testing.assert_array_equal(counts, 5 * plain[1])


# --- Every loss --------------------------------------------------------------------
@every_loss
def test_a_window_that_ends_with_its_track_is_like_the_shorter_window(name):
    sums, counts = (x.numpy() for x in losses.LOSSES[name](*pair(), N_VALID))
    assert sums.dtype == counts.dtype == np.float32
    for row in (0, 1, 3):
        short = (x[row : row + 1, :, : N_VALID[row]] for x in pair())
        one = losses.LOSSES[name](*short)
        np.testing.assert_allclose(sums[row] / counts[row], (one[0] / one[1])[0], 1e-5)
    # Parts of a window weigh as much as there is of them.
    np.testing.assert_allclose(counts / counts[:1], np.outer(N_VALID / 300, [1] * 3))


@every_text
def test_nothing_beyond_the_track_counts_or_receives_a_gradient(text):
    estimates, sources = pair()
    beyond = (np.arange(SHAPE[2]) >= N_VALID[:, np.newaxis])[
        :, np.newaxis, :, np.newaxis
    ]
    loud = [
        np.where(beyond, np.float32(x), y) for x, y in ((50, estimates), (9, sources))
    ]
    for found, expected in zip(
        parts(text, *loud, N_VALID), parts(text, estimates, sources, N_VALID)
    ):
        np.testing.assert_array_equal(found, expected)
    found = gradient(text, estimates, sources, N_VALID)
    assert not found[np.broadcast_to(beyond, SHAPE)].any()
    inside = found[np.broadcast_to(~beyond, SHAPE)]
    assert np.isfinite(inside).all() and np.mean(inside != 0) > 0.99


@every_text
@pytest.mark.parametrize("n_valid", [300, 1000])
def test_a_mask_of_whole_targets_changes_nothing(text, n_valid):
    found, whole = parts(text, *pair(), np.full(4, n_valid)), parts(text, *pair())
    np.testing.assert_allclose(found, whole, rtol=1e-6)


@every_text
def test_of_a_batch_without_a_single_sample_nothing_counts(text):
    sums, weights = parts(text, *pair(), np.zeros(4, np.int32))
    assert not sums.any() and not weights.any()


@every_text
@pytest.mark.parametrize("cut", [1, 3])
def test_the_parts_are_the_same_however_a_split_is_cut_into_batches(text, cut):
    estimates, sources = pair()
    pieces = [
        parts(text, estimates[rows], sources[rows], N_VALID[rows])
        for rows in (slice(0, cut), slice(cut, None))
    ]
    found = np.concatenate(pieces, axis=2)
    np.testing.assert_allclose(found, parts(text, *pair(), N_VALID), rtol=1e-6)


@every_distance
def test_the_mean_of_a_split_is_over_all_that_counts(name):
    inside = distances(name)
    n_terms = 3 if name == "sum_square" else sum(d.size for d in inside)
    expected = sum(d.sum() for d in inside) / n_terms
    np.testing.assert_allclose(mean(name, *pair(), N_VALID), expected, rtol=1e-6)


@every_loss
def test_a_network_in_bfloat16_is_judged_in_float32(name):
    estimates, sources = (tf.cast(x, tf.bfloat16) for x in pair())
    exact, _ = losses.LOSSES[name](tf.cast(estimates, tf.float32), sources)
    sums, _ = losses.LOSSES[name](estimates, sources)
    assert sums.dtype == tf.float32
    np.testing.assert_array_equal(sums, exact)


@every_loss
def test_a_loss_in_a_graph_takes_any_batch(name):
    any_batch = tf.TensorSpec([None, 3, None, 2])
    spec = [any_batch, any_batch, tf.TensorSpec([None], tf.int32)]
    graph = tf.function(losses.LOSSES[name], input_signature=spec)
    expected = losses.LOSSES[name](*pair(), N_VALID)
    np.testing.assert_allclose(graph(*pair(), N_VALID), expected, rtol=1e-5)


@every_text
def test_a_loss_and_its_gradient_compile_for_an_accelerator(text):
    judged = Test.batch_loss(text, Doubling())

    def both(estimates, sources):
        with tf.GradientTape() as tape:
            tape.watch(estimates)
            value = judged(*given(estimates, sources))
        return value, tape.gradient(value, estimates)

    estimates, sources = map(tf.constant, pair(shape=(2, 3, 60, 1)))
    compiled = tf.function(both, jit_compile=True)(estimates, sources)
    for found, expected in zip(compiled, both(estimates, sources)):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


# --- Errors --------------------------------------------------------------------------
@every_loss
def test_shapes_that_would_broadcast_are_refused(name):
    with pytest.raises(ValueError, match="differ in shape"):
        losses.LOSSES[name](tf.zeros([2, 1, 5, 1]), tf.zeros([2, 3, 5, 1]))


def test_a_loss_of_magnitudes_says_which_models_have_them():
    model = Models.build(
        "wave_unet",
        source_names=["a", "b"],
        sample_rate=8000,
        channels=1,
        num_layers=1,
        num_initial_filters=1,
        num_frames=8,
    )
    for text in ("magnitude_absolute", "si_sdr + magnitude_absolute"):
        with pytest.raises(InputError, match="WaveUNet .* model.name=spectrogram_un"):
            losses.Loss(text, model)
