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
    if training["gain_min"] > training["gain_max"]:
        raise InputError(
            f"training.gain_min={training['gain_min']} must not exceed "
            f"training.gain_max={training['gain_max']}"
        )
    return training["gain_min"], training["gain_max"]
