"""What a run starts from: nothing, a state to resume, or another model's weights."""

import Utils
from Learning import knobs, progress
from Learning import state as states
from Learning.folder import RunFolder
from Schema import InputError


def check(resume, training):
    """Refuses a training section that a run cannot be gone on with.

    A resumed run may itself have started from other weights: it goes on with that
    knob in its configuration, and the knob asks for nothing.

    Args:
      resume: Folder of the run to go on from, or None.
      training: The section of Config.py, a dict.

    Raises:
      InputError: If other weights are to be started from, too, or the optimizer is
        another, or has averages of the weights and had none, or the other way round;
        it gives the run's own value.
    """
    if resume is None:
        return
    told = Utils.read_json(RunFolder(resume).path / "config.json").get("training", {})
    warm_start = training["warm_start"]
    if warm_start is not None and told.get("warm_start") != warm_start:
        raise InputError(
            f"training.warm_start={warm_start} and resume={resume} exclude each "
            "other: a resumed run has weights already; leave out one of them"
        )
    was = {"optimizer": told.get("optimizer", "adam"), "ema": told.get("ema")}
    if training["optimizer"] != was["optimizer"]:
        raise _another("optimizer", resume, training, was)
    if (training["ema"] is None) != (was["ema"] is None):
        raise _another("ema", resume, training, was)


def _another(knob, resume, training, was):
    return InputError(
        f"training.{knob}={training[knob]}, but {resume} was trained with training."
        f"{knob}={was[knob]}, and its state holds what that needs; leave it out, or "
        f"begin anew, with training.warm_start={resume}"
    )


def check_state(resume, model, training):
    """Refuses a state that cannot be gone on from.

    Args:
      resume: Folder of the run to go on from.
      model: Keras model, built; its variables are those of the state.
      training: The section of Config.py, a dict.

    Raises:
      InputError: If there is none, it is damaged like the one before it, it is of
        another model, or its training or its schedule has ended, or its second stage
        lacks a rate.
    """
    state = RunFolder(resume).state
    if not states.exists(state):
        raise InputError(f"{state} does not exist; nothing can be resumed")
    try:
        archive = states.check(state, {"model": model.variables})
    except states.DamagedError as error:
        raise InputError(
            f"{error}; begin anew, with training.warm_start={resume} if that has a "
            "best model"
        ) from None
    told = archive.progress
    progress.check_length(len(told["history"]), training["max_epochs"])
    if told["stage"] == 2 and training["second_stage"] is None:
        raise InputError(
            f"training.second_stage=None, but {state} is in its second stage: give its "
            "learning rate, as training.second_stage=1e-5"
        )
    if told["stage"] == 1:
        step = int(archive.groups["optimizer"][0])  # Keras' first variable counts them
        knobs.check_cosine(training, step, f"resume={resume}")
