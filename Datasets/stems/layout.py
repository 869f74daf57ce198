"""Any folder of stems -> tracks, by a map from names of files to labels."""

import collections
import pathlib
import re
import shlex

from Datasets import inventory, media
from Datasets.stems import finding
from Datasets.stems.labels import (
    IGNORE,
    MIXTURE,
    NO_SOURCE,
    composed,
    label_of,
    pairs_of,
)
from Datasets.track import Source, Track
from Schema import InputError

LENGTH_TOLERANCE = 0.1  # s that stems of one track may differ: encoders count frames
SHOWN = 8  # names in an error


def take_stock(raw, scheme, label_map, channels, keep_going=False):
    """Looks for every track: `Datasets.inventory.take_stock`.

    Args:
      raw: Folder; `finding` shows its tree.
      scheme: Of splits, as of `finding.find`.
      label_map: ["PATTERN=LABEL"], as of `labels`.
      channels: Of the records.
      keep_going: Whether a damaged track counts as absent.

    Raises:
      InputError: If there is no label_map: it shows one; or as that of `inventory`.
    """
    raw, pairs = pathlib.Path(raw), pairs_of(label_map)
    if not raw.is_dir():
        return inventory.take_stock(raw, {}, None)  # says so
    tracks, remarks = finding.find(raw, scheme)
    if not any(tracks.values()):
        raise InputError(f"{raw} holds no audio, neither directly nor in its folders")
    if not pairs:
        raise InputError(_proposal(raw, tracks))
    paths = {
        name: path
        for members in tracks.values()
        for name, path in members.items()
        if path is None or path.is_dir() or label_of(path.stem, pairs) != IGNORE
    }
    splits = {
        split: [name for name in members if name in paths]
        for split, members in tracks.items()
    }
    found = inventory.take_stock(
        raw,
        {split: names for split, names in splits.items() if names},
        lambda name: read_track(name, paths[name], pairs, channels),
        keep_going,
    )
    sources = [source for track in found.all_tracks() for source in track.sources]
    counts = collections.Counter(source.label for source in sources)
    found.remarks += remarks
    found.remarks.append(
        "stems: " + ", ".join(f"{counts[label]} {label}" for label in sorted(counts))
    )
    return found


def read_track(name, path, pairs, channels):
    """A folder of stems, or a solo -> Track.

    Args:
      name: Of the track.
      path: Its folder or file; None: there is none.
      pairs: [(pattern, label)].
      channels: Of the records.

    Raises:
      FileNotFoundError: If it is absent, or a file has no label.
      InputError: If a file cannot be read or does not fit to its mates.
    """
    if path is None:
        raise FileNotFoundError("no folder with audio and no file of that name")
    files = finding.audio_in(path) if path.is_dir() else [path]
    labels = [label_of(file.stem, pairs) for file in files]
    _refuse_copies([file for file, label in zip(files, labels) if label != IGNORE])
    unnamed = [file for file, label in zip(files, labels) if label is None]
    if unnamed:
        rest = f" and {len(unnamed) - 1} more" if unnamed[1:] else ""
        raise FileNotFoundError(
            f"{unnamed[0]}{rest}: no pattern of data.label_map matches; add one, as "
            f"{_pattern(unnamed[0].stem)!r}, or with the label {IGNORE!r}"
        )
    used = [(file, label) for file, label in zip(files, labels) if label != IGNORE]
    mixes = [file for file, label in used if label == MIXTURE]
    if len(mixes) > 1:
        raise InputError(
            f"{mixes[0]} and {mixes[1]} are both a mixture by data.label_map: give one "
            f"the label {IGNORE!r}"
        )
    sources = [Source(label, str(f)) for f, label in used if label not in NO_SOURCE]
    if not sources:
        raise FileNotFoundError(f"data.label_map names no source in {path}")
    rate, n_time = _measure([file for file, _ in used], channels)
    return Track(
        id=name,
        sources=tuple(sources),
        sample_rate=rate,
        n_time=n_time,
        mix=str(mixes[0]) if mixes else None,
        # Someone who rests has a stem, too; a solo of nothing is a mistake.
        silence=len(sources) > 1,
    )


def _refuse_copies(files):
    """Refuses a stem that is there in two formats: it would be heard twice."""
    of_name = {}
    for file in files:
        other = of_name.setdefault(composed(file.stem), file)
        if other != file:
            raise InputError(
                f"{other} and {file} are one stem by their name: rename or remove one"
            )


def _measure(files, channels):
    """(Hz of the first file, samples of the longest at that rate), once they fit."""
    heads = [media.probe_audio(file) for file in files]
    for file, (_, found, _) in zip(files, heads):
        if found > 2 and channels != 1:
            raise InputError(
                f"{file} has {found} channels, which cannot become {channels}: set "
                "data.channels=1, or mix it down"
            )
    seconds = [n_time / rate for rate, _, n_time in heads]
    longest = seconds.index(max(seconds))
    for file, duration, (rate, _, _) in zip(files, seconds, heads):
        if seconds[longest] - duration > LENGTH_TOLERANCE:
            raise InputError(
                f"{file} ({duration:.3f} s at {rate} Hz) is shorter than its mate "
                f"{files[longest].name} ({seconds[longest]:.3f} s at "
                f"{heads[longest][0]} Hz); is it truncated? else add silence to its end"
            )
    return heads[0][0], round(seconds[longest] * heads[0][0])


def _pattern(name):
    """An entry of a label_map that a file would be named by."""
    if "mix" in name.lower():
        return "*mix*=mixture"
    label = re.sub(r"\W+", "_", name.lower()).strip("_") or "label"
    return re.sub(r"([\[*?])", r"[\1]", name) + f"={label}"


def _proposal(raw, tracks):
    """The sentence for who gave no label_map, with one that would do."""
    paths = [path for members in tracks.values() for path in members.values() if path]
    files = [f for p in paths for f in (finding.audio_in(p) if p.is_dir() else [p])]
    names = list(dict.fromkeys(file.stem for file in files))
    entries = list(dict.fromkeys(_pattern(name) for name in names[:SHOWN]))
    more = f" (and {len(names) - SHOWN} other names)" if len(names) > SHOWN else ""
    return (
        f"data.label_map is not set: it says what the files in {raw} are, by patterns "
        f"of their names, such as {shlex.quote(f'data.label_map={entries}')}{more}"
    )
