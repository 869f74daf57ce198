"""A training of 20 steps on several devices, as a program: prints what it lost.

`python -m tests.devices_made OPTIONS.json 1 2 4` takes logical CPUs of one process;
without numbers, this process is one of those that TF_CONFIG lists.
"""

import json
import os
import sys

import Utils
from Models import devices

STEPS = 20
CHANGED = {"batch_size": 4, "accumulate": 1, "validation_steps": None}
CHANGED |= {"condition_dropout": 0.0, "visual_dropout": 0.0}
CHANGED |= {"gain_min": 0.7, "gain_max": 1.0, "precision": "float32"}
CHANGED |= {"loss": "mean_square", "source_order": "named", "absent_sources": "count"}
VISUAL = {"front_end": None, "frame_rate": 15.0, "weights": None}


def section(path):
    """The data section of a file of `training_made`, and its model section."""
    from tests.test_config import configuration

    told = Utils.read_json(path)
    data = {**configuration()["data"], **told["data"]}
    small = {"num_layers": 1, "num_initial_filters": 2}
    return data, {**configuration()["model"], **told["model"], **small}


def losses(strategy, data, model):
    """(loss of each step, norm of the last gradient, loss of the validation split)."""
    import tensorflow as tf

    from Fitting import feeding, opening
    from Learning import optimizers
    from Learning.step import Step
    from Test import batch_loss

    tf.keras.utils.set_random_seed(3)
    with strategy.scope():
        network, _, found = opening.opened(data, VISUAL, model, CHANGED)
        optimizer = optimizers.optimizer("adam", 1e-3)
    judged = feeding.judged(CHANGED)
    loss = batch_loss(model=network, **judged)
    step = Step(network, optimizer, loss, strategy, gradient_clip=0.1)
    part = devices.place(strategy)
    stream = step.distributed(feeding.batches(found["train"], CHANGED, 5, part)(0))
    totals = [0.0]
    for _ in range(STEPS):
        step.run(next(stream))
        totals.append(float(step.total.numpy()))
    validate = feeding.validation(network, found["validation"], CHANGED, strategy)
    each = [after - before for before, after in zip(totals, totals[1:])]
    return [*each, float(step.norm.numpy()), validate()]


def of(some, most):
    """The strategy of some of the devices of another."""
    import tensorflow as tf

    if len(some) == 1:
        return tf.distribute.get_strategy()
    if len(some) == most.num_replicas_in_sync:
        return most
    # One process has one set of devices whose sums are collective operations.
    sums = tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy(some, cross_device_ops=sums)


def main(path, *counts):
    """Prints a line of JSON: for each number of devices what `losses` gives.

    Then what `compared_made.losses` gives, for the first two numbers.
    """
    from tests import compared_made

    if not counts:
        strategies = [devices.strategy("auto")]
    else:
        most = devices.strategy(f"cpu:{max(map(int, counts))}")
        every = most.extended.worker_devices
        strategies = [of(every[: int(count)], most) for count in counts]
    found = [losses(strategy, *section(path)) for strategy in strategies]
    replicas = [strategy.num_replicas_in_sync for strategy in strategies]
    compared = [compared_made.losses(each) for each in strategies[:2] if counts]
    print("FOUND" + json.dumps([replicas, found, compared]), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main(*sys.argv[1:])
