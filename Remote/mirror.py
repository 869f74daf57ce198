"""A copy of a run elsewhere, made as it grows, by a thread of its own.

Training never waits for it.  What cannot be sent now is tried again; what is here stays
whole.
"""

import shlex
import sys
import threading

from Remote.copies import send, stamps
from Remote.paths import asked

EVERY = 20.0  # s between looks
GROWTH = 1.125  # of a file that is appended to, until it is sent again


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

        So a state comes after its weights; last the description, which makes them a
        model.  What cannot be sent keeps nothing else from it.
        """
        found, wrong = stamps(self.folder), None
        order = sorted(found, key=lambda path: (path.name == "model.json", found[path]))
        for path in order:
            if self._is_due(self._sent.get(path), found[path]):
                try:
                    self._send(path, found[path])
                except FileNotFoundError:  # renamed meanwhile: seen at the next look
                    continue
                except Exception as error:
                    wrong = wrong or error
        if wrong is not None:
            raise wrong

    def _is_due(self, before, now):
        """Whether a file is to be sent: of one that has grown a little, at the end."""
        if before is None or before[2] != now[2] or self._ended.is_set():
            return before != now
        return before != now and not before[1] <= now[1] < GROWTH * before[1]

    def _send(self, path, stamp):
        where = self._place(path)
        other = next((p for p, sent in self._sent.items() if sent == stamp), None)
        if other is None:
            send(path, where)
        else:  # it has a second name here, as the state before the newest
            with asked(where, "written") as gfile:
                gfile.rename(str(self._place(other)), str(where), overwrite=True)
            del self._sent[other]
        self._sent[path] = stamp

    def _place(self, path):
        return self.where / path.relative_to(self.folder).as_posix()

    def _follow(self):
        while not self._ended.wait(self._every):
            self._try()

    def _try(self):
        """Whether all is sent now; says once that it is not."""
        try:
            self._push()
        except Exception as error:  # whatever it is, training goes on
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
        is_whole = False
        try:
            if self._thread.is_alive():
                self._thread.join()
            is_whole = self._try()
        finally:
            if is_whole:
                print(f"copied  {self.folder} to {self.where}", flush=True)
            else:
                told = shlex.join([str(self.folder), str(self.where)])
                _say(
                    f"copy    {self.where} lacks what was written last; all of it is "
                    f"in {self.folder}: `gcloud storage rsync --recursive {told}`"
                )


def _say(text):
    print(text, file=sys.stderr, flush=True)
