"""MUSIC's lists of ids, and where the files of an id may lie.

    <raw>/MUSIC_solo_videos.json      {"version": 1.0, "videos": {class: [id, ...]}}
    <raw>/MUSIC21_solo_videos.json    the same of 21 classes
    <raw>/MUSIC_duet_videos.json      the same; a class is two names and a space
    <raw>/<class>/<id>.<suffix>       or <raw>/<id>.<suffix>, or either one below
                                      solo, duet, video(s), or audio

Zhao, Gan, Rouditchenko, Vondrick, McDermott, Torralba, "The Sound of Pixels", ECCV
2018; Zhao, Gan, Ma, Torralba, "The Sound of Motions", ICCV 2019 (21 classes).
"""

import pathlib

import Utils
from Datasets import availability
from Schema import InputError

CLASSES = (  # of MUSIC21, the 11 of MUSIC among them
    "accordion acoustic_guitar bagpipe banjo bassoon cello clarinet congas drum "
    "electric_bass erhu flute guzheng piano pipa saxophone trumpet tuba ukulele "
    "violin xylophone"
).split()
DUOS = (  # of MUSIC's list of duets, in its spelling
    *("acoustic_guitar violin", "saxophone acoustic_guitar"),
    *("clarinet acoustic_guitar", "cello acoustic_guitar", "flute violin"),
    *("flute trumpet", "xylophone acoustic_guitar", "xylophone flute", "trumpet tuba"),
)
LISTS = {"music11": "MUSIC_solo_videos.json", "music21": "MUSIC21_solo_videos.json"}
DUETS = "MUSIC_duet_videos.json"
HOMES = ("", "solo", "solos", "duet", "duets", "video", "videos", "audio")


def ids_of(path):
    """Reads a list: {class: [id]}.

    Raises:
      InputError: If it is absent, damaged or of another form.
    """
    videos = Utils.read_json(path)
    videos = videos.get("videos") if isinstance(videos, dict) else None
    fits = isinstance(videos, dict) and all(
        isinstance(ids, list) and all(isinstance(one, str) for one in ids)
        for ids in videos.values()
    )
    if not fits:
        raise InputError(
            f'{path} is no list of MUSIC: expected {{"videos": {{class: [id, ...]}}}}'
        )
    for name in videos:
        unknown = [part for part in name.split() if part not in CLASSES]
        if unknown:
            near = Utils.nearest(unknown[0], CLASSES)
            hint = f"; did you mean {near!r}?" if near else ""
            raise InputError(f"{path}: MUSIC has no class {unknown[0]!r}{hint}")
    return videos


def lists_of(raw):
    """{scheme: {class: [id]}} of the lists of solos that are there.

    Raises:
      InputError: If there is none.
    """
    raw = pathlib.Path(raw)
    if not raw.is_dir():
        raise InputError(
            f"{raw} is not a folder; data.raw names that of MUSIC's lists and files"
        )
    found = {k: ids_of(raw / f) for k, f in LISTS.items() if (raw / f).is_file()}
    if not found:
        raise InputError(
            f"{raw} holds neither {' nor '.join(LISTS.values())}: they are MUSIC's "
            "lists of ids, https://github.com/roudimit/MUSIC_dataset"
        )
    return found


def duets_of(raw):
    """{two classes: [id]}, empty if that list is not there.

    Raises:
      InputError: If it is damaged, or has two instruments that MUSIC's own has not.
    """
    path = pathlib.Path(raw) / DUETS
    found = ids_of(path) if path.is_file() else {}
    for name in found:
        if name not in DUOS:
            raise InputError(
                f"{path}: MUSIC has no duets of {name!r}, but of {', '.join(DUOS)}"
            )
    return found


def class_of(lists):
    """{id: class}.

    Raises:
      InputError: If an id is in the lists of two classes.
    """
    found = {}
    for classes in lists:
        for label, ids in classes.items():
            for one in ids:
                if found.setdefault(one, label) != label:
                    raise InputError(
                        f"{one} is listed as {found[one]} and as {label}: remove it "
                        "from one of the two"
                    )
    return found


class Files:
    """The files of the ids; each folder is looked into once."""

    def __init__(self, raw):
        """Of a folder."""
        self._homes = [pathlib.Path(raw) / home for home in HOMES]
        self._flat = availability.media_files(self._homes)
        self._inside = {}

    def __call__(self, name, label):
        """The files of an id: those below its class's folder, then the others."""
        if label not in self._inside:
            spellings = dict.fromkeys((label, label.replace("_", " ")))
            folders = [home / one for home in self._homes for one in spellings]
            self._inside[label] = availability.media_files(folders)
        return self._inside[label].get(name, []) + self._flat.get(name, [])
