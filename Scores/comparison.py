"""Which difference between runs is real: paired statistics over tracks.

Each track gives one number a system, source and metric: the median over its frames, or
SI-SDR of the whole.  Two systems are compared on the tracks in which both have one:

- mean: of first minus second over tracks; its interval is the bootstrap's over tracks,
  expanded so that it does not get too narrow for few tracks (`paired.interval`);
- medians: the difference of the two medians over tracks, which museval's tables show;
- p: two-sided sign-flip (permutation) test of the mean, over all 2^N flips up to
  `paired.EXACT` tracks, beyond over random ones;
- p (Holm): corrected for all pairs and sources of one metric; the rows "mean", one a
  pair, are corrected among themselves.

The verdict is that of the corrected p.  Intervals are of one difference each, not
corrected.  In the rows "mean" a track counts once, with the mean of its sources; in
`aggregate` each source counts once: the figures may differ.
"""

import dataclasses
import itertools

import numpy as np

from Schema import InputError
from Scores import paired
from Scores.track import METRICS

REAL = "real"


@dataclasses.dataclass(frozen=True)
class Difference:
    """Two systems, one metric and source.

    Attributes:
      first, second: Names of the systems; all differences are first minus second.
      metric: One of `metrics`.
      source: Its name, or "mean".
      is_mean: Whether this is the mean over the sources of each track.
      tracks: Tracks in which both have a finite score.
      left_out: Further tracks that have the source in one of the systems at least.
      ahead: Tracks in which the first scores higher.
      mean: Mean over tracks of the differences, dB; NaN without a track.
      mean_interval: (low, high) in dB; NaN with fewer than two tracks.
      medians: Difference of the medians over tracks, dB.
      medians_interval: (low, high) in dB.
      p: Of the sign-flip test; 1 without a track.
      p_holm: Corrected for the number of comparisons.
      verdict: "real", or why not.
    """

    first: str
    second: str
    metric: str
    source: str
    is_mean: bool
    tracks: int
    left_out: int
    ahead: int
    mean: float
    mean_interval: tuple[float, float]
    medians: float
    medians_interval: tuple[float, float]
    p: float
    p_holm: float = float("nan")
    verdict: str = ""


def compare(
    systems,
    metrics=("SDR", "SI-SDR"),
    pairs=None,
    order=None,
    confidence=0.95,
    resamples=paired.RESAMPLES,
    seed=0,
):
    """Compares systems track by track.

    Args:
      systems: {system: {track: TrackScores}}, two or more; tracks may differ.
      metrics: Of "SDR", "ISR", "SIR", "SAR", "SI-SDR".
      pairs: [(first, second)]; None: each system with each later one.
      order: Sources in the order of the rows; None: as the tracks bring them.
      confidence: Of the intervals; differences are real if the corrected p is at most
        1 - confidence.
      resamples: Of the bootstrap, and of sign flips where not all are tried.
      seed: Of both.

    Returns:
      List of Difference: by metric, pair, source, closed by "mean".

    Raises:
      InputError: If there are not two systems, a name is unknown, they share no track,
        or were not scored alike.
    """
    pairs = _checked(systems, metrics, pairs, confidence)
    sources = [n for of in systems.values() for one in of.values() for n in one.names]
    sources = list(dict.fromkeys(sources))
    if order is not None:
        sources = sorted(sources, key=_rank(sources, order))
    how = (confidence, resamples, seed)
    found = []
    for metric in metrics:
        of_metric = [
            Difference(first, second, metric, **fields)
            for first, second in pairs
            for fields in _rows(systems[first], systems[second], metric, sources, how)
        ]
        found += _judged(of_metric, confidence)
    return found


def _checked(systems, metrics, pairs, confidence):
    """The pairs; refuses what cannot be compared."""
    if len(systems) < 2:
        raise InputError(f"a comparison needs two systems, not {list(systems)}")
    for metric in metrics:
        if metric not in (*METRICS, "SI-SDR"):
            known = ", ".join((*METRICS, "SI-SDR"))
            raise InputError(f"no scores of {metric!r} can be compared, but {known}")
    if not 0 < confidence < 1:
        raise InputError(f"confidence={confidence} must be between 0 and 1, as 0.95")
    pairs = list(itertools.combinations(systems, 2) if pairs is None else pairs)
    for first, second in pairs:
        for name in (first, second):
            if name not in systems:
                raise InputError(f"there is no system {name!r}, but {list(systems)}")
        if not set(systems[first]) & set(systems[second]):
            raise InputError(f"{first} and {second} have no track in common")
    _check_alike(systems)
    return pairs


def _check_alike(systems):
    """All tracks by one protocol, and each at one sample rate."""
    every = [(t, one) for of in systems.values() for t, one in of.items()]
    protocols = {repr(sorted(one.protocol.items())) for _, one in every}
    rates = {}
    for track, one in every:
        rates.setdefault(track, set()).add(f"{track} at {one.sample_rate} Hz")
    for alike in (protocols, *rates.values()):
        if len(alike) > 1:
            raise InputError(
                f"tracks were scored in different ways, {' and '.join(sorted(alike))}; "
                "evaluate them alike"
            )


def _rank(sources, order):
    rest = [s for s in sources if s not in set(order)]
    if rest:
        raise InputError(f"the order of the rows {list(order)} lacks {rest[0]!r}")
    return list(order).index


def _rows(first, second, metric, sources, how):
    """Yields the fields of the sources, and of their mean, of two systems' tracks."""
    tracks = list(dict.fromkeys([*first, *second]))
    a, b = (
        np.array([[_value(of.get(t), metric, s) for s in sources] for t in tracks])
        for of in (first, second)
    )
    both = np.isfinite(a) & np.isfinite(b)
    a, b = np.where(both, a, np.nan), np.where(both, b, np.nan)
    for i, source in enumerate(sources):
        having = [
            any(t in of and source in of[t].names for of in (first, second))
            for t in tracks
        ]
        fields = _difference(a[:, i], b[:, i], sum(having), how)
        yield {"source": source, "is_mean": False, **fields}
    counted = {n for of in (first, second) for one in of.values() for n in one.counted}
    parts = np.array([source in counted for source in sources])
    a, b = (_over_sources(values[:, parts]) for values in (a, b))
    fields = _difference(a, b, len(tracks), how)
    yield {"source": "mean", "is_mean": True, **fields}


def _value(scores, metric, source):
    """Score of a source in a track in dB; NaN if there is none."""
    if scores is None or source not in scores.names:
        return np.nan
    if metric == "SI-SDR":
        return scores.whole(source)
    return scores.of_track(source, metric)


def _over_sources(values):
    """Mean of the scores of each track: [N] of [N, S], NaN without one."""
    count = np.isfinite(values).sum(axis=1)
    return np.where(count > 0, np.nansum(values, axis=1), np.nan) / np.maximum(count, 1)


def _difference(a, b, having, how):
    """Fields of a Difference, of scores [N] with NaN in the same places."""
    pairs = np.stack([a, b], axis=1)[np.isfinite(a)]
    differences = pairs[:, 0] - pairs[:, 1]
    some = len(pairs) > 0
    _, *drawing = how
    return {
        "tracks": len(pairs),
        "left_out": having - len(pairs),
        "ahead": int(np.sum(differences > 0)),
        "mean": float(differences.mean()) if some else float("nan"),
        "mean_interval": paired.interval(differences, _means, *how),
        "medians": float(_medians(pairs[np.newaxis])[0]) if some else float("nan"),
        "medians_interval": paired.interval(pairs, _medians, *how),
        "p": paired.sign_flip_p(differences, *drawing),
    }


def _means(drawn):
    return drawn.mean(axis=1)


def _medians(drawn):
    """Differences of medians: [resamples] of [resamples, N, 2]."""
    medians = np.median(drawn, axis=1)
    return medians[:, 0] - medians[:, 1]


def _judged(differences, confidence):
    """With corrected p and verdict; rows "mean" are a family of their own."""
    corrected = {}
    for is_mean in (False, True):
        family = [i for i, d in enumerate(differences) if d.is_mean == is_mean]
        found = paired.holm([differences[i].p for i in family])
        corrected.update(zip(family, found))
    return [
        dataclasses.replace(
            d, p_holm=corrected[i], verdict=_verdict(d, corrected[i], 1 - confidence)
        )
        for i, d in enumerate(differences)
    ]


def _verdict(difference, p_holm, level):
    if p_holm <= level:
        return REAL
    n = difference.tracks
    told = f"not told apart by {n} track{'' if n == 1 else 's'}"
    least = 1 + int(np.ceil(-np.log2(level)))  # tracks: 2^(1 - N) <= level
    return f"{told} (fewer than {least} never do)" if n < least else told
