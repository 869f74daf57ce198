"""From the frames of many tracks to the rows of a table.

BSSEval: the median or mean over a track's frames, then over the tracks that have the
source, as its protocol says; frames and tracks without a finite score are left out and
counted.  SI-SDR, SNR: the mean over tracks.  SI-SDRi: the mean over tracks of its
difference to the SI-SDR of the mixture for the same source of the same track.  The row
"mean" of a system is the mean of its rows of sources: each source counts once, however
many tracks have it; of a protocol that pools frames, the mean over the frames of all.
The accompaniment, which is made of other rows, is no part of it.
"""

import collections
import dataclasses
import os

import numpy as np

from Schema import InputError
from Scores import protocols, store
from Scores.over_tracks import (
    how,
    metrics,
    note,
    of_metric,
    over,
    pooled,
    why_missing,
)
from Scores.track import METRICS

WHOLE = ("SI-SDR", "SI-SDRi", "SNR")  # columns of whole tracks
COLUMNS = (*METRICS, *WHOLE)


@dataclasses.dataclass(frozen=True)
class Row:
    """One system and one source, or the mean over a system's sources.

    Attributes:
      system: Its name.
      source: Its name, or "mean".
      is_mean: Whether this is the mean over the sources.
      values: {column: dB, or None if there is no such number}.
      notes: {column: why its number is missing, or what it leaves out}.
      tracks: Tracks that have the source.
      kept: Frames of these tracks that are scored; of a mean, for all of its sources.
      dropped: Frames of these tracks that silence took from it; of a mean, from one of
        its sources at least.
      protocol: Name of the protocol, or its family where it has none.
    """

    system: str
    source: str
    is_mean: bool
    values: dict[str, float | None]
    notes: dict[str, str]
    tracks: int
    kept: int
    dropped: int
    protocol: str = protocols.USUAL


@dataclasses.dataclass(frozen=True)
class Summary:
    """The rows of all systems, and what a caption has to say about them.

    Attributes:
      rows: In the order of the systems, each closed by its "mean".
      tracks: Number of tracks, the same for all systems.
      sample_rates: Hz, of some tracks or other, lowest first.
      protocol: See `Scores.protocols.Protocol.told`.
      silent: {system: Counter of "reference of vn", "estimate of vn": the frames in
        which it was silent}; a frame may count under several.
      shorter: Number of tracks shorter than a window, scored as one frame.
      floor: Name of the system that SI-SDRi is relative to.
    """

    rows: list[Row]
    tracks: int
    sample_rates: tuple[int, ...]
    protocol: dict
    silent: dict[str, collections.Counter]
    shorter: int
    floor: str


def aggregate(systems, floor="mixture", order=None):
    """Aggregates the scores of systems that were evaluated on the same tracks.

    Args:
      systems: {name: folder of score files, or {track: TrackScores}}, in the order
        of the rows; floor and ceiling (mixture, ideal masks) are systems too.
      floor: Name of the system that SI-SDRi is relative to; it may be absent.
      order: Sources in the order of the rows; None: as the tracks bring them.

    Returns:
      Summary.

    Raises:
      InputError: If there is nothing, a score file is damaged, or systems differ in
        tracks, sources, sample rate or protocol.
    """
    if not systems:
        raise InputError("there is no system to aggregate; name at least one folder")
    found = {
        name: store.read_folder(where) if _is_path(where) else dict(where)
        for name, where in systems.items()
    }
    _check_comparable(found)
    tracks = next(iter(found.values()))
    some = next(iter(tracks.values()))
    sources = _sources(tracks, order)
    rows = []
    for name, scores in found.items():
        own = [_row(name, s, scores, found.get(floor), floor) for s in sources]
        rows += [*own, _mean_row(name, own, scores)]
    rows = [dataclasses.replace(row, protocol=name_of(some.protocol)) for row in rows]
    return Summary(
        rows=rows,
        tracks=len(tracks),
        sample_rates=tuple(sorted({s.sample_rate for s in tracks.values()})),
        protocol=some.protocol,
        silent={name: _silent(scores) for name, scores in found.items()},
        shorter=sum(
            s.window < round(s.protocol["window_seconds"] * s.sample_rate)
            for s in tracks.values()
        ),
        floor=floor,
    )


def name_of(protocol):
    """What a table calls a protocol, given in plain values."""
    return protocol.get("name", protocol["family"])


def _is_path(where):
    return isinstance(where, (str, os.PathLike))


def _check_comparable(found):
    """Refuses to put side by side what was not measured alike."""
    names = list(found)
    for name in names:
        if not found[name]:
            raise InputError(f"{name} has no scored track")
        some = next(iter(found[names[0]].values()))
        for track, scores in found[name].items():
            first = found[names[0]].get(track, some)
            if (scores.sample_rate, scores.protocol) != (
                first.sample_rate,
                some.protocol,
            ):
                raise InputError(
                    f"{name}, track {track}: scored at {scores.sample_rate} Hz by "
                    f"{scores.protocol}, others at {first.sample_rate} Hz by "
                    f"{some.protocol}; evaluate them alike"
                )
        ours, theirs = (
            {(track, s) for track, scores in found[n].items() for s in scores.names}
            for n in (name, names[0])
        )
        for track, source in sorted(ours ^ theirs):
            has, lacks = (
                (name, names[0]) if (track, source) in ours else (names[0], name)
            )
            raise InputError(
                f"{lacks} has no scores of {source!r} in track {track!r}, which {has} "
                "has; evaluate both on the same tracks"
            )


def _sources(tracks, order):
    found = list(dict.fromkeys(s for scores in tracks.values() for s in scores.names))
    if order is None:
        return found
    rest = [s for s in found if s not in set(order)]
    if rest:
        raise InputError(f"the order of the rows {list(order)} lacks {rest[0]!r}")
    return [s for s in order if s in found]


def _row(system, source, scores, floor_scores, floor):
    """Row of one source; `scores` and `floor_scores` are {track: TrackScores}."""
    having = {t: s for t, s in scores.items() if source in s.names}
    values, notes = {}, {}
    for metric in metrics(scores):
        values[metric] = of_metric(having, source, metric)
        reasons = [s.why_missing(source, metric) for s in having.values()]
        infinite = sum(s.left_out(source, metric) for s in having.values())
        notes[metric] = note(reasons, len(having), infinite)
    for metric in ("SI-SDR", "SNR"):
        whole = [s.whole(source, metric) for s in having.values()]
        values[metric] = over(np.mean, whole)
        reasons = [why_missing(s, source, metric) for s in having.values()]
        notes[metric] = note(reasons, len(having))
    told = having, source, floor_scores, floor
    values["SI-SDRi"], notes["SI-SDRi"] = _improvement(*told)
    dropped = {t: s.dropped_of(source) for t, s in having.items()}
    return Row(
        system=system,
        source=source,
        is_mean=False,
        values={c: values[c] for c in (*metrics(scores), *WHOLE)},
        notes={column: text for column, text in notes.items() if text},
        tracks=len(having),
        kept=sum(s.n_frames - dropped[t] for t, s in having.items()),
        dropped=sum(dropped.values()),
    )


def _improvement(having, source, floor_scores, floor):
    """(mean SI-SDR over the floor or None, what it leaves out or None)."""
    if floor_scores is None:
        return None, f"no system named {floor!r}"
    gains, reasons = [], []
    for track, one in having.items():
        low = floor_scores[track]
        why = why_missing(one, source) or why_missing(low, source, whose=floor)
        reasons.append(why)
        if not why:
            gains.append(one.whole(source) - low.whole(source))
    return over(np.mean, gains), note(reasons, len(having))


def _mean_row(system, rows, scores):
    """The row "mean" of the rows of one system."""
    values, notes = {}, {}
    counted = {name for one in scores.values() for name in one.counted}
    rows = [row for row in rows if row.source in counted]
    for column in rows[0].values:
        found = [r.values[column] for r in rows if r.values[column] is not None]
        values[column] = float(np.mean(found)) if found else None
        if not found:
            notes[column] = "no source has one"
        elif len(found) < len(rows):
            notes[column] = f"mean of {len(found)} of {len(rows)} sources"
    if how(scores, "over_tracks") == "pooled":
        for metric in metrics(scores):
            values[metric] = pooled(scores.values(), None, metric)
    return Row(
        system=system,
        source="mean",
        is_mean=True,
        values=values,
        notes=notes,
        tracks=len(scores),
        kept=sum(s.kept for s in scores.values()),
        dropped=sum(s.n_frames - s.kept for s in scores.values()),
    )


def _silent(scores):
    """Counter of the silent sources in the dropped frames of {track: TrackScores}."""
    counts = collections.Counter()
    for track in scores.values():
        for d in track.dropped:
            counts.update(f"reference of {name}" for name in d.references)
            counts.update(f"estimate of {name}" for name in d.estimates)
    return counts
