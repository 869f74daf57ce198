"""The folder of a run: what lies where, and what a resumed run takes with it."""

import os
import pathlib
import shutil
import tempfile

import Remote
import Utils
from Learning import history as table
from Learning import state as states
from Schema import InputError


class RunFolder:
    """Paths of a run; making the object touches nothing, but fetches a remote one.

    Attributes:
      path: The folder.
      checkpoint: Folder of the best model.
      state: File to go on from; the one before lies beside it.
      log: Folder of TensorBoard's events.
      history: Table of epochs.
    """

    def __init__(self, path):
        self.path = Remote.here(path, whole=True)
        self.checkpoint = self.path / "checkpoint"
        self.state = self.checkpoint / "state.npz"
        self.log = self.path / "log"
        self.history = self.path / "history.csv"

    def take_state(self, other):
        """Copies the state of another run, to be tried on a new model.

        Raises:
          InputError: If it has none.
        """
        if not states.exists(other.state):
            raise InputError(f"{other.state} does not exist; nothing can be resumed")
        for place in (states.before, lambda path: path):
            if place(other.state).exists():
                with Utils.write_aside(place(self.state)) as aside:
                    shutil.copy2(place(other.state), aside)

    def check_room(self, n_bytes):
        """Meets a full disk before HDF5 does, which would crash.

        Raises:
          OSError: If a file of so many bytes cannot be in the checkpoint's folder.
        """
        self.checkpoint.mkdir(parents=True, exist_ok=True)
        if not hasattr(os, "posix_fallocate"):
            return
        try:
            with tempfile.TemporaryFile(dir=self.checkpoint) as file:
                os.posix_fallocate(file.fileno(), 0, n_bytes)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.checkpoint)) from None

    def keep(self, history):
        """Writes the table of epochs."""
        table.write(self.history, history)


def commit(root):
    """The commit that is checked out, read without a git program.

    Args:
      root: Folder that holds `.git`.

    Returns:
      Its hexadecimal name, or None outside of a repository.
    """
    git = pathlib.Path(root) / ".git"
    try:
        head = (git / "HEAD").read_text("utf-8").strip()
        name = head.removeprefix("ref: ")
        if name == head or not name:
            return head or None
        if (git / name).exists():
            return (git / name).read_text("utf-8").strip()
        lines = (git / "packed-refs").read_text("utf-8").splitlines()
    except OSError:
        return None
    return next((row.split()[0] for row in lines if row.endswith(f" {name}")), None)
