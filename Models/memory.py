"""How much memory there is to work with."""

import pathlib

import psutil


def at_hand():
    """Bytes that a model may still take where it runs, or None if nobody knows.

    Of a GPU it is what its limit leaves, if it was given one
    (`tf.config.set_logical_device_configuration`); TensorFlow tells of no other.
    Without a GPU it is main memory: `available`.
    """
    import tensorflow as tf  # takes seconds to wake

    logical = tf.config.list_logical_devices("GPU")
    if not logical:
        return available()
    gpu = tf.config.get_visible_devices("GPU")[0]
    given = tf.config.get_logical_device_configuration(gpu)
    limit = given[0].memory_limit if given else None  # MiB
    if not limit:
        return None
    taken = tf.config.experimental.get_memory_info(logical[0].name.partition(":")[2])
    return max(0, (limit << 20) - taken["current"])


def longest(cost, budget, unit, least, most):
    """The most samples that a budget allows.

    Args:
      cost: Maps a number of samples to bytes; it grows.
      budget: Bytes.
      unit: Samples; the result is a multiple if it is above `least`.
      least: Samples that are granted anyway.
      most: Samples that are never exceeded, unless `least` does.
    """
    low, high = least // unit, max(least, most) // unit
    while low < high:
        middle = (low + high + 1) // 2
        if cost(middle * unit) <= budget:
            low = middle
        else:
            high = middle - 1
    return max(least, low * unit)


def available(root="/"):
    """Bytes of main memory that can be taken without swapping.

    The least of what the system estimates (psutil) and, on Linux, of what is left to
    every control group that this process is in, of version 1 or 2; reclaimable caches
    count as free.

    Args:
      root: Where the file system begins.
    """
    return min([psutil.virtual_memory().available, *groups(root)])


def groups(root="/"):
    """Yields the bytes that are left to each control group with a limit.

    A group's limit holds for the groups below it, so all on the way up count:
    https://docs.kernel.org/admin-guide/cgroup-v2.html#memory and
    https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
    """
    base = pathlib.Path(root, "sys/fs/cgroup")
    for line in _text(pathlib.Path(root, "proc/self/cgroup")).splitlines():
        number, kinds, place = line.split(":", 2)
        if "memory" in kinds.split(","):
            names = ["memory.limit_in_bytes"], "memory.usage_in_bytes", "total_"
            mount = base / "memory"
        elif number == "0" and not kinds:
            names = ["memory.max", "memory.high"], "memory.current", ""
            mount = base / "unified" if (base / "unified").is_dir() else base
        else:
            continue
        # Inside a container a path may be the host's; the mount is then its own.
        folder = mount / place.strip("/")
        for level in (folder, *folder.parents):
            if mount in (level, *level.parents):
                yield from _left(level, *names)


def _left(folder, limits, usage, prefix):
    texts = [_text(folder / name).strip() for name in (*limits, usage)]
    *limits, taken = [int(t) if t.isdigit() else None for t in texts]  # or "max"
    limits = [limit for limit in limits if limit is not None]
    if limits and taken is not None:
        cache = _fields(folder / "memory.stat").get(f"{prefix}inactive_file", 0)
        yield max(0, min(limits) - max(0, taken - cache))


def _fields(path):
    """{first word of a line: the number after it}."""
    lines = [line.split() for line in _text(path).splitlines()]
    return {line[0]: int(line[1]) for line in lines if len(line) > 1}


def _text(path):
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
