"""A copy of a run elsewhere, made as it grows, by a thread of its own.

Training never waits for it.  What cannot be sent now is tried again; what is here stays
whole.
"""

import sys
import threading

from Remote.copies import send, stamps
from Schema import InputError

EVERY = 20.0  # s between looks


class Mirror:
    """Sends what changes in a folder to a remote place.

    Attributes:
      folder: pathlib.Path of the folder.
      where: RemotePath of its copy.
    """

    def __init__(self, folder, where, every=None):
        """Nothing is sent yet.

        Args:
          folder: pathlib.Path.
          where: `RemotePath` of its copy.
          every: Seconds between looks; None: `EVERY`.
        """
        self.folder, self.where, self._every = folder, where, every or EVERY
        self._sent, self._is_failing = {}, False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def start(self):
        """Sends what there is of the folder; from then on what changes.

        Raises:
          InputError: If nothing can be written there.
        """
        self._push()
        self._thread.start()

    def _push(self):
        """Sends what has changed since it was sent, the oldest first.

        So what is written last, as a state after its weights, comes last there, too.
        """
        for path, stamp in sorted(stamps(self.folder).items(), key=lambda one: one[1]):
            if self._sent.get(path) != stamp:
                try:
                    send(path, self.where / path.relative_to(self.folder).as_posix())
                except FileNotFoundError:  # renamed meanwhile: seen at the next look
                    continue
                self._sent[path] = stamp

    def _follow(self):
        while not self._ended.wait(self._every):
            self._try()

    def _try(self):
        """Whether all is sent now; says once that it is not."""
        try:
            self._push()
        except (InputError, OSError) as error:
            if not self._is_failing:
                _say(
                    f"\ncopy    {error}; the run goes on, and the copy is tried again "
                    f"every {self._every:g} s"
                )
            self._is_failing = True
            return False
        if self._is_failing:
            _say(f"\ncopy    {self.where} is up to date again")
        self._is_failing = False
        return True

    def close(self):
        """Sends what is left, and says where it lies."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._try():
            print(f"copied  {self.folder} to {self.where}", flush=True)
            return
        _say(
            f"copy    {self.where} lacks what was written last; all of it is in "
            f"{self.folder}, to be copied by "
            f"`gcloud storage rsync --recursive {self.folder} {self.where}`"
        )


def _say(text):
    print(text, file=sys.stderr, flush=True)
