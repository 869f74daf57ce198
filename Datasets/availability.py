"""Which recordings of a published list of ids are there, and what they lack.

Lists of YouTube ids outlive the videos: some can no longer be had, some come without
sound or without pictures.  A data set of such a list takes what there is, and tells the
rest, a line for each class.
"""

import dataclasses
import pathlib

import av

from Datasets import video
from Datasets.inventory import Inventory, by_hash, split_ids
from Schema import InputError
from Utils import nearest

VIDEO = "mp4 mkv webm mov avi m4v flv mpg mpeg ts 3gp ogv wmv".split()
AUDIO = "wav flac mp3 m4a aac ogg opus oga aiff aif wma".split()
SHOWN = 5  # ids of a class that are told on the screen
COLUMNS = ("wanted", "found", "missing", "no sound", "no pictures")


@dataclasses.dataclass(frozen=True)
class Item:
    """A recording of the list.

    Attributes:
      id: Its name in the list.
      label: Its class there.
      audio: File whose sound is used; None: there is none.
      video: File whose pictures are used; None: there is none.
      problem: Why it cannot be used, a sentence; None: it can.
      damaged: Whether a file is there that cannot be read.
    """

    id: str
    label: str
    audio: str | None = None
    video: str | None = None
    problem: str | None = None
    damaged: bool = False


def media_files(folders):
    """The media files that lie in some folders, not in theirs.

    Args:
      folders: Paths; those that don't exist are passed over.

    Returns:
      {name without suffix: [path]}, in the order of the folders, then by suffix:
      videos first, in the order of `VIDEO`, then `AUDIO`.
    """
    found, order = {}, VIDEO + AUDIO
    for folder in folders:
        folder = pathlib.Path(folder)
        if not folder.is_dir():
            continue
        files = [p for p in folder.iterdir() if _suffix(p) in order and p.is_file()]
        for path in sorted(files, key=lambda p: (order.index(_suffix(p)), p.name)):
            found.setdefault(path.stem, []).append(str(path))
    return found


def item(name, label, files):
    """What the files of an id hold.

    The sound is that of the video, so that both keep their time; a file of its own is
    used where the video has no sound, or is absent.

    Args:
      name: The id.
      label: Its class.
      files: Its files, as `media_files` has them.

    Raises:
      InputError: If a file is damaged.
    """
    if not files:
        return Item(name, label, problem=f"{label}: there is no such file")
    heard = [path for path in files if has_sound(path)]
    seen = [path for path in files if _suffix(path) in VIDEO]
    seen = [path for path in seen if video.has_pictures(path)]
    both = [path for path in seen if path in heard]
    if not heard:
        told = f"{label}: {files[0]} has no audio stream"
        return Item(name, label, video=next(iter(seen), None), problem=told)
    return Item(name, label, (both + heard)[0], next(iter(both + seen), None))


def looked_at(name, label, files):
    """As `item`; of a damaged file, the problem is what is wrong with it."""
    try:
        return item(name, label, files)
    except InputError as error:
        return Item(name, label, problem=str(error), damaged=True)


def noted(items, name, label, files):
    """As `item`, which is put into `items` whether it can be used or not.

    Raises:
      FileNotFoundError: If it is absent, or without sound.
      InputError: If a file is damaged.
    """
    one = looked_at(name, label, files)
    items.append(one)
    if one.damaged:
        raise InputError(one.problem)
    if one.problem:
        raise FileNotFoundError(one.problem)
    return one


def has_sound(path):
    """Whether a file has a stream of audio.

    Raises:
      InputError: If it is no media file.
    """
    try:
        with av.open(str(path)) as container:
            return bool(container.streams.audio)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read ({error}); is it a complete media file?"
        ) from None


def availability(items):
    """How many recordings of each class there are.

    Args:
      items: `Item`s.

    Returns:
      A list of dicts, a class each, in alphabetical order, and the last of all: label
      and, of `COLUMNS`, numbers of ids: in the list, that can be used, that are absent
      or damaged, that have files without sound, that can be used but not be seen.
    """
    groups = {}
    for one in items:
        groups.setdefault(one.label, []).append(one)
    groups = dict(sorted(groups.items()))
    return [_row(label, members) for label, members in groups.items()] + [
        _row("all", sum(groups.values(), []))
    ]


def _row(label, members):
    usable = [one for one in members if one.problem is None]
    mute = [one for one in members if one.problem and "no audio stream" in one.problem]
    counts = len(members), len(usable), len(members) - len(usable) - len(mute)
    unseen = sum(one.video is None for one in usable)
    return {"label": label, **dict(zip(COLUMNS, (*counts, len(mute), unseen)))}


def table(rows):
    """Lines of a table for the screen of what `availability` returned."""
    width = max(len(row["label"]) for row in rows)
    yield " " * width + "".join(f"{name:>13}" for name in COLUMNS)
    for row in rows:
        numbers = "".join(f"{row[name]:>13}" for name in COLUMNS)
        yield f"{row['label']:<{width}}{numbers}"


@dataclasses.dataclass
class ListedInventory(Inventory):
    """An inventory of a list of ids, whose report is short.

    Attributes:
      items: `Item`s that were looked for.
    """

    items: list[Item] = dataclasses.field(default_factory=list)

    def report(self):
        """What was found, a table of classes, and some of what is missing."""
        whole = dataclasses.replace(self, problems={})
        yield from Inventory.report(whole)
        if self.items:
            for line in table(availability(self.items)):
                yield f"  {line}"
        groups = {}
        for name, problem in self.problems.items():
            groups.setdefault(problem.replace(name, "..."), []).append(name)
        for problem, names in groups.items():
            more = len(names) - SHOWN
            told = ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
            yield f"  missing: {told}: {problem}"


def splits_of(raw, scheme, names, shares=None):
    """The splits of ids of which none were published.

    Args:
      raw: Folder of the recordings; splits/<scheme>/<split>.txt in it, an id a line,
        are used if they are there.
      scheme: `data.splits`.
      names: {scheme: ids}, of the schemes that need no text files.
      shares: As of `by_hash`; None: its own.

    Returns:
      {split: [id]}.

    Raises:
      InputError: If there is no such scheme, or the text files contradict themselves.
    """
    folder = pathlib.Path(raw) / "splits"
    if (folder / scheme).is_dir():
        return split_ids(folder, scheme)
    if scheme in names:
        return by_hash(names[scheme], *([shares] if shares else []))
    there = sorted(p.name for p in folder.glob("*") if p.is_dir())
    known = [*names, *there]
    near = nearest(scheme, known)
    raise InputError(
        f"data.splits={scheme!r}: the splits are {', '.join(known)}"
        + (f"; did you mean {near!r}?" if near else "")
        + f"; your own are text files in {folder / scheme}"
    )


def _suffix(path):
    return pathlib.Path(path).suffix.lower().lstrip(".")
