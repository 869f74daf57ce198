"""Plain signal-to-noise ratio, whole and frame by frame.

    SNR = 10 log10((|s|^2 + d) / (|s - e|^2 + d))

with s the reference and e the estimate, all channels together.  Recent papers on music
call it SDR (d = 1e-7: Mitsufuji et al., "Music Demixing Challenge 2021", Frontiers in
Signal Processing 1, 2022); it is neither museval's nor scale-invariant: a perfect
estimate at half gain scores 6.02 dB.  Tables take the mean over tracks.
"""

import numpy as np

from Schema import InputError
from Scores import frames

CONVENTION = "whole track, all channels together"
CHALLENGE = 1e-7  # `delta` of the Music Demixing Challenge


def snr(references, estimates, delta=0.0):
    """Plain SNR of whole tracks.

    Args:
      references: float [S, T, C].
      estimates: float [S, T, C].
      delta: Energy added to signal and noise, 0 or more.  With `CHALLENGE` the score is
        finite and a silent reference has one: that of an absent source depends on the
        leak alone.

    Returns:
      float64 [S] in dB.  With a delta of 0: infinity for a perfect estimate, 0 dB for
      a silent one, NaN where the reference is silent.

    Raises:
      InputError: If shapes differ or `delta` is negative.
    """
    signal, noise = _squares(references, estimates)
    return _decibels(signal.sum(axis=1), noise.sum(axis=1), delta)


def snr_frames(
    references,
    estimates,
    sample_rate,
    window_seconds=1.0,
    hop_seconds=1.0,
    delta=0.0,
):
    """Plain SNR of each frame, for its course over time.

    Frames are those of `frames.spans`: whole ones only, or one of the length of a
    track that is shorter.

    Args:
      references: float [S, T, C].
      estimates: float [S, T, C].
      sample_rate: Hz.
      window_seconds: Length of a frame.
      hop_seconds: From one frame to the next.
      delta: See `snr`.

    Returns:
      float64 [S, F] in dB, as `snr`.

    Raises:
      InputError: As `snr`; if a frame holds no sample.
    """
    sums = [
        framed(squares, sample_rate, window_seconds, hop_seconds)
        for squares in _squares(references, estimates)
    ]
    return _decibels(*sums, delta)


def framed(squares, sample_rate, window_seconds, hop_seconds):
    """Sums over frames: [S, F] of [S, T].

    Raises:
      InputError: If a frame holds no sample.
    """
    window, hop = frames.lengths(window_seconds, hop_seconds, sample_rate)
    spans = frames.spans(squares.shape[1], window, hop)
    return np.stack([squares[:, a:b].sum(axis=1) for a, b in spans], axis=1)


def checked(references, estimates):
    """Both as arrays [S, T, C]; raises InputError if their shapes differ."""
    references, estimates = np.asarray(references), np.asarray(estimates)
    if references.ndim != 3 or references.shape != estimates.shape:
        raise InputError(
            f"expected references and estimates alike as [S, T, C], found "
            f"{list(references.shape)} and {list(estimates.shape)}"
        )
    return references, estimates


def energies(audio):
    """Squares summed over channels, source by source: float64 [S, T] of [S, T, C]."""
    return np.stack([np.sum(np.square(one, dtype=np.float64), axis=1) for one in audio])


def _squares(references, estimates):
    """Of signal and noise: two float64 [S, T]."""
    references, estimates = checked(references, estimates)
    noise = [np.subtract(s, e, dtype=np.float64) for s, e in zip(references, estimates)]
    return energies(references), energies(noise)


def _decibels(signal, noise, delta):
    if not delta >= 0:
        raise InputError(f"delta must be 0 or more, not {delta}")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = 10 * np.log10((signal + delta) / (noise + delta))
    return np.where(signal + delta > 0, ratio, np.nan)
