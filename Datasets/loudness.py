"""How loud a sound is: ITU-R BS.1770-4, and plain levels.

The standard gives its two filters as coefficients for 48 kHz; here they come from their
analogue prototypes (De Man, "Evaluation of implementations of the EBU R128 loudness
measurement", AES 145, 2018), so that records of any rate are measured alike.  At 48 kHz
they are the standard's.
"""

import numpy as np
from scipy import signal

BLOCK, HOP = 0.4, 0.1  # s of a gating block, and from one to the next
ABSOLUTE_GATE, RELATIVE_GATE = -70.0, -10.0  # LUFS; LU below what passes the former
OFFSET = -0.691  # LU
LOWEST_RATE = 4000  # Hz; below, the filters have no room
SILENCE = -60.0  # dBFS of 0.1 s: below is silence


def k_weighting(sample_rate):
    """The standard's two filters.

    Args:
      sample_rate: Hz.

    Returns:
      float64 [2, 6]: a head's high shelf and a high pass, as second-order sections.
    """
    k, q = np.tan(np.pi * 1681.974450955533 / sample_rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    a0 = 1 + k / q + k * k
    around, middle = high + k * k, band * k / q
    shelf = [around + middle, 2 * (k * k - high), around - middle]
    shelf += [a0, 2 * (k * k - 1), 1 - k / q + k * k]
    shelf = np.array(shelf) / a0
    k, q = np.tan(np.pi * 38.13547087602444 / sample_rate), 0.5003270373238773
    a0 = 1 + k / q + k * k
    low_cut = [1, -2, 1, 1, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
    return np.array([shelf, low_cut])


def integrated(audio, sample_rate):
    """Gated loudness of a whole sound.

    Args:
      audio: float [T, C], C 1 or 2; both channels count alike.
      sample_rate: Hz, at least `LOWEST_RATE`.

    Returns:
      LUFS, or None: of what is shorter than a block, nowhere above the absolute gate,
      or of a lower rate.
    """
    if sample_rate < LOWEST_RATE:
        return None
    audio = audio.astype(np.float64)
    weighted = signal.sosfilt(k_weighting(sample_rate), audio, axis=0)
    per_hop = _power(weighted, sample_rate)
    n_hops = round(BLOCK / HOP)
    if len(per_hop) < n_hops:
        return None
    power = np.convolve(per_hop, np.ones(n_hops) / n_hops, "valid")
    power = power[_lufs(power) > ABSOLUTE_GATE]
    if not len(power):
        return None
    power = power[_lufs(power) > _lufs(power.mean()) + RELATIVE_GATE]
    return float(_lufs(power.mean()))


def _lufs(power):
    return OFFSET + decibels(power)


def decibels(power):
    """10 log10 of a power, at least -200."""
    return 10 * np.log10(np.maximum(power, 1e-20))


def _power(audio, sample_rate):
    """Mean square of each whole `HOP`, summed over the channels, [K]."""
    edges = np.rint(np.arange(0, len(audio) + 1, HOP * sample_rate)).astype(int)
    edges = edges[edges <= len(audio)]
    total = np.concatenate([[0.0], np.cumsum(np.square(audio).sum(axis=1))])[edges]
    return np.diff(total) / np.diff(edges)


def measure(audio, sample_rate):
    """All that is measured of one sound.

    Args:
      audio: float32 [T, C], full scale 1.
      sample_rate: Hz.

    Returns:
      dict of loudness (LUFS or None), rms and peak (dBFS, of a full-scale square wave;
      None: nothing but zeros), silence (share of time) and clipped (samples at full
      scale or beyond).
    """
    magnitude = np.abs(audio)
    peak, power = float(magnitude.max()), float(np.mean(np.square(audio, dtype="f8")))
    frames = _power(audio.astype(np.float64), sample_rate) / audio.shape[1]
    silent = decibels(frames if len(frames) else np.array([power])) < SILENCE
    return {
        "loudness": integrated(audio, sample_rate),
        "rms": float(decibels(power)) if peak else None,
        "peak": float(decibels(peak**2)) if peak else None,
        "silence": float(silent.mean()),
        "clipped": int((magnitude >= 32767 / 32768).sum()),
    }
