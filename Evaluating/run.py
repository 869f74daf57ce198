"""A trained model on a split of records: separated, scored, and shown in tables."""

import contextlib
import copy
import pathlib

import numpy as np

import Schema
import Test
import Utils
from Evaluating import listening
from Models.baselines import oracles, wiener
from Schema import InputError
from Scores import parallel, store, tables
from Scores import report as page

FLOOR = "mixture"
CONDITIONS = ("labels", "score", "visual")  # that records can give
ORACLES = {  # what knows the sources; a row each
    FLOOR: oracles.mixture,
    "half of the mixture": oracles.half,
    "ideal binary mask": oracles.ideal_binary_mask,
    "ideal ratio mask": oracles.ideal_ratio_mask,
    "multichannel Wiener filter": wiener.multichannel_wiener,
}
USUAL = ("ideal ratio mask",)  # rows beside floor and model


def oracles_named(names):
    """{system: f(mix, references) -> estimates}: the floor first, then those named.

    Raises:
      InputError: If there is no such oracle.
    """
    for name in names:
        if name not in ORACLES:
            near = Utils.nearest(name, ORACLES)
            raise InputError(
                f"evaluation.oracles has {name!r}; "
                + (f"did you mean {near!r}? " if near else "")
                + f"there are {', '.join(ORACLES)}"
            )
    return {name: ORACLES[name] for name in dict.fromkeys([FLOOR, *names])}


class Evaluation:
    """One model on one split, its folder and what identifies it.

    Args:
      run: Run folder or checkpoint folder.
      records: `Datasets.records.Records`.
      name: Of the data set.
      split: Of the records.
      conditions: Which of the conditions that the model listens to it is given, such as
        ["labels"]; None: all.
      named: Oracles that are scored beside it and the mixture.

    Raises:
      InputError: If the model or the records don't fit, or a condition is unknown.
    """

    def __init__(self, run, records, name, split, conditions=None, named=USUAL):
        import Predict
        from Models import checkpoints

        self.oracles = oracles_named(named)
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
        homes = {system: self._home / self._which for system in self.oracles}
        ceilings = [system for system in self.oracles if system != FLOOR]
        return {
            # museval's EvalStore reads <system>/<split>/<track>.json.
            system: home / "scores" / system.replace(" ", "_") / self.split
            for system in (FLOOR, self.system, *ceilings)
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
        return names, references, mix, estimates, rate, about, self.oracles


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


def report(evaluation, summary, scores):
    """Writes the tables and a page, and prints the tables."""
    caption = f"{tables.caption(summary)}{evaluation.told()}"
    folder = evaluation.folder
    tables.write_all(folder, "results", summary.rows, caption)
    about = {
        "model": evaluation.system,
        "weights": evaluation.weights,
        "records": str(evaluation.records.folder),
        "split": evaluation.split,
    }
    page.write(
        *(folder / "report.html", summary, scores),
        *(listening.of_run(evaluation), about),
        title=f"{evaluation.system} on {evaluation.split}",
        caption=caption,
        links=listening.links_of_run(evaluation),
        order=rows(scores, evaluation.model),
    )
    print(f"tables, scores, estimates and report.html: {folder}")
