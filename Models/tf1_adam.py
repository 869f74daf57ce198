"""Finds the Adam that a TensorFlow 1 checkpoint was saved with.

TensorFlow 1 stores its slots as `<scope>/<variable>/Adam` (mean of the gradients) and
`/Adam_1` (of their squares); the scope is `separator_solver/` in f90's code and empty
in the 2018 VIMSS.  It stores no count of steps but two products: after t steps
`beta1_power` is 0.9^(t + 1) and `beta2_power` 0.999^(t + 1), float32, multiplied up one
step at a time.

Kingma, Ba, "Adam", ICLR 2015, https://arxiv.org/abs/1412.6980.
"""

import re
from typing import NamedTuple

import numpy as np

from Models.tf1_names import SCOPE

BETAS = {"beta1_power": 0.9, "beta2_power": 0.999}  # both ancestors left the default
PARTS = {"Adam": "momentum", "Adam_1": "velocity"}
USUAL = ("separator_solver/", "")
# TensorFlow takes lesser numbers for zero.
LEAST = float(np.finfo(np.float32).tiny)
BELONGS = re.compile(r"/Adam(_1)?$|(^|/)beta[12]_power(_\d+)?$")


class Adam(NamedTuple):
    """The state of an Adam after some steps.

    Attributes:
      iterations: Steps taken.
      slots: {TensorFlow 1's name of a variable: {"momentum", "velocity": array}}.
      taken: Names of all that this was read from.
    """

    iterations: int
    slots: dict
    taken: list


def find(reader, shapes, trainable, step):
    """Reads the Adam of a checkpoint.

    Args:
      reader: Of the checkpoint; `get_tensor(name)`.
      shapes: {name: shape} of all that the checkpoint holds.
      trainable: {name: variable} of what was trained.
      step: The checkpoint's count of steps, or None.

    Returns:
      (Adam, "") or (None, why there is none to take).
    """
    scope, why = _scope(shapes, trainable)
    if scope is None:
        return None, why
    powers = {name: _power_name(shapes, scope, name) for name in BETAS}
    known = {k: float(reader.get_tensor(n)) for k, n in powers.items() if n is not None}
    iterations = _iterations(known, step)
    if iterations is None:
        return None, (
            f"its powers {' and '.join(map(str, known.values())) or '(none)'} tell no "
            "number of steps of an Adam with betas 0.9 and 0.999"
        )
    names = {
        variable: {slot: f"{scope}{variable}/{part}" for part, slot in PARTS.items()}
        for variable in trainable
    }
    slots = {
        variable: {slot: reader.get_tensor(name) for slot, name in both.items()}
        for variable, both in names.items()
    }
    taken = [name for both in names.values() for name in both.values()]
    return Adam(iterations, slots, [*taken, *filter(None, powers.values())]), ""


def _scope(shapes, trainable):
    """(the scope whose slots are complete, "") or (None, what is missing)."""
    slots = [n.rpartition("/")[0] for n in shapes if n.rpartition("/")[2] in PARTS]
    scopes = sorted({slot[: slot.rfind(SCOPE)] for slot in slots if SCOPE in slot})
    if not scopes:
        return None, "the checkpoint holds none"
    ranked = sorted(scopes, key=lambda s: (USUAL.index(s) if s in USUAL else 9, len(s)))
    problems = [_problem(shapes, trainable, scope) for scope in ranked]
    for scope, problem in zip(ranked, problems):
        if problem is None:
            return scope, ""
    return None, problems[0]


def _problem(shapes, trainable, scope):
    for variable, weight in trainable.items():
        for part in PARTS:
            name = f"{scope}{variable}/{part}"
            if name not in shapes:
                return f"the checkpoint has no {name}"
            if list(shapes[name]) != list(weight.shape):
                return f"{name} has shape {shapes[name]}"
    return None


def _power_name(shapes, scope, power):
    """The name of a product of betas: in the scope of the slots, or the only one."""
    if scope + power in shapes:
        return scope + power
    found = [n for n in shapes if re.search(rf"(^|/){power}(_\d+)?$", n)]
    return found[0] if len(found) == 1 else None


def _iterations(powers, step):
    """Steps that both products agree on; the checkpoint's own count if both are lost.

    The first product reaches zero after 830 steps, the second after 87,000.
    """
    counts = {
        steps_of(value, BETAS[name]) for name, value in powers.items() if value >= LEAST
    }
    if not counts:
        return step
    return counts.pop() if len(counts) == 1 else None


def steps_of(power, beta):
    """Steps after which TensorFlow 1 has that float32 product of betas.

    The product is made as TensorFlow makes it, rounding by rounding, until it is met.
    Logarithms alone would be dozens of steps off after 80,000.
    """
    most = int(np.log(LEAST) / np.log(beta)) + 2
    products = np.multiply.accumulate(np.full(most, beta, np.float32))
    return int(np.argmin(np.abs(products.astype(float) / power - 1)))
