"""Verb 4: a trained model and records -> estimates, scores and tables.

    python Evaluate.py with run=runs/1
    python Evaluate.py with run=runs/1 evaluation.split=validation
    python Evaluate.py help            this page
    python Evaluate.py print_config    every knob, with its meaning

Separates each whole track of a split with Predict and scores the sources present:
museval v4 and SI-SDR.  Beside the model stand the mixture itself (the floor) and the
ideal ratio mask (a ceiling).  Writes, in RUN/evaluation/DATA-SPLIT/:

    estimates/<track>/<source>.wav, mixture.wav    to listen to
    scores/<system>/<split>/<track>.json           in museval's own schema
    results.csv, results.md                        the tables

Tracks that were scored already with the same checkpoint and data are kept.
"""

import concurrent.futures
import multiprocessing
import os
import pathlib

import numpy as np
from sacred import Experiment
from tqdm import tqdm

import Config
import Scores
import Utils
from Schema import InputError
from Scores import aggregate, store, tables

ex = Experiment(
    "evaluate", ingredients=[Config.data, Config.evaluation], save_git_info=False
)
Config.attach(ex)

FLOOR, CEILING = "mixture", "ideal ratio mask"


def present_sources(track, source_names):
    """The sources of a track that a model has slots for, parts of a slot summed.

    Args:
      track: dict of sources float32 [P, T, C] and labels (P codes), as from
        `Datasets.whole_track`.
      source_names: Slots of the model.

    Returns:
      (names in the order of the slots, float32 [S, T, C]).

    Raises:
      InputError: If an instrument of the track is none of the slots.
    """
    for label in track["labels"]:
        if label not in source_names:
            raise InputError(
                f"track {track['id']} has {label!r}, which the model does not know; "
                f"its sources are {', '.join(source_names)}"
            )
    names = [name for name in source_names if name in track["labels"]]
    sources = [
        track["sources"][[label == name for label in track["labels"]]].sum(axis=0)
        for name in names
    ]
    return names, np.stack(sources)


def score_systems(track_id, names, references, mix, estimates, sample_rate, about):
    """Scores the model, the floor and the ceiling on one track; runs in a process.

    Args:
      track_id: Name of the track.
      names: S present sources.
      references: float32 [S, T, C].
      mix: float32 [T, C].
      estimates: float32 [S, T, C] of the model.
      sample_rate: Hz.
      about: {system: (path of the score file, description)}.
    """
    from Models.baselines import oracles

    audible = [bool(np.any(reference)) for reference in references]
    names = [name for name, there in zip(names, audible) if there]
    references, estimates = references[audible], estimates[audible]
    made = {
        FLOOR: lambda: oracles.mixture(mix, len(names)),
        CEILING: lambda: oracles.ideal_ratio_mask(mix, references),
    }
    for system, (path, description) in about.items():
        given = made[system]() if system in made else estimates
        scores = Scores.score_track(references, given, names, sample_rate)
        store.write(path, scores, description)
    return track_id


class Evaluation:
    """One model on one split, its folder and what identifies it.

    Args:
      run: Run folder or checkpoint folder.
      records: `Datasets.records.Records`.
      name: Of the data set.
      split: Of the records.
    """

    def __init__(self, run, records, name, split):
        import Predict
        from Models import checkpoints

        self.records, self.split = records, split
        self.predictor = Predict.Predictor(run)
        self.model = self.predictor.model
        self.folder = pathlib.Path(run) / "evaluation" / f"{name}-{split}"
        self.system = checkpoints.describe(run)["model"]
        self.identity = {
            self.system: {"weights": checkpoints.describe(run)["weights_sha256"]}
        }

    def systems(self):
        """{system: folder of its score files}: floor, model, ceiling."""
        return {
            # museval's EvalStore reads <system>/<split>/<track>.json.
            system: self.folder / "scores" / system.replace(" ", "_") / self.split
            for system in (FLOOR, self.system, CEILING)
        }

    def about(self, track_id):
        """{system: (path, what identifies the scores of a track)}."""
        common = {
            "track": track_id,
            "data": self.records.fingerprint,
            "sources": list(self.model.source_names),
        }
        return {
            system: (
                folder / f"{track_id}.json",
                {**common, "system": system, **self.identity.get(system, {})},
            )
            for system, folder in self.systems().items()
        }

    def is_done(self, track_id, save_estimates):
        """Whether all files of a track are there and are of this evaluation."""
        if save_estimates and not (self.estimates(track_id) / "mixture.wav").exists():
            return False
        return all(store.is_complete(*which) for which in self.about(track_id).values())

    def estimates(self, track_id):
        """Folder of a track's separated sources."""
        return self.folder / "estimates" / track_id

    def separate(self, track_id, save_estimates):
        """Separates a track; returns the arguments of `score_systems`."""
        track = self.records.whole_track(track_id)
        names, references = present_sources(track, self.model.source_names)
        mix, rate = track["mix"], track["sample_rate"]
        estimates = self.predictor.separate(mix, rate)
        estimates = np.stack([estimates[name] for name in names])
        if save_estimates:
            write_estimates(self.estimates(track_id), names, estimates, mix, rate)
        about = self.about(track_id)
        return track_id, names, references, mix, estimates, rate, about


def write_estimates(folder, names, estimates, mix, sample_rate):
    """Writes the estimates and the mixture of a track as WAV files."""
    from Datasets import media

    with Utils.write_aside(folder) as aside:
        aside.mkdir()
        for name, audio in zip([*names, "mixture"], [*estimates, mix]):
            media.write_audio(aside / f"{name}.wav", audio, sample_rate, "FLOAT")


def evaluate(evaluation, save_estimates=True, workers=None):
    """Separates and scores the tracks that are not done yet.

    Args:
      evaluation: `Evaluation`.
      save_estimates: Write the separated sources.
      workers: Processes that score; None: one a core.

    Returns:
      `Scores.aggregate.Summary` of all tracks.
    """
    ids = [track.id for track in evaluation.records.tracks(evaluation.split)]
    todo = [t for t in ids if not evaluation.is_done(t, save_estimates)]
    if len(todo) < len(ids):
        print(f"{len(ids) - len(todo)} of {len(ids)} tracks are scored already")
    workers = workers or os.cpu_count() or 1
    # Processes start afresh: TensorFlow's threads don't survive a fork.
    context = multiprocessing.get_context("spawn")
    with (
        tqdm(total=len(todo), unit=" tracks", desc="evaluate") as bar,
        concurrent.futures.ProcessPoolExecutor(workers, context) as pool,
    ):
        waiting = set()
        for track_id in todo:
            # A few tracks ahead of the scores at most: memory stays bounded.
            while len(waiting) > workers:
                waiting -= finished(waiting, bar)
            work = evaluation.separate(track_id, save_estimates)
            waiting.add(pool.submit(score_systems, *work))
        while waiting:
            waiting -= finished(waiting, bar)
    systems = {
        name: {t: store.read(folder / f"{t}.json")[0] for t in ids}
        for name, folder in evaluation.systems().items()
    }
    return aggregate.aggregate(systems, FLOOR, evaluation.model.source_names)


def finished(waiting, bar):
    """Waits for one track; passes on what went wrong with it."""
    done, _ = concurrent.futures.wait(
        waiting, return_when=concurrent.futures.FIRST_COMPLETED
    )
    for future in done:
        future.result()
        bar.update()
    return done


def report(evaluation, summary):
    """Writes the tables and prints them."""
    caption = tables.caption(summary)
    with Utils.write_aside(evaluation.folder / "results.md") as aside:
        aside.write_text(tables.table_markdown(summary.rows, caption), "utf-8")
    tables.write_csv(evaluation.folder / "results.csv", summary.rows)
    print(tables.table_text(summary.rows, caption))
    print(f"tables, scores and estimates: {evaluation.folder}")


def mean_improvement(evaluation):
    """Mean SI-SDR over the mixture, over all sources of all tracks, in dB."""
    gains = []
    for track in evaluation.records.tracks(evaluation.split):
        whole = {
            system: store.read(folder / f"{track.id}.json")[0].si_sdr
            for system, folder in evaluation.systems().items()
        }
        gains += list(whole[evaluation.system] - whole[FLOOR])
    return float(np.mean(gains))


@ex.main
def main(run, data, evaluation):
    import Datasets

    options = {key: data[key] for key in Datasets.OPTIONS}
    records = Datasets.open_records(data["name"], data["records"], **options)
    work = Evaluation(Utils.find_run(run), records, data["name"], evaluation["split"])
    summary = evaluate(work, evaluation["save_estimates"], evaluation["workers"])
    report(work, summary)
    gain = mean_improvement(work)
    print(f"SI-SDR above the mixture: {gain:.2f} dB, mean of all sources of all tracks")
    required = evaluation["required_si_sdri"]
    if required is not None and not gain >= required:
        raise InputError(
            f"the model stands {gain:.2f} dB SI-SDR above the mixture, less than the "
            f"{required:g} dB of evaluation.required_si_sdri"
        )
    return gain


@ex.config
def defaults():
    run = None  # a run, a checkpoint, or a folder of runs: its newest; None: runs/


if __name__ == "__main__":
    Config.command_line(ex)
