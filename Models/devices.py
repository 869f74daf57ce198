"""Where a model runs, and in which precision.

devices=auto       TPU, else the workers of TF_CONFIG, else all GPUs, else the CPU
devices=cpu        the CPU, whatever else there is; cpu:4: as four devices
devices=gpu        all GPUs of this machine; gpu:1 one of them, gpu:0,1 two
devices=tpu        the TPU of this machine; tpu:NAME: the one called so
devices=workers    this process is one of those that TF_CONFIG lists
"""

import functools
import importlib.util
import os
import pathlib
import re

import tensorflow as tf

import Utils
from Schema import InputError

DTYPES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}  # Keras' names
KINDS = ("auto", "cpu", "gpu", "tpu", "workers")
WORDS = "auto, cpu, cpu:4, gpu, gpu:0, gpu:0,1, tpu, tpu:NAME or workers"


def dtype_of(precision):
    """Keras' policy for a precision: what `Models.build(dtype=...)` takes.

    Whatever the precision, weights, optimizer, output heads and losses are float32:
    bfloat16 has the range of float32, so no loss needs scaling, but 8 significant
    bits, in which an update of a weight, or a sum over a window, would drown
    (Micikevicius et al., "Mixed Precision Training", ICLR 2018, section 3.1;
    Kalamkar et al., "A Study of BFLOAT16 for Deep Learning Training", 2019).

    Args:
      precision: "float32" or "bfloat16", of the activations and of the products;
        "auto": bfloat16 on a TPU, whose products are of that precision anyway.

    Returns:
      "float32" or "mixed_bfloat16".

    Raises:
      InputError: For anything else.
    """
    precision = precision_of(precision)
    if precision not in tuple(DTYPES):  # a list, too, is refused
        hint = Utils.hint(precision, DTYPES)
        raise InputError(
            f"training.precision={precision}: {hint}the precisions are "
            f"{' and '.join(DTYPES)}"
        )
    return DTYPES[precision]


def precision_of(precision):
    """What "auto" stands for here; any other precision as it is."""
    if precision == "auto":
        return "bfloat16" if kind() == "TPU" else "float32"
    return precision


def kind():
    """What models run on here: TPU, GPU or CPU."""
    found = (kind for kind in ("TPU", "GPU") if tf.config.list_logical_devices(kind))
    return next(found, "CPU")


def check(devices):
    """(kind, what stands behind its colon or None) of a value of the knob.

    Raises:
      InputError: If it is none.
    """
    word, colon, rest = str(devices).partition(":")
    counts = {"cpu": r"[1-9]\d*", "gpu": r"\d+(,\d+)*", "tpu": r"\S+"}
    fits = not colon or re.fullmatch(counts.get(word, "(?!)"), rest)
    if word not in KINDS or not fits:
        near = Utils.nearest(word, KINDS) if word not in KINDS else None
        hint = f"did you mean {near}? " if near else ""
        raise InputError(f"devices={devices}: {hint}choose {WORDS}")
    return word, rest or None


@functools.cache  # devices are chosen once in a process: TensorFlow allows no second
def strategy(devices="auto"):
    """The one strategy for what a run computes on.

    To be called before anything else of TensorFlow: it hides the devices that are not
    wanted.  Asked again for the same devices, it gives the same strategy.

    Args:
      devices: As above.

    Returns:
      tf.distribute.Strategy: the default one for one device, Mirrored for several
      GPUs, MultiWorkerMirrored for several processes, TPUStrategy.

    Raises:
      InputError: If they are not there, or TF_CONFIG is damaged.
    """
    word, which = check(devices)
    told = Utils.place()
    if word == "auto":
        word = _found(told)
    if word == "workers":
        return _of_workers(told)
    if word == "tpu":
        return _of_tpu(which)
    if word == "gpu":
        return _of_gpus(devices, which)
    return _of_cpus(devices, which)


def _found(told):
    """The kind that `auto` stands for here."""
    if has_tpu():
        return "tpu"
    if told is not None and told.count > 1:
        return "workers"
    return "gpu" if tf.config.list_physical_devices("GPU") else "cpu"


def has_tpu(root="/dev"):
    """Whether a TPU was named, or stands here beside the library that drives it."""
    if os.environ.get("TPU_NAME"):
        return True
    nodes = [*pathlib.Path(root).glob("accel[0-9]*")]
    nodes += pathlib.Path(root).glob("vfio/[0-9]*")
    return bool(nodes) and importlib.util.find_spec("libtpu") is not None


def _hide(devices, kind, visible):
    try:
        tf.config.set_visible_devices(visible, kind)
    except RuntimeError:
        if tf.config.get_visible_devices(kind) != visible:
            raise InputError(
                f"devices={devices} must be chosen before TensorFlow computes: call "
                "Models.devices.strategy first, or start another process"
            ) from None


def _of_cpus(devices, which):
    _hide(devices, "GPU", [])
    if which is None:
        return tf.distribute.get_strategy()
    cpu, parts = tf.config.list_physical_devices("CPU")[0], int(which)
    try:
        told = [tf.config.LogicalDeviceConfiguration()] * parts
        tf.config.set_logical_device_configuration(cpu, told)
    except RuntimeError:
        if len(tf.config.list_logical_devices("CPU")) < parts:
            raise InputError(
                f"devices={devices} must be chosen before TensorFlow computes: start "
                "another process"
            ) from None
    found = tf.config.list_logical_devices("CPU")[:parts]
    return tf.distribute.MirroredStrategy(found)


def _of_gpus(devices, which):
    there = tf.config.list_physical_devices("GPU")
    if not there:
        raise InputError(
            f"devices={devices}: TensorFlow finds no GPU here; install "
            "requirements-gpu.txt and see what `nvidia-smi` says, or choose devices=cpu"
        )
    numbers = range(len(there))
    if which is not None:
        numbers = sorted({int(number) for number in which.split(",")})
        if numbers[-1] >= len(there):
            raise InputError(
                f"devices={devices}: there is no GPU {numbers[-1]}, only "
                f"{', '.join(map(str, range(len(there))))}"
            )
    _hide(devices, "GPU", [there[number] for number in numbers])
    gpus = tf.config.list_logical_devices("GPU")
    return (
        tf.distribute.MirroredStrategy(gpus)
        if len(gpus) > 1
        else tf.distribute.get_strategy()
    )


def _of_workers(told):
    if told is None:
        raise InputError(
            "devices=workers needs TF_CONFIG, which lists them: in each process "
            f"another index, as {Utils.TF_CONFIG}"
        )
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        raise InputError(
            f"the workers of TF_CONFIG cannot be joined ({error}): see that each of "
            "them runs, and that its address is reached from the others"
        ) from None


def _of_tpu(name):
    name = name or os.environ.get("TPU_NAME") or "local"
    found = tf.distribute.cluster_resolver
    try:
        resolver = found.TPUClusterResolver(tpu=name)
        if name != "local":
            tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (tf.errors.OpError, OSError, ValueError, RuntimeError) as error:
        raise InputError(
            f"devices=tpu: no TPU {name!r} is found ({_line(error)}); on a TPU machine "
            "with tensorflow-tpu and libtpu it is `local`; see docs/launch.md, or "
            "choose devices=cpu"
        ) from None
    return tf.distribute.TPUStrategy(resolver)


def _line(error):
    return str(error).strip().splitlines()[0][:120]


def choose_strategy(batch_size, devices="auto"):
    """`strategy` of a training, once its replicas can share a batch; errors of both."""
    told, found = Utils.place(), strategy(devices)
    if told is not None and place(found).count != told.count:
        raise InputError(
            f"TF_CONFIG lists {told.count} processes, of which devices={devices} makes "
            "no use: choose devices=workers, or unset TF_CONFIG"
        )
    check_batch(batch_size, found, devices)
    return found


def check_batch(batch_size, strategy, devices="auto"):
    """Refuses a batch that replicas cannot share evenly, as shapes must not differ.

    Args:
      batch_size: Examples of a batch, over all replicas.
      strategy: tf.distribute.Strategy.
      devices: What was asked for, as above.

    Raises:
      InputError: Naming the two next sizes that can be shared, or fewer devices.
    """
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        below = batch_size // replicas * replicas
        sizes = " or ".join(str(n) for n in (below, below + replicas) if n)
        raise InputError(
            f"training.batch_size={batch_size} cannot be shared by {replicas} devices: "
            f"choose {sizes}, or {_fewer(devices)}"
        )


def _fewer(devices):
    """How to ask for fewer devices of a kind, in words."""
    word, which = check(devices)
    word = _found(Utils.place()) if word == "auto" else word
    told = {"workers": "list fewer workers in TF_CONFIG", "tpu": "a smaller TPU"}
    one = "cpu" if word == "cpu" else _first(which)
    return told.get(word, f"fewer devices, as devices={one}")


def _first(which):
    """The first GPU of those that stand behind the colon, or of all."""
    return f"gpu:{which.split(',')[0] if which else 0}"


def use_one(devices="auto"):
    """Has all that is made from now on run on one device of those chosen.

    For what computes batch by batch in one process: Predict and Evaluate.

    Returns:
      The strategy, of one replica.

    Raises:
      InputError: As `strategy`.
    """
    word, which = check(devices)
    word = _found(Utils.place()) if word == "auto" else word
    if word == "workers":  # each of them would compute the same
        return use_one("gpu" if tf.config.list_physical_devices("GPU") else "cpu")
    if word == "gpu":
        return strategy(_first(which))
    if word == "cpu":
        return strategy("cpu")
    many = strategy(devices)
    resolver = many.cluster_resolver
    topology = many.extended._topology  # the public door would start it once more
    first = tf.tpu.experimental.DeviceAssignment.build(topology, num_replicas=1)
    one = tf.distribute.TPUStrategy(resolver, experimental_device_assignment=first)
    tf.distribute.experimental_set_strategy(one)
    return one


def place(strategy):
    """The `Utils.Place` of this process among those of a strategy."""
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return Utils.place()
    return Utils.Place()
