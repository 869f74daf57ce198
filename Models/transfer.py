"""Which weights of one model another takes, by their names.

    frames/*     what looks at pictures of players
    encoder/*    what makes features of players of use, over time
    down_*       the way down of a Wave-U-Net

A name is the path of a weight inside its model, `down_0/kernel`; those of the two parts
that see stand behind `frames/` and `encoder/` in every model.  Patterns are those of
file names (`fnmatch`).
"""

import fnmatch
import textwrap
from typing import NamedTuple

import Utils
from Models import slots
from Schema import InputError

PARTS = ("frames", "encoder")  # attributes of a model, or of its `conditioning`
WIDTH, INDENT = 88, " " * 8


class Transfer(NamedTuple):
    """What one model takes of another.

    Attributes:
      taken: {name: (weight there, weight here)}.
      left: {name: why it is not taken}, of those that patterns name.
      new: Names here that the patterns name, and that are not there.
    """

    taken: dict
    left: dict
    new: list

    def text(self, folder, patterns):
        """Lines that say it."""
        here = [weight for _, weight in self.taken.values()]
        numbers = sum(weight.value.shape.num_elements() for weight in here)
        lines = [
            f"{len(self.taken)} weights ({numbers:,} numbers) of {folder}, by "
            f"{' '.join(patterns)}",
            *_listed("taken   ", self.taken),
        ]
        for name, why in self.left.items():
            lines.append(f"{INDENT}left    {name}: {why}")
        return "\n".join([*lines, *_listed("new     ", self.new)])


def named(model):
    """{name: weight} of a model, as above."""
    home, part_of = getattr(model, "conditioning", model), {}
    for part in PARTS:
        layer = getattr(home, part, None)
        part_of |= {id(weight): part for weight in (layer.weights if layer else ())}
    found = {}
    for weight in model.weights:
        name, part = slots.path_of(model, weight), part_of.get(id(weight))
        if part is not None and not name.startswith(f"{part}/"):
            name = f"{part}/{name}"
        found[name] = weight
    return found


def matching(folder, source, model, patterns):
    """The `Transfer` that patterns ask for.

    Args:
      folder: Of the source, for errors.
      source: Model whose weights are taken.
      model: Model that takes them.
      patterns: List of patterns, at least one.

    Raises:
      InputError: If a pattern names no weight of the source, or none of those that they
        name fits.
    """
    there, here = named(source), named(model)
    for pattern in patterns:
        if not _match(there, [pattern]):
            raise _unknown(folder, pattern, there)
    taken, left = {}, {}
    for name in _match(there, patterns):
        shapes = [list(x[name].shape) for x in (there, here) if name in x]
        if name not in here:
            left[name] = "this model has none"
        elif shapes[0] != shapes[1]:
            left[name] = f"{shapes[0]} there, {shapes[1]} here"
        else:
            taken[name] = there[name], here[name]
    if not taken:
        name, why = next(iter(left.items()))
        raise InputError(
            f"training.warm_start_patterns={list(patterns)}: nothing that they name in "
            f"{folder} fits this model ({name}: {why}); choose other patterns, or "
            "model.* of the same sizes"
        )
    new = [name for name in _match(here, patterns) if name not in there]
    return Transfer(taken, left, new)


def _match(names, patterns):
    return [n for n in names if any(fnmatch.fnmatchcase(n, p) for p in patterns)]


def _unknown(folder, pattern, names):
    groups = list(dict.fromkeys(f"{name.split('/')[0]}/*" for name in names))
    hint = Utils.hint(pattern, [*groups, *names])
    return InputError(
        f"training.warm_start_patterns has {pattern!r}, and no weight of {folder} is "
        f"called so; {hint}there are {', '.join(groups)}"
    )


def _listed(word, names):
    """Lines that list names, those of one layer once."""
    layers = list(dict.fromkeys(name.rpartition("/")[0] or name for name in names))
    if not layers:
        return []
    hanging = INDENT + " " * len(word)
    told = INDENT + word + " ".join(layers)
    return textwrap.wrap(told, WIDTH, subsequent_indent=hanging, break_long_words=False)
