"""What lies in a checkpoint folder, and the description of its model.

The names of the files, what `model.json` says, and which faults of a folder show
before a model is built.
"""

import contextlib
import hashlib
import inspect
import json
import pathlib
import platform
import tempfile

import h5py
import keras
import numpy as np
import tensorflow as tf

import Models
import Remote
import Utils
from Schema import InputError

FORMAT = 1  # of the folder; a greater one is refused
DESCRIPTION = "model.json"
WEIGHTS = "best.weights.h5"
OPTIMIZER = "optimizer.npz"
COPY = "vimss_model_json"  # of the description, a data set inside the weights
# Options that no shape of a weight depends on.
IDLE = ("name", "trainable", "dtype", "form", "legacy_label_order", "legacy_fft")

TYPES = {  # of what a description holds, and in words
    "model": (str, "the name of a model"),
    "config": (dict, "an object"),
    "source_names": (list, "a list of names"),
    "weights_sha256": (str, "text"),
    "extra": (dict, "an object"),
}


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
    folder = Remote.here(folder)
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
    _check(folder / DESCRIPTION, description)
    if description["weights_sha256"] != copy.get("weights_sha256"):
        # Either saving stopped between the two renames, or files were mixed.
        if _architecture(description) != _architecture(copy):
            raise InputError(
                f"{folder / WEIGHTS} does not fit the model that {DESCRIPTION} "
                "describes: it is of another one; restore the file that was there"
            )
        _check(folder / WEIGHTS, copy)
        description = copy
    return description


def check_out(out):
    """Refuses a folder that cannot be written, and leaves nothing behind.

    Raises:
      InputError: It names the folder.
    """
    absent = []
    try:
        absent += [
            p for p in (pathlib.Path(out), *pathlib.Path(out).parents) if not p.exists()
        ]
        pathlib.Path(out).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise InputError(
            f"{out} cannot be a folder to write in ({error.strerror}); name another"
        ) from None
    finally:
        for folder in absent:
            with contextlib.suppress(OSError):
                folder.rmdir()


def check_ancestor(config_json):
    """Refuses an ancestor's configuration with values of other types than theirs.

    Raises:
      InputError: It names the file and the value.
    """
    told = Utils.read_json(config_json)
    config = told.get("model_config", told) if isinstance(told, dict) else {}
    if not isinstance(config, dict):
        raise _another(config_json, "model_config", "an object", config)
    names = config.get("source_names")
    if not isinstance(names, list | None):
        raise _another(config_json, "source_names", "a list of names", names)


def _check(path, told):
    """Refuses a description of another format, or with values of other types."""
    format_ = told.get("format", FORMAT)
    if not isinstance(format_, int):
        raise _another(path, "format", "a whole number", format_)
    if format_ > FORMAT:
        raise InputError(
            f"{path} has format {format_}, newer than the {FORMAT} that this VIMSS "
            "reads; update VIMSS"
        )
    for key, (kind, words) in TYPES.items():
        if key not in told:
            raise InputError(f"{path} lacks {key!r}")
        if not isinstance(told[key], kind):
            raise _another(path, key, words, told[key])
    names = told["config"].get("source_names", [])
    if not isinstance(names, list):
        raise _another(path, "source_names", TYPES["source_names"][1], names)


def _another(path, key, words, value):
    return InputError(f"{path}: {key} must be {words}, not {value!r}")


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
