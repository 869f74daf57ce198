"""A folder of files as downloaders of AudioSet name them -> a track for each clip.

    <id>_30000_40000.flac, <id>_30.0-40.0.wav, <id>_30.mp4, <id>_000030.mp4,
    <id>.00030.mp4           the clip itself
    <id>.flac, Y<id>.wav     the whole video, of which the clip is a stretch; or the
                             clip, if the file is no longer than that

They may lie in any folders below the raw one, sound and pictures in two files of one
name (`audio/`, `video/`) or in one.
"""

import os
import pathlib

from Datasets import availability, media, video
from Datasets.track import Source, Track
from Schema import InputError

SUFFIXES = availability.AUDIO + availability.VIDEO  # the former are read for sound
SLACK = 1.0  # s that a file may lack of its clip, or have beyond: tools cut coarsely
ABSENT = "there is no file of this clip or of its video"
SILENCE = "/m/028v0c"  # the class of clips that may be silent


def index(raw):
    """{file name without its suffix: [path]} of all media below a folder.

    Links to folders are followed, each folder once.
    """
    found, seen = {}, set()
    for folder, below, names in os.walk(raw, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        for name in sorted(names):
            path = os.path.join(folder, name)
            if _suffix(path) in SUFFIXES:
                found.setdefault(pathlib.Path(path).stem, []).append(path)
    return found


def names_of(segment):
    """What a clip's file may be called, without its suffix.

    Returns:
      (names of the clip itself, names of the video or the clip).

    Example:
      >>> "a_30000_40000" in names_of(Segment("a", 30.0, 40.0, ("/m/07y_7",)))[0]
      True
    """
    name = segment.video
    pairs = list(zip(_forms(segment.start), _forms(segment.stop)))
    cut = [f"{name}_{a}{between}{b}" for a, b in pairs for between in "_-"]
    cut += [f"{name}_{a}" for a, _ in pairs] + [f"{name}.{int(segment.start):05d}"]
    return list(dict.fromkeys(cut)), [name, f"Y{name}"]


def _forms(seconds):
    """A time as tools write it: in milliseconds, whole, decimal and padded seconds."""
    whole = int(seconds)
    return (
        *(f"{seconds * 1000:.0f}", f"{whole}", f"{seconds:.1f}", f"{seconds:.3f}"),
        f"{whole:06d}",
    )


def read_clip(segment, label, files):
    """A clip's files -> Track with one source.

    Args:
      segment: `Segment`.
      label: Of the source.
      files: `index` of the raw folder.

    Raises:
      FileNotFoundError: If there is no file of it.
      InputError: If its file cannot be read, or ends too early.
    """
    cut, bare = names_of(segment)
    paths = _paths(cut, files)
    whole = not paths
    paths = paths or _paths(bare, files)
    if not paths:
        raise FileNotFoundError(ABSENT)
    films = [p for p in paths if _suffix(p) in availability.VIDEO]
    films = [path for path in films if video.has_pictures(path)]
    audio = min(paths, key=lambda path: SUFFIXES.index(_suffix(path)))
    sample_rate, _, n_time = media.probe_audio(audio)
    start = _place(segment, n_time / sample_rate) if whole else 0.0
    seconds = min(segment.stop - segment.start, n_time / sample_rate - start)
    if seconds < segment.stop - segment.start - SLACK:
        raise InputError(
            f"{audio} lasts {n_time / sample_rate:.2f} s and does not hold the clip "
            f"from {segment.start:.2f} s to {segment.stop:.2f} s; download it anew, or "
            "remove it"
        )
    return Track(
        id=segment.id,
        sources=(Source(label, audio),),
        sample_rate=sample_rate,
        n_time=round(seconds * sample_rate),
        video=films[0] if films else None,
        start=start,
        silence=SILENCE in segment.classes,
    )


def _paths(names, files):
    return [path for name in names for path in files.get(name, ())]


def _suffix(path):
    return pathlib.Path(path).suffix.lower().lstrip(".")


def _place(segment, seconds):
    """Where the clip begins in a file that is not named with its start, in s."""
    if seconds >= segment.stop - SLACK / 2:
        return segment.start
    return 0.0 if seconds <= segment.stop - segment.start + SLACK / 2 else segment.start
