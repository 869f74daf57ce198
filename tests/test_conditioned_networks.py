"""Networks that follow conditions: slot by slot, without some, after a short fit."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from Models import fusers
from tests.fusers_made import (
    PLACES,
    batch_for,
    network,
    outputs_and_gradients,
    sources,
)


# --- Slots ----------------------------------------------------------------------------
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("condition", fusers.CONDITIONS)
def test_a_slot_follows_its_own_condition_alone(condition, place):
    model = network(f"film:{condition}@{place}", spread=0.3, slots="conditioned")
    batch = batch_for(model, n_slots=3)
    found = sources(model, batch)
    assert found.shape == (3, 3, model.n_out, 1)
    order = [2, 0, 1]
    swapped = {**batch, condition: tf.gather(batch[condition], order, axis=1)}
    np.testing.assert_allclose(sources(model, swapped), found[:, order], atol=1e-12)
    alone = {**batch, condition: batch[condition][:, 1:2]}
    np.testing.assert_allclose(sources(model, alone), found[:, 1:2], atol=1e-12)


# --- Missing conditions ---------------------------------------------------------------
@pytest.mark.parametrize("other", ["score", "visual"])
def test_one_network_separates_with_any_of_its_conditions_or_none(other):
    names = f"film:{other}@bottleneck", f"additive_attention:{other}@output"
    model = network("film@decoder", *names, spread=0.3, null_conditions=True)
    batch, found = batch_for(model), {}
    for labels, more in itertools.product([0.0, 1.0], repeat=2):
        told = {
            f"has_{key}": known * tf.ones_like(batch[f"has_{key}"])
            for key, known in (("labels", labels), (other, more))
        }
        now = {**batch, **told}
        found[labels, more] = sources(model, now)
        for key, known in (("labels", labels), (other, more)):
            changed = sources(model, {**now, key: 1 - now[key]})
            same = np.abs(changed - found[labels, more]).max() < 1e-12
            assert same == (not known), key  # the value counts if it is known
    for a, b in itertools.combinations(found.values(), 2):
        assert np.abs(a - b).max() > 1e-4


def test_the_vectors_for_missing_conditions_are_trained():
    names = "film@decoder", "concatenation:score@input", "film:visual@bottleneck"
    model = network(*names, spread=0.3, null_conditions=True)
    batch = batch_for(model)
    for key in ("has_labels", "has_score", "has_visual"):
        batch[key] = tf.zeros_like(batch[key])
    _, slopes = outputs_and_gradients(model, "fast", batch)
    found = {
        weight.path.split("/")[-2]: np.abs(slope).max()
        for weight, slope in zip(model.trainable_variables, slopes)
        if weight.name == "null"
    }
    assert set(found) == {f"condition_{name}" for name in fusers.CONDITIONS}
    assert min(found.values()) > 0


def test_attention_alone_needs_no_vector_for_what_is_missing():
    model = network("additive_attention@bottleneck", null_conditions=True)
    assert not [weight for weight in model.weights if weight.name == "null"]


# --- After a short fit ----------------------------------------------------------------
def tones(random, n_batch, n_time):
    """float32 [B, 2, T, 1]: a low and a high tone of random phase."""
    phase = random.uniform(0, 2 * np.pi, (n_batch, 2, 1, 1))
    time = np.arange(n_time)[:, None] / 1000
    pitch = np.array([31.0, 200.0])[:, None, None]
    return 0.4 * np.sin(2 * np.pi * pitch * time + phase).astype(np.float32)


def test_a_wrong_label_gives_the_wrong_source():
    model = network(
        "film@bottleneck",
        "film@decoder",
        slots="conditioned",
        dtype="float32",
        num_initial_filters=8,
        num_frames=64,
        output_activation="linear",
    )
    random, optimizer = np.random.default_rng(0), keras.optimizers.Adam(1e-2)
    labels = tf.constant(np.eye(2, 3, dtype=np.float32)[None])  # slots: low, high

    @tf.function
    def step(mix, targets):
        with tf.GradientTape() as tape:
            told = tf.repeat(labels, tf.shape(mix)[0], axis=0)
            found = model({"mix": mix, "labels": told}, training=True)["sources"]
            loss = tf.reduce_mean(tf.square(found - targets))
        weights = model.trainable_variables
        slopes = tape.gradient(loss, [w.value for w in weights])
        optimizer.apply_gradients(zip(slopes, weights))
        return loss

    for _ in range(150):
        targets = tones(random, 8, model.n_in)
        step(targets.sum(axis=1), targets)
    targets = tones(random, 4, model.n_in)
    batch = {"mix": targets.sum(axis=1), "labels": tf.repeat(labels, 4, axis=0)}
    right = sources(model, batch)
    wrong = sources(model, {**batch, "labels": batch["labels"][:, ::-1]})
    power = np.square(targets).mean()
    assert np.square(right - targets).mean() < 0.1 * power
    assert np.square(wrong - targets[:, ::-1]).mean() < 0.1 * power
    assert np.square(wrong - targets).mean() > power
