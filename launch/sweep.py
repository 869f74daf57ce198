r"""Trains configurations x values x seeds, and ends with a table of them.

    python launch/sweep.py chamber_demo urmp --seeds 3 -- training.max_epochs=5
    python launch/sweep.py chamber_demo --folder runs/losses --seeds 1 2 3 \
        --vary training.loss=mean_square,mean_absolute \
        --vary training.learning_rate=1e-3,1e-4 --evaluate -- training.max_epochs=3

Each combination and seed is a `Training.py with CONFIG ... KEY=VALUE seed=N`, with what
stands after -- for all; with --evaluate an Evaluate.py follows it.  Type the same line
again to go on: what is trained is kept, what was cut off is resumed, what failed waits
for --again.  Ctrl-C lets the runs save their state, and shows the table so far.

Writes FOLDER/sweep.md and sweep.csv, and of each run FOLDER/COMBINATION/seed-N/:
    log.txt     what it wrote
    1/, 2/      runs of Training.py, each resumed from the one before
"""

import argparse
import pathlib
import shlex
import signal
import sys

if not __package__:  # run as a file
    sys.path[0] = str(pathlib.Path(__file__).resolve().parents[1])

import Utils  # noqa: E402
from launch import sweep_plan, sweep_pool, sweep_runs, sweep_shares  # noqa: E402
from launch import sweep_table as table  # noqa: E402
from Schema import InputError  # noqa: E402


def _folder(text):
    if "://" in text:
        raise argparse.ArgumentTypeError(f"{text}: a sweep is kept on a disk")
    return pathlib.Path(text)


def parser():
    """Of the command line, up to `--`."""
    ours = argparse.RawDescriptionHelpFormatter
    main = argparse.ArgumentParser(
        "sweep.py",
        description=__doc__,
        formatter_class=ours,
        usage="sweep.py [CONFIG ...] [flags] [-- NAME KEY=VALUE ...]",
    )
    add = main.add_argument
    told = "named configuration, or its JSON file; A+B: both in one run"
    add("configs", nargs="*", metavar="CONFIG", help=told)
    told = "of runs and table (default: %(default)s)"
    add("--folder", type=_folder, default=pathlib.Path("runs/sweep"), help=told)
    told = "how many (3), or which (7 8, or 7-9) (default: 1)"
    add("--seeds", nargs="+", default=["1"], help=told)
    told = "values of a knob, a run each; may be given again"
    add("--vary", action="append", default=[], metavar="KEY=VALUE,...", help=told)
    told = "runs at once, which share cores and GPUs (default: 1)"
    add("--jobs", type=int, default=1, help=told)
    told = "score what is trained; words for Evaluate.py may follow"
    add("--evaluate", nargs="*", metavar="KEY=VALUE", help=told)
    add("--again", action="store_true", help="also what failed before")
    add("--dry-run", action="store_true", help="only print the commands")
    return main


def known():
    """The named configurations that there are."""
    import Config  # takes a second, and not every sweep names one

    return list(Config.NAMED)


def planned(args, words):
    """The jobs that a command line asks for.

    Args:
      args: Of `parser`.
      words: After `--`.

    Raises:
      InputError: If any of it cannot be.
    """
    vary = sweep_plan.varied(args.vary)
    names, updates = sweep_plan.shared(words, vary)
    asked = [*names, *(part for config in args.configs for part in config.split("+"))]
    files = all(n.endswith(".json") and pathlib.Path(n).is_file() for n in asked)
    for name in asked if not files else ():
        if "=" in name:
            raise InputError(f"{name}: KEY=VALUE of all runs stand after --")
        sweep_plan.check_name(name, known())
    if args.jobs < 1:
        raise InputError(f"--jobs {args.jobs}: at least 1")
    wrong = [word for word in args.evaluate or [] if "=" not in word]
    if wrong:
        raise InputError(
            f"--evaluate {wrong[0]}: expected KEY=VALUE, as evaluation.split=test; "
            "named configurations stand before the flags"
        )
    seeds = sweep_plan.seeds(args.seeds)
    return sweep_plan.planned(args.folder, args.configs, vary, seeds, names, updates)


def show(args, jobs, looks):
    """Prints what would be run."""
    for job, look in zip(jobs, looks):
        step = sweep_pool.next_step(job, look, args.evaluate, args.again)
        if step is None:
            print(f"# {look.stage}: {job.name}")
            continue
        print(shlex.join(step[1]))
        if step[0] == "train" and args.evaluate is not None:
            at = job.folder / (str(int(look.run.name) + 1) if look.run else "1")
            words = "with", f"run={at}", *args.evaluate
            print(shlex.join(sweep_pool.verb("Evaluate.py", *words)))


def run(args, jobs):
    """Runs what is left of a sweep and shows the table; returns the exit status."""
    for job in jobs:
        if job.folder.exists():
            sweep_pool.locked(job).close()
    looks = [sweep_runs.look(job, args.evaluate) for job in jobs]
    todo = [
        job
        for job, look in zip(jobs, looks)
        if sweep_pool.next_step(job, look, args.evaluate, args.again)
    ]
    combinations = len({job.combination for job in jobs})
    seeds = " ".join(map(str, dict.fromkeys(job.seed for job in jobs)))
    print(f"sweep   {combinations} combinations, seeds {seeds}: {len(jobs)} runs")
    failed = sum(look.stage == "failed" or look.unscored for look in looks)
    if failed and not args.again:
        print(f"failed  {failed} of them before; --again tries them again")
    print(f"to do   {len(todo)} of them, into {args.folder}")
    shares = sweep_shares.shares(min(args.jobs, len(todo)) or 1)
    for k, (_, _, told) in enumerate(shares if todo else ()):
        print(f"share   {k + 1} of {len(shares)} at once: {told}", flush=True)
    stopped = sweep_pool.Pool(todo, shares, args.evaluate, args.again).run()
    looks = [(job, sweep_runs.look(job, args.evaluate)) for job in jobs]
    print("\n" + table.write(args.folder, looks))
    print(f"wrote   {args.folder / 'sweep.md'}, sweep.csv")
    if stopped is not None:
        print("stopped; type the same line again to go on")
        return 128 + stopped
    return int(any(look.stage != "trained" or look.unscored for _, look in looks))


def main(argv):
    """Runs a command line; returns its exit status."""
    at = argv.index("--") if "--" in argv else len(argv)
    args = parser().parse_args(argv[:at])
    try:
        jobs = planned(args, argv[at + 1 :])
        if args.dry_run:
            show(args, jobs, [sweep_runs.look(job, args.evaluate) for job in jobs])
            return 0
        with Utils.alone(args.folder, "sweep"):
            return run(args, jobs)
    except InputError as error:
        sys.stdout.flush()
        print(f"sweep.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("sweep.py: interrupted", file=sys.stderr)
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
