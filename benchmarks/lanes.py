"""Tasks on all cores: each in a process that keeps to one of them."""

import concurrent.futures as futures
import multiprocessing
import os
import queue
import sys
import time

TASKS_OF_A_PROCESS = 8  # TensorFlow never gives all memory back


def cores(workers=None):
    """Numbers of the cores that work, one a process."""
    if hasattr(os, "sched_getaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
    else:
        allowed = list(range(os.cpu_count() or 1))
    return allowed[:workers]


def confine(core, folder):
    """Keeps this process, and its threads to be, on one core; it writes into a log."""
    import tensorflow as tf

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    log = open(folder / f"core-{core}.log", "ab", buffering=0)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(log.fileno(), stream.fileno())


def work(tasks, folder, allowed, said):
    """Does tasks, each on one core.

    Args:
      tasks: Pairs (function, what); function(what, folder) does it, in a process.
      folder: Of results, and of a log for each core.
      allowed: Numbers of cores.
      said: said(what, result, seconds) tells of one that is done.

    Returns:
      {what: error} of those that failed; they stop no other.
    """
    waiting = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    with futures.ThreadPoolExecutor(len(allowed)) as threads:
        lanes = [threads.submit(_lane, waiting, folder, c, said) for c in allowed]
        return {what: e for one in lanes for what, e in one.result().items()}


def _lane(waiting, folder, core, said):
    """Does what waits, in processes on one core; returns {what: error}."""
    failed = {}
    context = multiprocessing.get_context("spawn")
    while not waiting.empty():
        with futures.ProcessPoolExecutor(
            1, context, initializer=confine, initargs=(core, folder)
        ) as pool:
            for _ in range(TASKS_OF_A_PROCESS):
                try:
                    function, what = waiting.get_nowait()
                except queue.Empty:
                    break
                began = time.monotonic()
                try:
                    told = pool.submit(function, what, folder).result()
                except Exception as error:
                    failed[what] = f"{type(error).__name__}: {error}"
                    print(f"FAILED {what}: {failed[what]}", file=sys.stderr, flush=True)
                    if isinstance(error, futures.process.BrokenProcessPool):
                        break
                else:
                    said(what, told, time.monotonic() - began)
    return failed
