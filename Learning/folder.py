"""The folder of a run: what lies where, and what a resumed run takes with it."""

import pathlib
import shutil

from Learning import history as table
from Schema import InputError


class RunFolder:
    """Paths of a run; making the object touches nothing.

    Attributes:
      path: The folder.
      checkpoint: Folder of the best model.
      state: File to go on from.
      log: Folder of TensorBoard's events.
      history: Table of epochs.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.checkpoint = self.path / "checkpoint"
        self.state = self.checkpoint / "state.npz"
        self.log = self.path / "log"
        self.history = self.path / "history.csv"

    def take_state(self, other):
        """Copies the state of another run, to be tried on a new model.

        Raises:
          InputError: If it has none.
        """
        if not other.state.exists():
            raise InputError(f"{other.state} does not exist; nothing can be resumed")
        self.checkpoint.mkdir(parents=True, exist_ok=True)
        shutil.copy2(other.state, self.state)

    def take_results(self, other):
        """Copies the best model and the log of another run."""
        for there, here in ((other.checkpoint, self.checkpoint), (other.log, self.log)):
            if there.exists():
                shutil.copytree(there, here, dirs_exist_ok=True)

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
