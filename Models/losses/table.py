"""The losses by name, and what a user types of them."""

import math
import re

import Utils
from Models.losses import distances, matching, ratios, spectral
from Schema import InputError

LOSSES = {  # name: as `Models.losses` says
    # f90's Wave-U-Net: there a mean for each source, then over the sources, which is
    # the same number, since all sources have one shape.
    "mean_square": distances.squares,
    "sum_square": distances.squares,  # the 2018 VIMSS; of a window, it grows with it
    "mean_absolute": distances.absolutes,
    # f90's U7a: Jansson et al., "Singing Voice Separation with Deep U-Net
    # Convolutional Networks", ISMIR 2017; averaged over everything as by f90.
    "magnitude_absolute": distances.absolutes,
    "si_sdr": ratios.negative_si_sdr,  # dB, the less the better
    "snr": ratios.negative_snr,  # the same, for estimates whose level counts too
    "multi_resolution_stft": spectral.multi_resolution_stft,
}
MAGNITUDES = {"magnitude_absolute"}  # losses of models that have `magnitudes`
NAMES = [*LOSSES, *matching.LOSSES]
WINDOWS = {"sum_square"}  # sums over a window, whose mean is one over windows

TOKEN = r"\s*(?:(?P<n>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?!\w)|(?P<w>\w+)|(?P<s>\S))"


def terms(text, knob="loss"):
    """The terms of a loss that was typed.

    Args:
      text: A key of `LOSSES`, or a sum as "si_sdr + 10 * mean_absolute".
      knob: Where it was typed.

    Returns:
      A list of (positive factor, one of `NAMES`).

    Raises:
      InputError: If it is no such sum, or there is no such loss; then it names the
        nearest.
    """
    if not isinstance(text, str):
        raise _unknown(text, f"{knob}={text!r}")
    found = [(m.lastgroup, m[m.lastgroup]) for m in re.finditer(TOKEN, text)]
    kinds = "".join(value if kind == "s" else kind for kind, value in found)
    if not re.fullmatch(r"(n\*)?w(\+(n\*)?w)*", kinds):
        raise InputError(
            f"{knob}={text!r} cannot be read; type a loss, or a sum of such as "
            "'si_sdr + 10 * mean_absolute'"
        )
    return _factored(found, f"{knob}={text!r}")


def _factored(tokens, typed):
    found, factor = [], 1.0
    for kind, value in tokens:
        if kind == "n":
            factor = float(value)
            if not 0 < factor < math.inf:
                raise InputError(
                    f"{typed}: the factor {value} must be positive and finite"
                )
        elif kind == "w":
            if value not in NAMES:
                raise _unknown(value, typed)
            found.append((factor, value))
            factor = 1.0
    return found


def _unknown(name, typed):
    known = ", ".join(NAMES)
    return InputError(
        f"{typed}: no loss {name!r}; {Utils.hint(name, NAMES)}the losses are {known}"
    )
