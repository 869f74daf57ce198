"""What BSS Eval finds in an estimate, and what the parts weigh.

An estimate is its reference, plus what filters of that reference add (spatial error),
plus what filters of all references add to this (interference), plus the rest
(artifacts).  Vincent, Gribonval and Févotte, "Performance Measurement in Blind Audio
Source Separation", IEEE TASLP 14(4), 2006, https://doi.org/10.1109/TSA.2005.858005
"""

import dataclasses

import numpy as np
import scipy.fft

from Scores import toeplitz

PARTS = (
    *("true", "spatial", "filtered", "interference", "explained", "artifacts"),
    *("unlike true", "unlike filtered"),
)
RIDGE = np.finfo(float).eps  # museval's, on the diagonal of the Gram matrix


@dataclasses.dataclass(frozen=True)
class Filters:
    """From P = S * C channels of references to those of estimates.

    Attributes:
      own: float64 [P, L, P]: zero but from an estimate's own reference.
      every: float64 [P, L, P]: from all references.
    """

    own: np.ndarray
    every: np.ndarray


def filters(references, estimates, taps, ridge):
    """The filters that bring references closest to estimates.

    A channel that is silent, or the copy of another, spans nothing new: it is left out
    of the system, which would be singular with it, and its filter is zero.

    Args:
      references: float [S, T, C].
      estimates: float [S, T, C].
      taps: Length L of the filters.
      ridge: See `toeplitz.solve`.

    Returns:
      Filters.
    """
    n_sources, _, n_channels = references.shape
    lags, right = toeplitz.correlate(references, estimates, taps)
    signals = [source[:, c] for source in references for c in range(n_channels)]
    own = np.zeros((len(signals), taps, len(signals)))
    kept = []
    for j in range(n_sources):
        channels = list(range(j * n_channels, (j + 1) * n_channels))
        kept.append(_distinct(signals, channels))
        _fill(own, kept[j], channels, lags, right, ridge)
    if n_sources == 1:
        return Filters(own, own)
    among = _distinct(signals, range(len(signals)))
    if len(among) in map(len, kept):
        # All is made of one source: what interferes is rounding, and rounding as
        # museval has it takes the whole system.
        among = list(range(len(signals)))
    every = np.zeros_like(own)
    _fill(every, among, list(range(len(signals))), lags, right, ridge)
    return Filters(own, every)


def _fill(found, inputs, outputs, lags, right, ridge):
    """Writes the filters between some channels, [inputs, L, outputs]."""
    if not inputs:
        return
    solved = toeplitz.solve(
        lags[np.ix_(inputs, inputs)], right[np.ix_(inputs, outputs)], ridge
    )
    for k, channel in enumerate(inputs):
        found[channel][:, outputs] = solved[k]


def _distinct(signals, channels):
    """Of some channels, those that sound and are no copy of one before."""
    kept = {}
    for k in channels:
        energy = float(np.dot(signals[k], signals[k]))
        alike = kept.setdefault(energy, [])
        if energy and not any(np.array_equal(signals[k], signals[i]) for i in alike):
            alike.append(k)
    return sorted(k for alike in kept.values() for k in alike)


class Projector:
    """Filters, ready for frames of one length.

    Args:
      found: Filters.
      n_time: Samples of a frame.
    """

    def __init__(self, found, n_time):
        self.taps = found.own.shape[1]
        self.length = n_time + self.taps - 1  # of what filters make of a frame
        self.hop, self.size = toeplitz.plan(self.length, self.taps)
        # Of a source alone both are one, to the last bit.
        both = [found.own] if found.own is found.every else [found.own, found.every]
        self.spectra = [
            np.ascontiguousarray(scipy.fft.rfft(f, self.size, axis=1).swapaxes(0, 1))
            for f in both
        ]

    def blocks(self, references):
        """Filters the references of a frame.

        Args:
          references: float [S, T, C].

        Yields:
          (start, true, own, every): of the samples from `start`, float64
          [blocks, hop, P] each: references, and projections of the estimates on their
          own and on all references.  They may be overwritten.
        """
        before = self.taps - 1
        for start, count in toeplitz.groups(self.length, self.hop):
            stop = start + count * self.hop
            rows = toeplitz.read(references, start - before, stop)
            heard = toeplitz.spectra(rows, self.hop, before + self.hop, self.size)
            made = [self._filtered(heard, spectra) for spectra in self.spectra]
            for part in made:
                part[-1, self.length - stop + self.hop :] = 0  # after the frame's end
            true = rows[before:].reshape(made[0].shape)
            yield start, true, made[0], made[1] if len(made) > 1 else made[0].copy()

    def _filtered(self, heard, spectra):
        """float64 [blocks, hop, P] of heard [F, blocks, P] and spectra [F, P, P]."""
        n_bins, count, n_signals = heard.shape
        product = np.empty((count, n_bins, n_signals), np.complex128)
        np.matmul(heard, spectra, out=product.swapaxes(0, 1))
        made = scipy.fft.irfft(product, self.size, axis=1, overwrite_x=True)
        return made[:, self.taps - 1 : self.taps - 1 + self.hop]


def energies(projector, references, estimates):
    """Weighs the parts of a frame, added up in museval's order.

    Where nothing but rounding is left of a part, it so comes out as museval's does:
    exactly zero, or of its size.

    Args:
      projector: Projector for frames of T samples.
      references: float [S, T, C].
      estimates: float [S, T, C].

    Returns:
      {part: float64 [S]}, sums of squares.
    """
    n_sources, _, n_channels = references.shape
    total = dict.fromkeys(PARTS, 0.0)

    def weigh(part, samples):
        weights = np.einsum("btp,btp->p", samples, samples)
        total[part] += weights.reshape(n_sources, n_channels).sum(axis=1)

    for start, signal, spatial, rest in projector.blocks(references):
        stop = start + signal.shape[0] * signal.shape[1]
        artifacts = toeplitz.read(estimates, start, stop).reshape(signal.shape)
        weigh("true", signal)
        spatial -= signal
        weigh("spatial", spatial)
        rest -= signal
        rest -= spatial
        weigh("interference", rest)
        signal += spatial
        weigh("filtered", signal)
        signal += rest
        weigh("explained", signal)
        artifacts -= signal
        weigh("artifacts", artifacts)
        spatial += rest
        spatial += artifacts
        weigh("unlike true", spatial)
        rest += artifacts
        weigh("unlike filtered", rest)
    return total


def images(parts):
    """SDR, ISR, SIR and SAR of images: float64 [4, S] in dB, of `energies`."""
    return np.stack(
        [
            _decibels(parts["true"], parts["unlike true"]),
            _decibels(parts["true"], parts["spatial"]),
            _decibels(parts["filtered"], parts["interference"]),
            _decibels(parts["explained"], parts["artifacts"]),
        ]
    )


def sources(parts):
    """The same of sources, where filtering is no distortion; ISR is NaN."""
    sdr = _decibels(parts["filtered"], parts["unlike filtered"])
    return np.stack([sdr, np.full_like(sdr, np.nan), *images(parts)[2:]])


def _decibels(wanted, unwanted):
    """Infinity where nothing is unwanted, whatever is wanted."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(unwanted == 0, np.inf, 10 * np.log10(wanted / unwanted))
