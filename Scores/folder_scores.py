"""Folders of estimates, scored track by track.

Of each track the sources of the reference are scored; what else was estimated counts as
absent.
"""

import contextlib
import dataclasses
import hashlib
import pathlib

import numpy as np

from Schema import InputError
from Scores import parallel, protocols, store, systems
from Scores.folders import LIMIT, MIXTURE, read
from Scores.systems import FLOOR


def identity(pair, limit=LIMIT):
    """What the scores of a track depend on, for JSON: names and bytes of its files."""
    digest = hashlib.sha256()
    used = {**pair.references, **({MIXTURE: pair.mixture} if pair.mixture else {})}
    used |= {f"of {n}": pair.estimates.get(n) for n in (*pair.references, *pair.more)}
    for name, path in sorted(used.items()):
        digest.update(f"{name}:{path is None};".encode())
        if path is not None:
            with open(path, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return {"track": pair.name, "files": digest.hexdigest()[:32], "limit": limit}


@dataclasses.dataclass(frozen=True)
class How:
    """How folders are scored.

    Attributes:
      protocol: `protocols.Protocol`.
      oracles: {system: f(mix, references) -> estimates}, the floor among them.
      filters: {what it is called: f(mix, estimates) -> estimates}: rows of the
        estimates with something done to them.
      limit: s by which lengths may differ.
      engine: As of `protocols.score`.
    """

    protocol: protocols.Protocol
    oracles: dict
    filters: dict = dataclasses.field(default_factory=dict)
    limit: float = LIMIT
    engine: str = "fast"


def evaluate(tracks, output, system, how, workers=None):
    """Scores the tracks that are not scored yet; those that fail lose no others.

    Args:
      tracks: List of `Pair`.
      output: Folder of `<track>.json`, and `<system>/<track>.json` of other rows.
      system: Name of what made the estimates.
      how: `How`.
      workers: Processes; None: one a core.

    Returns:
      ({system: {track: TrackScores}}, the floor first; {track: why it failed}; how
      many tracks were scored before).
    """
    output = pathlib.Path(output)
    failures = _misplaced(tracks, system, how)
    tracks = [pair for pair in tracks if pair.name not in failures]
    every = {p.name: _about(p, output, system, how) for p in tracks}
    jobs = []
    for pair in tracks:
        about = every[pair.name]
        if not all(store.is_complete(*told) for told in about.values()):
            jobs.append((pair, about, system, how))
    for name, error in parallel.each(_score, jobs, len(jobs), workers):
        if error:
            failures[name] = error
    _remove_others(output, {*every} - {*failures}, _others(system, how))
    filtered = [f"{system}, {name}" for name in how.filters]
    names = (FLOOR, system, *filtered, *(n for n in how.oracles if n != FLOOR))
    found = {
        name: {
            track: store.read(about[name][0])[0]
            for track, about in every.items()
            if track not in failures
        }
        for name in names
    }
    return found, failures, len(tracks) - len(jobs)


def _remove_others(output, done, rows):
    """Removes scores of tracks that are there no more, or failed now."""
    homes = [output, *(output / systems.folder_of(row) for row in rows)]
    for path in output.rglob("*.json"):
        with contextlib.suppress(InputError):  # and keeps what is no score file
            about = store.read(path)[1]
            track = about.get("track") if "files" in about else None
            own = [home / f"{track}.json" for home in homes]
            if track is not None and track not in done and path in own:
                path.unlink()


def _others(system, how):
    """The rows beside the estimates as they are."""
    return [*how.oracles, *(f"{system}, {name}" for name in how.filters)]


def _misplaced(tracks, system, how):
    """{track: why} of those whose score file would be that of another row."""
    rows = [systems.folder_of(name) for name in _others(system, how)]
    return {
        pair.name: f"the scores of a row stand in {row}/: rename the folder {row}"
        for pair in tracks
        for row in rows
        if pair.name.startswith(f"{row}/")
    }


def _about(pair, output, system, how):
    """{system: (path of the score file, what identifies it, protocol)}."""
    others = _others(system, how)
    homes = {name: output / systems.folder_of(name) for name in others}
    told, protocol = identity(pair, how.limit), how.protocol.told()
    told |= protocols.of_engine(how.engine)
    return {
        name: (homes.get(name, output) / f"{pair.name}.json", told, protocol)
        for name in (system, *others)
    }


def _score(pair, about, system, how):
    """Scores a track; returns (its name, what went wrong or None)."""
    try:
        names, references, mix, estimates, absent, rate = read(pair, how.limit)
        whole = None
        if protocols.ACCOMPANIMENT in (how.protocol.targets or ()):
            whole = absent.pop(protocols.ACCOMPANIMENT, None)
        made, silent = {system: estimates}, {system: absent}
        for name, function in how.filters.items():
            both = [*estimates, *absent.values()]
            found, row = function(mix, np.stack(both)), f"{system}, {name}"
            made[row], rest = found[: len(names)], found[len(names) :]
            silent[row] = dict(zip(absent, rest))
        if whole is not None:  # an estimate of its own, of what is a sum elsewhere
            rest = [k for k, name in enumerate(names) if name != "vocals"]
            sums = {row: audio[rest].sum(axis=0) for row, audio in made.items()}
            sums[system] = whole
            made = {row: np.stack([*made[row], sums[row]]) for row in made}
            references = np.stack([*references, references[rest].sum(axis=0)])
            names = [*names, protocols.ACCOMPANIMENT]
        systems.score_systems(
            systems.Job(
                *(names, references, mix, rate, made, silent, how.oracles, about),
                *(how.protocol, how.engine),
            )
        )
    except parallel.HURT as error:
        return pair.name, parallel.told(error)
    return pair.name, None
