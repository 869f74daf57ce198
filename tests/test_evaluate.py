"""Evaluate: what its processes may do to it."""

import os
import time

import pytest

from Evaluating import scoring
from Schema import InputError
from Scores import parallel


def die(*_):
    """Ends its process as the system does when memory is short."""
    os._exit(9)


class Slow:
    """An evaluation of a few tracks whose separation takes a moment."""

    ids = ["a", "b", "c", "d", "e", "f"]

    def remove_others(self):
        pass

    def is_done(self, *_):
        return False

    def separate(self, *_):
        time.sleep(0.5)


@pytest.mark.parametrize("workers", [1, 9])
def test_a_killed_process_ends_in_a_sentence(monkeypatch, workers):
    # With 9, it is a later submission that finds the pool broken.
    monkeypatch.setattr(parallel, "_scored", die)
    with pytest.raises(InputError, match="was killed.*lower evaluation.workers"):
        scoring.evaluate(Slow(), workers=workers)
