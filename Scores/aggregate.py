"""From the frames of many tracks to the rows of a table.

museval v4: the median over a track's frames, then the median over the tracks that
have the source; frames and tracks without a finite score are left out and counted.
SI-SDR: the mean over tracks.  SI-SDRi: the mean over tracks of its difference to the
SI-SDR of the mixture for the same source of the same track.  The row "mean" of a
system is the mean of its rows of sources: each source counts once, however many
tracks have it.
"""

import collections
import dataclasses
import os

import numpy as np

from Schema import InputError
from Scores import store
from Scores.track import METRICS

COLUMNS = (*METRICS, "SI-SDR", "SI-SDRi")


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
      kept: Frames of these tracks that are scored.
      dropped: Frames of these tracks that a silent source took from all.
    """

    system: str
    source: str
    is_mean: bool
    values: dict[str, float | None]
    notes: dict[str, str]
    tracks: int
    kept: int
    dropped: int


@dataclasses.dataclass(frozen=True)
class Summary:
    """The rows of all systems, and what a caption has to say about them.

    Attributes:
      rows: In the order of the systems, each closed by its "mean".
      tracks: Number of tracks, the same for all systems.
      sample_rate: Hz.
      protocol: See `Scores.bss_eval.protocol`.
      silent: {system: Counter of "reference of vn", "estimate of vn": the frames in
        which it was silent}; a frame may count under several.
      shorter: Number of tracks shorter than a window, scored as one frame.
      floor: Name of the system that SI-SDRi is relative to.
    """

    rows: list[Row]
    tracks: int
    sample_rate: int
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
    return Summary(
        rows=rows,
        tracks=len(tracks),
        sample_rate=some.sample_rate,
        protocol=some.protocol,
        silent={name: _silent(scores) for name, scores in found.items()},
        shorter=sum(
            s.window < round(s.protocol["window_seconds"] * s.sample_rate)
            for s in tracks.values()
        ),
        floor=floor,
    )


def _is_path(where):
    return isinstance(where, (str, os.PathLike))


def _check_comparable(found):
    """Refuses to put side by side what was not measured alike."""
    names = list(found)
    for name in names:
        if not found[name]:
            raise InputError(f"{name} has no scored track")
        first = next(iter(found[names[0]].values()))
        for track, scores in found[name].items():
            if (scores.sample_rate, scores.protocol) != (
                first.sample_rate,
                first.protocol,
            ):
                raise InputError(
                    f"{name}, track {track}: scored at {scores.sample_rate} Hz by "
                    f"{scores.protocol}, others at {first.sample_rate} Hz by "
                    f"{first.protocol}; evaluate them alike"
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
    for metric in METRICS:
        medians = [s.median(source, metric) for s in having.values()]
        reasons = [s.why_missing(source, metric) for s in having.values()]
        values[metric] = _over(np.median, medians)
        infinite = sum(s.left_out(source, metric) for s in having.values())
        notes[metric] = _note(reasons, len(having), infinite)
    whole = {t: s.whole(source) for t, s in having.items()}
    values["SI-SDR"] = _over(np.mean, whole.values())
    why = {t: _why_no_si_sdr(s, source) for t, s in having.items()}
    notes["SI-SDR"] = _note(why.values(), len(having))
    if floor_scores is None:
        values["SI-SDRi"], notes["SI-SDRi"] = None, f"no system named {floor!r}"
    else:
        base = {t: floor_scores[t].whole(source) for t in having}
        of_base = {t: _why_no_si_sdr(floor_scores[t], source, floor) for t in having}
        gains = [whole[t] - base[t] for t in having if not (why[t] or of_base[t])]
        values["SI-SDRi"] = _over(np.mean, gains)
        notes["SI-SDRi"] = _note([why[t] or of_base[t] for t in having], len(having))
    return Row(
        system=system,
        source=source,
        is_mean=False,
        values=values,
        notes={column: note for column, note in notes.items() if note},
        tracks=len(having),
        kept=sum(s.kept for s in having.values()),
        dropped=sum(len(s.dropped) for s in having.values()),
    )


def _mean_row(system, rows, scores):
    """The row "mean" of the rows of one system."""
    values, notes = {}, {}
    for column in COLUMNS:
        found = [r.values[column] for r in rows if r.values[column] is not None]
        values[column] = float(np.mean(found)) if found else None
        if not found:
            notes[column] = "no source has one"
        elif len(found) < len(rows):
            notes[column] = f"mean of {len(found)} of {len(rows)} sources"
    return Row(
        system=system,
        source="mean",
        is_mean=True,
        values=values,
        notes=notes,
        tracks=len(scores),
        kept=sum(s.kept for s in scores.values()),
        dropped=sum(len(s.dropped) for s in scores.values()),
    )


def _over(statistic, values):
    """A statistic of the finite values, or None if there are none."""
    finite = [value for value in values if np.isfinite(value)]
    return float(statistic(finite)) if finite else None


def _note(reasons, n_tracks, infinite=0):
    """What a number leaves out, or why there is none; None if it is of everything."""
    counts = collections.Counter(reason for reason in reasons if reason)
    missing = sum(counts.values())
    told = "; ".join(
        reason if n == missing else f"{reason}: {n}" for reason, n in counts.items()
    )
    parts = []
    if missing == n_tracks:
        parts.append(f"no track has one ({told})")
    elif missing:
        parts.append(f"without {missing} of {n_tracks} tracks ({told})")
    if infinite:
        parts.append(f"infinite frames left out: {infinite}")
    return "; ".join(parts) or None


def _why_no_si_sdr(scores, source, whose="the estimate"):
    value = scores.whole(source)
    if np.isfinite(value):
        return None
    if scores.si_sdr is None:
        return f"SI-SDR of {whose} not computed"
    if np.isinf(value):
        return f"SI-SDR of {whose} is infinite"
    return f"{whose} is silent throughout"


def _silent(scores):
    """Counter of the silent sources in the dropped frames of {track: TrackScores}."""
    counts = collections.Counter()
    for track in scores.values():
        for d in track.dropped:
            counts.update(f"reference of {name}" for name in d.references)
            counts.update(f"estimate of {name}" for name in d.estimates)
    return counts
