"""Ctrl-C that is not lost."""

import signal
import threading


class Interruption:
    """Remembers a Ctrl-C for when nobody hears of it.

    Python raises KeyboardInterrupt wherever the program happens to be: where that is
    a callback of a library in C, the exception may be dropped, and the program goes on.

        with Interruption() as interruption:
            for ...:
                interruption.check()

    Inside, Ctrl-C raises as before.  In threads other than the main one, which hear
    of no signals, and where Ctrl-C means something else, nothing is changed.
    """

    def __init__(self):
        self._came = self._takes_part = False

    def __enter__(self):
        usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        main = threading.current_thread() is threading.main_thread()
        self._takes_part = usual and main
        if self._takes_part:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *exception):
        if self._takes_part:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _note(self, number, frame):
        self._came = True
        signal.default_int_handler(number, frame)

    def check(self):
        """Raises KeyboardInterrupt if there was one since the beginning."""
        if self._came:
            raise KeyboardInterrupt
