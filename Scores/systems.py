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

    Raises:
      InputError: If the track cannot be scored.
    """
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
            told = names, references, given[audible]
        else:
            told = _asked(job, job.oracles[system], names, references)
            absent = everywhere if system == FLOOR else {}
        scores = protocols.score(
            *(job.protocol, *told, job.sample_rate, job.engine, job.mix, absent)
        )
        store.write(path, scores, description)


def _asked(job, oracle, names, references):
    """(names, references, estimates) of what knows the sources.

    It is asked for the sources of each scenario: for the accompaniment of a song beside
    the vocals, and never together with the sources that it is the sum of.
    """
    true, made = {}, {}
    for chosen, (these, _) in protocols.scenarios(
        job.protocol, names, (references, references)
    ):
        found = zip(chosen, these, oracle(job.mix, these))
        for name, reference, estimate in found:
            true.setdefault(name, reference)
            made.setdefault(name, estimate)
    return list(true), *(np.stack([*of.values()]) for of in (true, made))


def folder_of(system):
    """Name of the folder of a system's scores."""
    return system.replace(", ", "-").replace(" ", "_")


def mean_improvement(systems, system, floor):
    """Mean SI-SDR over a floor, over all sources of all tracks, in dB.

    Args:
      systems: {system: {track: TrackScores}}.
      system: The one that is asked about.
      floor: The one that it is compared with.

    Returns:
      float; not finite if an estimate is silent or perfect, or a mixture a solo.
    """
    gains = [
        one.whole(source) - systems[floor][track].whole(source)
        for track, one in systems[system].items()
        for source in one.counted
    ]
    return float(np.mean(gains))


def told_improvement(gain):
    """`mean_improvement` as a line for the terminal."""
    if np.isfinite(gain):
        told = f"{gain:.2f} dB, mean of all sources of all tracks"
    else:
        told = (
            "no mean of all sources of all tracks, for an estimate is silent or "
            "perfect, or a track is a solo; the table has what there is"
        )
    return f"SI-SDR above the mixture: {told}"
