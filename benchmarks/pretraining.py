"""What pre-training by correspondence is worth to a separator that sees.

    python -m benchmarks.pretraining FOLDER

A network learns which violinist belongs to which sound, and when, from solos that
nobody separated; then separators of two violinists in one register, whom only sight
tells apart, begin with its encoder of players, with its way down, too, or with nothing:
a few pieces, and as many steps, for all.  The pieces are fabricated in FOLDER.  What
the same commit has finished is not done again (with --keep: what any commit has), so it
may be interrupted and called again.  A run that fails is reported and stops no other.
"""

import argparse
import functools
import pathlib
import sys
import time

import numpy as np

import Remote
import Test
import Training
import Utils
from benchmarks import lanes, machine, runs
from benchmarks import pretraining_plan as plan
from benchmarks.conditioning_tables import estimate, markdown, shown
from benchmarks.runs import finished


def corpus(name, folder):
    """Home of the records of a corpus; made if need be."""
    return runs.prepared(folder / name, plan.CORPORA[name], plan.VISUAL)


def execute(run, folder):
    """Trains and scores one network; writes and returns its result."""
    home = functools.partial(corpus, run.corpus, folder)
    score = matched if run.kind == "pretrained" else separated
    train = functools.partial(trained, folder)
    return runs.execute(run, folder, home, score, train)


def trained(folder, run, path, home):
    """Trains a network by Training.py, of the pretrained one what its kind takes."""
    sections = run.sections()
    sections["data"] = {**sections["data"], "records": str(home)}
    if sections["training"].get("warm_start_patterns"):
        taken = Remote.find_run(folder / plan.PRETRAINED.name)
        sections["training"]["warm_start"] = str(taken)
    Utils.write_json(path / "options.json", sections)
    words = [path / "options.json", f"seed={run.seed}"]
    runs.verb(Training, *words, "-F", path, observed=True)


def matched(run, path, home):
    """Losses of solos held back, and those of a network that says nothing."""
    words = [f"run={Remote.find_run(path)}", f"data.records={home}"]
    words += ["evaluation.split=validation"]
    names = ("correspondence", "synchrony")
    found = {n: runs.verb(Test, *words, f"loss={n}").result for n in names}
    chance = {"synchrony": float(np.log(plan.PRETRAIN["moments"]))}
    return {"losses": found, "of nothing": chance}


def separated(run, path, home):
    """{"loss": of the test pieces, "si_sdri": dB, their mean above the mixture}."""
    from benchmarks.sight_run import Scorer, improvement

    words = [f"run={Remote.find_run(path)}", f"data.records={home}"]
    loss = runs.verb(Test, *words).result
    scorer, gains = Scorer(Remote.find_run(path), home / "raw"), []
    for track in scorer.tracks:
        found, audio = scorer.present(track)
        video = np.stack([one.visual(track) for one in found])
        estimates = np.stack([*scorer.separated(track, None, video).values()])
        gains.append(improvement(audio, estimates, track["mix"]))
    return {"loss": loss, "si_sdri": float(np.mean(gains))}


def said(what, told, seconds):
    """Prints one line about what is finished."""
    name, scores = f"corpus {what}", ""
    if isinstance(what, plan.Run):
        name = what.name
        scores = {k: told[k] for k in ("losses", "loss", "si_sdri") if k in told}
    print(f"{time.strftime('%H:%M:%S')} {name} {scores} {seconds:.0f} s", flush=True)


def table(results):
    """(Markdown, {row: {seed: figure}}) of what is finished."""
    rows, figures = [], {}
    for key, unit, digits in (("si_sdri", "SI-SDRi, dB", 2), ("loss", "loss, 1e-3", 3)):
        for kind in plan.TAKEN:
            values = {
                seed: results[plan.Run(kind, seed)][key] * (1e3 if key == "loss" else 1)
                for seed in plan.SEEDS
                if plan.Run(kind, seed) in results
            }
            row = f"{kind}, {unit}"
            figures[row] = {str(seed): round(x, 4) for seed, x in values.items()}
            each = [
                f"{values[s]:.{digits}f}" if s in values else "-" for s in plan.SEEDS
            ]
            rows.append([row, *each, shown(estimate(values.values()))])
    heading = ["begins with", *(f"seed {seed}" for seed in plan.SEEDS), "mean"]
    return markdown(heading, rows), figures


def report(results, store):
    """Prints the table, and stores it if all is done."""
    text, figures = table(results)
    first = results.get(plan.PRETRAINED, {})
    print(f"\n{text}\n")
    print(f"pre-training: {first.get('losses')}, of nothing {first.get('of nothing')}")
    if store:
        about = {
            "pretraining": {k: first[k] for k in ("losses", "of nothing")},
            "steps": plan.STEPS,
            "seconds": sum(
                r["training_seconds"] + r["scoring_seconds"] for r in results.values()
            ),
            "commits": sorted({str(told["commit"]) for told in results.values()}),
        }
        machine.store({"pretraining": {"figures": figures, **about, **machine.about()}})


def main(arguments=None):
    """Does what is missing, prints the table and stores it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pretraining")
    parser.add_argument("folder", type=pathlib.Path, help="of corpora and runs")
    parser.add_argument("--workers", type=int, help="cores that work; all")
    parser.add_argument("--keep", action="store_true", help="results of other commits")
    given = parser.parse_args(arguments)
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    every, cores = [plan.PRETRAINED, *plan.SEPARATORS], lanes.cores(given.workers)
    todo = [run for run in every if not finished(run, folder, given.keep)]
    failed = {}
    if todo:
        stages = [(corpus, name) for name in plan.CORPORA]
        failed = lanes.work(stages, folder, cores, said)
    for stage in ([plan.PRETRAINED], plan.SEPARATORS) if not failed else ():
        tasks = [(execute, run) for run in stage if run in todo]
        failed |= lanes.work(tasks, folder, cores, said) if tasks else {}
    results = {run: finished(run, folder, given.keep) for run in every}
    results = {run: told for run, told in results.items() if told}
    report(results, len(results) == len(every))
    for what, error in failed.items():
        print(f"FAILED {getattr(what, 'name', what)}: {error}", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
