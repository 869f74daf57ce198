"""AudioSet's tables -> which clips there are, and what their classes are called.

    # YTID, start_seconds, end_seconds, positive_labels
    --PJHxphWEs, 30.000, 40.000, "/m/09x0r,/t/dd00088"

Gemmeke et al., "Audio Set: An ontology and human-labeled dataset for audio events",
ICASSP 2017; https://research.google.com/audioset/download.html
"""

import csv
import dataclasses
import pathlib
import re

from Datasets.inventory import by_hash
from Schema import InputError
from Utils import nearest

# The beginnings of the tables' names of each set of splits.
SCHEMES = {
    "balanced": {"train": ("balanced",), "test": ("eval",)},
    "unbalanced": {"train": ("unbalanced",), "test": ("eval",)},
    "all": {"train": ("balanced", "unbalanced"), "test": ("eval",)},
}
VALIDATION = 5  # percent of the clips to train with: AudioSet has no such split
CLASSES = "class_labels_indices.csv"
MID = re.compile(r"/[mtg]/[\w-]+")  # the name of a class, as of a topic of Freebase


@dataclasses.dataclass(frozen=True)
class Segment:
    """A line of a table.

    Attributes:
      video: Its id on YouTube.
      start: s in the video.
      stop: s in the video.
      classes: Names such as "/m/07y_7" of what is heard, at least one.
    """

    video: str
    start: float
    stop: float
    classes: tuple[str, ...]

    @property
    def id(self):
        """Video and milliseconds, as AudioSet's downloaders name a clip."""
        return f"{self.video}_{self.start * 1000:.0f}_{self.stop * 1000:.0f}"


def read_segments(path):
    """A table of AudioSet -> list of `Segment`.

    Raises:
      InputError: Naming file and line, if a line is not as above.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = csv.reader(file, skipinitialspace=True)
            found = [
                _segment(row, f"{path}, line {rows.line_num}")
                for row in rows
                if row and not row[0].startswith("#")
            ]
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a table of AudioSet ({error})") from None
    if not found:
        raise InputError(f"{path} holds no clip; download it anew")
    return found


def _segment(row, where):
    try:
        video, start, stop, classes = row
        start, stop = float(start), float(stop)
    except ValueError:
        raise InputError(
            f"{where}: {', '.join(row)!r} is not YTID, start_seconds, end_seconds, "
            '"class,class"'
        ) from None
    classes = tuple(name.strip() for name in classes.split(","))
    for name in classes:
        if not MID.fullmatch(name):
            raise InputError(f"{where}: {name!r} is no class such as /m/07y_7")
    if not 0 <= start < stop or not re.fullmatch(r"[\w-]+", video):
        raise InputError(
            f"{where}: {video!r} from {start} s to {stop} s is no stretch of a video"
        )
    return Segment(video, start, stop, classes)


def splits_of(raw, scheme):
    """The clips of a set of splits.

    Args:
      raw: Folder of the tables.
      scheme: A key of `SCHEMES`.

    Returns:
      ({split: [Segment]}, [remark]): of the clips to train with, `VALIDATION` percent,
      chosen by their videos' names, are the split validation.

    Raises:
      InputError: If a table is damaged, if there is none, or if a clip stands twice.
    """
    if scheme not in SCHEMES:
        near = nearest(scheme, SCHEMES) or next(iter(SCHEMES))
        raise InputError(
            f"data.splits={scheme!r}: AudioSet's are {', '.join(SCHEMES)}; did you "
            f"mean {near!r}?"
        )
    splits, remarks, where = {}, [], {}
    for split, names in SCHEMES[scheme].items():
        tables = [path for name in names for path in _tables(raw, name)]
        if not tables:
            remarks.append(f"no {names[0]}*.csv in {raw}: no split {split}")
        for path in tables:
            for segment in read_segments(path):
                if segment.id in where:
                    raise InputError(
                        f"{path}: {segment.id} stands in {where[segment.id]}, too; a "
                        "clip belongs to one split, once"
                    )
                where[segment.id] = path
                splits.setdefault(split, []).append(segment)
    if not splits:
        raise InputError(
            f"{raw} holds no table of AudioSet's clips, such as "
            "balanced_train_segments.csv; data.raw names the folder that has them"
        )
    return _with_validation(splits), remarks


def _tables(raw, name):
    found = sorted(pathlib.Path(raw).glob(f"{name}*.csv"))
    if len(found) > 1:
        raise InputError(
            f"{raw} holds {found[0].name} and {found[1].name}: keep one {name}*.csv"
        )
    return found


def _with_validation(splits):
    training = splits.pop("train", [])
    shares = (("train", 100 - VALIDATION), ("validation", VALIDATION))
    chosen = by_hash({segment.video for segment in training}, shares)
    held_out = set(chosen["validation"])
    parts = {
        "train": [s for s in training if s.video not in held_out],
        "validation": [s for s in training if s.video in held_out],
        **splits,
    }
    return {split: members for split, members in parts.items() if members}


def class_names(raw):
    """{class: what it is called}, in AudioSet's order; empty without its table.

    Raises:
      InputError: If the table is not `index,mid,display_name`.
    """
    path = pathlib.Path(raw) / CLASSES
    if not path.exists():
        return {}
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    try:
        rows.sort(key=lambda row: int(row["index"]))
        return {row["mid"]: row["display_name"] for row in rows}
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path} is not a table index,mid,display_name") from None


def pairs_of(label_map):
    """["CLASS=LABEL"] -> [(class, label)].

    Raises:
      InputError: If one of them is none.
    """
    pairs = []
    for text in label_map:
        name, equals, label = (part.strip() for part in str(text).rpartition("="))
        if not (equals and name and label):
            raise InputError(
                f"data.label_map has {text!r}: expected CLASS=LABEL, as '/m/07y_7=vn'"
            )
        pairs.append((name, label))
    return pairs


def wanted_classes(label_map, names):
    """The classes of a map, written as such or as what they are called.

    Args:
      label_map: ["CLASS=LABEL"].
      names: {class: what it is called}; empty: not known.

    Returns:
      {class: label}.

    Raises:
      InputError: If there is no such class.
    """
    classes = {name: mid for mid, name in names.items()}
    wanted = {}
    for key, label in pairs_of(label_map):
        mid = classes.get(key, key)
        if (mid in names) if names else MID.fullmatch(mid):
            wanted[mid] = label
            continue
        near = nearest(key, [*names, *classes])
        raise InputError(
            f"data.label_map names the class {key!r}: "
            + (
                f"{CLASSES} has none of that name"
                + (f"; did you mean {near!r}?" if near else "")
                if names
                else f"without {CLASSES} in data.raw write it as in /m/07y_7"
            )
        )
    return wanted
