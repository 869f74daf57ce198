"""Estimates that any program left in folders, against folders of references.

    REFERENCE/<track>/<source>.wav      perhaps mixture.wav; else the sum of the sources
    ESTIMATES/<track>/<source>.wav      the same names

Files are WAV, FLAC or whatever libsndfile reads.
"""

import contextlib
import dataclasses
import pathlib
import unicodedata

import numpy as np
import soundfile as sf

from Schema import InputError
from Scores import protocols

AUDIO = (".wav", ".flac", ".aiff", ".ogg")
MIXTURE = "mixture"  # the one file of a track that is no source
TWO = {"vocals", protocols.ACCOMPANIMENT}
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
        known = TWO if self.is_folded else set(self.references)
        return sorted(set(self.estimates) - known)

    @property
    def is_folded(self):
        """Whether vocals and accompaniment were estimated of a song in more stems."""
        stems = set(self.references)
        return set(self.estimates) == TWO and "vocals" in stems and len(stems - TWO) > 0


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


def unasked(reference, estimates):
    """Tracks that only the estimates have, sorted."""
    return sorted(set(_tracks(estimates)) - set(_tracks(reference)))


def _tracks(folder):
    """{track: {source: path}} of a folder."""
    tracks = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        hidden = any(p.startswith(".") for p in path.relative_to(folder).parts)
        if path.suffix.lower() in AUDIO and path.is_file() and not hidden:
            sources = tracks.setdefault(_same(path.parent.relative_to(folder)), {})
            name = _same(path.stem)
            if name in sources:
                raise InputError(
                    f"{path} and {sources[name]} are one source twice: remove one"
                )
            sources[name] = str(path)
    tracks.pop(".", None)  # files beside the folders of tracks
    return tracks


def _same(path):
    """A name as other systems write it, too: macOS takes letters and accents apart."""
    return unicodedata.normalize("NFC", pathlib.Path(path).as_posix())


def read(pair, limit=LIMIT):
    """The audio of a track.

    Files of another length are cut, or end in silence; `remarks` says so.

    Args:
      pair: `Pair`.
      limit: s by which lengths may differ.

    Returns:
      (names of the S sources, references float64 [S, T, C], mixture [T, C], estimates
      [S, T, C], {name: [T, C]} of those without a reference, sample rate in Hz).

    Raises:
      InputError: If a file is absent or unreadable, rates, channels or lengths differ,
        or samples are not finite; it names the file.
    """
    names = sorted(TWO if pair.is_folded else pair.references)
    missing = sorted(set(names) - set(pair.estimates))
    if missing:
        raise InputError(f"no estimate of {', '.join(missing)}")
    first = min(pair.references.items())[1]
    mixed = {MIXTURE: pair.mixture} if pair.mixture else {}
    files = [*pair.references.values(), *mixed.values()]
    audio = {path: _samples(path) for path in files}
    n_time = len(audio[first][0])

    def fitted(path):
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
        return np.pad(samples[:n_time], [(0, max(0, -more)), (0, 0)])

    true = {name: fitted(path) for name, path in sorted(pair.references.items())}
    if pair.is_folded:
        rest = [true.pop(name) for name in pair.references if name != "vocals"]
        true[protocols.ACCOMPANIMENT] = sum(rest)
    references = np.stack([true[name] for name in names])
    estimates = np.stack([fitted(pair.estimates[n]) for n in names])
    parts = [k for k, name in enumerate(names) if name in _parts(names)]
    mix = fitted(pair.mixture) if pair.mixture else references[parts].sum(axis=0)
    absent = {name: fitted(pair.estimates[name]) for name in pair.more}
    return names, references, mix, estimates, absent, audio[first][1]


def _parts(names):
    """The sources whose sum is the mixture: of songs, all but the accompaniment."""
    is_sum = any(name in protocols.TARGETS[1:] for name in names)
    return [n for n in names if not (is_sum and n == protocols.ACCOMPANIMENT)]


def remarks(pair):
    """Lines about files that are longer or shorter than the first reference.

    Headers are read; of files that are none, nothing is said here.
    """
    files = {f"reference of {n}": path for n, path in sorted(pair.references.items())}
    files |= {f"estimate of {n}": path for n, path in sorted(pair.estimates.items())}
    files |= {MIXTURE: pair.mixture} if pair.mixture else {}
    found, n_time = [], None
    for what, path in files.items():
        with contextlib.suppress(sf.LibsndfileError, OSError, RuntimeError):
            frames = sf.info(path).frames
            n_time = frames if n_time is None else n_time
            if frames != n_time:
                more = frames - n_time
                found.append(f"{what}: {more:+d} samples, aligned at the beginning")
    return found


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
