"""One number of many tracks, and what it leaves out."""

import collections

import numpy as np

from Scores.track import METRICS, STATISTICS


def how(scores, key, usual="median"):
    """What the protocol of {track: TrackScores} says."""
    return next(iter(scores.values())).protocol.get(key, usual)


def metrics(scores):
    """The metrics of BSSEval that {track: TrackScores} have."""
    return how(scores, "metrics", METRICS)


def of_metric(scores, source, metric):
    """One number of {track: TrackScores}, as their protocol wants it; None: none."""
    statistic = how(scores, "over_tracks")
    if statistic == "pooled":
        return pooled(scores.values(), source, metric)
    values = [one.of_track(source, metric) for one in scores.values()]
    return over(STATISTICS[statistic], values)


def pooled(having, source, metric):
    """Mean over all finite frames of a source, or of all: each counts once."""
    found = [
        one.finite(name, metric)
        for one in having
        for name in (one.names if source is None else [source])
    ]
    return over(np.mean, np.concatenate(found))


def over(statistic, values):
    """A statistic of the finite values, or None if there are none."""
    finite = [value for value in values if np.isfinite(value)]
    return float(statistic(finite)) if finite else None


def note(reasons, n_tracks, infinite=0):
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


def why_missing(scores, source, metric="SI-SDR", whose="the estimate"):
    """Why a source has no score of the whole track, or None if it has one."""
    value = scores.whole(source, metric)
    if np.isfinite(value):
        return None
    if (scores.si_sdr if metric == "SI-SDR" else scores.snr) is None:
        return f"{metric} of {whose} not computed"
    if np.isinf(value):
        return f"{metric} of {whose} is infinite"
    return f"{whose} is silent throughout"
