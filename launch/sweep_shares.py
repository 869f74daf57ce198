"""Which cores and GPUs each of the jobs gets that run at once."""

import contextlib
import os
import shutil
import subprocess


def shares(n_jobs, cores=None, gpus=None):
    """What each of the jobs that run at once gets.

    Args:
      n_jobs: Number of them.
      cores: Numbers of cores; None: those of this process.
      gpus: Names of GPUs for CUDA_VISIBLE_DEVICES; None: those that are there.

    Returns:
      n_jobs times (cores, environment, text).
    """
    if cores is None:
        known = hasattr(os, "sched_getaffinity")
        cores = sorted(os.sched_getaffinity(0)) if known else range(os.cpu_count() or 1)
    gpus = visible() if gpus is None else gpus
    found = []
    for k in range(n_jobs):
        own = list(cores[k::n_jobs]) or [cores[k % len(cores)]]
        if n_jobs == 1:
            found.append((own, {}, f"{len(own)} cores, {len(gpus)} GPUs"))
            continue
        # Not all systems let a process choose its cores: then its threads are few.
        threads = {"TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"}
        told = dict.fromkeys(sorted(threads | {"OMP_NUM_THREADS"}), str(len(own)))
        text = f"{len(own)} of {len(cores)} cores"
        if gpus:
            mine = gpus[k::n_jobs] or [gpus[k % len(gpus)]]
            told |= {"CUDA_VISIBLE_DEVICES": ",".join(mine)}
            text += f", GPU {' '.join(mine)}"
            if n_jobs > len(gpus):
                told |= {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}
                text += " (shared)"
        found.append((own, told, text))
    return found


def visible():
    """GPUs as CUDA_VISIBLE_DEVICES has them, found without TensorFlow."""
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    if told is not None:
        return [one.strip() for one in told.split(",") if one.strip() not in ("", "-1")]
    if shutil.which("nvidia-smi") is None:
        return []
    words = ["nvidia-smi", "--list-gpus"]
    listed = subprocess.run(words, capture_output=True, text=True).stdout
    return [str(k) for k, line in enumerate(listed.splitlines()) if line.strip()]


@contextlib.contextmanager
def on_cores(cores):
    """Lets processes that are started in the block use these cores only."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
