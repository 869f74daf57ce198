"""Scores of known values, for the tests of what is made from scores."""

import numpy as np

from Scores import protocols
from Scores.track import METRICS, TrackScores

RATE = 1000


def made(si_sdr=None, dropped=(), silent=(), **frames):
    """TrackScores of given SDR frames; ISR, SIR, SAR are 1, 2, 3 dB above them.

    The SNR is half of the SI-SDR.
    """
    sdr = np.array(list(frames.values()), float)
    si_sdr = None if si_sdr is None else np.array(si_sdr, float)
    return TrackScores(
        names=tuple(frames),
        sample_rate=RATE,
        n_time=sdr.shape[1] * RATE,
        window=RATE,
        hop=RATE,
        bss={m: sdr + i for i, m in enumerate(METRICS)},
        dropped=tuple(dropped),
        silent_estimates=tuple(silent),
        protocol=protocols.PROTOCOLS[protocols.USUAL].told(),
        si_sdr=si_sdr,
        snr=None if si_sdr is None else si_sdr / 2,
    )
