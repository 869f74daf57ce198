"""A folder -> the tracks in it: folders of stems, or solos, one file each.

Tree, of which all but one kind of track may be absent:

    [<split>/]<track>/<any name>.wav     a folder with audio directly in it
    [<split>/]<any name>.wav             a solo
    splits/<scheme>/<split>.txt          lists of tracks, in place of <split>/
"""

import os

from Datasets.inventory import ORDER, split_ids
from Datasets.stems.labels import composed
from Schema import InputError

FOLDERS = "folders"  # the scheme of splits that folders tell
SPLIT_OF = {**{split: split for split in ORDER}, "valid": "validation"}
SPLIT_OF["val"] = "validation"
AUDIO = (
    *(".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus", ".aif", ".aiff", ".aac"),
    *(".wma", ".caf", ".w64", ".au"),
)


def find(raw, scheme):
    """Where the tracks are.

    Args:
      raw: Folder, a pathlib.Path.
      scheme: `FOLDERS`, or a folder of `raw/splits`.

    Returns:
      ({split: {track id: path, or None if a list has it but nobody else}}, remarks).

    Raises:
      InputError: If there is no such scheme, or two tracks have one name.
    """
    found = {split: {} for split in ORDER}
    splits = sorted((p, SPLIT_OF.get(p.name.lower())) for p in _folders(raw))
    splits = [(p, split) for p, split in splits if split]
    if scheme != FOLDERS or (not splits and (raw / "splits").is_dir()):
        paths, remarks = _tracks_in(raw)
        lists = split_ids(raw / "splits", scheme)
        for split, names in lists.items():
            found[split] = {composed(name): paths.get(composed(name)) for name in names}
        asked = {name for names in found.values() for name in names}
        return found, remarks + _told("in no list of the splits", set(paths) - asked)
    if not splits:
        found["train"], remarks = _tracks_in(raw)
        told = "no folders train, validation, test: all tracks are in train"
        return found, [told, *remarks]
    remarks, home = [], {}
    for folder, split in splits:
        paths, said = _tracks_in(folder)
        for name, path in paths.items():
            _refuse_two(name, home.setdefault(name, path), path)
        found[split] |= paths
        remarks += said
    beside, _ = _tracks_in(raw)
    names = set(beside) - {folder.name for folder, _ in splits}
    return found, remarks + _told("beside the folders of splits", names)


def audio_in(folder):
    """The files of audio directly in a folder, sorted."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in AUDIO
        and not path.name.startswith(".")
        and not path.is_dir()
    )


def _folders(folder):
    """The folders in a folder, hidden ones and links to where it is itself left out."""
    here = os.path.realpath(folder) + os.sep
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_dir()
        and not path.name.startswith(".")
        and not here.startswith(os.path.realpath(path) + os.sep)
    )


def _tracks_in(folder):
    """({track id: path}, remarks) of the solos and the folders with audio in them."""
    tracks, empty = {}, []
    for path in audio_in(folder):
        _refuse_two(path.stem, tracks.setdefault(composed(path.stem), path), path)
    for path in _folders(folder):
        if audio_in(path):
            _refuse_two(path.name, tracks.setdefault(composed(path.name), path), path)
        elif path.name != "splits":
            empty.append(path.name)
    return dict(sorted(tracks.items())), _told("no audio directly in", empty)


def _refuse_two(name, first, second):
    if first != second:
        raise InputError(
            f"{first} and {second} are two tracks of the name {name!r}: rename one, or "
            "leave it in one split"
        )


def _told(what, names, most=5):
    """[a line for the report], or none."""
    names = sorted(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    shown = ", ".join(names[:most])
    return [f"not used, {what}: {shown}{more}"] if names else []
