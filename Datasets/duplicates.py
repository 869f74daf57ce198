"""Takes that a data set holds twice, and those that leak from one split into another.

Equal samples are found by their hash.  Takes that are nearly equal (coded, scaled,
inverted, shifted, trimmed, one inside another) are found by `landmarks`, and believed
if `likeness` says that their waveforms agree at the lag that the landmarks tell.  So
another performance of the same notes is no duplicate.  The cost grows with the number
of takes, not with that of pairs; in memory are one track at a time, a few takes when
pairs are compared, and the landmarks of all: some 80 kB a minute, more when sorted.
"""

import csv
import dataclasses
import functools
import hashlib

import numpy as np

import Utils
from Datasets import landmarks, likeness, media
from Datasets.landmarks import HOP

VOTES = 6  # landmarks that takes must share at one lag to be compared
MOST = 20  # takes that one take is compared with
SHOWN = 60  # pairs, on a screen


@dataclasses.dataclass(frozen=True)
class Take:
    """One part of one track.

    Attributes:
      split: Split of its track.
      track: The track's id.
      part: Number of the part, from 1.
      label: Its instrument.
    """

    split: str
    track: str
    part: int
    label: str

    def __str__(self):
        return f"{self.split} {self.track} {self.part} {self.label}"


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two takes of one recording.

    Attributes:
      a: `Take`.
      b: `Take`.
      kind: "identical" (equal samples) or "near".
      lag: s; what is at t in b is at t + lag in a.
      gain: dB from a to b.
      correlation: Of the waveforms where they are alike; negative: inverted.
      seconds: s in which they are alike.
    """

    a: Take
    b: Take
    kind: str
    lag: float
    gain: float
    correlation: float
    seconds: float

    @property
    def leaks(self):
        """Whether the two are in different splits."""
        return self.a.split != self.b.split


@dataclasses.dataclass
class Found:
    """What a data set holds twice.

    Attributes:
      pairs: `Pair`s, those across splits first.
      takes: How many takes were compared.
      silent: `Take`s without any sound, which were not.
      unread: {track id: sentence} of tracks that cannot be read.
    """

    pairs: list
    takes: int
    silent: list
    unread: dict

    @property
    def leaks(self):
        """The pairs across splits."""
        return [pair for pair in self.pairs if pair.leaks]


def of_records(records):
    """The tracks of `Datasets.records.Records`, as `find` takes them."""
    for split in records.splits:
        for row in records.tracks(split):
            takes = [Take(split, row.id, k, x) for k, x in enumerate(row.labels, 1)]
            yield takes, functools.partial(_stored, records, row.id)


def _stored(records, track_id):
    whole = records.whole_track(track_id)
    return [(source, whole["sample_rate"]) for source in whole["sources"]]


def of_raw(inventory):
    """The tracks of a `Datasets.inventory.Inventory`, each of its files a take."""
    for split, tracks in inventory.tracks.items():
        for track in tracks:
            takes = [
                Take(split, track.id, k, source.label)
                for k, source in enumerate(track.sources, 1)
            ]
            yield takes, functools.partial(_decoded, track)


def _decoded(track):
    where = track.begin, track.seconds
    return [
        media.read_audio(source.audio, None, None, source.stream, *where)
        for source in track.sources
    ]


def find(tracks, progress=lambda tracks: tracks):
    """Looks for takes that are there twice.

    Args:
      tracks: A list of (`Take`s, function that gives (float32 [T, C], Hz) of each), as
        `of_records` and `of_raw` give it.
      progress: Passes on the tracks that it is given, and may show how many are done.

    Returns:
      `Found`.
    """
    takes, homes, marks, silent, unread = [], [], [], [], {}
    first, pairs = {}, []
    for members, read in progress(tracks):
        try:
            sounds = read()
        except media.InputError as error:
            unread[members[0].track] = str(error)
            continue
        for take, (audio, rate) in zip(members, sounds):
            if not audio.any():
                silent.append(take)
                continue
            digest = hashlib.sha256(np.ascontiguousarray(audio)).digest()
            if digest in first:
                seconds = len(audio) / rate
                pairs.append(
                    Pair(first[digest], take, "identical", 0.0, 0.0, 1.0, seconds)
                )
                continue
            first[digest] = take
            takes.append(take)
            homes.append((read, take.part - 1))
            marks.append(landmarks.of(likeness.mono(audio, rate)))
    sound = functools.lru_cache(maxsize=8)(
        lambda k: likeness.mono(*homes[k][0]()[homes[k][1]])
    )
    for a, b, lags in sorted(landmarks.candidates(marks, VOTES, MOST)):
        for lag in lags:
            told = likeness.compare(sound(a), sound(b), lag * HOP)
            if told is not None:
                pairs.append(Pair(takes[a], takes[b], "near", *told))
                break
    pairs.sort(key=lambda pair: not pair.leaks)
    n_takes = len(takes) + sum(pair.kind == "identical" for pair in pairs)
    return Found(pairs, n_takes, silent, unread)


COLUMNS = ("kind", "lag s", "gain dB", "correlation", "seconds")


def report(found, where):
    """Lines for a screen.

    Args:
      found: `Found`.
      where: What was looked at.
    """
    yield f"{where}: {found.takes} takes compared"
    for pair in found.pairs[:SHOWN]:
        yield (
            f"  {'LEAK ' if pair.leaks else ''}{pair.kind}: {pair.a} <-> {pair.b}, "
            f"lag {pair.lag:+.3f} s, gain {pair.gain:+.1f} dB, correlation "
            f"{pair.correlation:.3f}, {pair.seconds:.1f} s alike"
        )
    if len(found.pairs) > SHOWN:
        yield f"  and {len(found.pairs) - SHOWN} pairs more; duplicates.csv has all"
    for take in found.silent[:SHOWN]:
        yield f"  silent: {take}"
    if len(found.silent) > SHOWN:
        yield f"  silent: {len(found.silent) - SHOWN} more"
    for track, problem in found.unread.items():
        yield f"  not read: {track}: {problem}"
    between = sorted({tuple(sorted((p.a.split, p.b.split))) for p in found.leaks})
    if found.leaks:
        yield (
            f"  LEAKAGE: {len(found.leaks)} of {len(found.pairs)} pairs are in two "
            f"splits ({'; '.join(' and '.join(pair) for pair in between)}): what is "
            "tested there was trained on"
        )
    else:
        yield f"  no leakage between splits; {len(found.pairs)} pairs inside one"


def write_csv(path, founds):
    """Writes all pairs, one a line, aside first.

    Args:
      path: File.
      founds: {what was looked at: `Found`}.
    """
    fields = [field.name for field in dataclasses.fields(Take)]
    with Utils.write_aside(path) as aside:
        with open(aside, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            names = [f"{field} {side}" for side in "ab" for field in fields]
            writer.writerow(["of", "leak", *names, *COLUMNS])
            for where, found in founds.items():
                for pair in found.pairs:
                    a, b, *told = dataclasses.astuple(pair)
                    told = [f"{x:.4f}" if isinstance(x, float) else x for x in told]
                    writer.writerow([where, int(pair.leaks), *a, *b, *told])
