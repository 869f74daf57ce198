"""Losses against NumPy, and what lies beyond a track."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

import Models
import Test
from Models import losses
from Schema import InputError

SHAPE = 4, 3, 7, 2  # B, S, T, C
N_VALID = np.array([7, 3, 0, 5], np.int32)
every_loss = pytest.mark.parametrize("name", sorted(losses.LOSSES))

NUMPY = {  # distances
    "mean_square": lambda e: e**2,
    "sum_square": lambda e: e**2,
    "mean_absolute": np.abs,
    "magnitude_absolute": np.abs,
}


class Doubling:
    """A model of which only the magnitudes are asked; twice what they are of."""

    def magnitudes(self, audio):
        return audio[..., tf.newaxis, :] * 2.0

    def frames_within(self, n_valid):
        return n_valid


def given(estimates, sources, n_valid=None):
    """The outputs of a `Doubling` that gives some estimates, and their batch."""
    outputs = {"sources": estimates, "magnitudes": 2 * estimates[..., np.newaxis, :]}
    batch = {"sources": sources}
    return outputs, batch if n_valid is None else {**batch, "n_valid": n_valid}


def pair(seed=0):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=SHAPE).astype(np.float32) for _ in range(2)]


def distances(name):
    """All distances that count: an array for each example."""
    estimates, sources = pair()
    errors = (estimates - sources).astype(np.float64)
    return [NUMPY[name](e[:, :n]) for e, n in zip(errors, N_VALID)]


def test_every_loss_is_known_to_numpy():
    assert set(NUMPY) == set(losses.LOSSES)


@every_loss
def test_the_loss_of_a_batch_is_what_numpy_says(name):
    estimates, sources = pair()
    terms = NUMPY[name]((estimates - sources).astype(np.float64))
    expected = terms.sum() / SHAPE[0] if name == "sum_square" else terms.mean()
    expected *= 2 if name in losses.MAGNITUDES else 1
    for n_valid in (None, N_VALID):  # training sees the silence around a track too
        value = Test.batch_loss(name, Doubling())(*given(estimates, sources, n_valid))
        assert value.dtype == tf.float32 and value.shape == ()
        np.testing.assert_allclose(value, expected, rtol=1e-6)


@every_loss
def test_what_lies_beyond_the_track_does_not_count(name):
    sums, counts = losses.masked(name)(*pair(), N_VALID)
    assert sums.dtype == counts.dtype == tf.float32
    np.testing.assert_allclose(sums, [d.sum() for d in distances(name)], rtol=1e-6)
    np.testing.assert_array_equal(counts, N_VALID * 6)


@every_loss
def test_nothing_beyond_the_track_receives_a_gradient(name):
    estimates, sources = map(tf.constant, pair())
    with tf.GradientTape() as tape:
        tape.watch(estimates)
        sums, _ = losses.masked(name)(estimates, sources, N_VALID)
    gradient = tape.gradient(sums, estimates).numpy()
    for g, n in zip(gradient, N_VALID):
        assert g[:, :n].all() and not g[:, n:].any()


@every_loss
@pytest.mark.parametrize("n_valid", [7, 1000])
def test_a_mask_of_whole_targets_changes_nothing(name, n_valid):
    parts = losses.masked(name)
    found, whole = parts(*pair(), np.full(4, n_valid)), parts(*pair())
    np.testing.assert_allclose(found, whole, rtol=1e-6)
    np.testing.assert_array_equal(whole[1], np.full(4, 3 * 7 * 2))


@every_loss
def test_of_a_batch_without_a_single_sample_nothing_counts(name):
    parts = Test.parts(name, Doubling())(*given(*pair(), np.zeros(4, np.int32)))
    np.testing.assert_array_equal(parts, np.zeros([2, 4]))


@every_loss
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_the_parts_add_up_however_a_split_is_cut_into_batches(name, cut):
    estimates, sources = pair()
    of_examples = Test.parts(name, Doubling())
    parts = [
        of_examples(*given(estimates[rows], sources[rows], N_VALID[rows]))
        for rows in (slice(0, cut), slice(cut, None))
    ]
    sums, weights = (np.concatenate(x).sum() for x in zip(*parts))
    inside = distances(name)
    n_terms = sum(d.size for d in inside)
    n_windows = np.count_nonzero(N_VALID)
    expected = sum(d.sum() for d in inside) / (
        n_windows if name == "sum_square" else n_terms
    )
    expected *= 2 if name in losses.MAGNITUDES else 1
    np.testing.assert_allclose(sums / weights, expected, rtol=1e-6)


@every_loss
def test_a_network_in_bfloat16_is_judged_in_float32(name):
    estimates, sources = (tf.cast(x, tf.bfloat16) for x in pair())
    exact, _ = losses.masked(name)(tf.cast(estimates, tf.float32), sources)
    sums, _ = losses.masked(name)(estimates, sources)
    assert sums.dtype == tf.float32
    np.testing.assert_array_equal(sums, exact)


@every_loss
def test_a_loss_in_a_graph_takes_any_batch(name):
    any_batch = tf.TensorSpec([None, 3, None, 2])
    spec = [any_batch, any_batch, tf.TensorSpec([None], tf.int32)]
    graph = tf.function(losses.masked(name), input_signature=spec)
    np.testing.assert_allclose(
        graph(*pair(), N_VALID), losses.masked(name)(*pair(), N_VALID), rtol=1e-6
    )


def test_shapes_that_would_broadcast_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        losses.masked("mean_square")(tf.zeros([2, 1, 5, 1]), tf.zeros([2, 3, 5, 1]))


@pytest.mark.parametrize("function", [Test.batch_loss, Test.parts, Test.MeanLoss])
def test_a_misspelt_loss_is_told_the_nearest(function):
    misspelt = "mean_sqare"
    words = [misspelt, Doubling()]
    if function is Test.MeanLoss:
        words.reverse()
    with pytest.raises(InputError, match="'mean_sqare'; did you mean 'mean_square'"):
        function(*words)


def test_a_loss_that_is_no_word_is_refused():
    with pytest.raises(InputError, match=r"no loss \['mean_square'\]; .*the losses ar"):
        losses.masked(["mean_square"])


@every_loss
def test_magnitudes_have_one_more_axis(name):
    estimates, sources = (x.reshape(4, 3, 7, 2, 1).repeat(5, 3) for x in pair())
    sums, counts = losses.masked(name)(estimates, sources, N_VALID)
    np.testing.assert_allclose(sums, [5 * d.sum() for d in distances(name)], rtol=1e-6)
    np.testing.assert_array_equal(counts, N_VALID * 30)


# --- Sources in any order ---------------------------------------------------------
@every_loss
def test_in_the_best_order_each_example_finds_its_own(name):
    estimates, _ = pair()  # [4, 3, 7, C]
    orders = [(0, 1, 2), (2, 0, 1), (1, 0, 2), (2, 1, 0)]
    sources = np.stack([e[list(o)] for e, o in zip(estimates, orders)]) + 0.01
    parts = losses.in_best_order(name)
    sums, counts = parts(estimates, sources.astype(np.float32), N_VALID)
    known = losses.masked(name)(estimates, estimates + np.float32(0.01), N_VALID)
    np.testing.assert_allclose(sums, known[0], rtol=1e-3)
    np.testing.assert_array_equal(counts, known[1])
    assert np.all(
        losses.masked(name)(estimates, sources, N_VALID)[0].numpy()[[1, 3]]
        > 5 * sums.numpy()[[1, 3]]
    )


@every_loss
def test_the_best_order_is_the_least_of_all_that_there_are(name):
    estimates, sources = pair()
    every = [
        losses.masked(name)(estimates, sources[:, list(order)])[0]
        for order in itertools.permutations(range(3))
    ]
    found = losses.in_best_order(name)(estimates, sources)[0]
    np.testing.assert_array_equal(found, np.min(every, axis=0))


# --- What a model gave, and a batch asked for -----------------------------------
@every_loss
def test_a_loss_picks_what_it_compares(name):
    estimates, sources = map(tf.constant, pair())
    for n_valid in (None, N_VALID):
        found = losses.of_outputs(name, Doubling())(*given(estimates, sources, n_valid))
        sums, counts = losses.masked(name)(estimates, sources, n_valid)
        factor = 2 if name in losses.MAGNITUDES else 1
        np.testing.assert_allclose(found[0], factor * sums, rtol=1e-6)
        np.testing.assert_array_equal(found[1], counts)


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
    with pytest.raises(InputError, match="WaveUNet .* model.name=spectrogram_unet,"):
        losses.of_outputs("magnitude_absolute", model)
