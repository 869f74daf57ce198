"""All that a training needs to go on to the bit, in one file.

The file is a NumPy archive (.npz): the arrays of each group of variables under
"<group>/<number>", and "progress", a JSON text, which counts them; each of these has
its CRC-32.  One file takes the place of the last one at once, so a crash leaves the old
state or the new one, never a mixture; the last one stays beside it, should the new one
be found damaged.
"""

import collections
import json
import os
import pathlib
import struct
import zipfile
import zlib

import numpy as np

import Utils
from Schema import InputError

# What NumPy and zipfile raise of files with wrong bits, as tests/test_state.py has met.
BROKEN = (
    *(zipfile.BadZipFile, zlib.error, struct.error, KeyError, ValueError, TypeError),
    *(EOFError, OSError, RuntimeError, MemoryError, SyntaxError, OverflowError),
)

Archive = collections.namedtuple("Archive", "progress groups")  # dict, {name: [array]}


class DamagedError(InputError):
    """A file that is no state, or no longer."""


def before(path):
    """The file of the state before, beside that of the newest."""
    path = pathlib.Path(path)
    return path.with_name(f"{path.stem}.before{path.suffix}")


def exists(path):
    """Whether there is a state, or at least the one before it."""
    return pathlib.Path(path).exists() or before(path).exists()


def save(path, groups, progress):
    """Writes variables and counters; the state that was there becomes the one before.

    Args:
      path: File to write.
      groups: {name: [variable]}; anything that np.asarray reads.
      progress: Of JSON's types.
    """
    arrays = {
        f"{group}/{number}": np.asarray(variable)
        for group, variables in groups.items()
        for number, variable in enumerate(variables)
    }
    counts = {group: len(variables) for group, variables in groups.items()}
    text = json.dumps({"progress": progress, "counts": counts})
    with Utils.write_aside(path) as aside:
        with open(aside, "wb") as file:
            np.savez(file, progress=np.array(text), **arrays)
            file.flush()
            os.fsync(file.fileno())  # the name must not come to the disk before
        if pathlib.Path(path).exists():
            _keep(path, aside.with_name("before"))


def _keep(path, scratch):
    """Gives the newest state its second name, so that there is never none."""
    try:
        os.link(path, scratch)
        os.replace(scratch, before(path))
    except OSError:  # a file system without links: for a moment it has but one name
        os.replace(path, before(path))


def read(path):
    """The `Archive` of a file.

    Raises:
      DamagedError: If a bit of an array, or what holds them together, is wrong.
      InputError: If the file is absent.
    """
    path = pathlib.Path(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        told = json.loads(str(arrays["progress"]))
        groups = {
            group: [arrays[f"{group}/{number}"] for number in range(count)]
            for group, count in told["counts"].items()
        }
    except FileNotFoundError:
        raise InputError(
            f"{path} does not exist; there is no state to resume"
        ) from None
    except BROKEN as error:
        raise DamagedError(f"{path} is not a state of training: {error}") from None
    return Archive(told["progress"], groups)


def restore(path, groups):
    """Reads a state back into variables; assigns none unless all fit.

    Args:
      path: File written by `save`.
      groups: {name: [variable]}, as they were saved; the file may hold more groups.

    Returns:
      Its `Archive`.

    Raises:
      InputError: If the file is absent, damaged, or of another model.
    """
    archive, pairs = _fitting(path, groups)
    _assign(pairs)
    return archive


def _assign(pairs):
    for variable, value in pairs:
        variable.assign(value)


def _fitting(path, groups):
    """(`Archive`, [(variable, its value there)]); errors as `restore`."""
    archive, pairs = read(path), []
    for group, variables in groups.items():
        found = archive.groups.get(group, [])
        if len(found) != len(variables):
            raise InputError(
                f"{path} has {len(found)} {group} variables, this run has "
                f"{len(variables)}; resume with the model that was trained, its "
                "training.optimizer and training.ema, by the VIMSS that wrote it"
            )
        for value, variable in zip(found, variables):
            if tuple(value.shape) != tuple(variable.shape):
                raise InputError(
                    f"{path}: {getattr(variable, 'path', variable.name)} is "
                    f"{tuple(value.shape)} there and {tuple(variable.shape)} here; "
                    "resume with the model that was trained"
                )
            pairs.append((variable, value))
    return archive, pairs


def restore_newest(path, groups):
    """`restore`, or of the state before where the newest is damaged or gone.

    It says so, and the one before takes the newest's place.

    Raises:
      InputError: As `restore`; of both, if neither can be read.
    """
    archive, pairs, wrong = _newest(path, groups)
    _assign(pairs)
    if wrong:
        os.replace(before(path), path)
        print(f"state   {wrong}; the one before takes its place", flush=True)
    return archive


def check(path, groups):
    """The `Archive` of `restore_newest`, or its errors; changes nothing."""
    return _newest(path, groups)[0]


def _newest(path, groups):
    """As `_fitting`, and what is wrong with the newest if it is of the one before."""
    path = pathlib.Path(path)
    try:
        if path.exists() or not before(path).exists():
            return *_fitting(path, groups), None
        wrong = f"{path} does not exist"
    except DamagedError as error:
        if not before(path).exists():
            raise
        wrong = str(error)
    try:
        return *_fitting(before(path), groups), wrong
    except DamagedError as error:
        raise DamagedError(f"{wrong}; {error}") from None
