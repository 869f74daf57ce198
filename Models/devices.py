"""Where a model runs: which strategy for which devices."""

import tensorflow as tf

from Schema import InputError


def choose_strategy(batch_size):
    """All GPUs of this machine if there are several, else the one device."""
    gpus = tf.config.list_logical_devices("GPU")
    if len(gpus) < 2:
        return tf.distribute.get_strategy()
    if batch_size % len(gpus):
        raise InputError(
            f"training.batch_size={batch_size} must be a multiple of the "
            f"{len(gpus)} GPUs; or hide some with CUDA_VISIBLE_DEVICES"
        )
    return tf.distribute.MirroredStrategy(gpus)
