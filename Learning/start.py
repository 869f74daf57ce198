"""What a run starts from: nothing, a state to resume, or another model's weights."""

import pathlib

import Utils
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
