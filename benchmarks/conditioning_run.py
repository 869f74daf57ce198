"""Trains and scores one network of `benchmarks.conditioning`, by the verbs."""

import numpy as np

import Config
import Predict
import Test
from benchmarks import conditioning_plan as plan
from benchmarks import runs
from Datasets.references import references as present
from Scores import score_track
from Scores.si_sdr import si_sdr

METRICS = ("SDR", "SIR", "SAR")


def corpus(players, folder):
    """The records of pieces with so many players; made if they are not there yet."""
    home = folder / f"players-{players}"
    return runs.prepared(home, plan.data(players), keep_raw=False)


def execute(run, folder):
    """Trains and scores one network; writes and returns its result."""
    return runs.execute(run, folder, lambda: corpus(run.players, folder), score)


def score(run, path, home):
    """Means over all sources of all test pieces, in dB.

    Args:
      run: `conditioning_plan.Run`.
      path: Its folder.
      home: Of its corpus.

    Returns:
      {"si_sdri": above the mixture; "parameters"}; with `run.has_bss` also medians over
      the frames of a piece as "SDR", "SIR" and "SAR", and of the mixture itself in
      "mixture" with the first seed.  A network that was told labels now and then is
      told them; "si_sdri_blind" is without.
    """
    predictor = Predict.Predictor(str(path))
    model, records = predictor.model, Test.open_records(Config.stored_data(path))
    tables = {"model": [], "mixture": [], "blind": []}
    for track in records.tracks("test"):
        track = records.whole_track(track.id)
        found = present(track, model.source_names, apart=False)
        names = [one.name for one in found]
        references = np.stack([one.audio(track) for one in found])
        mix = np.stack([track["mix"]] * len(names))
        separated = {"mixture": mix}

        def separate(labels, track=track, names=names):
            found = predictor.separate(track["mix"], track["sample_rate"], labels)
            return np.stack([found[name] for name in names])

        separated["model"] = separate(names if run.fusers else None)
        if run.dropout:
            separated["blind"] = separate(None)
        for who, estimates in separated.items():
            bss = run.has_bss and (who == "model" or run.seed == plan.SEEDS[0])
            tables[who].append(ratios(references, estimates, names, track, bss))
    means = {who: _means(rows) for who, rows in tables.items() if rows}
    floor, result = means.pop("mixture"), means.pop("model")
    result["si_sdri"] = result.pop("si_sdr") - floor["si_sdr"]
    if "blind" in means:
        result["si_sdri_blind"] = means["blind"]["si_sdr"] - floor["si_sdr"]
    if "SDR" in floor:
        result["mixture"] = floor
    return {**result, "parameters": model.count_params()}


def ratios(references, estimates, names, track, bss):
    """{ratio: a value for each source} of one piece."""
    if not bss:
        return {"si_sdr": si_sdr(references, estimates)}
    scores = score_track(references, estimates, names, track["sample_rate"])
    medians = {m: [scores.of_track(name, m) for name in names] for m in METRICS}
    return {"si_sdr": scores.si_sdr, **medians}


def _means(rows):
    return {
        key: float(np.mean(np.concatenate([row[key] for row in rows])))
        for key in rows[0]
    }
