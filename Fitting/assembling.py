"""What is trained: a model, its optimizer and its data; and what it starts from."""

from Fitting import opening
from Learning.folder import RunFolder


def assembled(data, visual, model, training, seed, mixing, devices):
    """Builds what is trained, and says what it is.

    Args: as of `Training.train`.

    Returns:
      (network, optimizer, its `schedules.Rate`, strategy, records, {split: Windows}).
    """
    import tensorflow as tf

    from Learning import knobs, optimizers, schedules
    from Models.devices import choose_strategy

    knobs.check(training)
    strategy = choose_strategy(training["batch_size"], devices)
    tf.keras.utils.set_random_seed(seed)
    if training["deterministic"]:
        tf.config.experimental.enable_op_determinism()
    with strategy.scope():
        network, records, found = opening.opened(data, visual, model, training, mixing)
        knobs.check_dropout(training["condition_dropout"], network.batch_keys)
        rate = schedules.Rate(**knobs.rate(training))
        told = training["optimizer"], rate
        optimizer = optimizers.optimizer(*told, ema=training["ema"])
    opening.report(network, strategy, records, found)
    return network, optimizer, rate, strategy, records, found


def begin(folder, resume, training, network, optimizer):
    """Gives a run what it starts from: a state, another model's weights, or nothing.

    Args:
      folder: `RunFolder` of the run.
      resume: Folder of a run whose state is carried over, or None.
      training: The training section of Config.py.
      network: Separator, new.
      optimizer: Its optimizer.

    Returns:
      What was taken of another model, as it is printed; or None.
    """
    from Models import warm_start

    source, patterns = training["warm_start"], training["warm_start_patterns"]
    if resume is not None:
        folder.take_state(RunFolder(resume))
    elif source is not None:
        said = warm_start.take(source, network, optimizer, patterns)
        print(f"warm    {said}")
        return said
    return None
