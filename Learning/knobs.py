"""The training section's values that nothing below would refuse."""

from Schema import InputError


def check(training):
    """Refuses a training section that would train nothing, or the wrong way.

    Args:
      training: The section of Config.py, a dict.

    Returns:
      (least, greatest) gain of a source.

    Raises:
      InputError: Naming the knob and its value.
    """
    for knob in ("batch_size", "decay_steps", "validation_steps"):
        if training[knob] is not None and training[knob] < 1:
            raise InputError(f"training.{knob}={training[knob]} must be at least 1")
    for knob in ("learning_rate", "learning_rate_decay", "gain_min"):
        if not training[knob] > 0:
            raise InputError(f"training.{knob}={training[knob]} must be positive")
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
