"""The home-made Sound-of-Pixels set: names -> classes, solos -> tracks of one source.

    wav/{train,test}/<class><digits>.wav    segment_times.npy

A class is a set of instruments, and a number: the sum of their bits.  A duet's letters
are not URMP's codes: `vc` is a violin and a cello here.  Made by Juan F. Montesinos for
the branch conditioning-sopjfm of the 2018 VIMSS, after Zhao et al., "The Sound of
Pixels", ECCV 2018.
"""

import collections
import pathlib
import re

import numpy as np

from Datasets import inventory, media
from Datasets.safe_unpickling import load_objects
from Datasets.track import Source, Track
from Schema import InputError
from Utils import nearest

BITS = {
    "cello": 1,
    "clarinet": 2,
    "erhu": 4,
    "flute": 8,
    "trumpet": 16,
    "tuba": 32,
    "violin": 64,
    "xylophone": 128,
}
# The order of the vector of labels, and of slots: the most significant bit first.
VECTOR = tuple(sorted(BITS, key=BITS.get, reverse=True))
DUETS = {
    "cf": ("cello", "flute"),
    "clc": ("clarinet", "cello"),
    "clf": ("clarinet", "flute"),
    "clt": ("clarinet", "trumpet"),
    "cltu": ("clarinet", "tuba"),
    "clv": ("clarinet", "violin"),
    "ct": ("cello", "trumpet"),
    "tf": ("trumpet", "flute"),
    "tut": ("tuba", "trumpet"),
    "tuv": ("tuba", "violin"),
    "vc": ("violin", "cello"),
    "vf": ("violin", "flute"),
    "vt": ("violin", "trumpet"),
    "xf": ("xylophone", "flute"),
}
FOLDERS = ("train", "test")
AUDIO = (".wav", ".flac")
TIMES = "segment_times.npy"
ROUNDING = 0.1  # s by which a segment may end after its file


def bits_of(names):
    """The number of a class.

    Example:
      >>> bits_of(["violin", "cello"])
      65
    """
    for name in names:
        if name not in BITS:
            near = nearest(name, BITS)
            raise InputError(
                f"{name!r} is none of {', '.join(BITS)}"
                + (f"; did you mean {near!r}?" if near else "")
            )
    return sum(BITS[name] for name in set(names))


def classes_of(bits):
    """The instruments of a class, in the order of `VECTOR`.

    Example:
      >>> classes_of(65)
      ['violin', 'cello']
    """
    if not 0 <= bits < 256:
        raise InputError(f"{bits} is no class: 0 to 255 are")
    return [name for name in VECTOR if bits & BITS[name]]


def class_of(stem):
    """The number of the class that a file's name begins with.

    Raises:
      InputError: If it names no class.
    """
    match = re.fullmatch(r"([a-z]+)(\d+)", stem)
    names = match and (DUETS.get(match[1]) or (match[1],))
    if not match or names[0] not in BITS:
        near = nearest(match[1], BITS) if match else None
        raise InputError(
            f"{stem!r} is not a class and a number, as in violin12 or vc3"
            + (f"; did you mean {near!r}?" if near else "")
        )
    return bits_of(names)


def recordings(raw):
    """Looks for the files.

    Args:
      raw: Folder that has `wav/`, or `train/` and `test/`.

    Returns:
      {"train" or "test": {name without suffix: path}}, sorted.

    Raises:
      InputError: If two recordings have one name.
    """
    raw = pathlib.Path(raw)
    root = raw / "wav" if (raw / "wav").is_dir() else raw
    found = {}
    for folder in FOLDERS:
        paths = sorted((root / folder).glob("*"))
        found[folder] = {}
        for path in paths:
            if path.suffix.lower() not in AUDIO or path.name.startswith("."):
                continue
            other = found["train"].get(path.stem) or found[folder].get(path.stem)
            if other:
                raise InputError(
                    f"{other} and {path} have one name, and {TIMES} knows a recording "
                    "by that; rename or remove one of them"
                )
            found[folder][path.stem] = path
    return found


def times_of(raw):
    """{name without suffix: (start s, end s), or None: nobody plays}, of TIMES.

    Returns:
      None if there is no such file.

    Raises:
      InputError: If the file is damaged or asks for anything but plain values.
    """
    raw = pathlib.Path(raw)
    paths = [p for p in (raw / TIMES, raw / "wav" / TIMES) if p.is_file()]
    if not paths:
        return None
    times = {}
    for k, entry in enumerate(load_objects(paths[0]).ravel()):
        try:
            stem = pathlib.PurePosixPath(entry["file"]).name
            stem = stem.removesuffix(".wav")
            first, last = (np.asarray(entry[key], float) for key in ("to", "tf"))
            between = (float(first[0]), float(last[-1])) if len(first) else None
            fine = len(first) == len(last)
        except (TypeError, KeyError, ValueError, IndexError):
            fine = False
        if not fine:
            raise InputError(
                f"{paths[0]}: entry {k} is not {{file: name, to: [s, ...], tf: [s, "
                f"...]}} but {str(entry)[:80]}"
            )
        if times.setdefault(stem, between) != between:
            raise InputError(f"{paths[0]} has two entries of {stem}; remove one")
    return times


def read_solo(path, times):
    """A solo -> Track of the stretch between its first start and its last end.

    Args:
      path: The recording.
      times: Of `times_of`.

    Returns:
      `Track`, or [] if its entry says that nobody plays.

    Raises:
      InputError: If its name is no class, or it ends before its segment does.
    """
    (label,) = classes_of(class_of(path.stem))
    rate, _, n_time = media.probe_audio(str(path))
    start, seconds = 0.0, n_time / rate
    if times and path.stem in times:
        if times[path.stem] is None:
            return []
        start, stop = times[path.stem]
        if not 0 <= start < stop <= seconds + ROUNDING:
            raise InputError(
                f"{TIMES}: {path} of {seconds:.2f} s has no segment from {start} s to "
                f"{stop} s; is it truncated? copy it anew, or correct the entry"
            )
        seconds = min(stop, seconds) - start
    if round(seconds * rate) < 1:
        raise InputError(f"{TIMES}: {path} has no samples after {start} s")
    source = Source(label, str(path))
    return Track(path.stem, (source,), rate, round(seconds * rate), start=start)


def take_stock(raw, splits, keep_going=False):
    """Looks for every recording of the splits: `Datasets.inventory.take_stock`.

    Args:
      raw: Folder of the set.
      splits: {split: [name without suffix]}.  Duets are left out: they have no stems.
      keep_going: Whether a damaged recording counts as absent.
    """
    paths = {}
    for members in recordings(raw).values():
        paths |= members
    times = times_of(raw)
    unplayed, duets = [], collections.Counter()

    def read(stem):
        if stem not in paths:
            raise FileNotFoundError(f"no {stem}.wav in train/ or test/")
        try:
            names = classes_of(class_of(stem))
        except InputError as error:
            raise InputError(f"{paths[stem]}: {error}; rename or remove it") from None
        if len(names) > 1:
            duets[re.match("[a-z]+", stem)[0]] += 1
            return []
        track = read_solo(paths[stem], times)
        if track == []:
            unplayed.append(stem)
        return track

    found = inventory.take_stock(raw, splits, read, keep_going)
    found.remarks += _remarks(found.all_tracks(), times, unplayed, duets)
    return found


def _remarks(tracks, times, unplayed, duets):
    if times is None:
        yield f"no {TIMES}: recordings are used from end to end"
    else:
        known = sum(track.id in times for track in tracks)
        yield (
            f"{TIMES}: {known} of {len(tracks)} solos have a segment"
            + ("; the others are used from end to end" * (known < len(tracks)))
        )
    if unplayed:
        yield (
            f"left out: {len(unplayed)} solos of which {TIMES} says that nobody plays: "
            + ", ".join(unplayed)
        )
    if duets:
        yield (
            f"left out: {duets.total()} duets, of which there are no stems: "
            + ", ".join(f"{count} {name}" for name, count in sorted(duets.items()))
        )
