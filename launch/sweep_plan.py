"""What a sweep consists of: configurations x values x seeds; nothing is run here."""

import dataclasses
import hashlib
import itertools
import pathlib
import re

import Utils
from Schema import InputError

OWN = {  # words of Training.py that a sweep sets itself
    "seed": "name the seeds with --seeds",
    "resume": "a sweep resumes by itself: type the same line again",
}
LONGEST = 120  # characters of a folder's name


@dataclasses.dataclass(frozen=True)
class Combination:
    """A row of the table.

    Attributes:
      config: Named configurations joined by "+", or "" for the defaults.
      changes: ((KEY, VALUE), ...) of what is varied, as texts.
    """

    config: str
    changes: tuple = ()

    @property
    def name(self):
        """For people."""
        return " ".join([self.config or "default", *self.updates])

    @property
    def updates(self):
        """KEY=VALUE of what is varied."""
        return [f"{key}={value}" for key, value in self.changes]

    @property
    def folder(self):
        """Its name as a folder, which needs no quotes."""
        parts = [self.config or "default", *(f"{k}-{v}" for k, v in self.changes)]
        text = "--".join(parts)
        clean = re.sub(r"[^A-Za-z0-9.+_-]+", "_", text).strip("._")[:LONGEST]
        if clean == text:
            return text
        return f"{clean}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


@dataclasses.dataclass(frozen=True)
class Job:
    """A combination with one seed.

    Attributes:
      combination: `Combination`.
      seed: Of weights and examples.
      folder: Its runs are FOLDER/1, FOLDER/2, ..., each resumed from the one before.
      words: What follows Training.py at the first start.
    """

    combination: Combination
    seed: int
    folder: pathlib.Path
    words: tuple

    @property
    def name(self):
        """For people."""
        return f"{self.combination.name} seed={self.seed}"


def split(text):
    """Parts between commas, but for those inside of brackets and quotes."""
    parts, depth, quote = [""], 0, None
    for letter in text:
        if quote:
            quote = None if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        else:
            depth += (letter in "[({") - (letter in "])}")
        if letter == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def varied(texts):
    """KEY=VALUE,VALUE,... -> {KEY: [VALUE]}, in order.

    Raises:
      InputError: If one is something else, or names a thing twice.
    """
    found = {}
    for text in texts:
        key, equals, values = (part.strip() for part in text.partition("="))
        parts = split(values)
        if not key or not equals or "" in parts:
            raise InputError(
                f"--vary {text}: expected KEY=VALUE,VALUE,..., as "
                "training.learning_rate=1e-3,1e-4"
            )
        twice = [part for k, part in enumerate(parts) if part in parts[:k]]
        if twice or key in found:
            what = f"the value {twice[0]}" if twice else f"{key}"
            raise InputError(f"--vary {text}: {what} is there twice; name it once")
        if key in OWN:
            raise InputError(f"--vary {text}: {OWN[key]}")
        found[key] = parts
    return found


def seeds(texts):
    """["3"] -> [1, 2, 3]; ["7", "9"] and ["7-9"] -> those.

    Raises:
      InputError: If one is no number, or none is left.
    """
    if len(texts) == 1 and re.fullmatch(r"[1-9]\d*", texts[0]):
        return list(range(1, int(texts[0]) + 1))
    found = []
    for text in texts:
        first = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
        if first is None or int(first[2] or first[1]) < int(first[1]):
            raise InputError(
                f"--seeds {' '.join(texts)}: {text} is neither a seed nor a range of "
                "seeds; type how many (--seeds 3), or which (--seeds 7 8, --seeds 7-9)"
            )
        found += range(int(first[1]), int(first[2] or first[1]) + 1)
    return list(dict.fromkeys(found))


def check_name(name, known):
    """Refuses what is no named configuration and no JSON file of one.

    Args:
      name: As typed.
      known: Names that there are.

    Raises:
      InputError: With the nearest name.
    """
    if name in known or (name.endswith(".json") and pathlib.Path(name).is_file()):
        return
    near = Utils.nearest(name, known)
    told = f"did you mean {near}?" if near else f"there are {', '.join(known)}"
    raise InputError(f"{name}: there is no such named configuration; {told}")


def shared(words, vary):
    """What all runs are told -> (named configurations, [KEY=VALUE]).

    Args:
      words: After `--`; "with" may lead them.
      vary: Of `varied`.

    Raises:
      InputError: If they hold a flag, or a key that is not theirs to set.
    """
    words = list(words[1:] if words[:1] == ["with"] else words)
    for word in words:
        key = word.partition("=")[0].strip()
        if word.startswith("-"):
            raise InputError(
                f"{word}: after -- stand named configurations and KEY=VALUE for "
                "Training.py; flags of sweep.py stand before it"
            )
        if "=" in word and key in OWN:
            raise InputError(f"{word}: {OWN[key]}")
        if key in vary:
            raise InputError(f"{word}: --vary sets {key} too; leave one of them out")
    return [w for w in words if "=" not in w], [w for w in words if "=" in w]


def planned(folder, configs, vary, seeds, names=(), updates=()):
    """The jobs of a sweep, all seeds of a combination in a row.

    Args:
      folder: Of the sweep.
      configs: Named configurations, several of one run joined by "+"; none: the
        defaults.
      vary: Of `varied`.
      seeds: Numbers.
      names: Named configurations of all runs; those of `configs` win over them.
      updates: KEY=VALUE of all runs.

    Returns:
      List of `Job`.
    """
    found = []
    choices = [[(key, value) for value in vary[key]] for key in vary]
    for config in dict.fromkeys(configs or [""]):
        for changes in itertools.product(*choices):
            one = Combination(config, changes)
            own = config.split("+") if config else []
            told = ["with", *names, *own, *updates, *one.updates]
            for seed in seeds:
                home = pathlib.Path(folder) / one.folder / f"seed-{seed}"
                found.append(Job(one, seed, home, (*told, f"seed={seed}")))
    return found
