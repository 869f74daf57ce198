"""The slots of an Adam in a file beside the weights that they belong to.

`optimizer.npz`, a NumPy archive: `iterations`; `<path of a variable>/momentum` and
`/velocity`; and `weights_sha256`, which tells the weights.  Nothing is pickled.
"""

import pathlib
import zipfile
import zlib

import keras
import numpy as np

import Utils
from Schema import InputError

SLOTS = ("momentum", "velocity")
FAULTS = (  # what NumPy and zipfile raise for a file that is no such archive
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, ValueError),
    *(TypeError, RuntimeError),
)


def path_of(model, variable):
    """The path of a variable inside its model, whatever the model is called."""
    return variable.path.removeprefix(f"{model.name}/")


def write(path, iterations, slots, digest):
    """Writes an Adam's state.

    Args:
      path: File to write, at once.
      iterations: Steps taken.
      slots: {path of a variable: {"momentum": array, "velocity": array}}.
      digest: SHA-256 of the weights that these slots belong to.
    """
    arrays = {
        f"{name}/{slot}": both[slot] for name, both in slots.items() for slot in both
    }
    with Utils.write_aside(path) as aside, open(aside, "wb") as file:
        np.savez(
            file,
            iterations=np.int64(iterations),
            weights_sha256=np.array(digest),
            **arrays,
        )


def read(path, model, digest):
    """What `write` wrote, if it fits a model.

    Args:
      path: The file.
      model: Separator.
      digest: SHA-256 of the weights beside the file.

    Returns:
      (steps taken, [(variable, slot, its array)] of all trainable variables).

    Raises:
      InputError: If the file is damaged or of other weights, or a slot does not fit;
        it names the file.
    """
    arrays = _arrays(path)
    if str(arrays.pop("weights_sha256")) != digest:
        raise InputError(
            f"{path} belongs to other weights than lie beside it; delete it"
        )
    iterations, found = arrays.pop("iterations"), []
    for variable in model.trainable_variables:
        for slot in SLOTS:
            key = f"{path_of(model, variable)}/{slot}"
            value = arrays.pop(key, None)
            if value is None or value.shape != tuple(variable.shape):
                there = "nothing" if value is None else f"shape {value.shape}"
                raise InputError(
                    f"{path} has {there} for {key} {tuple(variable.shape)}; it belongs "
                    "to another model"
                )
            found.append((variable, slot, value))
    if arrays:
        raise InputError(f"{path} has {next(iter(arrays))}, which the model lacks")
    return iterations, found


def restore(path, model, optimizer, digest):
    """Gives an optimizer what `write` wrote; assigns nothing unless all fits.

    Args:
      path: The file.
      model: The separator that the optimizer trains.
      optimizer: Keras Adam; built here if it is not.
      digest: SHA-256 of the weights beside the file.

    Raises:
      InputError: As `read`, or the optimizer is no Adam; it names the file.
    """
    if not isinstance(optimizer, keras.optimizers.Adam):
        raise InputError(
            f"{path} holds the slots of an Adam, which {type(optimizer).__name__} "
            "has no use for; train with training.optimizer=adam, or delete the file"
        )
    iterations, found = read(path, model, digest)
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    own = {v.path.rpartition("/")[2]: v for v in optimizer.variables}
    places = [own.get(f"{v.path.replace('/', '_')}_{slot}") for v, slot, _ in found]
    if any(place is None for place in places):
        raise InputError(f"{path} does not fit an Adam that trains another model")
    optimizer.iterations.assign(iterations)
    for place, (*_, value) in zip(places, found):
        place.assign(value)


def _arrays(path):
    path = pathlib.Path(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        for key in ("iterations", "weights_sha256"):
            if arrays[key].shape:
                raise ValueError(f"{key} is not one value")
        for key, value in arrays.items():
            kind = {"iterations": "i", "weights_sha256": "U"}.get(key, "f")
            if value.dtype.kind != kind:
                raise ValueError(f"{key} is of type {value.dtype}")
    except FAULTS as error:
        line = next(iter(str(error).splitlines()), "").rstrip(".")
        raise InputError(
            f"{path} is damaged ({line}); import the checkpoint again, or delete it"
        ) from None
    return arrays
