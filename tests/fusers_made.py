"""Small networks with fusers, and batches for them."""

import keras
import numpy as np
import tensorflow as tf

import Models

PLACES = ("input", "encoder", "bottleneck", "decoder", "output")
SIZES = dict(source_names=["a", "b", "c"], sample_rate=1000, channels=1, num_layers=2)
SIZES |= dict(num_initial_filters=3, filter_size=5, input_filter_size=5, num_frames=20)
SIZES |= dict(score_rate=200.0, visual_size=4, visual_rate=100.0, dtype="float64")
SIZES |= dict(visual_channels=None)  # fusers read the features themselves
N_FRAMES, N_PLAYERS = 9, 2


def network(*names, spread=0.0, seed=1, **knobs):
    keras.utils.set_random_seed(seed)
    model = Models.build("wave_unet", **{**SIZES, "fusers": list(names), **knobs})
    random = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        weight.assign(weight + spread * random.normal(size=weight.shape))
    return model


def batch_for(model, n_batch=3, n_slots=2, seed=2):
    random, n_names = np.random.default_rng(seed), len(model.source_names)
    per_slot = model.slots == "conditioned"
    rows, players = (n_slots, n_slots) if per_slot else (n_names, N_PLAYERS)
    labels = random.integers(0, 2, (n_batch, n_names))
    if per_slot:
        labels = np.eye(n_names)[random.integers(0, n_names, (n_batch, n_slots))]
    found = {
        "mix": random.normal(size=(n_batch, model.n_in, 1)),
        "labels": labels.astype(float),
        "score": random.random((n_batch, rows, N_FRAMES)),
        "visual": random.normal(size=(n_batch, players, N_FRAMES, 4)),
        "score_start": random.normal(size=n_batch) * 0.01 - 0.01,
        "visual_start": random.normal(size=n_batch) * 0.01 - 0.01,
        "has_labels": np.ones(n_batch),
        "has_score": np.ones(n_batch),
        "has_visual": np.ones((n_batch, players)),
    }
    return {key: tf.constant(found[key], tf.float64) for key in model.batch_keys}


def sources(model, batch):
    return model(batch)["sources"].numpy()


def outputs_and_gradients(model, form, batch):
    model.form = form
    with tf.GradientTape() as tape:
        y = model(batch)["sources"]
        loss = tf.reduce_sum(tf.sin(3 * y))
    return y, tape.gradient(loss, [w.value for w in model.trainable_variables])
