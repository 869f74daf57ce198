"""A trained model on a split of records: what is scored, and where it stands."""

import contextlib
import copy
import pathlib

import numpy as np

import Schema
import Test
import Utils
from Evaluating import material, rows
from Evaluating.asking import POST_FILTER, Asked
from Models.baselines import wiener
from Schema import InputError
from Scores import protocols, store, systems, tables
from Scores.systems import FLOOR

CONDITIONS = ("labels", "score", "visual")  # that records can give


class Evaluation:
    """One model on one split, its folder and what identifies it.

    Args:
      run: Run folder or checkpoint folder.
      records: `Datasets.records.Records`.
      name: Of the data set.
      split: Of the records.
      asked: `Asked`.

    Raises:
      InputError: If the model or the records don't fit, or a condition is unknown.
    """

    def __init__(self, run, records, name, split, asked=Asked()):  # noqa: B008
        import Predict
        from Models import checkpoints

        self.asked, self.oracles = asked, rows.oracles_named(asked.oracles)
        self.records, self.split = records, split
        self.material = self._found()
        self.ids = self.material.ids
        told = checkpoints.describe(run)
        self.system, self.weights = told["model"], told["weights_sha256"]
        self.predictor = Predict.Predictor(run)
        if checkpoints.describe(run) != told:
            raise InputError(f"{run} is being trained: wait, or evaluate a copy of it")
        self.model = self.predictor.model
        self.in_best_order = told["extra"].get("source_order") == "best"
        Test.check_fit(records, self.model)
        self._which = f"{name}-{records.options.splits}-{split}"
        if asked.protocol.name != protocols.USUAL:
            self._which += f"-{asked.protocol.name}"
        self._home = pathlib.Path(run) / "evaluation"
        Test.check_conditions(records, split, self.model)
        self._give(asked.conditions)

    def _found(self):
        """What there is to separate."""
        solos = self.asked.protocol.name == "music-2mix-v3"
        if self.asked.pairs is not None and not solos:
            raise InputError(
                f"evaluation.pairs={self.asked.pairs} are for protocol=music-2mix-v3, "
                f"not {self.asked.protocol.name}"
            )
        if not solos:
            return material.Tracks(self.records, self.split)
        return material.Pairs(
            self.records, self.split, self.asked.pairs or material.PAIRS
        )

    def _give(self, conditions):
        which, self.conditions = self._which, self.chosen(conditions)
        self.ablations = rows.ablations_named(self.asked.ablations, self.conditions)
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
            system: home / "scores" / systems.folder_of(system) / self.split
            for system in (FLOOR, *self.made, *ceilings)
            for home in [homes.get(system, self.folder)]
        }

    @property
    def made(self):
        """{system: what is done to the model or its estimates, or None}: its rows."""
        deprived = {f"{self.system}, {name}": name for name in self.ablations}
        n = self.asked.wiener_iterations
        filtered = {f"{self.system}, {POST_FILTER} x{n}": POST_FILTER} if n else {}
        return {self.system: None, **filtered, **deprived}

    def about(self, track_id):
        """{system: (path, what identifies the scores of a track, protocol)}."""
        made, protocol = self.made, self.asked.protocol.told()
        engine = protocols.of_engine(self.asked.engine)
        return {
            system: (
                folder / f"{track_id}.json",
                self.identity(track_id, self.weights if system in made else "")
                | engine,
                protocol,
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
        if self.in_best_order:
            return " Estimates without names are scored in the order that suits them."
        if not {*CONDITIONS, *Schema.SIGHT} & {*self.model.batch_keys}:
            return ""
        tracks = [row for found in self.material.rows.values() for row in found]
        tracks = list(dict.fromkeys(tracks))
        without = {
            "score": [track.id for track in tracks if not track.has_score],
            "visual": [track.id for track in tracks if not track.has_video],
        }
        return tables.given(self.conditions, without)

    def separate(self, track_id, save_estimates):
        """Separates a track, and writes its estimates; returns a `systems.Job`."""
        from Datasets import references as present
        from Datasets import writing

        track = self.material.track(track_id)
        apart = self.model.slots == "conditioned"
        found = present.references(track, self.model.source_names, apart)
        names = [one.name for one in found]
        references = np.stack([one.audio(track) for one in found])
        told = present.known(track, found, self.conditions, apart)
        about = self.about(track_id)
        about = {name: of for name, of in about.items() if not store.is_complete(*of)}
        # Floor and ceiling are scored once, whatever the model is given.
        made, absent, slots = {}, {}, {}
        for system, change in self.made.items():
            if system in about or system == self.system:
                every = self._estimates(track, told, change, slots)
                if self.in_best_order:
                    every = rows.in_best_order(names, references, every)
                slots[system] = every
                # Slots that follow conditions come as these were given.
                order = list(every) if apart else names
                made[system] = np.stack([every[name] for name in order])
                absent[system] = {n: every[n] for n in every if n not in order}
        mix, rate = track["mix"], track["sample_rate"]
        if save_estimates:
            identity = self.identity(track_id, self.weights)
            writing.write_estimates(
                self.estimates(track_id), names, made[self.system], mix, rate, identity
            )
        return systems.Job(
            *(names, references, mix, rate, made, absent, self.oracles, about),
            protocol=self.asked.protocol,
            engine=self.asked.engine,
        )

    def _estimates(self, track, told, change, slots):
        """{slot: float32 [T, C]} of the model, as it is or changed as a row says."""
        from Datasets import streaming

        mix, rate = track["mix"], track["sample_rate"]
        if change == POST_FILTER:
            own, n = slots[self.system], self.asked.wiener_iterations
            return dict(zip(own, wiener.wiener(mix, np.stack([*own.values()]), n)))
        if change == "swapped video" and "video" in told:
            apart = self.model.slots == "conditioned"
            told = rows.swapped(told, apart, lambda: self._video_after(track["id"]))
        given = self.predictor.given(**told)
        if change in rows.ABLATIONS and change.startswith("zero"):
            given = given.zeroed(rows.ABLATIONS[change])
        given = given.everything()
        recording = streaming.Recording.of_array(mix, rate, track["id"])
        blocks = list(self.predictor.stream(recording, given))
        return dict(zip(given.wanted, np.concatenate(blocks, axis=1)))

    def _video_after(self, track_id):
        """What is seen in the next track that has a video, float32 [P, F, ...]."""
        at = self.ids.index(track_id)
        for other in [*self.ids[at + 1 :], *self.ids[:at]]:
            track = self.material.track(other)
            if track["has_visual"].all():
                return track[Schema.sight(track)]
        raise InputError(
            f"track {track_id}: 'swapped video' needs a second track with a video"
        )
