"""One track, several systems: a model, its floor and its ceiling."""

import numpy as np

from Scores import bss_eval, score_track, store


def score_systems(names, references, mix, estimates, sample_rate, about, oracles):
    """Scores a model and what it is compared with on one track; runs in a process.

    Args:
      names: S present sources.
      references: float32 [S, T, C].
      mix: float32 [T, C].
      estimates: float32 [S, T, C] of the model.
      sample_rate: Hz.
      about: {system: (path of the score file, description)}.
      oracles: {system: f(mix, references) -> estimates}; all others are the model.
    """
    audible = ~bss_eval.silent(references)
    names = [name for name, there in zip(names, audible) if there]
    references, estimates = references[audible], estimates[audible]
    for system, (path, description) in about.items():
        made = oracles.get(system)
        given = estimates if made is None else made(mix, references)
        scores = score_track(references, given, names, sample_rate)
        store.write(path, scores, description)


def mean_improvement(systems, system, floor):
    """Mean SI-SDR over a floor, over all sources of all tracks, in dB.

    Args:
      systems: {system: {track: TrackScores}}.
      system: The one that is asked about.
      floor: The one that it is compared with.
    """
    pairs = [(one, systems[floor][t]) for t, one in systems[system].items()]
    return float(
        np.mean(np.concatenate([one.si_sdr - low.si_sdr for one, low in pairs]))
    )
