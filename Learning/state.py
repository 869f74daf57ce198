"""All that a training needs to go on to the bit, in one file.

The file is a NumPy archive (.npz): the arrays of each group of variables under
"<group>/<number>", and "progress", a JSON text.  One file takes the place of the
last one at once, so a crash leaves the old state or the new one, never a mixture.
"""

import json
import pathlib
import zipfile

import numpy as np

import Utils
from Schema import InputError


def save(path, groups, progress):
    """Writes variables and counters.

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
    with Utils.write_aside(path) as aside, open(aside, "wb") as file:
        np.savez(file, progress=np.array(json.dumps(progress)), **arrays)


def restore(path, groups):
    """Reads a state back into variables; assigns none unless all fit.

    Args:
      path: File written by `save`.
      groups: {name: [variable]}, as they were saved.

    Returns:
      The progress.

    Raises:
      InputError: If the file is absent, damaged, or of another model.
    """
    path = pathlib.Path(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        progress = json.loads(str(arrays.pop("progress")))
    except FileNotFoundError:
        raise InputError(
            f"{path} does not exist; there is no state to resume"
        ) from None
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, OSError) as error:
        raise InputError(f"{path} is not a state of training: {error}") from None
    pairs = []
    for group, variables in groups.items():
        found = [key for key in arrays if key.startswith(f"{group}/")]
        if len(found) != len(variables):
            raise InputError(
                f"{path} has {len(found)} {group} variables, this run has "
                f"{len(variables)}; resume with the model that was trained"
            )
        for number, variable in enumerate(variables):
            value = arrays[f"{group}/{number}"]
            if tuple(value.shape) != tuple(variable.shape):
                raise InputError(
                    f"{path}: {getattr(variable, 'path', variable.name)} is "
                    f"{tuple(value.shape)} there and {tuple(variable.shape)} here; "
                    "resume with the model that was trained"
                )
            pairs.append((variable, value))
    for variable, value in pairs:
        variable.assign(value)
    return progress
