"""The notes of a recording's sources, as a user gives them -> activity of frames."""

import math
import pathlib
import re

import numpy as np

from Datasets import notes
from Schema import InputError

FILE = re.compile(r"Notes_\d+_([^_]+)(_.*)?\.txt")


def activities(score, frame_rate):
    """Score activity of whole sources.

    Args:
      score: {source: float [M, 3]: onset s, frequency Hz, duration s}; or a folder of
        files Notes_<number>_<source>_<anything>.txt, as URMP has them.  Notes of files
        of one source are put together.
      frame_rate: Hz.

    Returns:
      {source: float32 [F]}: the share of each frame, from the beginning of the
      recording to the last note, in which the source has a note.

    Raises:
      InputError: If there are no such files, or notes are none; it names them.
    """
    if isinstance(score, str | pathlib.Path):
        score = _read(pathlib.Path(score))
    if not isinstance(score, dict):
        raise InputError(
            "a score must be {source: notes [M, 3]}, or a folder of Notes files, not "
            f"{type(score).__name__}"
        )
    return {name: _activity(name, of, frame_rate) for name, of in score.items()}


def _read(folder):
    """{source: float64 [M, 3]} of a folder's files."""
    paths = {path: FILE.fullmatch(path.name) for path in sorted(folder.glob("*"))}
    paths = {path: match[1] for path, match in paths.items() if match}
    if not paths:
        raise InputError(
            f"{folder} holds no notes: name a folder of Notes_<number>_<source>_*.txt"
        )
    read = {path: notes.read_notes(path) for path in paths}
    return {
        source: np.concatenate([read[p] for p in paths if paths[p] == source])
        for source in dict.fromkeys(paths.values())
    }


def _activity(name, given, frame_rate):
    try:
        found = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        found = np.zeros(1)
    found = found.reshape(-1, 3) if not found.size else found
    if found.ndim != 2 or found.shape[1] != 3:
        raise InputError(
            f"the notes of {name!r} must be numbers [M, 3] (onset s, frequency Hz, "
            f"duration s), not {given!r:.60}"
        )
    for note in found:
        notes.check_note(note, f"a note of {name!r}")
    given = found
    end = float((given[:, 0] + given[:, 2]).max(initial=0))
    count, slots = max(1, math.ceil(end * frame_rate)), np.zeros(len(given), np.int32)
    found = notes.activity(given, slots, 1, 0, count, frame_rate)
    return found.numpy()[0]
