"""What a folder of raw recordings holds, next to what the splits ask for."""

import dataclasses
import hashlib
import pathlib

from Datasets.track import Track
from Schema import InputError
from Utils import nearest

TOLD = 60  # problems that a report tells one by one
ORDER = ("train", "validation", "test")  # of splits


@dataclasses.dataclass
class Inventory:
    """What there is.

    Attributes:
      tracks: {split: [Track]}, complete ones only.
      problems: {track id: sentence}, of tracks that are absent or incomplete.
      remarks: Lines for the report.
    """

    tracks: dict[str, list[Track]]
    problems: dict[str, str] = dataclasses.field(default_factory=dict)
    remarks: list[str] = dataclasses.field(default_factory=list)

    def all_tracks(self):
        """The complete tracks of all splits."""
        return [track for members in self.tracks.values() for track in members]

    def report(self):
        """A few lines for the screen: what was found, and what was not."""
        tracks = self.all_tracks()
        parts = sum(len(track.sources) for track in tracks)
        minutes = sum(track.seconds for track in tracks) / 60
        yield (
            f"found {len(tracks)} tracks, {parts} parts, {minutes:.1f} min: "
            + ", ".join(f"{len(m)} {split}" for split, m in self.tracks.items())
        )
        filmed = [track for track in tracks if track.video]
        if filmed:
            yield f"  video: {len(filmed)} of {len(tracks)} tracks"
        for line in self.remarks:
            yield f"  {line}"
        for name, problem in list(self.problems.items())[:TOLD]:
            yield f"  missing: {name}: {problem}"
        if len(self.problems) > TOLD:
            yield f"  missing: and {len(self.problems) - TOLD} more"


def take_stock(raw, splits, read, keep_going=False):
    """Looks for every track of the splits before anything is read whole.

    Args:
      raw: Folder of the recordings, for the error.
      splits: {split: [track id]}.
      read: read(track id) -> Track; or a list of them, of a recording of which
        stretches are used.  It raises FileNotFoundError for what is absent, InputError
        for what is damaged.
      keep_going: Whether what is damaged counts as absent.

    Returns:
      `Inventory`.

    Raises:
      InputError: If the folder is absent or has none of the tracks, or if a track is
        damaged.
    """
    raw = pathlib.Path(raw)
    if not raw.is_dir():
        raise InputError(
            f"{raw} is not a folder; data.raw names that of the recordings"
        )
    tracks, problems = {split: [] for split in splits}, {}
    for split, names in splits.items():
        for name in names:
            try:
                found = read(name)
            except FileNotFoundError as error:
                problems[name] = str(error)
            except InputError as error:
                if not keep_going:
                    raise
                problems[name] = str(error)
            else:
                tracks[split] += found if isinstance(found, list) else [found]
    if not any(tracks.values()):
        first = next(iter(problems.items()), ("any", "no track is asked for"))
        raise InputError(
            f"{raw} holds none of the {len(problems)} tracks asked for, such as "
            f"{first[0]} ({first[1]}); data.raw names the folder that has them"
        )
    return Inventory(tracks, problems)


def split_ids(folder, scheme):
    """Reads the track ids of one set of splits.

    Args:
      folder: Folder of schemes; each is a folder of <split>.txt, an id a line.
      scheme: One of them.

    Returns:
      {split: [track id]} in the order train, validation, test.

    Raises:
      InputError: If there is no such scheme, or an id stands in it twice.
    """
    schemes = sorted(p.name for p in pathlib.Path(folder).glob("*") if p.is_dir())
    if not schemes:
        raise InputError(f"{folder} holds no lists of tracks: <scheme>/<split>.txt")
    if scheme not in schemes:
        raise InputError(
            f"data.splits={scheme!r}: the splits are {', '.join(schemes)}; did you "
            f"mean {nearest(scheme, schemes) or schemes[0]!r}?"
        )
    files = {p.stem: p for p in (pathlib.Path(folder) / scheme).glob("*.txt")}
    splits = {}
    for split in ORDER:
        if split in files:
            lines = files[split].read_text("utf-8").splitlines()
            splits[split] = [line.strip() for line in lines if line.strip()]
    where = {}
    for split, names in splits.items():
        for name in names:
            if name in where:
                raise InputError(
                    f"{files[split]}: {name!r} is in {where[name]}.txt, too; a track "
                    "belongs to one split"
                )
            where[name] = split
    return splits


def by_hash(names, shares=(("train", 80), ("validation", 10), ("test", 10))):
    """Splits names that nobody published splits of; a name never changes its split.

    Args:
      names: What to split, as ids of recordings.
      shares: (split, percent).

    Returns:
      {split: [name]}, sorted; the same on every machine.
    """
    splits = {split: [] for split, _ in shares}
    for name in sorted(names):
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % 100
        for split, percent in shares:
            if number < percent:
                splits[split].append(name)
                break
            number -= percent
    return splits
