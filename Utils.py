"""Seconds, files, processes: NumPy and the standard library only."""

import contextlib
import difflib
import json
import os
import pathlib
import re
import shutil
import tempfile
from typing import NamedTuple

import numpy as np

from Schema import InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


def samples(seconds, sample_rate):
    """The number of samples nearest to a duration in seconds."""
    return int(round(seconds * sample_rate))


@contextlib.contextmanager
def write_aside(path):
    """Yields a path to write; it takes the place of `path` only on success.

    The yielded path does not exist yet; make it a file or a folder.  If the block
    raises, it is removed and whatever stood at `path` is untouched.
    A file replaces a file at once; a folder replaces a folder by two renames.

    Example:
      >>> with write_aside("scores.json") as aside:
      ...     pathlib.Path(aside).write_text("{}")
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix is kept: writers choose their format by it.
    scratch = tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent)
    aside = pathlib.Path(scratch) / path.name
    try:
        yield aside
        if path.is_dir() and aside.is_dir():
            os.replace(path, pathlib.Path(scratch) / "replaced")
        os.replace(aside, path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def alone(folder, who):
    """Keeps a second process out of a folder while the block runs.

    Args:
      folder: Made if absent.
      who: Names the process in the error.

    Raises:
      InputError: If another process is in there.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as file:
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"another {who} is at work in {folder}") from None
        # Who had it before may have removed the file meanwhile: another is made then.
        try:
            same = os.path.samestat(os.fstat(file.fileno()), os.stat(folder / ".lock"))
        except FileNotFoundError:
            same = False
        if not same:
            raise InputError(f"another {who} was at work in {folder}; type it again")
        try:
            yield
        finally:
            (folder / ".lock").unlink(missing_ok=True)


def _plain(value):
    """NumPy values as JSON knows them."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} has no place in a JSON file")


def dump_json(value):
    """A value as indented JSON text; NumPy values and paths are understood."""
    return json.dumps(value, indent=1, default=_plain)


def write_json(path, value):
    """Writes a value as indented JSON, aside first."""
    with write_aside(path) as aside:
        aside.write_text(dump_json(value) + "\n", "utf-8")


def read_json(path):
    """Reads a JSON file.

    Raises:
      InputError: If the file is absent or is not JSON; it names the file.
    """
    if not hasattr(path, "read_text"):
        path = pathlib.Path(path)
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a JSON file: {error}") from None


def nearest(name, names):
    """The most similar of some names, or None: for errors that teach the fix."""
    found = difflib.get_close_matches(str(name), list(names), n=1, cutoff=0.5)
    return found[0] if found else None


def hint(name, names):
    """The question whether the most similar of some names was meant; "" if none is."""
    near = nearest(name, names)
    return f"did you mean {near!r}? " if near else ""


TF_CONFIG = (
    'TF_CONFIG=\'{"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}\''
)


class Place(NamedTuple):
    """Which of the processes that train one model this one is.

    Attributes:
      index: From 0, who is the chief and keeps the run's folder.
      count: Processes.
    """

    index: int = 0
    count: int = 1


def place(text=None):
    """The `Place` that the variable TF_CONFIG gives this process; None without it.

    Args:
      text: Instead of the variable.

    Raises:
      InputError: If it is damaged; it says where, and how it should look.
    """
    text = os.environ.get("TF_CONFIG") if text is None else text
    if not text:
        return None
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise _damaged(text, f"is not JSON ({error})") from None
    cluster = found.get("cluster") if isinstance(found, dict) else None
    if not isinstance(cluster, dict) or not cluster:
        raise _damaged(text, "has no cluster")
    if strange := sorted(set(cluster) - {"chief", "worker"}):
        raise _damaged(text, f"has {strange[0]!r} in its cluster, not chief or worker")
    for kind, hosts in cluster.items():
        if not isinstance(hosts, list) or not all(map(_is_address, hosts)):
            raise _damaged(text, f"needs a list of HOST:PORT for its {kind}")
    task = found.get("task")
    if not isinstance(task, dict) or task.get("type") not in cluster:
        raise _damaged(text, f"does not say which task this is: {' or '.join(cluster)}")
    number, hosts = task.get("index"), cluster[task["type"]]
    if isinstance(number, bool) or number not in range(len(hosts)):
        raise _damaged(text, f"has index={number!r} of {len(hosts)} {task['type']}s")
    before = len(cluster.get("chief", ())) if task["type"] == "worker" else 0
    return Place(before + number, sum(map(len, cluster.values())))


def _is_address(host):
    return isinstance(host, str) and bool(re.fullmatch(r".+:\d+", host))


def _damaged(text, what):
    short = text if len(text) <= 200 else f"{text[:200]}..."
    return InputError(f"TF_CONFIG={short} {what}; it should look like {TF_CONFIG}")
