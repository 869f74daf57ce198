"""One track, several systems: a model, its floor and its ceiling."""

import dataclasses

import numpy as np

from Schema import InputError
from Scores import bss_eval, frames, protocols, store

FLOOR = "mixture"  # the system whose every estimate is the mixture


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """What there is to score of a track; plain values and arrays, for a process.

    Attributes:
      names: S present sources.
      references: float32 [S, T, C].
      mix: float32 [T, C].
      sample_rate: Hz.
      made: {system: float32 [S, T, C]}, estimates.
      absent: {system: {source: float32 [T, C]}}: estimates of sources that are absent.
      oracles: {system: f(mix, references) -> estimates}.
      about: {system: (path of the score file, description, ...)}: what is to be scored.
      protocol: `protocols.Protocol`.
      engine: As of `protocols.score`.
    """

    names: list
    references: np.ndarray
    mix: np.ndarray
    sample_rate: int
    made: dict
    absent: dict
    oracles: dict
    about: dict
    protocol: protocols.Protocol = protocols.PROTOCOLS[protocols.USUAL]
    engine: str = "fast"


def score_systems(job):
    """Scores a track and writes a file for each system.

    Sources whose reference is silent throughout count as absent.

    Args:
      job: `Job`.

    Returns:
      None, or why the track could not be scored.
    """
    try:
        _score(job)
    except InputError as error:
        return str(error)
    return None


def _score(job):
    """`score_systems`, which raises InputError."""
    audible = ~frames.silent(job.references)
    names, silent = (bss_eval.chosen(job.names, flags) for flags in (audible, ~audible))
    references = job.references[audible]
    if not audible.any():
        raise InputError("all references are silent")
    everywhere = {n: job.mix for of in job.absent.values() for n in (*silent, *of)}
    for system, (path, description, *_) in job.about.items():
        if system in job.made:
            given = job.made[system]
            absent = dict(zip(silent, given[~audible])) | job.absent.get(system, {})
            given = given[audible]
        else:
            given = job.oracles[system](job.mix, references)
            absent = everywhere if system == FLOOR else {}
        scores = protocols.score(
            *(job.protocol, names, references, given, job.sample_rate),
            *(job.engine, job.mix, absent),
        )
        store.write(path, scores, description)


def folder_of(system):
    """Name of the folder of a system's scores."""
    return system.replace(", ", "-").replace(" ", "_")


def mean_improvement(systems, system, floor):
    """Mean SI-SDR over a floor, over all sources of all tracks, in dB.

    Args:
      systems: {system: {track: TrackScores}}.
      system: The one that is asked about.
      floor: The one that it is compared with.
    """
    gains = [
        one.whole(source) - systems[floor][track].whole(source)
        for track, one in systems[system].items()
        for source in one.names
        if source != protocols.ACCOMPANIMENT or len(one.names) == 1
    ]
    return float(np.mean(gains))
