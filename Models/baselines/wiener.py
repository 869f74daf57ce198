"""The multichannel Wiener filter: a ceiling, and a filter after a separator.

Each source is a local Gaussian: in bin f of frame t its image in the C channels has the
covariance v_j(f, t) R_j(f), its power times where it stands.  Then

    v_j = |y_j|^2 / C,   R_j = sum_t y_j y_j^H / sum_t v_j,   y_j <- v_j R_j C^-1 x

with y_j the image of source j as known so far, x the mixture and C = sum_j v_j R_j.
R_j has the trace C; `REGULARISATION` of the identity is added to it, so that a source
that is exactly panned can be inverted, and a mixture that is not quite the sum of its
sources (AAC) does no harm.  Where no source has power each gets x / S.  So the filters
always sum to the identity, and the estimates to the mixture.

Duong, Vincent, Gribonval, "Under-determined reverberant audio source separation using
a full-rank spatial covariance model", IEEE TASLP 18(7), 2010 (the model); Nugraha,
Liutkus, Vincent, "Multichannel audio source separation with deep neural networks",
IEEE/ACM TASLP 24(9), 2016 (the weighted covariance); Liutkus, Stöter, "norbert", 2019,
https://sigsep.github.io/norbert (the use as a post-filter).
"""

import numpy as np

from Models.baselines.stft import STFT, checked
from Schema import InputError

REGULARISATION = 1e-3  # of the mean power of a channel of a source


def multichannel_wiener(mix, sources, n_fft=2048, hop=512):
    """Filters the mixture by the true powers and places of its sources: a ceiling.

    Of one channel it is the ideal ratio mask of power 2.

    Args:
      mix: [T, C].
      sources: [S, T, C], the true sources.
      n_fft: Samples of a window.
      hop: Samples between windows, at most n_fft / 2.

    Returns:
      float32 [S, T, C], which sum to the mixture.

    Raises:
      InputError: If shapes differ, or windows cannot reconstruct their signal.

    Reference: Stöter, Liutkus, Ito, "The 2018 Signal Separation Evaluation Campaign",
    LVA/ICA 2018, where it is the oracle MWF.
    """
    mix, sources = checked(mix, sources, "a Wiener filter")
    return _filtered(mix, sources, 1, n_fft, hop)


def wiener(mix, estimates, iterations=1, n_fft=2048, hop=512):
    """Filters the mixture by the powers and places of estimates.

    It takes from each source what others explain better, and makes them sum to the
    mixture: what is in the mixture must have an estimate, so a separator that does not
    separate all of it brings the rest along as one more.  Estimates that are better
    than ideal masks become worse.

    Args:
      mix: [T, C].
      estimates: [S, T, C] of any separator.
      iterations: How often; from the second on, powers and places are those of what
        the last one gave (expectation maximisation).  0 gives the estimates back.
      n_fft: Samples of a window.
      hop: Samples between windows, at most n_fft / 2.

    Returns:
      float32 [S, T, C], which sum to the mixture.

    Raises:
      InputError: If shapes differ, windows cannot reconstruct their signal, or
        `iterations` is negative.
    """
    if iterations < 0:
        raise InputError(f"iterations must be 0 or more, not {iterations}")
    mix, estimates = checked(mix, estimates, "a Wiener filter")
    if not iterations:
        return np.array(estimates, np.float32)
    return _filtered(mix, estimates, iterations, n_fft, hop)


def _filtered(mix, images, iterations, n_fft, hop):
    """`wiener` of at least one iteration.

    Powers of later iterations are made anew in each block: what is kept of an iteration
    is one matrix a source and bin, whatever the length of the track.
    """
    n_sources, n_time, n_channels = images.shape
    stft = STFT(n_time, n_fft, hop, 2 * n_sources * n_channels)
    places = []
    for _ in range(iterations):
        places.append(_places(stft, mix, images, places))
    estimates = np.zeros(images.shape, np.float32)
    for block in stft.blocks():
        found = _images(stft, mix, images, places, block)
        for spectra, estimate in zip(found, estimates):
            stft.add_backward(spectra, block, estimate)
    for estimate in estimates:
        stft.scale(estimate)
    return estimates


def _images(stft, mix, images, places, block):
    """complex64 [S, C, frames, bins] of a block, after as many iterations as places."""
    y = np.stack([stft.forward(image, block) for image in images])
    if places:
        x = stft.forward(mix, block)
    for place in places:
        y = _apart(x, _powers(y), place)
    return y


def _powers(y):
    """Mean over channels: float32 [S, frames, bins] of [S, C, frames, bins]."""
    return np.mean(y.real**2 + y.imag**2, axis=1)


def _places(stft, mix, images, places):
    """R_j(f), regularised: complex128 [S, C, C, bins]."""
    n_sources, _, n_channels = images.shape
    total = np.zeros([n_sources, n_channels, n_channels, stft.n_bins], np.complex128)
    for block in stft.blocks():
        y = _images(stft, mix, images, places, block)
        for c in range(n_channels):
            for d in range(n_channels):
                products = y[:, c] * y[:, d].conj()
                total[:, c, d] += products.sum(axis=1, dtype=np.complex128)
    power = np.einsum("sccf->sf", total).real / n_channels
    place = total / np.where(power > 0, power, 1)[:, None, None]
    return place + REGULARISATION * np.eye(n_channels)[:, :, None]


def _apart(x, powers, places):
    """v_j R_j C^-1 x of a block: complex64 [S, C, frames, bins]."""
    n_channels = len(x)
    covariance = np.zeros([n_channels, n_channels, *x.shape[1:]], np.complex128)
    for v, place in zip(powers, places):
        covariance += v * place[:, :, None]
    silent = ~(powers.sum(axis=0) > 0)
    covariance[:, :, silent] = np.eye(n_channels)[:, :, None]
    whitened = _solved(covariance, x)
    y = np.empty([len(powers), *x.shape], np.complex64)
    for image, v, place in zip(y, powers, places):
        for c in range(n_channels):
            image[c] = v * np.sum(place[c, :, None] * whitened, axis=0)
    y[:, :, silent] = x[:, silent] / len(powers)
    return y


def _solved(covariance, x):
    """C^-1 x of Hermitian [C, C, frames, bins] and [C, frames, bins]."""
    if len(x) == 1:
        return x / covariance[0]
    if len(x) == 2:
        (a, b), (c, d) = covariance
        determinant = (a * d - b * c).real
        return np.stack([d * x[0] - b * x[1], a * x[1] - c * x[0]]) / determinant
    matrices = np.moveaxis(covariance, (0, 1), (2, 3))
    vectors = np.moveaxis(x, 0, 2)[..., None]
    return np.moveaxis(np.linalg.solve(matrices, vectors)[..., 0], 2, 0)
