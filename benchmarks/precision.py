"""Whether bfloat16 trains as well as float32: the demo in both, with several seeds.

    make demo                                       # makes the records
    python -m benchmarks.precision demo/records runs/precision

Trains and scores the demo's network six times, half an hour on two cores.  What the
same commit has finished is not done again, so it may be interrupted and called again.
It fails unless the means are within 0.3 dB, or within twice the standard error of their
difference.
"""

import argparse
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

import Utils
from benchmarks import machine
from Learning.folder import commit

ROOT = pathlib.Path(__file__).resolve().parents[1]
PRECISIONS = ("float32", "bfloat16")
GAIN = re.compile(r"SI-SDR above the mixture: (-?[\d.]+) dB")
WITHIN = 0.3  # dB


def run(*words):
    """Runs a verb and returns what it printed.

    Raises:
      SystemExit: If it failed; with what it said.
    """
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


def improvement(records, folder, precision, seed):
    """Trains and scores once, unless that is done: (SI-SDRi in dB, minutes)."""
    path = folder / f"{precision}-{seed}"
    result = path / "result.json"
    told = Utils.read_json(result) if result.exists() else {}
    if told.get("commit") != commit(ROOT):
        shutil.rmtree(path, ignore_errors=True)  # unfinished, or of another commit
        knobs = [f"data.records={records}", f"training.precision={precision}"]
        begin = time.monotonic()
        run("Training.py", "with", "chamber_demo", *knobs, f"seed={seed}", "-F", path)
        minutes = (time.monotonic() - begin) / 60
        newest = f"run={path}"
        printed = run("Evaluate.py", "with", newest, "evaluation.save_estimates=False")
        gain = float(GAIN.search(printed)[1])
        told = {"si_sdri": gain, "minutes": round(minutes, 2), "commit": commit(ROOT)}
        Utils.write_json(result, told)
    return told["si_sdri"], told["minutes"]


def standard_error(values):
    """Of the mean."""
    return statistics.stdev(values) / len(values) ** 0.5


def main(arguments=None):
    """Prints the table and stores it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision")
    parser.add_argument("records", type=pathlib.Path, help="records of the demo")
    parser.add_argument("folder", type=pathlib.Path, help="folder of the runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    given = parser.parse_args(arguments)
    if len(given.seeds) < 2:
        parser.error("a standard error takes two seeds or more")
    folder, records = given.folder.resolve(), given.records.resolve()
    row = {"seeds": given.seeds, "unit": "dB SI-SDR above the mixture"}
    for seed in given.seeds:
        for precision in PRECISIONS:
            gain, minutes = improvement(records, folder, precision, seed)
            row.setdefault(precision, []).append(gain)
            row.setdefault(f"minutes_{precision}", []).append(minutes)
            print(f"{precision:9s} seed {seed}: {gain:.2f} dB, {minutes:.1f} min")
    means = {p: statistics.mean(row[p]) for p in PRECISIONS}
    errors = {p: standard_error(row[p]) for p in PRECISIONS}
    for precision in PRECISIONS:
        print(f"{precision:9s} {means[precision]:.2f} +- {errors[precision]:.2f} dB")
    gap = abs(means["float32"] - means["bfloat16"])
    allowed = max(WITHIN, 2 * sum(error**2 for error in errors.values()) ** 0.5)
    print(f"apart by {gap:.2f} dB, allowed {allowed:.2f} dB")
    row |= {f"mean_{p}": round(means[p], 3) for p in PRECISIONS}
    row |= {f"standard_error_{p}": round(errors[p], 3) for p in PRECISIONS}
    row |= {"apart": round(gap, 3), "allowed": round(allowed, 3), **machine.about()}
    machine.store({"demo_precision": row})
    if gap > allowed:
        sys.exit("bfloat16 and float32 do not train alike")


if __name__ == "__main__":
    main()
