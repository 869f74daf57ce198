"""Reads TensorFlow 1 checkpoints of f90's Wave-U-Net and of the 2018 VIMSS.

All their networks: the Wave-U-Net, conditioned on labels or not, and the spectrogram
U-Net with its moving statistics; and the Adam that trained them.
"""

import pathlib
import re
from typing import NamedTuple

import tensorflow as tf

import Models
import Utils
from Models import tf1_adam
from Models.tf1_names import SCOPE, tf1_variables
from Schema import INSTRUMENTS, InputError

STEP = "global_step"
NETWORKS = {  # the ancestors' names: ours, and the knobs that they call as we do
    "unet": (
        "wave_unet",
        "num_layers num_initial_filters filter_size merge_filter_size "
        "input_filter_size output_filter_size num_frames context output_type "
        "upsampling",
    ),
    "unet_spectrogram": (
        "spectrogram_unet",
        "num_layers num_initial_filters num_frames",
    ),
}
TASKS = {  # f90's; VIMSS has 13 sources in a task of the same name
    "voice": ["accompaniment", "vocals"],
    "multi_instrument": ["bass", "drums", "other", "vocals"],
}


class Report(NamedTuple):
    """What was read.

    Attributes:
      step: The checkpoint's count of steps; 0 if it has none.
      taken: Names of the weights taken, in order.
      n_weights: Numbers in them.
      adam: Names of what was taken of the optimizer.
      iterations: Steps of the optimizer, or None.
      why: Why no optimizer was taken, or "".
      left: Names of everything else.
    """

    step: int
    taken: list
    n_weights: int
    adam: list
    iterations: int | None
    why: str
    left: list

    def text(self):
        """The report in a few lines."""
        if self.why:
            optimizer = f"took no optimizer: {self.why}"
        else:
            optimizer = (
                f"took {len(self.adam)} variables of the optimizer, an Adam after "
                f"{self.iterations} steps"
            )
        lines = [
            f"took {len(self.taken)} variables ({self.n_weights} weights), "
            f"{self.taken[0]} ... {self.taken[-1]}, of step {self.step}",
            optimizer,
            *(f"left {name}" for name in self.left),
        ]
        return "\n".join(lines if self.left else [*lines, "left nothing"])


def read(prefix, config_json):
    """Builds the model of a TensorFlow 1 checkpoint and gives it its weights.

    Args:
      prefix: Path of the checkpoint without `.index`.
      config_json: JSON file of its `model_config`, or of a Sacred run holding one.

    Returns:
      (model, Report, `tf1_adam.Adam` or None).

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
    counters = [n for n in shapes if n.rpartition("/")[2] == STEP]
    step = int(reader.get_tensor(min(counters, key=len))) if counters else None
    trainable = {n: v for n, v in places.items() if v.trainable}
    adam, why = tf1_adam.find(reader, shapes, trainable, step)
    left = set(shapes) - set(places) - set(counters) - set(adam.taken if adam else ())
    n_weights = sum(variable.shape.num_elements() for variable in places.values())
    report = Report(
        *(step or 0, list(places), n_weights),
        *(adam.taken if adam else [], adam and adam.iterations, why, sorted(left)),
    )
    return model, report, adam


def options_of(config_json):
    """The name and the options of `Models.build` that an ancestor's file means.

    Returns:
      (name, dict).

    Raises:
      InputError: If a key is missing, or the network is not supported.
    """
    config = Utils.read_json(config_json)
    config = config.get("model_config", config) if isinstance(config, dict) else {}
    network = config.get("network", "unet")
    if network not in [*NETWORKS]:  # it may be a list, which no dict can look up
        raise InputError(
            f"{config_json} describes the network {network!r}; those that can be read "
            f"are {' and '.join(NETWORKS)}"
        )
    name, knobs = NETWORKS[network]
    missing = [key for key in (*knobs.split(), "expected_sr") if key not in config]
    if missing:
        raise InputError(f"{config_json} lacks {missing[0]!r}")
    names, vimss = _source_names(config, config_json)
    options = {
        **{key: config[key] for key in knobs.split()},
        "source_names": names,
        "sample_rate": config["expected_sr"],
        "channels": config.get("num_channels", 1 if config.get("mono_downmix") else 2),
    }
    if name == "spectrogram_unet":  # its numbers, to the rounding of its transforms
        return name, {**options, "legacy_fft": config.get("legacy_fft", True)}
    conditioned = config.get("vimss_model") == "cond" or config.get("conditioned")
    return name, {
        **options,
        "output_activation": config.get("output_activation", "tanh"),
        "clip_at_test": not vimss,  # VIMSS left it out
        "fusers": ["outer_product@bottleneck"] if conditioned else [],
        "legacy_label_order": config.get("legacy_label_order", False),
    }


def _source_names(config, config_json):
    """(names of the sources, whether the file is of the 2018 VIMSS)."""
    names, n_sources = config.get("source_names"), config.get("num_sources")
    task = str(config.get("task"))
    vimss = bool(config.get("vimss_model") or config.get("conditioned"))
    vimss = vimss or len(INSTRUMENTS) in (n_sources, len(names or ()))
    if not names and (vimss or (task, n_sources) == ("multi_instrument", None)):
        names, vimss = list(INSTRUMENTS), True
    if not names and n_sources in (None, len(TASKS.get(task, ()))):
        names = TASKS.get(task)
    if not names:
        raise InputError(f"{config_json} lacks 'source_names', in the model's order")
    return names, vimss


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
    kept = {n for n in shapes if not tf1_adam.BELONGS.search(n)} - set(places)
    for name in sorted(kept, key=lambda n: (len(n), n)):
        if name.startswith(SCOPE) and name != SCOPE + STEP:
            raise InputError(
                f"{prefix} has {name} {shapes[name]}, for which {config_json} has no "
                "place"
            )
