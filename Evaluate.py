"""Verb 4: a trained model and records -> estimates, scores and tables.

    python Evaluate.py with run=runs/1
    python Evaluate.py with run=runs/1 evaluation.split=validation
    python Evaluate.py with run=runs/1 "evaluation.conditions=['labels']"
    python Evaluate.py conditions with run=runs/1   # a row blind, and one for each
    python Evaluate.py compare with "runs=['runs/1','runs/2']" output=DIR
    python Evaluate.py with estimates=DIR reference=DIR protocol=urmp-v4 output=DIR

Separates each whole track of a split with Predict and scores the sources present, by a
protocol that has a name (Scores/protocols.py), and by SI-SDR and SNR, beside the
mixture (the floor) and the ideal ratio mask (a ceiling; evaluation.oracles names
others).  A model is given the conditions of the records that it listens to, all or
those named; evaluation.ablations adds rows of it deprived of one, or shown the wrong
video.  What is heard of absent sources, and published figures of the same protocol,
stand in tables of their own; data.raw=FOLDER shows the players in report.html.
Writes, in RUN/evaluation/DATA-SPLITS-SPLIT[-PROTOCOL]/:

    estimates/<track>/<source>.wav, mixture.wav    to listen to
    scores/<system>/<split>/<track>.json           in museval's own schema
    results.csv, results.md, results.tex           the tables
    report.html                                    to look at and to hear
Tracks scored already with the same checkpoint and data are kept.  What was scored with
evaluation.conditions stands in a folder beside, but for floor and ceiling.

With estimates=DIR, no model is asked: what any other program left there, as
<track>/<source>.wav, is scored against reference=DIR, which has the same names.  Tracks
that cannot be scored are told and lose no others.
"""

import dataclasses

from sacred import Experiment

import Config
import Remote
import Test
from Evaluating import comparing, folders
from Evaluating.asking import asked
from Evaluating.run import Evaluation
from Evaluating.scoring import evaluate, report, summarise
from Schema import InputError
from Scores import systems, tables
from Scores.systems import FLOOR

ex = Experiment(
    "evaluate",
    ingredients=[Config.data, Config.visual, Config.evaluation],
    save_git_info=False,
)
Config.attach(ex)


@ex.main
def main(
    run, estimates, reference, output, protocol, devices, data, visual, evaluation
):
    if estimates is not None or reference is not None:
        told = asked(evaluation, protocol), evaluation["workers"]
        return folders.main(estimates, reference, output, *told)
    _use(devices)
    run, split = Remote.find_run(run), evaluation["split"]
    told = asked(evaluation, protocol, data["name"])
    work = Evaluation(run, Test.open_records(data, visual), data["name"], split, told)
    scores, failures = evaluate(
        work, evaluation["save_estimates"], evaluation["workers"]
    )
    report(work, summarise(work, scores), scores, failures, data["raw"])
    gain = systems.mean_improvement(scores, work.system, FLOOR)
    if all(len(one.names) == 1 for one in scores[FLOOR].values()):
        print(
            f"each {split} track is a solo, its own mixture, above which nothing can "
            "stand: `python Test.py` tests mixtures of solos; protocol=music-2mix-v3 "
            "with evaluation.pairs=FILE scores mixtures of two of them"
        )
    else:
        print(systems.told_improvement(gain))
    required = evaluation["required_si_sdri"]
    if required is not None and not gain >= required:
        raise InputError(
            f"the model stands {gain:.2f} dB SI-SDR above the mixture, less than the "
            f"{required:g} dB of evaluation.required_si_sdri"
        )
    return gain


def _use(devices):
    """`devices.use_one`; processes that score import this file, but no TensorFlow."""
    from Models.devices import use_one

    use_one(devices)


@ex.command
def conditions(run, protocol, devices, data, visual, evaluation):
    """Scores a model blind, then given each condition, then all: a row each."""
    _use(devices)
    run, split = Remote.find_run(run), evaluation["split"]
    wanted = {**evaluation, "conditions": None, "ablations": []}
    told = asked(wanted, protocol, data["name"])
    work = Evaluation(run, Test.open_records(data, visual), data["name"], split, told)
    found = []
    for given in work.choices():
        now = work.given(given)
        scores, _ = evaluate(now, evaluation["save_estimates"], evaluation["workers"])
        summary = summarise(work, scores)
        name = ", ".join(given).replace("visual", "video") or "blind"
        found += [
            dataclasses.replace(row, source=name, is_mean=False)
            for row in summary.rows
            if row.is_mean and row.system == work.system
        ]
    caption = f"{tables.caption(summary)} Rows: what the model was given."
    path = now.folder.parent / f"{work._which}-conditions.md"
    tables.show(path, found, caption)
    print(f"table: {path}")
    return [row.values["SI-SDRi"] for row in found]


@ex.command
def compare(runs, output, protocol, data, evaluation):
    """Says which differences between evaluated runs are real: paired over tracks."""
    told = asked(evaluation, protocol, data["name"]).protocol.name
    return comparing.main(runs, evaluation["split"], output, told)


@ex.config
def defaults():
    run = None  # a run, a checkpoint, or a folder of runs: its newest; None: runs/
    estimates = None  # folder of <track>/<source>.wav to score in place of a run
    reference = None  # folder of the true sources, of the same names
    output = "evaluation"  # folder of their scores and tables, or of a comparison
    protocol = None  # "urmp-v4" | "musdb-v4" | "ancestor-v3" | "music-2mix-v3"; None:
    # that of the data set
    runs = []  # of compare only: runs that were evaluated, or folders of scores
    devices = "auto"  # | "cpu" | "gpu:1" | "tpu": where a run is asked, on one device


if __name__ == "__main__":
    Config.command_line(ex)
