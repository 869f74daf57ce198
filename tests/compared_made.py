"""A training that compares windows of a batch, and of which few windows count."""

import numpy as np

from Models import devices

TEXT = "correspondence + 0.5 * synchrony"
STEPS, N = 5, 8


def batches():
    """Windows of four recordings; in the first half of each batch few are seen."""
    random, count = np.random.default_rng(0), STEPS * N
    given = {"mix": random.normal(size=[count, 320, 1])}
    given["visual"] = random.normal(size=[count, 2, 8, 2])
    given["has_visual"] = np.ones([count, 2])
    given["has_visual"].reshape(STEPS, N, 2)[:, 1:3] = 0
    given["visual_start"] = np.zeros(count)
    found = {key: value.astype(np.float32) for key, value in given.items()}
    return found | {"track": np.tile([0, 0, 1, 1, 2, 3, 2, 0], STEPS)}


def losses(strategy):
    """After each step all losses and the norm of the gradient, then that of a split."""
    import tensorflow as tf

    import Test
    from Learning import optimizers
    from Learning.step import Step
    from tests.test_correspondence import network

    tf.keras.utils.set_random_seed(1)
    with strategy.scope():
        model = network(num_layers=1, visual_channels=None)
        adam = optimizers.optimizer("adam", 1e-2)
    index, count = devices.place(strategy)
    rows = np.arange(STEPS * N).reshape(STEPS, count, -1)[:, index]
    own = {key: value[rows.ravel()] for key, value in batches().items()}
    data = tf.data.Dataset.from_tensor_slices(own).batch(rows.shape[1], True)
    step = Step(model, adam, Test.batch_loss(TEXT, model), strategy)
    stream, told = step.distributed(data), []
    for _ in range(STEPS):
        step.run(next(stream))
        told += [float(step.total.numpy()), float(step.norm.numpy())]
    return [*told, Test.mean_loss(model, data, TEXT, strategy)]
