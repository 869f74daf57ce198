"""BSSEval v3 of mono segments: mir_eval's `bss_eval_sources`, without permutations.

Filters of 512 taps are found anew for each segment, so numbers depend on its length and
are far above those of v4 where it is short.  Vincent, Gribonval, Févotte, "Performance
measurement in blind audio source separation", IEEE TASLP 14(4), 2006; Raffel et al.,
"mir_eval", ISMIR 2014.
"""

import importlib.metadata
import warnings

import numpy as np

from Schema import InputError
from Scores import fast_v3
from Scores.bss_eval import ENGINES, checked_names, checked_pair, chosen
from Scores.frames import lengths, silent, spans
from Scores.track import Dropped, TrackScores

FAMILY = "mir_eval v3"
METRICS = ("SDR", "SIR", "SAR")  # there is no ISR of sources
FILTER_TAPS = 512


def version():
    """That of the installed mir_eval, or that there is none."""
    try:
        return importlib.metadata.version("mir_eval")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def protocol(window_seconds):
    """How the numbers are made, in plain values, as `Scores.bss_eval.protocol`."""
    return {
        "family": FAMILY,
        "window_seconds": float(window_seconds),
        "hop_seconds": float(window_seconds),
        "filter_taps": FILTER_TAPS,
    }


def bss_eval(
    references, estimates, sample_rate, window_seconds, names=None, engine="fast"
):
    """Scores the sources of a mono track, segment by segment.

    In each segment the sources that sound are scored, among themselves: mir_eval
    refuses one with a silent source.  What is silent there, or whose estimate is, has
    no score in it, and `dropped` says so.  A shorter track is one segment; samples
    after the last whole one belong to none.

    Args:
      references: float [S, T, 1].
      estimates: float [S, T, 1], in the order of the references.
      sample_rate: Hz.
      window_seconds: Length of a segment.
      names: S different names, or None for "1", "2", ...
      engine: "fast", or "museval": mir_eval itself, the same numbers.

    Returns:
      TrackScores of SDR, SIR and SAR, without SI-SDR.

    Raises:
      InputError: If shapes differ, there are several channels, a value is not finite,
        there is no such engine, or mir_eval is asked for and not installed.
    """
    if engine not in ENGINES:
        raise InputError(f"engine={engine!r} must be one of {', '.join(ENGINES)}")
    names = checked_names(names, references)
    references, estimates = checked_pair(references, estimates, names, "source")
    if references.shape[2] != 1:
        raise InputError(f"expected mono, found {references.shape[2]} channels")
    n_time = references.shape[1]
    window, _ = lengths(window_seconds, window_seconds, sample_rate)
    window = min(window, n_time)
    frames = spans(n_time, window, window)
    values = np.full((len(METRICS), len(names), len(frames)), np.nan)
    dropped = []
    for k, (start, stop) in enumerate(frames):
        true, made = (audio[:, start:stop] for audio in (references, estimates))
        sounds, given = ~silent(true), ~silent(made)
        if not (sounds & given).all():
            told = chosen(names, ~sounds), chosen(names, ~given)
            dropped.append(Dropped(k, *told, of=chosen(names, ~(sounds & given))))
        values[:, sounds & given, k] = _segment(true, made, sounds, given, engine)
    return TrackScores(
        names=names,
        sample_rate=int(sample_rate),
        n_time=n_time,
        window=window,
        hop=window,
        bss=dict(zip(METRICS, values)),
        dropped=tuple(dropped),
        silent_estimates=chosen(names, silent(estimates)),
        protocol=protocol(window_seconds),
    )


def _segment(references, estimates, sounds, given, engine):
    """float64 [3, K] of the K sources that sound and have an estimate."""
    both = sounds & given
    if not both.any():
        return np.empty((len(METRICS), 0))
    # An estimate that is silent is replaced by its reference and not looked at: the
    # scores of the others depend on all references, and on their own estimate only.
    made = np.where(given[:, np.newaxis, np.newaxis], estimates, references)
    measure = fast_v3.sources if engine == "fast" else _mir_eval
    found = measure(references[sounds, :, 0], made[sounds, :, 0])
    return found[:, given[sounds]]


def _mir_eval(references, estimates):
    """float64 [3, S] of mir_eval."""
    try:
        from mir_eval import separation
    except ImportError:
        raise InputError(
            "engine=museval needs mir_eval here: `pip install mir_eval`, or engine=fast"
        ) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        *values, _ = separation.bss_eval_sources(references, estimates, False)
    return np.stack(values)
