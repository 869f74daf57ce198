"""Training begins with the weights of another model, not with random ones.

    python -m Models.checkpoints import --config CONFIG.json PREFIX folder
    python Training.py with urmp training.warm_start=folder
    python Training.py with urmp video_film training.warm_start=runs/1 \
        "training.warm_start_patterns=['frames/*','encoder/*']"

The other model may have other sources, another rate, or a longer window, as long as its
weights have the shapes of this one's.  It may lack the fusers of this one, if they
keep the width of their maps; they then begin as they are, as the identity.  Patterns
take some weights alone, by their names, of a model of any kind (`transfer`): so a
separator begins with what `correspondence` learnt to see and to hear.  An imported
TensorFlow 1 checkpoint also holds what Adam had learnt about each weight; Adam then
goes on at its step.
"""

import keras

from Models import checkpoints, transfer
from Schema import InputError


def check(folder, model, adam=False, patterns=()):
    """Refuses a folder whose weights a model cannot begin with.

    Args:
      folder: A run or a checkpoint folder.
      model: Separator.
      adam: Whether an Adam will train it, which takes the slots that may lie there.
      patterns: Of the names of weights that are taken; none: all are.

    Returns:
      The Separator of the folder.

    Raises:
      InputError: If there is no checkpoint, or a weight has another shape; it names
        the first.  With `adam` also if there are slots that are damaged or do not fit.
        With patterns as of `transfer.matching`.
    """
    if folder is None:
        raise InputError(
            f"training.warm_start_patterns={list(patterns)} say which weights of "
            "training.warm_start are taken: name that folder, or leave them out"
        )
    source = checkpoints.load(folder)
    if patterns:
        transfer.matching(folder, source, model, patterns)
        return source
    _check_kind(folder, source, model)
    _check_fusers(folder, source, model)
    counterparts = _counterparts(source, model)
    for there, here in zip(source.weights, counterparts):
        if tuple(there.shape) != tuple(here.shape):
            raise InputError(
                f"training.warm_start={folder}: {here.path} has shape "
                f"{_shape(there)} there and {_shape(here)} here; begin with a model "
                "of the same sizes, or change model.* to them"
            )
    if len(counterparts) != len(source.weights):
        raise InputError(
            f"training.warm_start={folder} holds {len(source.weights)} weights and "
            f"biases, this model has {len(model.weights)}; begin with a model of the "
            "same sizes, or change model.* to them"
        )
    if adam and len(counterparts) == len(model.weights):
        checkpoints.check_optimizer(folder, model)
    return source


def take(folder, model, optimizer, patterns=()):
    """Gives a model the weights of a folder, and Adam its slots if they are there.

    Args:
      folder: A run or a checkpoint folder.
      model: Separator.
      optimizer: Keras optimizer of its training, made in the same strategy.
      patterns: As of `check`; the optimizer then begins at step 0.

    Returns:
      What was taken, a sentence; with patterns lines: what was, what not and why.

    Raises:
      InputError: As `check`; or the slots do not fit.
    """
    source = check(folder, model, patterns=patterns)
    if patterns:
        found = transfer.matching(folder, source, model, patterns)
        for there, here in found.taken.values():
            here.assign(there)
        return found.text(folder, patterns)
    counterparts = _counterparts(source, model)
    for there, here in zip(source.weights, counterparts):
        here.assign(there)
    told = f"{source.count_params():,} weights of {folder}"
    is_whole = len(counterparts) == len(model.weights)
    if not is_whole:
        told += f"; {model.count_params() - source.count_params():,} more are new"
    if source.source_names != model.source_names:
        told += f", trained for {' '.join(source.source_names)}"
    found = checkpoints.find(folder)
    is_adam = isinstance(optimizer, keras.optimizers.Adam)
    if is_adam and is_whole and checkpoints.restore_optimizer(found, model, optimizer):
        return f"{told}; Adam goes on at its step {int(optimizer.iterations.numpy())}"
    return f"{told}; {'Adam' if is_adam else type(optimizer).__name__} begins at step 0"


def _check_kind(folder, source, model):
    """Refuses all weights of what does not separate for what does, and back."""
    if source.separates != model.separates:
        raise InputError(
            f"training.warm_start={folder} is a {type(source).__name__}, this model a "
            f"{type(model).__name__}; say which weights to take, as "
            "\"training.warm_start_patterns=['frames/*','encoder/*']\""
        )


def _check_fusers(folder, source, model):
    """Refuses weights of other fusers, or of fusers that read something else."""
    there, here = _heard(source), _heard(model)
    if there and there != here:
        raise InputError(
            f"training.warm_start={folder} has other conditions ({there}) than this "
            f"model ({here or 'none'}); begin with a model of the same fusers and "
            "sources, or of none"
        )
    widening = [f.name for f in _fusers(model) if f.channels_out(1, 2) > 1]
    if not there and widening:
        raise InputError(
            f"training.warm_start={folder} has no fusers, and {widening[0]} widens the "
            "map that it acts on: the weights behind it would not fit; begin with a "
            "model that has it, or choose fusers that keep the width, such as film"
        )


def _fusers(model):
    return model.conditioning.fusers if hasattr(model, "conditioning") else []


def _heard(model):
    """What the fusers of a model are and read, as text; empty without fusers."""
    names = [fuser.name for fuser in _fusers(model)]
    if not names:
        return ""
    null = ", null" if model.null_conditions else ""
    return f"{' '.join(names)}{null}, {model.slots} of {' '.join(model.source_names)}"


def _counterparts(source, model):
    """The weights that source's are for, in order; without fusers if it has none."""
    if _fusing(source):
        return model.weights
    new = {id(weight) for weight in _fusing(model)}
    return [weight for weight in model.weights if id(weight) not in new]


def _fusing(model):
    """The weights of fusers and conditioners."""
    return model.conditioning.weights if hasattr(model, "conditioning") else []


def _shape(variable):
    return list(variable.shape)
