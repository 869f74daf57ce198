"""What a run starts from: nothing, a state to resume, or another model's weights."""

import pathlib

import Utils
from Learning import progress
from Learning import state as states
from Learning.folder import RunFolder
from Schema import InputError


def check(resume, warm_start):
    """Refuses to start from a run's state and from other weights at once.

    A resumed run may itself have started from other weights: it goes on with that
    knob in its configuration, and the knob asks for nothing.

    Args:
      resume: Folder of the run to go on from, or None.
      warm_start: Folder of the first weights, or None.

    Raises:
      InputError: If both are given.
    """
    if resume is None or warm_start is None:
        return
    told = Utils.read_json(pathlib.Path(resume) / "config.json")
    if told.get("training", {}).get("warm_start") != warm_start:
        raise InputError(
            f"training.warm_start={warm_start} and resume={resume} exclude each "
            "other: a resumed run has weights already; leave out one of them"
        )


def check_state(resume, model, training):
    """Refuses a state that cannot be gone on from.

    Args:
      resume: Folder of the run to go on from.
      model: Keras model, built; its variables are those of the state.
      training: The section of Config.py, a dict.

    Raises:
      InputError: If there is none, it is damaged like the one before it, it is of
        another model, or its training has ended, or its second stage lacks a rate.
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
