"""Verb 4: a trained model and records -> estimates, scores and tables.

    python Evaluate.py with run=runs/1
    python Evaluate.py with run=runs/1 evaluation.split=validation
    python Evaluate.py with run=runs/1 "evaluation.conditions=['labels']"
    python Evaluate.py conditions with run=runs/1   # a row blind, and one for each

Separates each whole track of a split with Predict and scores the sources present:
museval v4 and SI-SDR, beside the mixture (the floor) and the ideal ratio mask (a
ceiling).  A model is given the conditions of the records that it listens to, all or
those named.  Writes, in RUN/evaluation/DATA-SPLITS-SPLIT/:

    estimates/<track>/<source>.wav, mixture.wav    to listen to
    scores/<system>/<split>/<track>.json           in museval's own schema
    results.csv, results.md                        the tables
Tracks scored already with the same checkpoint and data are kept.  What was scored with
evaluation.conditions stands in a folder beside, but for floor and ceiling.
"""

import contextlib
import copy
import dataclasses
import pathlib

import numpy as np
from sacred import Experiment

import Config
import Schema
import Test
import Utils
from Models.baselines import oracles
from Schema import InputError
from Scores import aggregate, parallel, store, systems, tables

ex = Experiment(
    "evaluate",
    ingredients=[Config.data, Config.visual, Config.evaluation],
    save_git_info=False,
)
Config.attach(ex)

FLOOR, CEILING = "mixture", "ideal ratio mask"
CONDITIONS = ("labels", "score", "visual")  # that records can give
ORACLES = {FLOOR: oracles.mixture, CEILING: oracles.ideal_ratio_mask}


class Evaluation:
    """One model on one split, its folder and what identifies it.

    Args:
      run: Run folder or checkpoint folder.
      records: `Datasets.records.Records`.
      name: Of the data set.
      split: Of the records.
      conditions: Which of the conditions that the model listens to it is given, such as
        ["labels"]; None: all.

    Raises:
      InputError: If the model or the records don't fit, or a condition is unknown.
    """

    def __init__(self, run, records, name, split, conditions=None):
        import Predict
        from Models import checkpoints

        self.records, self.split = records, split
        self.ids = [track.id for track in records.tracks(split)]
        told = checkpoints.describe(run)
        self.system, self.weights = told["model"], told["weights_sha256"]
        self.predictor = Predict.Predictor(run)
        if checkpoints.describe(run) != told:
            raise InputError(f"{run} is being trained: wait, or evaluate a copy of it")
        self.model = self.predictor.model
        Test.check_fit(records, self.model)
        self._which = f"{name}-{records.options.splits}-{split}"
        self._home = pathlib.Path(run) / "evaluation"
        Test.check_conditions(records, split, self.model)
        self._give(conditions)

    def _give(self, conditions):
        which, self.conditions = self._which, self.chosen(conditions)
        if conditions is not None:
            which += "-".join(["", "given", *(self.conditions or ["nothing"])])
        self.folder = self._home / which
        self.folder.mkdir(parents=True, exist_ok=True)

    def given(self, conditions):
        """The same with other conditions; raises InputError as the constructor."""
        other = copy.copy(self)
        other._give(conditions)
        return other

    def choices(self):
        """The lists of conditions that the model can be given: few first, then all."""
        every, found = self.chosen(None), []
        for conditions in ([], *([one] for one in every), every):
            with contextlib.suppress(InputError):
                if self.chosen(conditions) not in found:
                    found.append(self.chosen(conditions))
        return found

    def chosen(self, conditions):
        """The conditions to give, of those that a user names (None: all), in order."""
        keys = self.model.batch_keys
        heard = {*keys, *(["visual"] if Schema.sight(keys) else [])}
        listens = [condition for condition in CONDITIONS if condition in heard]
        conditions = listens if conditions is None else conditions
        told = f"evaluation.conditions={list(conditions)}"
        if not set(conditions) <= set(listens):
            heard = ", ".join(listens) or "nothing but the mixture"
            raise InputError(f"{told}: this model listens to {heard}")
        for condition in set(listens) - set(conditions):
            if f"has_{condition}" not in keys:
                raise InputError(f"{told}: this model cannot do without {condition}")
        if self.model.slots == "conditioned" and not conditions:
            raise InputError(f"{told}: this model separates what it is told of")
        found = [condition for condition in listens if condition in conditions]
        Test.check_given(self.records, self.split, self.model, found)
        return found

    def systems(self):
        """{system: folder of its score files}: floor, model, ceiling."""
        homes = {system: self._home / self._which for system in ORACLES}
        return {
            # museval's EvalStore reads <system>/<split>/<track>.json.
            system: home / "scores" / system.replace(" ", "_") / self.split
            for system in (FLOOR, self.system, CEILING)
            for home in [homes.get(system, self.folder)]
        }

    def about(self, track_id):
        """{system: (path, what identifies the scores of a track)}."""
        return {
            system: (
                folder / f"{track_id}.json",
                self.identity(track_id, self.weights if system == self.system else ""),
            )
            for system, folder in self.systems().items()
        }

    def identity(self, track_id, weights):
        """What estimates or scores of a track depend on, for JSON."""
        return {
            "track": track_id,
            "data": self.records.fingerprint,
            "sources": list(self.model.source_names),
            "weights": weights,
            **({"conditions": self.conditions} if weights else {}),
        }

    def is_done(self, track_id, save_estimates):
        """Whether all files of a track are there and are of this evaluation."""
        told = self.estimates(track_id) / "about.json"
        if save_estimates:
            same = self.identity(track_id, self.weights)
            if not told.exists() or Utils.read_json(told) != same:
                return False
        return all(store.is_complete(*which) for which in self.about(track_id).values())

    def remove_others(self):
        """Removes scores of tracks that the split no longer has."""
        for folder in self.systems().values():
            for path in folder.glob("*.json"):
                if path.stem not in self.ids:
                    path.unlink()

    def estimates(self, track_id):
        """Folder of a track's separated sources."""
        return self.folder / "estimates" / track_id

    def told(self):
        """What the model was given, for the caption; nothing for one that is blind."""
        if not {*CONDITIONS, *Schema.SIGHT} & {*self.model.batch_keys}:
            return ""
        tracks = self.records.tracks(self.split)
        without = {
            "score": [track.id for track in tracks if not track.has_score],
            "visual": [track.id for track in tracks if not track.has_video],
        }
        return tables.given(self.conditions, without)

    def separate(self, track_id, save_estimates):
        """Separates a track; returns the arguments of `systems.score_systems`."""
        from Datasets import references as present
        from Datasets import writing

        track = self.records.whole_track(track_id)
        apart = self.model.slots == "conditioned"
        found = present.references(track, self.model.source_names, apart)
        names = [one.name for one in found]
        references = np.stack([one.audio(track) for one in found])
        mix, rate = track["mix"], track["sample_rate"]
        conditions = present.known(track, found, self.conditions, apart)
        estimates = self.predictor.separate(mix, rate, **conditions)
        # Slots that follow conditions come in the order in which these were given.
        order = estimates if apart else names
        estimates = np.stack([estimates[name] for name in order])
        if save_estimates:
            about = self.identity(track_id, self.weights)
            writing.write_estimates(
                self.estimates(track_id), names, estimates, mix, rate, about
            )
        # Floor and ceiling are scored once, whatever the model is given.
        about = self.about(track_id).items()
        about = {name: told for name, told in about if not store.is_complete(*told)}
        return names, references, mix, estimates, rate, about, ORACLES


def evaluate(evaluation, save_estimates=True, workers=None):
    """Separates and scores the tracks that are not done yet.

    Args:
      evaluation: `Evaluation`.
      save_estimates: Write the separated sources.
      workers: Processes that score; None: one a core.

    Returns:
      {system: {track: TrackScores}} of all tracks.
    """
    evaluation.remove_others()
    ids = evaluation.ids
    todo = [t for t in ids if not evaluation.is_done(t, save_estimates)]
    if len(todo) < len(ids):
        print(f"{len(ids) - len(todo)} of {len(ids)} tracks are scored already")

    def separate(track_id):
        return evaluation.separate(track_id, save_estimates)

    parallel.score(todo, separate, workers)
    return {
        name: {t: store.read(folder / f"{t}.json")[0] for t in ids}
        for name, folder in evaluation.systems().items()
    }


def rows(scores, model):
    """The sources that were scored, in the order of the tables."""
    from Datasets import references

    names = [n for of in scores.values() for one in of.values() for n in one.names]
    return references.in_order(names, model.source_names)


def report(evaluation, summary):
    """Writes the tables and prints them."""
    caption = f"{tables.caption(summary)}{evaluation.told()}"
    tables.write_csv(evaluation.folder / "results.csv", summary.rows)
    tables.show(evaluation.folder / "results.md", summary.rows, caption)
    print(f"tables, scores and estimates: {evaluation.folder}")


@ex.main
def main(run, data, visual, evaluation):
    run, split = Utils.find_run(run), evaluation["split"]
    records = Test.open_records(data, visual)
    work = Evaluation(run, records, data["name"], split, evaluation["conditions"])
    scores = evaluate(work, evaluation["save_estimates"], evaluation["workers"])
    report(work, aggregate.aggregate(scores, FLOOR, rows(scores, work.model)))
    gain = systems.mean_improvement(scores, work.system, FLOOR)
    print(f"SI-SDR above the mixture: {gain:.2f} dB, mean of all sources of all tracks")
    required = evaluation["required_si_sdri"]
    if required is not None and not gain >= required:
        raise InputError(
            f"the model stands {gain:.2f} dB SI-SDR above the mixture, less than the "
            f"{required:g} dB of evaluation.required_si_sdri"
        )
    return gain


@ex.command
def conditions(run, data, visual, evaluation):
    """Scores a model blind, then given each condition, then all: a row each."""
    run, split = Utils.find_run(run), evaluation["split"]
    work = Evaluation(run, Test.open_records(data, visual), data["name"], split)
    found = []
    for given in work.choices():
        now = work.given(given)
        scores = evaluate(now, evaluation["save_estimates"], evaluation["workers"])
        summary = aggregate.aggregate(scores, FLOOR, rows(scores, work.model))
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


@ex.config
def defaults():
    run = None  # a run, a checkpoint, or a folder of runs: its newest; None: runs/


if __name__ == "__main__":
    Config.command_line(ex)
