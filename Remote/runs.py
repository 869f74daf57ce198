"""Runs, wherever they lie."""

from Remote.copies import here
from Remote.paths import path as path_of
from Schema import InputError


def find_run(run=None, default=None):
    """The folder of a run, of a checkpoint, or the newest run of a folder of runs.

    Args:
      run: One of these three; None means the folder `runs`.
      default: Folder that is meant if `run` is None and `runs` holds none; or None.

    Returns:
      Path of a folder that holds checkpoint/model.json or model.json; of a remote one
      that of its copy here (`here`).

    Raises:
      InputError: If there is none.
    """
    folder = path_of("runs" if run is None else str(run))
    for part in ("checkpoint/model.json", "model.json"):
        if (folder / part).exists():
            return here(folder)
    runs = [p for p in folder.glob("[0-9]*") if p.name.isdigit()]
    for path in sorted(runs, key=lambda p: int(p.name), reverse=True):
        if (path / "checkpoint" / "model.json").exists():
            return here(path)
    if run is None and default is not None:
        return find_run(default)
    raise InputError(
        f"{folder} holds no checkpoint (checkpoint/model.json), and no run that has "
        "one: train one with `python Training.py`, or name one with run=FOLDER"
    )
