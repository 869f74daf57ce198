"""The step of every named network is one that XLA compiles, as a TPU needs it."""

import json

import numpy as np
import pytest
import tensorflow as tf

import Config
import Models
import Test
from Learning import knobs, optimizers, schedules
from Learning.step import Step
from tests.test_config import configuration

SMALL = ["model.num_layers=1", "model.num_initial_filters=2"]
SPECTRAL = {"num_frames": 48, "frame_length": 32, "frame_step": 24}
SIGHT = {"visual_size": 3, "visual_rate": 15.0, "front_end": "players_gesture"}
SHAPES = {"score": (2, 4), "has_visual": (2,), "visual": (2, 4, 3)}


def small(name):
    """The sections of a named configuration, whose network is as small as can be."""
    sections = configuration(name, *SMALL)
    model = sections["model"]
    less = {"num_frames": 16, "visual_layers": 1}
    changes = {key: less[key] for key in less if key in model}
    if model["name"] == "spectrogram_unet":
        changes = SPECTRAL
    return {**sections, "model": {**model, **changes}}


# These change sizes alone, as the number of channels does, and no operation.
SIZES = {"filter_size", "merge_filter_size", "moments", "embedding_size", "temperature"}


def structures():
    """{name: sections} of named configurations whose graphs differ.

    Losses of waveforms are compiled in `tests.test_losses`, each of them.
    """
    found = {}
    for name in Config.NAMED:
        told = small(name)
        model = {k: v for k, v in told["model"].items() if k not in SIZES}
        fusers = model.get("fusers", [])
        seen = any(":visual@" in fuser for fuser in fusers)
        of_maps = told["training"]["loss"].startswith("magnitude")
        optimizer = told["training"]["optimizer"]
        key = json.dumps([model, seen, of_maps, optimizer], sort_keys=True)
        found.setdefault(key, (name, told))
    return dict(found.values())


NETWORKS = structures()
# Compiled and run beside XLA's conversion of all: the models, Adam, Muon.
RUN = ("unet_spectrogram", "chamber_demo")


def step_of(told):
    """(A step, a batch for it) of a network with random weights."""
    tf.keras.utils.set_random_seed(1)
    seen = SIGHT if told["visual"]["front_end"] is not None else {}
    fixed = {"sample_rate": 8000, "channels": told["data"]["channels"], **seen}
    model = Models.build(**told["model"], source_names=["a", "b"], **fixed)
    training = told["training"]
    rate = schedules.Rate(**knobs.rate(training))
    optimizer = optimizers.optimizer(training["optimizer"], rate)
    judged = {key: training[key] for key in Test.LOSS}
    loss = Test.batch_loss(model=model, **judged)
    return Step(model, optimizer, loss, gradient_clip=1.0), batch_of(model)


def batch_of(model, n=2):
    random = np.random.default_rng(0)

    def noise(*shape):
        return tf.constant(random.uniform(-0.5, 0.5, (n, *shape)), tf.float32)

    alone = model.slots == "conditioned"
    labels = (
        np.tile(np.eye(2, dtype=np.float32), (n, 1, 1)) if alone else np.ones((n, 2))
    )
    batch = {
        "mix": noise(model.n_in, model.channels),
        "sources": noise(2, model.n_out, model.channels),
        "active": tf.ones([n, 2]),
        "labels": tf.constant(labels, tf.float32),
        "n_valid": tf.fill([n], model.n_out),
        "track": tf.zeros([n], tf.int64),
    }
    for key in set(model.batch_keys) - set(batch):
        kind = tf.float64 if key.endswith("_start") else tf.float32
        batch[key] = tf.cast(noise(*SHAPES.get(key, ())) + 0.5, kind)
    return batch


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - set(RUN)))
def test_xla_takes_the_train_step_of_every_named_network(name):
    step, batch = step_of(NETWORKS[name])
    compiled = tf.function(step._run, jit_compile=True)
    text = compiled.experimental_get_compiler_ir(batch)(stage="hlo")
    assert "HloModule" in text and "<=" not in text  # the sign of a length that varies


@pytest.mark.parametrize("name", RUN)
def test_a_step_that_xla_compiles_is_the_step(name):
    found = []
    for compile_it in (False, True):
        step, batch = step_of(NETWORKS[name])
        run = tf.function(step._run, jit_compile=True) if compile_it else step._run
        for _ in range(2):
            run(batch)
        weights = [np.linalg.norm(w) for w in step.model.trainable_variables]
        found.append([float(step.total.numpy()), float(step.norm.numpy()), *weights])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-3, atol=1e-6)
    assert step.taken == 2 and step.first_bad.numpy() < 0


def test_what_xla_cannot_take_would_be_seen():
    strings = tf.function(lambda x: tf.strings.as_string(x), jit_compile=True)
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError)):
        strings.experimental_get_compiler_ir(tf.zeros([2]))(stage="hlo")
