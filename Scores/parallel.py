"""Tracks that are scored in processes while the next ones are separated."""

import concurrent.futures.process
import multiprocessing
import os

from tqdm import tqdm

from Schema import InputError
from Scores import systems


def score(ids, separate, workers=None):
    """Separates tracks here and scores them in other processes, one bar for all.

    Args:
      ids: Tracks.
      separate: separate(track) -> the arguments of `systems.score_systems`.
      workers: Processes that score; None: one a core.

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
            tqdm(total=len(ids), unit=" tracks", desc="evaluate") as bar,
            concurrent.futures.ProcessPoolExecutor(workers, context) as pool,
        ):
            waiting = set()
            for track_id in ids:
                # A few tracks ahead of the scores at most: memory stays bounded.
                while len(waiting) > workers:
                    waiting -= _finished(waiting, bar)
                waiting.add(pool.submit(systems.score_systems, *separate(track_id)))
            while waiting:
                waiting -= _finished(waiting, bar)
    except concurrent.futures.process.BrokenProcessPool:
        raise InputError(
            "a process that scores was killed, perhaps for want of memory: lower "
            "evaluation.workers and evaluate again; finished tracks are kept"
        ) from None


def _finished(waiting, bar):
    """Waits for one track; passes on what went wrong with it."""
    done, _ = concurrent.futures.wait(
        waiting, return_when=concurrent.futures.FIRST_COMPLETED
    )
    for future in done:
        future.result()
        bar.update()
    return done
