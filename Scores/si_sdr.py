"""Scale-invariant SDR of whole signals.

Le Roux, Wisdom, Erdogan and Hershey, "SDR - half-baked or well done?", ICASSP 2019,
https://arxiv.org/abs/1811.02508
"""

import numpy as np

from Schema import InputError

CONVENTION = "whole track, all channels together, mean kept"  # of a default `si_sdr`


def si_sdr(references, estimates, zero_mean=False):
    """Scale-invariant signal-to-distortion ratio of whole tracks.

        SI-SDR = 10 log10(|a s|^2 / |a s - e|^2),   a = <e, s> / |s|^2

    s is the reference and e the estimate, with all samples of all channels in one
    vector: one scale a source.

    Args:
      references: float [S, T, C].
      estimates: float [S, T, C].
      zero_mean: Whether the mean over time is taken from each channel first.

    Returns:
      float64 [S] in dB: infinity for a scaled reference, minus infinity for an
      estimate at right angles to it, NaN where either of them is all zeros.
    """
    s, e = _vectors(references, estimates, zero_mean)
    energy = np.einsum("sn,sn->s", s, s)
    scale = np.einsum("sn,sn->s", e, s) / np.where(energy > 0, energy, 1.0)
    target = scale[:, np.newaxis] * s
    return np.where(energy > 0, _ratio_db(target, target - e), np.nan)


def _vectors(references, estimates, zero_mean):
    """Both as float64 [S, T * C]."""
    pair = []
    for audio in (references, estimates):
        audio = np.asarray(audio, np.float64)
        if audio.ndim != 3 or audio.shape != np.shape(references):
            raise InputError(
                f"expected references and estimates alike as [S, T, C], found "
                f"{list(np.shape(references))} and {list(np.shape(estimates))}"
            )
        if zero_mean:
            audio = audio - audio.mean(axis=1, keepdims=True)
        pair.append(audio.reshape(len(audio), -1))
    return pair


def _ratio_db(signal, noise):
    """10 log10 of the ratio of energies [S]; NaN for zero over zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 10 * np.log10(
            np.einsum("sn,sn->s", signal, signal) / np.einsum("sn,sn->s", noise, noise)
        )
