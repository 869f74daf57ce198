"""A checkpoint is a folder that needs nothing else: recipe and weights.

    checkpoint/
      model.json        name, configuration, rate, sources, versions, provenance
      best.weights.h5   the weights, as Keras writes them, and a copy of model.json

    python -m Models.checkpoints import --config CONFIG.json PREFIX OUT

takes over a TensorFlow 1 checkpoint of f90's Wave-U-Net or of the 2018 VIMSS.

Both files are written aside and renamed, the weights first: that rename makes the
checkpoint the new one.  Should the process die before the next, the copy inside the
weights still tells what they are, and wins.  Nothing is pickled.
"""

import argparse
import hashlib
import json
import pathlib
import platform
import sys

import h5py
import keras
import numpy as np
import tensorflow as tf

import Models
import Utils
from Models import tf1
from Schema import InputError

FORMAT = 1  # of the folder; a greater one is refused
DESCRIPTION = "model.json"
WEIGHTS = "best.weights.h5"
COPY = "vimss_model_json"  # of the description, a data set inside the weights


def save(folder, model, extra=None):
    """Writes a model that `Models.build` can name.

    Other files of the folder stay as they are.

    Args:
      folder: The checkpoint folder; made if absent.
      model: A Separator of `Models.MODELS`.
      extra: What else to store, a dict that JSON can hold: commit, fingerprint of
        the data, step, ...

    Returns:
      The path of the folder.

    Raises:
      InputError: If the class of the model is not in `Models.MODELS`.
    """
    folder = pathlib.Path(folder)
    description = _description(model, extra)
    with Utils.write_aside(folder / DESCRIPTION) as told:
        Utils.write_json(told, description)
        with Utils.write_aside(folder / WEIGHTS) as aside:
            model.save_weights(aside)
            with h5py.File(aside, "a") as file:
                file.create_dataset(COPY, data=told.read_text("utf-8"))
    return folder


def _description(model, extra):
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
        "weights_sha256": _digest(model),
        "versions": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
        },
        "extra": dict(extra or {}),
    }


def _digest(model):
    """SHA-256 of all weights in their order, with their shapes."""
    digest = hashlib.sha256()
    for variable in model.weights:
        values = np.ascontiguousarray(variable.numpy())
        digest.update(f"{values.dtype.name}{values.shape}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


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
    """What `save` wrote of a model, without building it.

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
        raise _damaged(folder / WEIGHTS, error) from None
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
    """What decides whether weights fit; a Keras name or a precision does not."""
    config = dict(description.get("config", {}), model=description.get("model"))
    return {k: v for k, v in config.items() if k not in ("name", "trainable", "dtype")}


def load(folder):
    """Builds the model of a checkpoint and gives it its weights.

    Args:
      folder: A run or a checkpoint folder.

    Returns:
      A Separator.

    Raises:
      InputError: If anything is absent, damaged or does not fit; one sentence that
        names the file.
    """
    folder = find(folder)
    description = describe(folder)
    model = _built(folder / DESCRIPTION, description)
    path = folder / WEIGHTS
    try:
        model.load_weights(path)
    except (ValueError, KeyError) as error:
        raise InputError(
            f"{path} does not fit the model that {DESCRIPTION} describes "
            f"({_first_line(error)})"
        ) from None
    except (OSError, RuntimeError) as error:
        raise _damaged(path, error) from None
    if _digest(model) != description["weights_sha256"]:
        raise _damaged(path, f"its weights are not those that {DESCRIPTION} tells of")
    return model


def _built(path, description):
    try:
        cls = Models.model_class(description["model"])
        return cls.from_config(description["config"])
    except KeyError as error:
        raise InputError(f"{path} lacks {error}") from None
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: {_first_line(error)}") from None


def _damaged(path, error):
    return InputError(
        f"{path} is damaged ({_first_line(error)}); copy it again or train again"
    )


def _first_line(error):
    return next(iter(str(error).splitlines()), "").strip().rstrip(".")


def import_tf1(prefix, config_json, out):
    """Turns a TensorFlow 1 checkpoint into a checkpoint folder.

    Args:
      prefix: Path of the checkpoint without `.index`.
      config_json: JSON file of its `model_config`, or of a Sacred run holding one.
      out: Checkpoint folder to write.  Its `extra` holds the step.

    Returns:
      What was taken and what was left, a `tf1.Report`.

    Raises:
      InputError: As `tf1.read`; nothing is written then.
    """
    model, report = tf1.read(prefix, config_json)
    source = pathlib.Path(prefix).name
    save(out, model, {"step": report.step, "imported_from": source})
    return report


def main(arguments=None):
    """The command line; prints what was taken over and what was left."""
    parser = argparse.ArgumentParser(prog="python -m Models.checkpoints")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("import", help="a TensorFlow 1 checkpoint -> a folder")
    verb.add_argument("--config", required=True, help="JSON file of its model_config")
    verb.add_argument("prefix", help="path of the checkpoint without .index")
    verb.add_argument("out", help="checkpoint folder to write")
    given = parser.parse_args(arguments)
    try:
        print(import_tf1(given.prefix, given.config, given.out).text())
        print(f"wrote {given.out}")
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
