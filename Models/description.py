"""What lies in a checkpoint folder, and the description of its model.

The names of the files, what `model.json` says, and which faults of a folder show
before a model is built.
"""

import hashlib
import inspect
import json
import pathlib
import platform

import h5py
import keras
import numpy as np
import tensorflow as tf

import Models
import Utils
from Schema import InputError

FORMAT = 1  # of the folder; a greater one is refused
DESCRIPTION = "model.json"
WEIGHTS = "best.weights.h5"
OPTIMIZER = "optimizer.npz"
COPY = "vimss_model_json"  # of the description, a data set inside the weights
# Options that no shape of a weight depends on.
IDLE = ("name", "trainable", "dtype", "form", "legacy_label_order", "legacy_fft")


def of(model, extra):
    """The description of a model, a dict that JSON can hold.

    Raises:
      InputError: If the class of the model is not in `Models.MODELS`.
    """
    home = f"{type(model).__module__}:{type(model).__qualname__}"
    names = [name for name, place in Models.MODELS.items() if place == home]
    if not names:
        raise InputError(f"{home} is not in Models.MODELS; add it to save its weights")
    return {
        "format": FORMAT,
        "model": names[0],
        "config": model.get_config(),
        "sample_rate": model.sample_rate,
        "source_names": model.source_names,
        "channels": model.channels,
        "weights_sha256": digest(model),
        "versions": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
        },
        "extra": dict(extra or {}),
    }


def digest(model):
    """SHA-256 of all weights in their order, with their shapes."""
    found = hashlib.sha256()
    for variable in model.weights:
        values = np.ascontiguousarray(variable.numpy())
        found.update(f"{values.dtype.name}{values.shape}".encode())
        found.update(values.tobytes())
    return found.hexdigest()


def find(folder):
    """The checkpoint folder, given itself or the run that holds it.

    Raises:
      InputError: If there is no checkpoint; it names the folder.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {problem}; name a run or a checkpoint folder")
    if not (folder / DESCRIPTION).exists() and (folder / "checkpoint").is_dir():
        folder = folder / "checkpoint"
    if not (folder / DESCRIPTION).exists():
        raise InputError(
            f"{folder} holds no {DESCRIPTION}; name a run or a checkpoint folder"
        )
    if not (folder / WEIGHTS).exists():
        raise InputError(
            f"{folder} holds no weights ({WEIGHTS}); copy them there or train again"
        )
    return folder


def describe(folder):
    """What `checkpoints.save` wrote of a model, without building it.

    Args:
      folder: A run or a checkpoint folder.

    Returns:
      A dict: format, model, config, sample_rate, source_names, channels,
      weights_sha256, versions, extra.

    Raises:
      InputError: If there is no checkpoint or it cannot be read.
    """
    folder = find(folder)
    description = Utils.read_json(folder / DESCRIPTION)
    try:
        with h5py.File(folder / WEIGHTS) as file:
            copy = json.loads(file[COPY][()]) if COPY in file else description
    except (OSError, RuntimeError, ValueError) as error:
        raise damaged(folder / WEIGHTS, error) from None
    if not isinstance(description, dict) or "weights_sha256" not in description:
        raise InputError(f"{folder / DESCRIPTION} does not describe a model")
    if description["weights_sha256"] != copy.get("weights_sha256"):
        # Either saving stopped between the two renames, or files were mixed.
        if _architecture(description) != _architecture(copy):
            raise InputError(
                f"{folder / WEIGHTS} does not fit the model that {DESCRIPTION} "
                "describes: it is of another one; restore the file that was there"
            )
        description = copy
    if description.get("format", FORMAT) > FORMAT:
        raise InputError(
            f"{folder / DESCRIPTION} has format {description['format']}, newer than "
            f"the {FORMAT} that this VIMSS reads; update VIMSS"
        )
    return description


def _architecture(description):
    """What decides whether weights fit; `IDLE` options do not.

    An option that did not exist yet when the description was written is at its default.
    """
    name, known = description.get("model"), {}
    if name in [*Models.MODELS]:  # else whoever builds the model refuses the name
        known = inspect.signature(Models.model_class(name)).parameters
    config = {k: p.default for k, p in known.items() if p.default is not p.empty}
    config = json.loads(Utils.dump_json(config))  # tuples become lists, as in the file
    config |= {**description.get("config", {}), "model": name}
    return {k: v for k, v in config.items() if k not in IDLE}


def damaged(path, error):
    """An InputError about a file that cannot be read."""
    return InputError(
        f"{path} is damaged ({first_line(error)}); copy it again or train again"
    )


def first_line(error):
    """The first line of an error's message, without a full stop."""
    return next(iter(str(error).splitlines()), "").strip().rstrip(".")
