"""Floor and ceiling of a table: the mixture itself, and an ideal mask.

An oracle knows the sources it is asked to estimate.  Both functions return what a
separator would: [S, T, C], as long as the mixture.
"""

import numpy as np
import scipy.signal

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
      power: 1 compares magnitudes, 2 powers (the Wiener filter).

    Returns:
      float32 [S, T, C].

    Raises:
      InputError: If shapes differ, or windows cannot reconstruct their signal.

    Reference: Wang, Narayanan, Wang, "On Training Targets for Supervised Speech
    Separation", IEEE/ACM TASLP 22(12), 2014; for powers other than 2 Liutkus, Badeau,
    "Generalized Wiener filtering with fractional power spectrograms", ICASSP 2015.
    """
    mix, sources = np.asarray(mix, np.float32), np.asarray(sources, np.float32)
    if mix.ndim != 2 or sources.ndim != 3 or sources.shape[1:] != mix.shape:
        raise InputError(
            f"an ideal mask needs a mixture [T, C] and sources [S, T, C] of the same "
            f"length, not {mix.shape} and {sources.shape}"
        )
    if not 1 <= hop <= n_fft // 2:
        raise InputError(f"hop must be from 1 to n_fft / 2 = {n_fft // 2}, not {hop}")
    transform = _Transform(len(mix), n_fft, hop)
    spectrum = transform.forward(mix)  # [C, n_bins, n_frames]
    total = np.zeros(spectrum.shape, np.float32)
    for source in sources:
        total += np.abs(transform.forward(source)) ** power
    estimates = np.empty(sources.shape, np.float32)
    # Each source is transformed twice rather than all spectra kept: 13 parts of a
    # piece would need gigabytes.
    for i, source in enumerate(sources):
        weight = np.abs(transform.forward(source)) ** power
        mask = np.full_like(total, 1 / len(sources))
        np.divide(weight, total, out=mask, where=total > 0)
        estimates[i] = transform.backward(mask * spectrum)
    return estimates


class _Transform:
    """[T, C] <-> [C, n_bins, n_frames], with perfect reconstruction."""

    def __init__(self, n_time, n_fft, hop):
        self.n_time = n_time
        self.missing = max(0, n_fft - n_time)  # SciPy shortens longer windows
        self.options = dict(window="hann", nperseg=n_fft, noverlap=n_fft - hop)

    def forward(self, x):
        x = np.pad(x, [(0, self.missing), (0, 0)])
        return scipy.signal.stft(x.T, **self.options)[2]

    def backward(self, spectrum):
        x = scipy.signal.istft(spectrum, **self.options)[1]
        return x.T[: self.n_time]
