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
