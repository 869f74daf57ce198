"""A checkpoint is a folder that needs nothing else: recipe and weights.

    checkpoint/
      model.json        name, configuration, rate, sources, versions, provenance
      best.weights.h5   the weights, as Keras writes them, and a copy of model.json
      optimizer.npz     of an imported checkpoint only: the slots of its Adam

    python -m Models.checkpoints import --config CONFIG.json PREFIX OUT

takes over a TensorFlow 1 checkpoint of f90's Wave-U-Net or of the 2018 VIMSS.

The first two are written aside and renamed, the weights first: that rename makes the
checkpoint the new one.  Should the process die before the next, the copy inside the
weights still tells what they are, and wins.  Slots of old weights are removed before
that rename and those of new ones written last, so they never lie beside others.
Nothing is pickled.
"""

import argparse
import inspect
import os
import pathlib
import sys

if __name__ == "__main__":  # TensorFlow greets its user, at every level of its log
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow

        tensorflow.config.list_logical_devices()  # looks for GPUs, and tells
    finally:
        os.dup2(stderr, 2)

import h5py

import Models
import Utils
from Models import slots, tf1
from Models.description import (
    COPY,
    DESCRIPTION,
    IDLE,
    OPTIMIZER,
    WEIGHTS,
    check_ancestor,
    check_out,
    damaged,
    describe,
    digest,
    find,
    first_line,
    of,
)
from Schema import InputError

EXAMPLES = """examples:
  python -m Models.checkpoints import --config config.json baseline/baseline-200000 m1
  python Predict.py with run=m1 input=song.wav
  python Training.py with baseline training.warm_start=m1
"""


def save(folder, model, extra=None):
    """Writes a model that `Models.build` can name.

    Other files of the folder stay as they are, but for the optimizer's slots that an
    import left: they are of the weights that are replaced.

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
    description = of(model, extra)
    with Utils.write_aside(folder / DESCRIPTION) as told:
        Utils.write_json(told, description)
        with Utils.write_aside(folder / WEIGHTS) as aside:
            model.save_weights(aside)
            with h5py.File(aside, "a") as file:
                file.create_dataset(COPY, data=told.read_text("utf-8"))
            (folder / OPTIMIZER).unlink(missing_ok=True)  # it was of the old weights
    return folder


def load(folder, **options):
    """Builds the model of a checkpoint and gives it its weights.

    Args:
      folder: A run or a checkpoint folder.
      **options: Of the model's constructor, instead of the checkpoint's own, such as
        `form="plain"`, `dtype="mixed_bfloat16"` or `legacy_label_order=True`; none
        that the shapes of the weights depend on.

    Returns:
      A Separator.

    Raises:
      InputError: If anything is absent, damaged or does not fit, one sentence that
        names the file; or an option that the weights cannot follow, which it names.
    """
    folder = find(folder)
    description = describe(folder)
    model = _changed(folder, description, options)
    path = folder / WEIGHTS
    try:
        model.load_weights(path)
    except (ValueError, KeyError) as error:
        raise InputError(
            f"{path} does not fit the model that {DESCRIPTION} describes "
            f"({first_line(error)})"
        ) from None
    except (OSError, RuntimeError) as error:
        raise damaged(path, error) from None
    if digest(model) != description["weights_sha256"]:
        raise damaged(path, f"its weights are not those that {DESCRIPTION} tells of")
    return model


def _built(path, description):
    try:
        return _class(path, description).from_config(dict(description["config"]))
    except (TypeError, ValueError) as error:
        # Keras wraps what a constructor says of its arguments.
        cause = error.__context__ if isinstance(error, TypeError) else None
        raise InputError(f"{path}: {first_line(cause or error)}") from None


def _class(path, description):
    try:
        return Models.model_class(description["model"])
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _changed(folder, description, options):
    """The model of a description with options that leave the weights as they are."""
    path = folder / DESCRIPTION
    if not options:
        return _built(path, description)
    known = [*inspect.signature(_class(path, description)).parameters]
    for option in options:
        if option not in (*known, *IDLE) or option == "kwargs":
            near = Utils.nearest(option, [*known, *IDLE])
            hint = f"; did you mean {near!r}?" if near else ""
            raise InputError(
                f"{description['model']}, the model of {folder}, has no option "
                f"{option!r}{hint}"
            )

    def built(some):
        config = {**description["config"], **some}
        return _built(path, dict(description, config=config))

    model = built(options)
    if set(options) <= set(IDLE) and model.variable_dtype == "float32":
        return model
    own = _shapes(built({}))
    if _shapes(model) != own:
        several = ({option: options[option]} for option in options)
        alone = [one for one in several if _shapes(built(one)) != own]
        told = ", ".join(
            f"{k}={v!r}" for k, v in (alone[0] if alone else options).items()
        )
        raise InputError(
            f"{told} would change the weights of {folder}; leave it out, or train a "
            "model with it"
        )
    return model


def _shapes(model):
    return [(slots.path_of(model, v), v.dtype, tuple(v.shape)) for v in model.weights]


def restore_optimizer(folder, model, optimizer):
    """Gives an Adam the slots and the count of steps that lie beside the weights.

    Args:
      folder: A run or a checkpoint folder, as `import_tf1` writes it.
      model: A Separator with the weights of that folder.
      optimizer: Keras Adam of its training, in the same strategy.

    Returns:
      Whether there were any.

    Raises:
      InputError: If they are damaged, do not fit, or the optimizer is no Adam.
    """
    folder = find(folder)
    if not (folder / OPTIMIZER).exists():
        return False
    weights = describe(folder)["weights_sha256"]
    slots.restore(folder / OPTIMIZER, model, optimizer, weights)
    return True


def check_optimizer(folder, model):
    """Refuses what `restore_optimizer` would refuse, and needs no Adam for it.

    Args:
      folder: A run or a checkpoint folder.
      model: Separator that an Adam shall train.

    Raises:
      InputError: If there are slots that are damaged or do not fit.
    """
    folder = find(folder)
    if (folder / OPTIMIZER).exists():
        weights = describe(folder)["weights_sha256"]
        slots.read(folder / OPTIMIZER, model, weights)


def import_tf1(prefix, config_json, out):
    """Turns a TensorFlow 1 checkpoint into a checkpoint folder.

    Args:
      prefix: Path of the checkpoint without `.index`.
      config_json: JSON file of its `model_config`, or of a Sacred run holding one.
      out: Checkpoint folder to write.  Its `extra` holds the step.

    Returns:
      What was taken and what was left, a `tf1.Report`.

    Raises:
      InputError: As `tf1.read`, or `out` cannot be a folder to write in; nothing is
        written then.
    """
    check_out(out)
    check_ancestor(config_json)
    try:
        model, report, adam = tf1.read(prefix, config_json)
    except InputError as error:
        if any(str(path) in str(error) for path in (prefix, config_json)):
            raise
        raise InputError(f"{config_json}: {error}") from None  # of one of its values
    source = pathlib.Path(prefix).name
    folder = save(out, model, {"step": report.step, "imported_from": source})
    if adam is not None:
        places = dict(tf1.tf1_variables(model))
        ours = {slots.path_of(model, places[k]): v for k, v in adam.slots.items()}
        slots.write(folder / OPTIMIZER, adam.iterations, ours, digest(model))
    return report


def main(arguments=None):
    """The command line; prints what was taken over and what was left."""
    looks = {
        "epilog": EXAMPLES,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }
    parser = argparse.ArgumentParser(
        prog="python -m Models.checkpoints",
        description="Takes over TensorFlow 1 checkpoints of f90's Wave-U-Net and of "
        "the 2018 VIMSS.",
        **looks,
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser(
        "import", help="a TensorFlow 1 checkpoint -> a folder", **looks
    )
    verb.add_argument(
        "--config",
        required=True,
        help="JSON file of the ancestor's model_config: network, num_layers, "
        "num_frames, context, ..., expected_sr, source_names; a Sacred config.json too",
    )
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
