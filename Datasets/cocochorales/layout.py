"""CocoChorales' folders and file names -> tracks.

    {train,valid,test}/string_track000001/  mix.wav
        stems_audio/{1_violin,2_violin,3_viola,4_cello}.wav
        stems_midi/, mix.mid, metadata.yaml: not read

Wu et al., "The Chamber Ensemble Generator: Limitless High-Quality MIR Data via
Generative Modeling", 2022, https://arxiv.org/abs/2209.14458.  README.md says where each
fact of the layout is from.
"""

import collections
import pathlib
import re

from Datasets import inventory, media
from Datasets.track import Source, Track
from Schema import INSTRUMENTS, InputError

ENSEMBLES = ("string", "brass", "woodwind", "random")
PARTS = 4  # of every chorale
PUBLISHED = 240_000  # tracks
AUDIO = (".wav", ".flac")
FOLDERS = {"train": "train", "validation": "valid", "test": "test"}
# Last number of each split.  The numbers tell the split of tracks that stand together.
LAST = {"train": 192_000, "validation": 216_000, "test": 240_000}
CODES = {name: code for code, name in INSTRUMENTS.items()} | {"french horn": "hn"}
# Stems of one track may end this far apart: the shorter ones end in silence.
LENGTH_TOLERANCE = 0.05  # s
# As published, one stem of these is shorter than its mates.
SHORT = ("string_track001353",)


def ensemble_of(name):
    """(ensemble, number) that a track's name tells.

    Example:
      >>> ensemble_of("brass_track049013")
      ('brass', 49013)
    """
    match = re.fullmatch(rf"({'|'.join(ENSEMBLES)})_track(\d{{6}})", name)
    if not match:
        raise InputError(
            f"{name!r} is not ENSEMBLE_trackNNNNNN: the ensembles are "
            f"{', '.join(ENSEMBLES)}"
        )
    return match[1], int(match[2])


def split_of(number):
    """The published split of a track's number, from 1 to 240,000."""
    for split, last in LAST.items():
        if 1 <= number <= last:
            return split
    raise InputError(f"{number} is no track of CocoChorales: 1 to {PUBLISHED} are")


def folders_of(raw):
    """Looks for the folders of tracks.

    Args:
      raw: Folder that has `main_dataset/`, or train/, valid/ and test/, or the tracks.

    Returns:
      {split: {track: folder}}, sorted.

    Raises:
      InputError: If a track is there twice.
    """
    raw = pathlib.Path(raw)
    root = raw / "main_dataset" if (raw / "main_dataset").is_dir() else raw
    found, where = {split: {} for split in FOLDERS}, {}
    places = [(split, root / name) for split, name in FOLDERS.items()]
    for split, place in [*places, (None, root)]:
        for folder in sorted(place.glob("*_track*")):
            if not folder.is_dir():
                continue
            if folder.name in where:
                raise InputError(
                    f"{folder} is there twice, in {where[folder.name]}, too; remove one"
                )
            where[folder.name] = place
            home = split or split_of(ensemble_of(folder.name)[1])
            found[home][folder.name] = folder
    return found


def take_stock(raw, splits, keep_going=False):
    """Looks for every track of the splits: `Datasets.inventory.take_stock`.

    Args:
      raw: As of `folders_of`.
      splits: {split: [track]}.
      keep_going: Whether a damaged track counts as absent.
    """
    folders = {}
    for members in folders_of(raw).values():
        folders |= members
    short = []

    def read(name):
        if name not in folders:
            raise FileNotFoundError("no such folder")
        track = read_track(folders[name])
        if track is None:
            short.append(name)
        return track or []

    found = inventory.take_stock(raw, splits, read, keep_going)
    found.remarks += _remarks(found.all_tracks(), short)
    return found


def _remarks(tracks, short):
    counts = collections.Counter(ensemble_of(track.id)[0] for track in tracks)
    yield f"of the {PUBLISHED:,} tracks: " + ", ".join(
        f"{counts[ensemble]} {ensemble}" for ensemble in ENSEMBLES
    )
    without = sum(track.mix is None for track in tracks)
    if without:
        yield f"{without} tracks have no mix.wav: their mixture is the sum of the stems"
    if short:
        yield f"left out, as published with a stem too short: {', '.join(short)}"


def read_track(folder):
    """A track's folder -> Track; None if it is one of `SHORT`, and is so.

    Raises:
      FileNotFoundError: If stems are absent.
      InputError: If what is there contradicts itself.
    """
    ensemble_of(folder.name)
    stems = _stems(folder)
    mix = [str(p) for p in (folder / "mix.wav", folder / "mix.flac") if p.is_file()][:1]
    files = [source.audio for source in stems] + mix
    heads = [media.probe_audio(path) for path in files]
    rates = {rate for rate, _, _ in heads}
    if len(rates) > 1:
        raise InputError(
            f"{files[0]} and its mates have different sample rates: "
            f"{', '.join(str(rate) for rate in sorted(rates))} Hz"
        )
    rate, lengths = heads[0][0], [n_time for _, _, n_time in heads]
    missing = (max(lengths) - min(lengths)) / rate
    if missing > LENGTH_TOLERANCE:
        if folder.name in SHORT:
            return None
        raise InputError(
            f"{files[lengths.index(min(lengths))]} is {missing:.3f} s shorter than its "
            "mates; is it truncated? copy it anew"
        )
    return Track(folder.name, stems, rate, max(lengths), mix=mix[0] if mix else None)


def _stems(folder):
    """The sources of a track, soprano to bass, whether numbered from 0 or from 1."""
    found = {}
    for path in sorted((folder / "stems_audio").glob("*")):
        match = re.fullmatch(r"(\d+)_(.+)", path.stem)
        if path.suffix.lower() not in AUDIO or not match:
            continue
        name = match[2].lower().replace("_", " ")
        if name not in CODES:
            raise InputError(f"{path}: {match[2]!r} is none of {', '.join(CODES)}")
        if int(match[1]) in found:
            raise InputError(f"{path} is a second stem {match[1]}; remove one of them")
        found[int(match[1])] = Source(CODES[name], str(path))
    if len(found) > PARTS:
        raise InputError(f"{folder} has {len(found)} stems in place of {PARTS}")
    if len(found) < PARTS:
        raise FileNotFoundError(f"{len(found)} of {PARTS} stems in stems_audio/")
    return tuple(found[number] for number in sorted(found))
