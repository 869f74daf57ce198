"""Seconds, files and run folders: NumPy and the standard library only."""

import contextlib
import difflib
import json
import os
import pathlib
import shutil
import tempfile

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
    try:
        return json.loads(pathlib.Path(path).read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a JSON file: {error}") from None


def nearest(name, names):
    """The most similar of some names, or None: for errors that teach the fix."""
    found = difflib.get_close_matches(str(name), list(names), n=1, cutoff=0.5)
    return found[0] if found else None


def find_run(run=None, default=None):
    """The folder of a run, of a checkpoint, or the newest run of a folder of runs.

    Args:
      run: One of these three; None means the folder `runs`.
      default: Folder that is meant if `run` is None and `runs` holds none; or None.

    Returns:
      Path of a folder that holds checkpoint/model.json or model.json.

    Raises:
      InputError: If there is none.
    """
    folder = pathlib.Path("runs" if run is None else str(run))
    for part in ("checkpoint/model.json", "model.json"):
        if (folder / part).exists():
            return folder
    runs = [p for p in folder.glob("[0-9]*") if p.name.isdigit()]
    for path in sorted(runs, key=lambda p: int(p.name), reverse=True):
        if (path / "checkpoint" / "model.json").exists():
            return path
    if run is None and default is not None:
        return find_run(default)
    raise InputError(
        f"{folder} holds no checkpoint (checkpoint/model.json), and no run that has "
        "one: train one with `python Training.py`, or name one with run=FOLDER"
    )
