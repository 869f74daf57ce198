"""Which fuser acts where in a network: names like "outer_product@bottleneck"."""

from Models.base import one_of
from Schema import InputError

FUSERS = ("outer_product@bottleneck",)


def fusers_of(values):
    """The fusers that a configuration lists.

    Args:
      values: List or tuple of names in `FUSERS`, all different.

    Returns:
      A list of them.

    Raises:
      InputError: If one is unknown or listed twice; it names the value.
    """
    values = list(values) if isinstance(values, list | tuple) else [values]
    for value in values:
        one_of("fusers", value, FUSERS)
    if len(set(values)) < len(values):
        raise InputError(f"fusers must all be different, not {values}")
    return values
