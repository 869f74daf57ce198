"""Ctrl-C and SIGTERM that wait until what must not be cut in two is done."""

import contextlib
import signal
import threading


@contextlib.contextmanager
def undisturbed():
    """Lets both signals wait until the block has ended; the first then counts.

    They reach the main thread alone, so in another one nothing is to be done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came = []
    old = {
        number: signal.signal(number, lambda number, _: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in old.items():
            # None: whoever set it was not Python.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if came:
            signal.raise_signal(came[0])
