"""Estimates that any program left in folders, against folders of references.

    REFERENCE/<track>/<source>.wav      perhaps mixture.wav; else the sum of the sources
    ESTIMATES/<track>/<source>.wav      the same names

Of each track the sources of the reference are scored; what else was estimated is told.
Files are WAV, FLAC or whatever libsndfile reads.
"""

import dataclasses
import hashlib
import pathlib

import numpy as np
import soundfile as sf

from Schema import InputError
from Scores import parallel, store, systems

AUDIO = (".wav", ".flac", ".aiff", ".ogg")
MIXTURE = "mixture"  # the one file of a track that is no source
FLOOR = "mixture"  # system, as in tables
LIMIT = 0.1  # s that an estimate may be longer or shorter than its reference


@dataclasses.dataclass(frozen=True)
class Pair:
    """A track: what there is to compare.

    Attributes:
      name: Path of its folder below the two folders, with "/".
      references: {source: path}, by name.
      estimates: {source: path} of the same sources, and perhaps others.
      mixture: Path of the mixture, or None.
    """

    name: str
    references: dict[str, str]
    estimates: dict[str, str]
    mixture: str | None

    @property
    def more(self):
        """Sources that were estimated but have no reference."""
        return sorted(set(self.estimates) - set(self.references))


def pairs(reference, estimates):
    """The tracks of a reference, in order.

    Args:
      reference: Folder.
      estimates: Folder.

    Returns:
      A list of `Pair`.

    Raises:
      InputError: If a folder is absent, the reference holds no track, the estimates
        hold none of its tracks, or one source has two files.
    """
    for knob, folder in (("reference", reference), ("estimates", estimates)):
        if not pathlib.Path(folder).is_dir():
            raise InputError(f"{knob}={folder} is no folder")
    wanted, given = _tracks(reference), _tracks(estimates)
    if not wanted:
        raise InputError(
            f"reference={reference} holds no tracks: expected <track>/<source>.wav"
        )
    if not set(wanted) & set(given):
        raise InputError(
            f"estimates={estimates} holds none of the {len(wanted)} tracks of "
            f"{reference}, such as {min(wanted)}: expected <track>/<source>.wav"
        )
    found = []
    for name, sources in sorted(wanted.items()):
        mixture = sources.pop(MIXTURE, None)
        estimated = given.get(name, {})
        estimated.pop(MIXTURE, None)
        if sources:
            found.append(Pair(name, sources, estimated, mixture))
    return found


def _tracks(folder):
    """{track: {source: path}} of a folder."""
    tracks = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        hidden = any(p.startswith(".") for p in path.relative_to(folder).parts)
        if path.suffix.lower() in AUDIO and path.is_file() and not hidden:
            sources = tracks.setdefault(path.parent.relative_to(folder).as_posix(), {})
            if path.stem in sources:
                raise InputError(
                    f"{path} and {sources[path.stem]} are one source twice: remove one"
                )
            sources[path.stem] = str(path)
    tracks.pop(".", None)  # files beside the folders of tracks
    return tracks


def read(pair, limit=LIMIT):
    """The audio of a track.

    Estimates of another length are cut, or end in silence, and a warning says so.

    Args:
      pair: `Pair`.
      limit: s by which lengths may differ.

    Returns:
      (names of the S sources, references float64 [S, T, C], mixture [T, C], estimates
      [S, T, C], sample rate in Hz, warnings).

    Raises:
      InputError: If a file is absent or unreadable, rates, channels or lengths differ,
        or samples are not finite; it names the file.
    """
    missing = sorted(set(pair.references) - set(pair.estimates))
    if missing:
        raise InputError(f"no estimate of {', '.join(missing)}")
    names, warnings = sorted(pair.references), []
    first = pair.references[names[0]]
    mixed = {MIXTURE: pair.mixture} if pair.mixture else {}
    files = [*pair.references.values(), *mixed.values()]
    audio = {path: _samples(path) for path in files}
    n_time = len(audio[first][0])

    def fitted(path, what):
        samples, rate = audio[path] if path in audio else _samples(path)
        if rate != audio[first][1]:
            raise InputError(f"{path} is at {rate} Hz, {first} at {audio[first][1]} Hz")
        if samples.shape[1] != audio[first][0].shape[1]:
            raise InputError(
                f"{path} has {samples.shape[1]} channels, {first} has "
                f"{audio[first][0].shape[1]}"
            )
        more = len(samples) - n_time
        if abs(more) > limit * rate:
            raise InputError(
                f"{path} has {more / rate:+.3f} s more than {first}; up to {limit:g} s "
                "are aligned"
            )
        if more:
            warnings.append(f"{what}: {more:+d} samples, aligned at the beginning")
        return np.pad(samples[:n_time], [(0, max(0, -more)), (0, 0)])

    references = np.stack(
        [fitted(pair.references[n], f"reference of {n}") for n in names]
    )
    estimates = np.stack([fitted(pair.estimates[n], f"estimate of {n}") for n in names])
    mix = fitted(pair.mixture, MIXTURE) if pair.mixture else references.sum(axis=0)
    return names, references, mix, estimates, audio[first][1], warnings


def _samples(path):
    try:
        samples, rate = sf.read(path, always_2d=True)
    except (sf.LibsndfileError, OSError, RuntimeError) as error:
        raise InputError(f"{path} cannot be read ({error})") from None
    if not len(samples):
        raise InputError(f"{path} holds no samples")
    if not np.isfinite(samples).all():
        raise InputError(f"{path} holds NaN or infinity")
    return samples, rate


def identity(pair, limit=LIMIT):
    """What the scores of a track depend on, for JSON: names and bytes of its files."""
    digest = hashlib.sha256()
    used = {**pair.references, **({MIXTURE: pair.mixture} if pair.mixture else {})}
    used |= {f"of {n}": pair.estimates.get(n) for n in pair.references}
    for name, path in sorted(used.items()):
        digest.update(f"{name}:{path is None};".encode())
        if path is not None:
            with open(path, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return {"track": pair.name, "files": digest.hexdigest()[:32], "limit": limit}


def evaluate(tracks, output, system, oracles, limit=LIMIT, workers=None):
    """Scores the tracks that are not scored yet; those that fail lose no others.

    Args:
      tracks: List of `Pair`.
      output: Folder of `<track>.json`, and `<system>/<track>.json` of the oracles.
      system: Name of what made the estimates.
      oracles: {system: f(mix, references) -> estimates}, the floor among them.
      limit: s by which lengths may differ.
      workers: Processes; None: one a core.

    Returns:
      ({system: {track: TrackScores}}, the floor first; {track: why it failed};
      {track: warnings}; how many tracks were scored before).
    """
    output = pathlib.Path(output)
    every = {p.name: _about(p, output, system, oracles, limit) for p in tracks}
    jobs, failures, warnings = [], {}, {}
    for pair in tracks:
        about = every[pair.name]
        if not all(store.is_complete(*told) for told in about.values()):
            jobs.append((pair, about, oracles, limit))
    for name, error, told in parallel.each(_score, jobs, len(jobs), workers):
        if error:
            failures[name] = error
        if told:
            warnings[name] = told
    names = (FLOOR, system, *(other for other in oracles if other != FLOOR))
    found = {
        name: {
            track: store.read(about[name][0])[0]
            for track, about in every.items()
            if track not in failures
        }
        for name in names
    }
    return found, failures, warnings, len(tracks) - len(jobs)


def _about(pair, output, system, oracles, limit):
    """{system: (path of the score file, what identifies it)}."""
    homes = {name: output / name.replace(" ", "_") for name in oracles}
    told = identity(pair, limit)
    return {
        name: (homes.get(name, output) / f"{pair.name}.json", told)
        for name in (system, *oracles)
    }


def _score(pair, about, oracles, limit):
    """Scores a track; returns (its name, what went wrong or None, warnings)."""
    try:
        *given, warnings = read(pair, limit)
        if not given[1].any():
            raise InputError(f"all references of {pair.name} are silent")
        systems.score_systems(*given, about, oracles)
    except InputError as error:
        return pair.name, str(error), []
    return pair.name, None, warnings
