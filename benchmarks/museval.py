"""How much sooner the fast BSS Eval v4 is done than museval, and in which memory.

    python -m benchmarks.museval                       # both rows; writes results.json
    python -m benchmarks.museval museval_v4_13mono --runs 1

Scores a minute of 4 stereo sources at 44,100 Hz (`museval_v4_4stereo`) and of 13 mono
sources at 22,050 Hz (`museval_v4_13mono`) in frames of a second, as MUSDB18 and URMP
would be.  The sources are noise that fills the band: how long either takes depends on
sizes only.  Every call has a process of its own, and the two take turns; `seconds` are
those of the call, without making the signals, and the peak of memory is the process's.

It fails unless fast is 10 times (4 stereo), 15 times (13 mono) as fast, and the scores
are alike to 1e-6 dB.
"""

import argparse
import importlib.metadata
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before TensorFlow wakes

import numpy as np

from Scores import fast_v4, museval_file
from Scores.track import METRICS

ROOT = pathlib.Path(__file__).resolve().parents[1]
SIZES = {  # sources, channels, Hz, times as fast at least
    "museval_v4_4stereo": (4, 2, 44100, 10),
    "museval_v4_13mono": (13, 1, 22050, 15),
}
ENGINES = ("museval", "fast")
ALIKE = 1e-6  # dB


def signals(row, seconds):
    """References and estimates, float64 [S, T, C] each."""
    n_sources, n_channels, rate, _ = SIZES[row]
    rng = np.random.default_rng(0)
    references = rng.normal(size=(n_sources, round(seconds * rate), n_channels))
    estimates = 0.1 * rng.normal(size=references.shape)
    estimates += references + 0.2 * references.mean(axis=0)
    return references, estimates


def once(row, engine, seconds, path):
    """Scores with one engine, in this process; writes and prints what it took.

    Args:
      row: A key of `SIZES`.
      engine: One of `ENGINES`.
      seconds: Of audio.
      path: .npy of the scores.
    """
    references, estimates = signals(row, seconds)
    rate = SIZES[row][2]
    begin = time.perf_counter()
    if engine == "fast":
        values = fast_v4.measure(references, estimates, rate, rate)
    else:
        *values, _ = museval_file.metrics().bss_eval(references, estimates, rate, rate)
    taken = time.perf_counter() - begin
    np.save(path, np.stack(values))
    print(taken, own_peak())


def own_peak():
    """GiB that this process has occupied at most; `timing` would bring TensorFlow."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (2**30 if sys.platform == "darwin" else 2**20)


def alone(row, engine, seconds, folder):
    """`once`, in a process of its own: (seconds, GiB, float64 [4, S, F])."""
    path = pathlib.Path(folder) / f"{engine}.npy"
    words = ["--seconds", str(seconds), "--alone", engine, str(path), row]
    command = [sys.executable, "-m", "benchmarks.museval", *words]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    taken, peak = map(float, done.stdout.split()[-2:])
    return taken, peak, np.load(path)


def compare(row, seconds, runs):
    """One row of results.json."""
    n_sources, n_channels, rate, _ = SIZES[row]
    told = {"sources": n_sources, "channels": n_channels, "sample_rate": rate}
    told |= {"seconds_of_audio": seconds, "runs": runs}
    found = {engine: [] for engine in ENGINES}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            for engine in ENGINES:
                found[engine].append(alone(row, engine, seconds, folder))
    for engine, calls in found.items():
        told[f"seconds_{engine}"] = round(statistics.median(c[0] for c in calls), 3)
        told[f"peak_rss_gib_{engine}"] = round(max(c[1] for c in calls), 2)
    told["ratio_to_museval"] = round(told["seconds_museval"] / told["seconds_fast"], 2)
    slow, fast = (found[engine][0][2] for engine in ENGINES)
    apart = np.abs(fast - slow).max(axis=(1, 2))
    told["db_apart"] = {m: float(f"{d:.1e}") for m, d in zip(METRICS, apart)}
    return told


def failures(rows):
    """What a row does not keep, a sentence each."""
    for row, told in rows.items():
        least, apart = SIZES[row][3], max(told["db_apart"].values())
        if told["ratio_to_museval"] < least:
            yield f"{row}: {told['ratio_to_museval']} times as fast, not {least}"
        if not apart <= ALIKE:  # NaN is a failure too
            yield f"{row}: the scores are {apart:.1e} dB apart"


def main(arguments=None):
    """Prints the rows and stores them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.museval")
    parser.add_argument("rows", nargs="*", help=", ".join(SIZES))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0, help="of audio")
    parser.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    for row in given.rows:
        if row not in SIZES:
            parser.error(f"no row {row!r}; the rows are {', '.join(SIZES)}")
    if given.alone:
        engine, path = given.alone
        return once(given.rows[0], engine, given.seconds, path)
    from benchmarks import machine  # TensorFlow, which no measured process should hold

    versions = {n: importlib.metadata.version(n) for n in ("museval", "numpy", "scipy")}
    rows = {}
    for row in given.rows or SIZES:
        rows[row] = {**compare(row, given.seconds, given.runs), **versions}
        print(row, *(f"{k}={v}" for k, v in rows[row].items()), sep="\n  ", flush=True)
    if given.seconds == parser.get_default("seconds"):
        machine.store({row: {**told, **machine.about()} for row, told in rows.items()})
    return "; ".join(failures(rows)) or None


if __name__ == "__main__":
    sys.exit(main())
