"""Whether two waveforms are of one recording: compared block by block."""

import numpy as np
import soxr
from scipy import signal

from Datasets.landmarks import HOP, RATE

BLOCK = 0.25  # s whose waveforms are compared
ALIKE = 0.7  # least correlation of a block
FAINT = -60.0  # dB: fainter blocks are neither alike nor different
SHARE = 0.25  # of the shorter take must be alike,
LONG, SHORT = 2.0, 0.6  # and so many s, or that share of it, without interruption
STRETCH = 1 << 17  # samples that are correlated at once
TAPS = 16  # on both sides, of the filter that moves by less than a sample


def mono(audio, rate):
    """float32 [T] at `landmarks.RATE`; the louder channel where the sum cancels."""
    mean = audio.mean(axis=1)
    power = np.square(audio).mean(axis=0)
    if np.square(mean).mean() < 0.05 * power.max():
        mean = audio[:, int(power.argmax())]
    return soxr.resample(np.ascontiguousarray(mean), rate, RATE).astype(np.float32)


def compare(a, b, lag):
    """Compares two waveforms near a lag.

    Args:
      a: float32 [T] at `landmarks.RATE`.
      b: float32 [T] at the same rate.
      lag: Samples, to some `landmarks.HOP`.

    Returns:
      (lag s, gain dB, correlation, s that are alike) as in `Pair`, or None: they are
      two recordings.
    """
    lag, a_part, b_part = _overlap(a, b, _refined(a, b, lag))
    n_block = round(BLOCK * RATE)
    count = len(a_part) // n_block
    if not count:
        return None
    b_part, fraction = _shifted(a_part, b_part)
    blocks = (x[: count * n_block].reshape(count, n_block) for x in (a_part, b_part))
    a_blocks, b_blocks = (x.astype(np.float64) for x in blocks)
    aa, bb = np.square(a_blocks).sum(axis=1), np.square(b_blocks).sum(axis=1)
    ab = (a_blocks * b_blocks).sum(axis=1)
    sign = np.sign(ab.sum()) or 1.0
    heard = (aa > _floor(a)) & (bb > _floor(b))
    alike = heard & (sign * ab > ALIKE * np.sqrt(aa * bb))
    seconds, run = alike.sum() * BLOCK, _longest_run(alike[heard]) * BLOCK
    shorter = min(len(a), len(b)) / RATE
    if seconds < SHARE * shorter or run < min(LONG, SHORT * shorter):
        return None
    aa, bb, ab = aa[alike].sum(), bb[alike].sum(), ab[alike].sum()
    gain = 10 * np.log10(bb / aa)
    if alike.all():
        seconds = len(a_part) / RATE
    lag = (lag + fraction) / RATE
    return float(lag), float(gain), float(ab / np.sqrt(aa * bb)), float(seconds)


def _longest_run(alike):
    """The most True in a row.  One tone is like another of its pitch, five are not."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], alike.astype(int), [0]])))
    return np.diff(edges)[::2].max(initial=0)


def _floor(x):
    """Energy of a block that is silent beside a sine as high as the greatest sample."""
    return round(BLOCK * RATE) * np.square(x).max() / 2 * 10 ** (FAINT / 10)


def _overlap(a, b, lag):
    """(lag, stretch of a, stretch of b) that lie upon each other, of equal length."""
    start, stop = max(lag, 0), min(len(a), len(b) + lag)
    if stop <= start:
        return lag, a[:0], b[:0]
    return lag, a[start:stop], b[start - lag : stop - lag]


def _refined(a, b, lag):
    """The lag within three hops at which the waveforms agree most, in samples."""
    reach = 3 * HOP
    _, a_part, b_part = _overlap(a, b, lag)
    correlation = _correlation(a_part, b_part, reach)
    return lag + int(np.abs(correlation).argmax()) - reach


def _correlation(a, b, reach):
    """Cross-correlation at lags -reach..reach, [2 reach + 1]; a and b of one length."""
    padded, total = np.pad(a, reach), np.zeros(2 * reach + 1)
    for start in range(0, len(b), STRETCH):
        part = b[start : start + STRETCH]
        longer = padded[start : start + len(part) + 2 * reach]
        total += signal.correlate(longer, part, "valid", "fft")
    return total


def _shifted(a, b):
    """Moves b by the part of a sample that is left; returns it, and that part."""
    left, middle, right = np.abs(_correlation(a, b, 1))
    curve = left - 2 * middle + right
    fraction = float(np.clip(0.5 * (left - right) / curve, -0.5, 0.5)) if curve else 0.0
    taps = np.sinc(np.arange(-TAPS, TAPS + 1) - fraction) * np.hamming(2 * TAPS + 1)
    return signal.oaconvolve(b, taps)[TAPS : TAPS + len(b)], fraction
