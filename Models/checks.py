"""What the knobs of a constructor may be, refused in the same words everywhere."""

import numbers

import Utils
from Schema import InputError


def whole(what, value, least=1, most=None):
    """Refuses anything but a whole number of at least `least`, and at most `most`.

    Raises:
      InputError: Naming `what` and the value.
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, numbers.Integral)
        or value < least
    ):
        raise InputError(
            f"{what} must be a whole number of at least {least}, not {value!r}"
        )
    if most is not None and value > most:
        raise InputError(f"{what} must be at most {most}, not {value!r}")
    return int(value)


def checked(given, sizes=(), truths=(), choices=(), most=()):
    """Of a constructor's arguments those that are plain knobs, refused if impossible.

    Args:
      given: {argument: value}, of all arguments.
      sizes: Names of whole numbers, at least 1.
      truths: Names of truth values.
      choices: {name: the strings that it may be}.
      most: {name: the greatest value of a size}.

    Returns:
      {name: value} of the three kinds.

    Raises:
      InputError: Naming the argument and its value.
    """
    greatest = dict(most)
    found = {key: whole(key, given[key], most=greatest.get(key)) for key in sizes}
    found |= {key: truth(key, given[key]) for key in truths}
    return found | {k: one_of(k, given[k], may) for k, may in dict(choices).items()}


def positive(what, value, most=float("inf")):
    """Refuses anything but a finite number above 0, and at most `most`.

    Raises:
      InputError: Naming `what` and the value.
    """
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not 0 < value < float("inf"):
        raise InputError(f"{what} must be a number above 0, not {value!r}")
    if value > most:
        raise InputError(f"{what} must be at most {most:g}, not {value!r}")
    return float(value)


def truth(what, value):
    """Refuses anything but True and False.

    Raises:
      InputError: Naming `what` and the value.
    """
    if not isinstance(value, bool):
        raise InputError(f"{what} must be True or False, not {value!r}")
    return value


def one_of(what, value, allowed):
    """Refuses anything but the strings in `allowed`.

    Raises:
      InputError: Naming `what`, the value and what it may be.
    """
    if value not in tuple(allowed):  # a list, which no set could look up, is refused
        near = Utils.nearest(value, allowed)
        hint = f" (did you mean {near!r}?)" if near else ""
        raise InputError(f"{what} must be {' or '.join(allowed)}, not {value!r}{hint}")
    return value
