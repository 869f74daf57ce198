"""Floors and ceilings of a table: the mixture itself, and ideal masks.

An oracle knows the sources it is asked to estimate.  All functions return what a
separator would: [S, T, C], as long as the mixture.  The ceiling that uses where in the
stereo picture a source stands is `wiener.multichannel_wiener`.
"""

import numpy as np

from Models.baselines.stft import STFT, checked
from Schema import InputError


def mixture(mix, sources):
    """Gives the mixture as the estimate of every source: the floor.

    Args:
      mix: [T, C].
      sources: [S, T, C]; only their number counts.

    Returns:
      [S, T, C], in the dtype of `mix`.

    Raises:
      InputError: If there is no source.
    """
    if not len(sources):
        raise InputError("an oracle needs at least one source, not 0")
    return np.repeat(np.asarray(mix)[np.newaxis], len(sources), axis=0)


def half(mix, sources):
    """Gives 0.5 times the mixture as the estimate of every source, however many.

    It is what a masking network does that has learnt nothing: a mask of 0.5 in every
    bin, the middle of a sigmoid.  The estimates sum to the mixture if there are two.
    SI-SDR and the filtered ratios of BSSEval v3 are those of `mixture`; SNR and the SDR
    of BSSEval v4 are not.

    Arguments, result and errors are those of `mixture`.
    """
    return mixture(np.asarray(mix) * np.asarray(0.5, np.asarray(mix).dtype), sources)


def ideal_binary_mask(mix, sources, n_fft=2048, hop=512):
    """Gives each bin of the mixture to its loudest source alone: a ceiling.

        M_i = 1 where |S_i| >= |S_j| for all j, else 0,  estimate_i = ISTFT(M_i X)

    Of equally loud sources the first has the bin, and where all sources are silent each
    has the share 1 / S, so that the masks always sum to 1 and the estimates to the
    mixture.  (Others give a bin to each source above half of the mixture, which with
    three sources gives some bins to none.)

    Args:
      mix: [T, C].
      sources: [S, T, C], the true sources.
      n_fft: Samples of a window.
      hop: Samples between windows, at most n_fft / 2.

    Returns:
      float32 [S, T, C].

    Raises:
      InputError: If shapes differ, or windows cannot reconstruct their signal.

    Reference: Wang, "On Ideal Binary Mask as the Computational Goal of Auditory Scene
    Analysis", in Speech Separation by Humans and Machines, 2005.
    """

    def masks(magnitudes):
        loudest = np.argmax(magnitudes, axis=0)
        of_all = np.arange(len(magnitudes))[:, None, None, None] == loudest
        return of_all.astype(np.float32), magnitudes.max(axis=0) > 0

    return _masked(mix, sources, n_fft, hop, masks)


def ideal_ratio_mask(mix, sources, n_fft=2048, hop=512, power=1):
    """Filters the mixture by the true magnitudes of its sources: a ceiling.

        M_i = |S_i|^power / sum_j |S_j|^power,  estimate_i = ISTFT(M_i X)

    with X and S_i the short-time Fourier transforms of mixture and sources, channel
    by channel, with a periodic Hann window.  Where all sources are silent the masks
    are 1 / S each, so that the masks always sum to 1 and the estimates to the mixture.

    Args:
      mix: [T, C].
      sources: [S, T, C], the true sources.
      n_fft: Samples of a window.
      hop: Samples between windows, at most n_fft / 2.
      power: 1 compares magnitudes, 2 powers (the Wiener filter); above 0.

    Returns:
      float32 [S, T, C].

    Raises:
      InputError: If shapes differ, windows cannot reconstruct their signal, or the
        power is not above 0.

    Reference: Wang, Narayanan, Wang, "On Training Targets for Supervised Speech
    Separation", IEEE/ACM TASLP 22(12), 2014; for powers other than 2 Liutkus, Badeau,
    "Generalized Wiener filtering with fractional power spectrograms", ICASSP 2015.
    """
    if not power > 0:
        raise InputError(f"the power of a ratio mask must be above 0, not {power}")

    def masks(magnitudes):
        weights = magnitudes**power
        total = weights.sum(axis=0)
        audible = total > 0
        return weights / np.where(audible, total, 1), audible

    return _masked(mix, sources, n_fft, hop, masks)


def _masked(mix, sources, n_fft, hop, masks):
    """Filters the mixture by masks of the true magnitudes, see `ideal_ratio_mask`.

    `masks` is f(magnitudes [S, C, frames, bins]) -> (masks, where they are defined).
    """
    mix, sources = checked(mix, sources, "an ideal mask")
    stft = STFT(len(mix), n_fft, hop, len(sources) * mix.shape[1])
    estimates = np.zeros(sources.shape, np.float32)
    for block in stft.blocks():
        magnitudes = np.stack([np.abs(stft.forward(s, block)) for s in sources])
        found, defined = masks(magnitudes)
        spectrum = stft.forward(mix, block)
        for mask, estimate in zip(found, estimates):
            share = np.where(defined, mask, np.float32(1 / len(sources)))
            stft.add_backward(share * spectrum, block, estimate)
    for estimate in estimates:
        stft.scale(estimate)
    return estimates
