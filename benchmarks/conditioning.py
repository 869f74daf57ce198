"""What conditioning on labels is worth: many small networks, trained and scored.

    python -m benchmarks.conditioning FOLDER          # all parts
    python -m benchmarks.conditioning FOLDER a b      # some

a: CExp (outer product of labels and bottleneck) against Exp, with 2, 3 and 4 players;
b: each fuser at each place, once, then the best three with every seed; c: a network
that had labels in every second example only, without them, against one that never had
any.  The pieces are fabricated in FOLDER.  Each network is trained on one core; one
for each core at a time.  What the same commit has finished is not done again (with
--keep: what any commit has), so it may be interrupted and called again.  A run that
fails is reported and stops no other.
"""

import argparse
import pathlib
import sys
import time

from benchmarks import conditioning_plan as plan
from benchmarks import conditioning_run as running
from benchmarks import conditioning_tables as tables
from benchmarks import lanes, machine
from benchmarks.runs import finished


def found(folder, keep, fuser=None):
    """{run: its result} of all that are finished."""
    every = {run: finished(run, folder, keep) for run in plan.everything(fuser)}
    return {run: told for run, told in every.items() if told}


def execute(runs, folder, allowed):
    """Makes the corpora, then trains and scores, each process on one core.

    Args:
      runs: `conditioning_plan.Run`s.
      folder: Of corpora and runs.
      allowed: Numbers of cores.

    Returns:
      {run: error} of those that failed.
    """
    corpora = [(running.corpus, n) for n in sorted({run.players for run in runs})]
    failed = lanes.work(corpora, folder, allowed[:1], said)
    left = [run for run in runs if run.players not in failed]
    tried = [(running.execute, run) for run in left]
    missing = {run: failed[run.players] for run in runs if run not in left}
    return missing | lanes.work(tried, folder, allowed, said)


def said(what, told, seconds):
    """Prints one line about what is finished."""
    if isinstance(what, plan.Run):
        line = f"{what.name:45s} {told['si_sdri']:6.2f} dB"
        if "SIR" in told:
            line += f", SIR {told['SIR']:.2f}"
        if "si_sdri_blind" in told:
            line += f", without labels {told['si_sdri_blind']:.2f}"
    else:
        line = f"corpus of {what} players"
    print(f"{time.strftime('%H:%M:%S')} {line}, {seconds:.0f} s", flush=True)


def report(part, results, fuser, runs):
    """Prints and stores the tables of a part."""
    text, figures = tables.TABLES[part](results, fuser)
    done = [results[run] for run in runs if run in results]
    if not done:
        return
    seconds = [told["training_seconds"] + told["scoring_seconds"] for told in done]
    about = {
        "unit": "dB, [mean, standard error]",
        "seeds": list(plan.SEEDS),
        "steps": plan.STEPS,
        "runs": f"{len(done)} of {len(runs)}",
        "seconds_a_run": round(sum(seconds) / len(seconds), 1),
        "commits": sorted({str(told["commit"]) for told in done}),
    }
    print(f"\nPart {part}: {about['runs']} runs, {about['seconds_a_run']} s each\n")
    print(text + "\n", flush=True)
    machine.store({f"conditioning_{part}": {**figures, **about, **machine.about()}})


def main(arguments=None):
    """Does what is missing, prints the tables and stores them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conditioning")
    parser.add_argument("folder", type=pathlib.Path, help="of corpora and runs")
    parser.add_argument("parts", nargs="*", metavar="part", help="a, b, c; all")
    parser.add_argument("--workers", type=int, help="cores that work; all")
    parser.add_argument("--keep", action="store_true", help="results of other commits")
    parser.add_argument("--fuser", help="of part c; the best of part b")
    given = parser.parse_args(arguments)
    parts = given.parts or list(plan.PARTS)
    if unknown := [part for part in parts if part not in plan.PARTS]:
        parser.error(f"no part {unknown[0]!r}; the parts are {', '.join(plan.PARTS)}")
    folder, fuser, failed = given.folder.resolve(), given.fuser, {}
    folder.mkdir(parents=True, exist_ok=True)
    for part in parts:
        while True:
            results = found(folder, given.keep, fuser)
            tried = {**dict.fromkeys(failed), **results}
            runs = plan.PARTS[part](tried, fuser)
            todo = [run for run in runs if run not in tried]
            if not todo:
                break
            failed |= execute(todo, folder, lanes.cores(given.workers))
        report(part, results, fuser, runs)
    for run, error in failed.items():
        print(f"FAILED {run.name}: {error}", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
