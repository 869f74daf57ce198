"""Reads TensorFlow 1 checkpoints of the ancestors.

f90's Wave-U-Net and the 2018 VIMSS store their weights under `separator/`, named in
the order of creation: `conv1d`, `conv1d_1`, ... for the way down, the bottom, the way
up and the sources, and `interp_<i>` for learned upsampling, counted from the bottom.
"""

import pathlib
import re
from typing import NamedTuple

import tensorflow as tf

import Models
import Utils
from Schema import INSTRUMENTS, InputError

SCOPE = "separator/"
STEP = "global_step"
KNOBS = (  # the ancestors call them as we do
    "num_layers num_initial_filters filter_size merge_filter_size input_filter_size "
    "output_filter_size num_frames context output_type upsampling"
).split()


class Report(NamedTuple):
    """What was read: names of the variables taken and left, in order."""

    step: int
    taken: list
    n_weights: int
    left: list

    def text(self):
        """The report in a few lines."""
        slots = [n for n in self.left if re.search(r"/Adam(_1)?$|beta\d_power$", n)]
        others = sorted(set(self.left) - set(slots))
        lines = [
            f"took {len(self.taken)} variables ({self.n_weights} weights), "
            f"{self.taken[0]} ... {self.taken[-1]}, of step {self.step}",
            f"left {len(slots)} variables of the optimizer",
            *(f"left {name}" for name in others),
        ]
        return "\n".join(lines)


def read(prefix, config_json):
    """Builds the model of a TensorFlow 1 checkpoint and gives it its weights.

    Args:
      prefix: Path of the checkpoint without `.index`.
      config_json: JSON file of its `model_config`, or of a Sacred run holding one.

    Returns:
      (model, Report).

    Raises:
      InputError: If a file cannot be read, the network is not supported, or a
        variable does not fit; it names the first such variable.
    """
    name, options = options_of(config_json)
    reader = _reader(prefix)
    shapes = reader.get_variable_to_shape_map()
    model = Models.build(name, **options)
    places = dict(tf1_variables(model))
    _check(shapes, places, prefix, config_json)
    for name, variable in places.items():
        variable.assign(tf.cast(reader.get_tensor(name), variable.dtype))
    step = int(reader.get_tensor(STEP)) if STEP in shapes else 0
    left = sorted(set(shapes) - set(places) - {STEP})
    return model, Report(step, list(places), model.count_params(), left)


def options_of(config_json):
    """The name and the options of `Models.build` that an ancestor's file means.

    Returns:
      (name, dict).

    Raises:
      InputError: If a key is missing, or the network is not supported.
    """
    config = Utils.read_json(config_json)
    config = config.get("model_config", config) if isinstance(config, dict) else {}
    if config.get("network", "unet") != "unet":
        raise InputError(
            f"{config_json} describes the network {config['network']!r}, whose "
            "checkpoints are not supported yet"
        )
    if config.get("vimss_model") == "cond" or config.get("conditioned"):
        raise InputError(
            f"{config_json} describes a conditioned Wave-U-Net, whose checkpoints "
            "are not supported yet"
        )
    missing = [key for key in (*KNOBS, "expected_sr") if key not in config]
    if missing:
        raise InputError(f"{config_json} lacks {missing[0]!r}")
    names = config.get("source_names")
    vimss = bool(config.get("vimss_model")) or config.get("task") == "multi_instrument"
    if not names and (vimss or config.get("num_sources") == len(INSTRUMENTS)):
        names, vimss = list(INSTRUMENTS), True
    if not names:
        raise InputError(f"{config_json} lacks 'source_names', in the model's order")
    return "wave_unet", {
        **{key: config[key] for key in KNOBS},
        "output_activation": config.get("output_activation", "tanh"),
        "source_names": names,
        "sample_rate": config["expected_sr"],
        "channels": config.get("num_channels", 1 if config.get("mono_downmix") else 2),
        "clip_at_test": not vimss,  # VIMSS left it out
    }


def tf1_variables(model):
    """Yields (name in TensorFlow 1, variable) of a WaveUNet, in order of creation."""
    convolutions = 0

    def of(convolution):
        nonlocal convolutions
        scope = SCOPE + ("conv1d" if not convolutions else f"conv1d_{convolutions}")
        convolutions += 1
        yield f"{scope}/kernel", convolution.kernel
        yield f"{scope}/bias", convolution.bias

    for convolution in (*model.down, model.bottom):
        yield from of(convolution)
    for i, (upsampling, convolution) in enumerate(zip(model.upsamplings, model.up)):
        if model.upsampling == "learned":
            yield f"{SCOPE}interp_{i}", upsampling.weight
        yield from of(convolution)
    for convolution in model.outputs_of.convolutions:
        yield from of(convolution)


def _reader(prefix):
    prefix = re.sub(r"\.index$", "", str(prefix))
    if not pathlib.Path(prefix + ".index").exists():
        raise InputError(f"{prefix}.index does not exist; name a checkpoint's prefix")
    try:
        return tf.train.load_checkpoint(prefix)
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        line = str(error).splitlines()[0]
        raise InputError(f"{prefix} cannot be read as a checkpoint ({line})") from None


def _check(shapes, places, prefix, config_json):
    """Refuses a checkpoint by the first variable that differs from the model."""
    for name, variable in places.items():
        expected = list(variable.shape)
        if name not in shapes:
            raise InputError(
                f"{prefix} has no {name}, which {config_json} asks for "
                f"with shape {expected}"
            )
        if list(shapes[name]) != expected:
            raise InputError(
                f"{name} has shape {shapes[name]} in {prefix}, but {config_json} "
                f"asks for {expected}"
            )
    weights = {n for n in shapes if n.startswith(SCOPE) and "/Adam" not in n}
    for name in sorted(weights - set(places), key=lambda n: (len(n), n)):
        raise InputError(
            f"{prefix} has {name} {shapes[name]}, for which {config_json} has no place"
        )
