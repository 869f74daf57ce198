"""Where a model runs, and in which precision."""

import tensorflow as tf

import Utils
from Schema import InputError

DTYPES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}  # Keras' names


def dtype_of(precision):
    """Keras' policy for a precision: what `Models.build(dtype=...)` takes.

    Whatever the precision, weights, optimizer, output heads and losses are float32:
    bfloat16 has the range of float32, so no loss needs scaling, but 8 significant
    bits, in which an update of a weight, or a sum over a window, would drown
    (Micikevicius et al., "Mixed Precision Training", ICLR 2018, section 3.1;
    Kalamkar et al., "A Study of BFLOAT16 for Deep Learning Training", 2019).

    Args:
      precision: "float32" or "bfloat16", of the activations and of the products.

    Returns:
      "float32" or "mixed_bfloat16".

    Raises:
      InputError: For anything else.
    """
    if precision not in tuple(DTYPES):  # a list, too, is refused
        near = Utils.nearest(precision, DTYPES)
        hint = f"did you mean {near!r}? " if near else ""
        raise InputError(
            f"training.precision={precision}: {hint}the precisions are "
            f"{' and '.join(DTYPES)}"
        )
    return DTYPES[precision]


def kind():
    """What models run on here: TPU, GPU or CPU."""
    found = (kind for kind in ("TPU", "GPU") if tf.config.list_logical_devices(kind))
    return next(found, "CPU")


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
