"""Which machine was measured, and where the figures are kept."""

import os
import pathlib
import platform

import tensorflow as tf

import Utils

RESULTS = pathlib.Path(__file__).parent / "results.json"


def about():
    """What a figure depends on: processor, cores, versions."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else 0,
        "tensorflow": tf.__version__,
        "python": platform.python_version(),
    }


def _processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    found = {k.strip(): v.strip() for k, _, v in (row.partition(":") for row in lines)}
    wide = [
        f for f in ("avx512_bf16", "amx_bf16") if f in found.get("flags", "").split()
    ]
    return " ".join([found.get("model name", platform.machine()), *wide])


def store(rows, path=RESULTS):
    """Puts rows among those that are there."""
    kept = Utils.read_json(path) if path.exists() else {}
    with Utils.write_aside(path) as aside:
        Utils.write_json(aside, dict(sorted({**kept, **rows}.items())))
