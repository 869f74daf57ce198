"""What cannot be trained is refused before a folder of a run exists."""

from Fitting import feeding, opening


def refuse(config):
    """Raises InputError for a configuration that cannot be trained."""
    from Datasets import gathering, pipeline
    from Learning import knobs
    from Models import losses
    from Models.devices import choose_strategy

    training, mixing = config["training"], config["mixing"]
    knobs.check(training)
    choose_strategy(training["batch_size"], config["devices"])
    sections = [config[name] for name in ("data", "visual", "model")]
    network, records, found = opening.opened(*sections, training, mixing)
    opening.check_splits(records)
    knobs.check_validation(training, "validation" in found)
    knobs.check_dropout(training["condition_dropout"], network.batch_keys)
    opening.check_compared(network, training, found)
    pipeline.check_training(found["train"], training["condition_dropout"])
    for windows in found.values():
        gathering.Gathering(windows)
    told = feeding.judged(training)
    losses.Loss(told.pop("loss"), network, **told, section="training.")
    _refuse_start(config["resume"], network, training)


def _refuse_start(resume, network, training):
    """Refuses what a training cannot start from, or not with this schedule."""
    from Learning import knobs, start
    from Models import warm_start

    start.check(resume, training)
    if resume is not None:
        start.check_state(resume, network, training)
        return
    source, patterns = training["warm_start"], training["warm_start_patterns"]
    if source is None and not patterns:
        return
    is_adam = training["optimizer"] == "adam"
    found = warm_start.check(source, network, is_adam, patterns)
    if is_adam and not patterns and len(found.weights) == len(network.weights):
        told = f"the Adam of training.warm_start={source}"
        knobs.check_cosine(training, _taken(source, network), told)


def _taken(folder, network):
    """Steps of the Adam whose slots lie beside the weights in a folder; 0 of none."""
    from Models import checkpoints, slots

    folder = checkpoints.find(folder)
    path = folder / checkpoints.OPTIMIZER
    if not path.exists():
        return 0
    digest = checkpoints.describe(folder)["weights_sha256"]
    return int(slots.read(path, network, digest)[0])
