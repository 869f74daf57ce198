"""Tracks that are scored in processes while the next ones are separated."""

import concurrent.futures.process
import multiprocessing
import os

import numpy as np
from tqdm import tqdm

from Schema import InputError
from Scores import systems

# What costs one track; anything else is a fault of the program and keeps its traceback.
HURT = (InputError, MemoryError, OSError, np.linalg.LinAlgError)


def score(ids, separate, workers=None):
    """Separates tracks here and scores them in other processes, one bar for all.

    Args:
      ids: Tracks.
      separate: separate(track) -> `systems.Job`.
      workers: Processes that score; None: one a core.

    Returns:
      {track: why it could not be separated or scored}.

    Raises:
      InputError: If there are no workers, or one of them is killed.
    """
    failures = {}

    def made():
        for track_id in ids:
            try:
                yield track_id, separate(track_id)
            except HURT as error:
                failures[track_id] = told(error)

    for track_id, error in each(_scored, made(), len(ids), workers):
        if error:
            failures[track_id] = error
    return failures


def told(error):
    """One of `HURT` in a sentence."""
    if isinstance(error, InputError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _scored(track_id, job):
    """(track, why it could not be scored or None); runs in a process."""
    try:
        systems.score_systems(job)
    except HURT as error:
        return track_id, told(error)
    return track_id, None


def each(function, arguments, total, workers=None):
    """Calls a function in processes; yields results as they come, and shows a bar.

    Args:
      function: Of a module, so that processes find it.
      arguments: Iterable of tuples, each taken when there is room for it.
      total: How many there are.
      workers: Processes; None: one a core.

    Raises:
      InputError: If there are no workers, or one of them is killed.
    """
    if workers is not None and workers < 1:
        raise InputError(f"evaluation.workers={workers} must be at least 1, or None")
    workers = workers or os.cpu_count() or 1
    # Processes start afresh: TensorFlow's threads don't survive a fork.
    context = multiprocessing.get_context("spawn")
    try:
        with (
            tqdm(total=total, unit=" tracks", desc="evaluate") as bar,
            concurrent.futures.ProcessPoolExecutor(workers, context) as pool,
        ):
            waiting = set()
            for one in arguments:
                # A few tracks ahead of the scores at most: memory stays bounded.
                while len(waiting) > workers:
                    yield from _finished(waiting, bar)
                waiting.add(pool.submit(function, *one))
            while waiting:
                yield from _finished(waiting, bar)
    except concurrent.futures.process.BrokenProcessPool:
        raise InputError(
            "a process that scores was killed, perhaps for want of memory: lower "
            "evaluation.workers and evaluate again; finished tracks are kept"
        ) from None


def _finished(waiting, bar):
    """Waits for one track; takes away what is done, and passes on what went wrong."""
    done, _ = concurrent.futures.wait(
        waiting, return_when=concurrent.futures.FIRST_COMPLETED
    )
    waiting -= done
    for future in done:
        bar.update()
        yield future.result()
