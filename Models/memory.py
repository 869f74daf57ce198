"""How much memory there is to work with."""

import ctypes
import os
import pathlib
import subprocess
import sys

UNKNOWN = 1 << 30  # bytes, where the system does not tell


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

    On Linux the least of what the kernel estimates (`MemAvailable` of /proc/meminfo)
    and of what is left to every control group that this process is in, of version 1
    or 2; reclaimable caches count as free.  On Windows the free physical memory, on
    other systems what their `vm_stat` or half of their physical memory is.

    Args:
      root: Where the file system begins.
    """
    if sys.platform == "win32":
        return _of_windows()
    if found := _meminfo(pathlib.Path(root, "proc/meminfo")):
        return min([found, *groups(root)])
    return _of_darwin() or _physical() // 2 or UNKNOWN


def _meminfo(path):
    """MemAvailable of /proc/meminfo, or for kernels before 3.14 about the same."""
    fields = _fields(path)
    kib = fields.get("MemAvailable:")
    if kib is None:
        kib = sum(fields.get(name, 0) for name in ("MemFree:", "Cached:"))
    return kib << 10


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


def _physical():
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0


def _of_darwin():
    """Free and inactive pages of macOS, or 0."""
    try:
        told = subprocess.run(["vm_stat"], capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.SubprocessError):
        return 0
    return pages(told.stdout)


def pages(text):
    """The free, speculative and inactive bytes in what macOS' `vm_stat` prints."""
    head, _, rest = text.partition("\n")
    size = [word for word in head.split() if word.isdigit()]
    counts = dict(line.split(":") for line in rest.splitlines() if ":" in line)
    kept = [counts.get(f"Pages {kind}", "0") for kind in ("free", "speculative")]
    kept.append(counts.get("Pages inactive", "0"))
    return int(size[0]) * sum(int(n.strip(" .")) for n in kept) if size else 0


class _Status(ctypes.Structure):
    """MEMORYSTATUSEX of Windows."""

    _fields_ = [("length", ctypes.c_uint32), ("load", ctypes.c_uint32)] + [
        (name, ctypes.c_uint64)
        for name in "total free total_page free_page total_virtual virtual more".split()
    ]


def _of_windows():
    status = _Status(length=ctypes.sizeof(_Status))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return UNKNOWN
    return status.free
