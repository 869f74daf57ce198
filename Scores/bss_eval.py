"""BSSEval v4, frame by frame, for the sources that are present in a track.

An estimate is projected on its own reference and on all references, each filtered
by one time-invariant filter of 512 taps a track; four energy ratios a frame follow
(SDR, ISR, SIR, SAR).  Stöter, Liutkus and Ito, "The 2018 Signal Separation
Evaluation Campaign", LVA/ICA 2018, https://arxiv.org/abs/1804.06267

The SDR is not gain-invariant: an otherwise perfect estimate at half gain scores
6.02 dB.
"""

import numpy as np

from Schema import InputError
from Scores import fast_v4, museval_file
from Scores.frames import lengths, silent, spans
from Scores.track import METRICS, Dropped, TrackScores

FAMILY = "museval v4"
FILTER_TAPS = 512
ENGINES = ("fast", "museval")
SILENCES = ("frame", "source")


def protocol(window_seconds=1.0, hop_seconds=1.0, silence="frame"):
    """How the numbers are made, in plain values: scores compare if these are equal.

    The engine is none of them: both give the same numbers.
    """
    told = {
        "family": FAMILY,
        "museval": museval_file.version(),
        "window_seconds": float(window_seconds),
        "hop_seconds": float(hop_seconds),
        "filter_taps": FILTER_TAPS,
    }
    return told if silence == "frame" else {**told, "silence": silence}


def bss_eval(
    references,
    estimates,
    sample_rate,
    window_seconds=1.0,
    hop_seconds=1.0,
    names=None,
    engine="fast",
    silence="frame",
):
    """Scores the present sources of a track as museval does.

    A frame in which any reference or any estimate is silent is dropped for all
    sources, as museval drops it; `dropped` tells which source was silent.  An
    estimate that is silent throughout, where museval gives up, costs only its own
    scores: those of a source depend on its estimate and on all references.
    With `silence="source"`, what is silent in a frame costs only the scores of its own
    source there, and so does a reference that is silent throughout.
    Silent means: the sum of the channels is zero at every sample.

    A track shorter than a window is one frame of its own length; samples after the
    last whole frame belong to no frame but shape the filters.

    Args:
      references: float [S, T, C]; with `silence="frame"`, none of them silent
        throughout: leave out the sources that are absent.
      estimates: float [S, T, C], in the order of the references.
      sample_rate: Hz.
      window_seconds: Length of a frame.
      hop_seconds: From one frame to the next.
      names: S different names, or None for "1", "2", ...
      engine: "fast", or "museval": the same numbers (see `fast_v4`) from museval.
      silence: "frame", or "source", which museval does not know.

    Returns:
      TrackScores, without SI-SDR.

    Raises:
      InputError: If a reference is silent throughout, shapes differ, a value is not
        finite, or there is no such option; it names the source.
    """
    _check_options(engine, silence)
    names = checked_names(names, references)
    references, estimates = checked_pair(references, estimates, names, silence)
    n_time = references.shape[1]
    window, hop = lengths(window_seconds, hop_seconds, sample_rate)
    window = min(window, n_time)
    frames = spans(n_time, window, hop)
    mute = silent(estimates)
    # Any signal without a silent frame will do: its scores are thrown away.
    audible = np.where(mute[:, np.newaxis, np.newaxis], 1.0, estimates)
    values = _measure(references, audible, window, hop, engine, silence)
    values[:, mute] = np.nan
    return TrackScores(
        names=names,
        sample_rate=int(sample_rate),
        n_time=n_time,
        window=window,
        hop=hop,
        bss=dict(zip(METRICS, values)),
        dropped=_dropped(references, audible, frames, names, silence),
        silent_estimates=chosen(names, mute),
        protocol=protocol(window_seconds, hop_seconds, silence),
    )


def _measure(references, estimates, window, hop, engine, silence):
    """The whole of the arithmetic: float64 [4, S, F] in the order of `METRICS`.

    Pure; no estimate is silent throughout, nor, with `silence="frame"`, a reference.
    """
    if engine == "fast":
        return fast_v4.measure(references, estimates, window, hop, FILTER_TAPS, silence)
    with np.errstate(divide="ignore", invalid="ignore"):
        *values, _ = museval_file.metrics().bss_eval(
            references, estimates, window, hop, filters_len=FILTER_TAPS
        )
    return np.stack(values)


def _dropped(references, estimates, frames, names, silence):
    """The frames without scores and the sources that are silent in them."""
    found = []
    for k, (start, stop) in enumerate(frames):
        mute = [silent(audio[:, start:stop]) for audio in (references, estimates)]
        if np.any(mute):
            of = chosen(names, mute[0] | mute[1]) if silence == "source" else ()
            found.append(Dropped(k, *(chosen(names, flags) for flags in mute), of))
    return tuple(found)


def chosen(names, flags):
    """The names whose flag is set."""
    return tuple(name for name, flag in zip(names, flags) if flag)


def checked_names(names, references):
    """S names; "1", "2", ... for None; raises InputError if they don't fit."""
    count = len(references)
    if names is None:
        return tuple(str(i + 1) for i in range(count))
    names = tuple(str(name) for name in names)
    if len(names) != count or len(set(names)) != count:
        raise InputError(
            f"{count} references need {count} different names, not {list(names)}"
        )
    return names


def checked_pair(references, estimates, names, silence):
    """Both as float64 [S, T, C], of one shape and audible where they have to be."""
    references = _checked(references, names, "reference")
    estimates = _checked(estimates, names, "estimate")
    if references.shape != estimates.shape:
        raise InputError(
            f"the references are [S, T, C] = {list(references.shape)} but the "
            f"estimates are {list(estimates.shape)}; make them alike"
        )
    for name in chosen(names, silent(references)) if silence == "frame" else ():
        raise InputError(
            f"the reference of source {name!r} is silent throughout; leave the "
            'source out of this track, or choose silence="source"'
        )
    return references, estimates


def _checked(audio, names, what):
    """The audio as float64 [S, T, C], finite."""
    audio = np.asarray(audio, np.float64)
    if audio.ndim != 3 or not audio.size:
        raise InputError(
            f"expected {what}s as [S, T, C], found shape {list(audio.shape)}"
        )
    finite = np.isfinite(audio).all(axis=(1, 2))
    for name in chosen(names, ~finite):
        raise InputError(f"the {what} of source {name!r} holds NaN or infinity")
    return audio


def _check_options(engine, silence):
    for name, value, known in (
        ("engine", engine, ENGINES),
        ("silence", silence, SILENCES),
    ):
        if value not in known:
            raise InputError(f"{name}={value!r} must be one of {', '.join(known)}")
    if engine == "museval" and silence != "frame":
        raise InputError(
            f"museval cannot score with silence={silence!r}; choose "
            'silence="frame" or engine="fast"'
        )
