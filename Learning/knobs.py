"""The training section's values that nothing below would refuse."""

from Learning import guards, optimizers, schedules
from Schema import InputError

COUNTS = ("batch_size", "accumulate", "decay_steps", "plateau_epochs")
COUNTS += ("validation_steps", "log_audio_epochs")
POSITIVE = ("learning_rate", "learning_rate_decay", "gain_min", "save_minutes")
POSITIVE += ("second_stage",)
MAY_BE_NONE = ("validation_steps", "log_audio_epochs", "save_minutes", "second_stage")
LENGTHS = ("steps_per_epoch", "max_epochs", "patience", "gradient_clip")


def check(training):
    """Refuses a training section that would train nothing, or the wrong way.

    Args:
      training: The section of Config.py, a dict.

    Returns:
      (least, greatest) gain of a source.

    Raises:
      InputError: Naming the knob and its value.
    """
    for knob in COUNTS:
        if training[knob] is not None and training[knob] < 1:
            raise _small(knob, training, "at least 1")
    for knob in POSITIVE:
        if training[knob] is not None and not training[knob] > 0:
            raise _small(knob, training, "positive")
    guards.check_lengths(*(training[knob] for knob in LENGTHS))
    if training["warmup_steps"] < 0:
        raise InputError(
            f"training.warmup_steps={training['warmup_steps']} must be 0 or more"
        )
    if training["ema"] is not None and not 0 < training["ema"] < 1:
        raise InputError(
            f"training.ema={training['ema']} must lie between 0 and 1, as 0.999, or be "
            "None"
        )
    optimizers.check(training["optimizer"])
    _check_schedule(training)
    if not 0 <= training["visual_dropout"] < 1:
        raise InputError(
            f"training.visual_dropout={training['visual_dropout']} must lie between 0 "
            "and 1, and below 1"
        )
    if training["gain_min"] > training["gain_max"]:
        raise InputError(
            f"training.gain_min={training['gain_min']} must not exceed "
            f"training.gain_max={training['gain_max']}"
        )
    return training["gain_min"], training["gain_max"]


def _small(knob, training, wanted):
    hint = ", or None" if knob in MAY_BE_NONE else ""
    return InputError(f"training.{knob}={training[knob]} must be {wanted}{hint}")


def _check_schedule(training):
    schedules.check(training["schedule"])
    decay = training["learning_rate_decay"]
    if decay > 1:
        raise InputError(
            f"training.learning_rate_decay={decay} makes the learning rate grow: "
            "choose at most 1, as 0.96"
        )
    if training["schedule"] == "plateau" and not decay < 1:
        raise InputError(
            "training.schedule=plateau multiplies the learning rate by training."
            f"learning_rate_decay={decay}: choose one below 1, as 0.5"
        )


def check_validation(training, has_validation):
    """Refuses what watches the validation loss where there is none.

    Args:
      training: The section of Config.py, a dict.
      has_validation: Whether the records have a validation split.

    Raises:
      InputError: Naming the knob.
    """
    if has_validation:
        return
    for knob, watches in (
        ("schedule", training["schedule"] == "plateau"),
        ("second_stage", training["second_stage"] is not None),
    ):
        if watches:
            raise InputError(
                f"training.{knob}={training[knob]} watches the validation loss, and "
                "these records have no validation split: choose data.splits that "
                "have one, or leave it out"
            )


def rate(training):
    """The arguments of `schedules.Rate` that a training section asks for."""
    same = ("schedule", "decay_steps", "warmup_steps", "plateau_epochs")
    return {
        **{knob: training[knob] for knob in same},
        "rate": training["learning_rate"],
        "decay": training["learning_rate_decay"],
        "n_steps": training["max_epochs"] * training["steps_per_epoch"],
        "second": training["second_stage"],
    }


def check_cosine(training, step, who):
    """Refuses a cosine that is over where an optimizer goes on.

    Args:
      training: The section of Config.py, a dict.
      step: Steps that the optimizer has taken.
      who: Whose optimizer it is, in the user's words.

    Raises:
      InputError: Naming the step, as the learning rate would be 0.
    """
    if training["schedule"] != "cosine":
        return
    n_steps = rate(training)["n_steps"]
    if step >= n_steps:
        raise InputError(
            f"training.schedule=cosine ends at step {n_steps}, and {who} goes on at "
            f"step {step}: choose another schedule, or a greater training.max_epochs"
        )


def check_dropout(dropout, batch_keys):
    """Refuses to withhold conditions from a model that cannot do without them.

    Args:
      dropout: Share of the examples from which a condition is withheld.
      batch_keys: What the model reads.

    Raises:
      InputError: If it is no share, or the model has no stand-ins for conditions.
    """
    if not 0 <= dropout <= 1:
        raise InputError(
            f"training.condition_dropout={dropout} must lie between 0 and 1"
        )
    if dropout and not any(key.startswith("has_") for key in batch_keys):
        raise InputError(
            f"training.condition_dropout={dropout} withholds conditions, but this "
            "model needs or has none: set model.null_conditions=True and "
            "model.fusers, or training.condition_dropout=0"
        )
