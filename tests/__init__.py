"""Tests: names are sentences that are true of the code.

Their environment is set here, before TensorFlow starts.
"""

import os

MOST_WORKERS = 4  # each holds a TensorFlow, 1 to 2 GB


def n_cores():
    """Cores that this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
# Threads of several libraries on few cores wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:  # one of several processes
    share = max(1, n_cores() // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(share))
