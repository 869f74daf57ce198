"""Optimizers: what one step does."""

import numpy as np
import pytest
import tensorflow as tf

from Learning import optimizers
from Schema import InputError


def test_muon_makes_the_step_of_a_kernel_semi_orthogonal():
    kernel = tf.Variable(
        np.random.default_rng(0).normal(size=(5, 8, 6)), dtype="float32"
    )
    bias = tf.Variable(np.ones(6, "float32"))
    optimizer = optimizers.optimizer("muon", 0.01)
    optimizer.build([kernel, bias])
    gradient = np.random.default_rng(1).normal(size=(5, 8, 6)).astype("float32")
    before = kernel.numpy()
    optimizer.apply_gradients(zip([gradient, np.ones(6, "float32")], [kernel, bias]))
    step = ((before - kernel.numpy()) / 0.01).reshape(40, 6)
    # Of 40 inputs: 0.2 sqrt(40) times a matrix of singular values near 1, along the
    # singular vectors of the gradient.
    values = np.linalg.svd(step / (0.2 * np.sqrt(40)), compute_uv=False)
    assert values.min() > 0.6 and values.max() < 1.4
    u, _, v = np.linalg.svd(gradient.reshape(40, 6), full_matrices=False)
    assert np.sum(step * (u @ v)) / np.linalg.norm(step) / np.sqrt(6) > 0.97
    # A bias gets Adam's first step at half the rate.
    np.testing.assert_allclose(bias, 1 - 0.005, rtol=1e-5)


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(InputError, match="'sgd'.*adam, muon"):
        optimizers.optimizer("sgd", 0.1)


def descended(optimizer, n_steps):
    """Weights and slots after some steps of random gradients."""
    generator = np.random.default_rng(2)
    shapes = [(3, 4, 5), (5,), ()]
    weights = [tf.keras.Variable(generator.normal(size=s)) for s in shapes]
    optimizer = optimizer()
    optimizer.build(weights)
    for _ in range(n_steps):
        gradients = [generator.normal(size=s).astype("float32") for s in shapes]
        optimizer.apply_gradients(zip(gradients, weights))
    return [np.asarray(v) for v in (*weights, *optimizer.variables)]


def kerass():
    schedule = tf.keras.optimizers.schedules.ExponentialDecay(1e-2, 3, 0.5)
    return tf.keras.optimizers.Adam(schedule, epsilon=1e-8)


def ours():
    return optimizers.optimizer("adam", 1e-2, 0.5, 3)


@pytest.mark.parametrize("n_steps", [1, 7])
def test_adam_in_one_operation_is_keras_adam(n_steps):
    # TensorFlow takes 1 - 0.999 in float32, which is 1e-3 to 5e-5 of itself.
    for found, expected in zip(descended(ours, n_steps), descended(kerass, n_steps)):
        np.testing.assert_allclose(found, expected, rtol=6e-5, atol=1e-7)


def test_adam_compiles_to_one_program():
    weight = tf.Variable(tf.ones([4]))
    optimizer = ours()
    optimizer.build([weight])

    @tf.function(jit_compile=True)
    def step():
        optimizer.apply_gradients([(tf.constant([1.0, -2.0, 0.5, 3.0]), weight)])

    step()
    np.testing.assert_allclose(weight, [0.99, 1.01, 0.99, 0.99], rtol=1e-6)
