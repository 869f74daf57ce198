"""What seeing the players is worth: small networks, trained and scored.

    python -m benchmarks.sight FOLDER             # both corpora
    python -m benchmarks.sight FOLDER pair        # one
    python -m benchmarks.sight FOLDER --ship pretrained

pair: two players of one instrument in one register, whose lines cross, seats and looks
drawn at random; a network whose slots follow the players, against one that is blind.
ordinary: three different instruments; one network that is given labels, video, both or
neither, against one that never had any.  The pieces are fabricated in FOLDER.  Each
network is trained on one core; one for each core at a time.  What the same commit has
finished is not done again (with --keep: what any commit has), so it may be interrupted
and called again.  A run that fails is reported and stops no other.
"""

import argparse
import pathlib
import sys
import time

import Remote
from benchmarks import lanes, machine
from benchmarks import sight_plan as plan
from benchmarks import sight_run as running
from benchmarks.conditioning_tables import estimate, markdown, shown
from benchmarks.runs import finished

ROWS = {
    "pair": {  # row: (kind of network, what it scored)
        "blind, in fixed order": ("blind", "blind"),
        "blind, in the best order": ("blind", "blind, best order"),
        "blind, trained under the best permutation": ("permuted", "permuted"),
        "the same, in the best order": ("permuted", "permuted, best order"),
        "sighted, in fixed order": ("sighted", "sighted"),
        "sighted, in the best order": ("sighted", "sighted, best order"),
        "videos exchanged, targets too": ("sighted", "exchanged"),
        "video frozen": ("sighted", "frozen"),
        "video absent": ("sighted", "absent"),
    },
    "ordinary": {
        "blind": ("blind", "blind"),
        "given neither": ("sighted", "neither"),
        "given labels": ("sighted", "labels"),
        "given video": ("sighted", "video"),
        "given both": ("sighted", "both"),
    },
}


def found(folder, runs, keep):
    """{run: its result} of those that are finished."""
    results = {run: finished(run, folder, keep) for run in runs}
    return {run: told for run, told in results.items() if told}


def execute(runs, folder, allowed):
    """Makes the corpora, then trains and scores; returns {what: error}."""
    corpora = [(running.corpus, name) for name in dict.fromkeys(r.corpus for r in runs)]
    failed = lanes.work(corpora, folder, allowed, said)
    tasks = [(running.execute, run) for run in runs if run.corpus not in failed]
    return failed | lanes.work(tasks, folder, allowed, said)


def said(what, told, seconds):
    """Prints one line about what is finished."""
    line = f"corpus {what}"
    if isinstance(what, plan.Run):
        scores = ", ".join(f"{k} {v:.2f}" for k, v in told["si_sdri"].items())
        line = f"{what.name:24s} {scores}"
    print(f"{time.strftime('%H:%M:%S')} {line}, {seconds:.0f} s", flush=True)


def table(corpus, results):
    """(Markdown, {row: {seed: dB}}) of a corpus."""
    rows, figures = [], {}
    for row, (kind, key) in ROWS[corpus].items():
        runs = {seed: plan.Run(corpus, kind, seed) for seed in plan.SEEDS}
        values = {
            s: results[r]["si_sdri"][key] for s, r in runs.items() if r in results
        }
        figures[row] = {str(seed): round(value, 3) for seed, value in values.items()}
        each = [f"{values[s]:.2f}" if s in values else "-" for s in plan.SEEDS]
        rows.append([row, *each, shown(estimate(values.values()))])
    heading = ["SI-SDRi, dB", *(f"seed {seed}" for seed in plan.SEEDS), "mean"]
    return markdown(heading, rows), figures


def promises(figures):
    """What must hold in each seed of the pair: {sentence: whether it does}."""
    of = {row: list(values.values()) for row, values in figures.items()}
    sighted, blind = of["sighted, in fixed order"], of["blind, in fixed order"]

    def each(test, *rows):
        return len(rows[0]) == len(plan.SEEDS) and all(map(test, *rows))

    return {
        "sighted stands 3 dB or more above blind": each(
            lambda a, b: a - b >= 3, sighted, blind
        ),
        "exchanged videos score within 0.5 dB of sighted": each(
            lambda a, b: abs(a - b) <= 0.5,
            of["videos exchanged, targets too"],
            sighted,
        ),
        "without video it stands within 0.5 dB of blind": each(
            lambda a, b: abs(a - b) <= 0.5, of["video absent"], blind
        ),
    }


def report(corpus, results, runs):
    """Prints and stores the table of a corpus."""
    text, figures = table(corpus, results)
    done = [results[run] for run in runs if run in results]
    if not done:
        return
    about = {
        "unit": "dB of SI-SDR above the mixture, for each seed",
        "runs": f"{len(done)} of {len(runs)}",
        "seconds": sum(d["training_seconds"] + d["scoring_seconds"] for d in done),
        "commits": sorted({str(told["commit"]) for told in done}),
    }
    kept = promises(figures) if corpus == "pair" else {}
    print(f"\n{corpus}: {about['runs']} runs, {about['seconds']:.0f} s in all\n")
    print(text + "\n")
    for sentence, holds in kept.items():
        print(f"{'yes' if holds else 'NO '}  {sentence}, in each seed")
    about |= {"promises": kept, **machine.about()}
    machine.store({f"sight_{corpus}": {"si_sdri": figures, **about}})


def main(arguments=None):
    """Does what is missing, prints the tables and stores them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sight")
    parser.add_argument("folder", type=pathlib.Path, help="of corpora and runs")
    names = list(plan.CORPORA)
    parser.add_argument("corpora", nargs="*", metavar="corpus", help=", ".join(names))
    parser.add_argument("--workers", type=int, help="cores that work; all")
    parser.add_argument("--ship", type=pathlib.Path, help="folder of those VIMSS ships")
    parser.add_argument("--keep", action="store_true", help="results of other commits")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.corpora if name not in names]:
        parser.error(f"no corpus {unknown[0]!r}; there are {', '.join(names)}")
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    runs = plan.runs(tuple(given.corpora or names))
    todo = [run for run in runs if not finished(run, folder, given.keep)]
    failed = execute(todo, folder, lanes.cores(given.workers)) if todo else {}
    results = found(folder, runs, given.keep)
    for corpus in given.corpora or names:
        report(corpus, results, [run for run in runs if run.corpus == corpus])
    for corpus in given.corpora or names if given.ship else ():
        run = Remote.find_run(folder / plan.Run(corpus, "sighted").name)
        print(f"wrote {running.ship(run, given.ship / plan.SHIPPED[corpus])}")
    for what, error in failed.items():
        print(f"FAILED {getattr(what, 'name', what)}: {error}", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
