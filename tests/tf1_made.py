"""TensorFlow 1 checkpoints with an Adam in them, made without TensorFlow 1."""

import json

import keras
import numpy as np
import tensorflow as tf

import Models
from Models import tf1

RATE, BETA1, BETA2, EPSILON = 0.003, 0.9, 0.999, 1e-8
CONFIG = dict(
    num_layers=2,
    num_initial_filters=2,
    filter_size=5,
    merge_filter_size=3,
    input_filter_size=5,
    output_filter_size=1,
    num_frames=16,
    context=True,
    output_type="direct",
    upsampling="learned",
    expected_sr=8000,
    num_channels=1,
    source_names=["a", "b"],
)


def fresh(seed=0, **changes):
    keras.utils.set_random_seed(seed)
    config = {**CONFIG, **changes}
    fixed = {"sample_rate": config.pop("expected_sr"), "channels": 1}
    del config["num_channels"]
    return Models.build("wave_unet", **config, **fixed, form="plain")


def batch(model, seed=0):
    rng = np.random.default_rng(seed)
    shape = 3, len(model.source_names), model.n_out, 1
    mix = rng.normal(size=(3, model.n_in, 1)).astype(np.float32)
    return {"mix": mix, "sources": rng.normal(size=shape).astype(np.float32)}


def gradients(model, given):
    with tf.GradientTape() as tape:
        error = model(given, training=True)["sources"] - given["sources"]
        loss = tf.reduce_mean(error**2)
    return tape.gradient(loss, model.trainable_variables)


class NumpyAdam:
    """TensorFlow 1's AdamOptimizer, written from its documentation, in float64."""

    def __init__(self, model):
        self.model, self.t = model, 0
        self.weights = [v.numpy().astype(float) for v in model.trainable_variables]
        self.m = [np.zeros_like(w) for w in self.weights]
        self.v = [np.zeros_like(w) for w in self.weights]

    def step(self, given):
        self.t += 1
        rate = RATE * np.sqrt(1 - BETA2**self.t) / (1 - BETA1**self.t)
        for k, gradient in enumerate(gradients(self.model, given)):
            g = gradient.numpy().astype(float)
            self.m[k] += (1 - BETA1) * (g - self.m[k])
            self.v[k] += (1 - BETA2) * (g**2 - self.v[k])
            self.weights[k] -= rate * self.m[k] / (np.sqrt(self.v[k]) + EPSILON)
        for variable, weight in zip(self.model.trainable_variables, self.weights):
            variable.assign(weight)


def product(beta, count):
    """Float32 product as TensorFlow 1 multiplies it up, one rounding a step."""
    value = np.float32(beta)
    for _ in range(count):
        value = np.float32(value * np.float32(beta))
    return value


def tensors(adam, scope="separator_solver/"):
    """{name: array} of a TensorFlow 1 checkpoint of f90's Training."""
    found = {"global_step": np.int64(1000 + adam.t)}
    for power, beta in (("beta1_power", BETA1), ("beta2_power", BETA2)):
        found[scope + power] = product(beta, adam.t)
    order = {id(v): k for k, v in enumerate(adam.model.trainable_variables)}
    for name, variable in tf1.tf1_variables(adam.model):
        k = order[id(variable)]
        found[name] = adam.weights[k].astype(np.float32)
        found[f"{scope}{name}/Adam"] = adam.m[k].astype(np.float32)
        found[f"{scope}{name}/Adam_1"] = adam.v[k].astype(np.float32)
    return found


def written(folder, found, **changes):
    """(prefix, configuration file) of a checkpoint in TensorFlow 1's format."""
    prefix = str(folder / "model-1000")
    names = sorted(found)
    values = [tf.constant(found[name]) for name in names]
    tf.raw_ops.SaveV2(
        prefix=prefix,
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=values,
    )
    (folder / "config.json").write_text(json.dumps({**CONFIG, **changes}))
    return prefix, folder / "config.json"


def keras_adam():
    return keras.optimizers.Adam(RATE, BETA1, BETA2, epsilon=EPSILON)
