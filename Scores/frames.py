"""Where the frames of a track lie, and which sources are silent, as museval has it."""

import Utils
from Schema import InputError


def lengths(window_seconds, hop_seconds, sample_rate):
    """(window, hop) in samples.

    Raises:
      InputError: If a frame holds no sample.
    """
    window = Utils.samples(window_seconds, sample_rate)
    hop = Utils.samples(hop_seconds, sample_rate)
    if window < 1 or hop < 1:
        raise InputError(
            f"a window of {window_seconds} s every {hop_seconds} s at {sample_rate} "
            "Hz holds no sample; both must be longer"
        )
    return window, hop


def spans(n_time, window, hop):
    """(start, stop) samples of the whole frames, as museval cuts them."""
    count = (n_time - window) // hop + 1 if window < n_time else 1
    return [(k * hop, min(k * hop + window, n_time)) for k in range(count)]


def silent(audio):
    """Which sources museval takes for silent: bool [S], of float [S, T, C].

    Stereo whose channels cancel is among them.
    """
    return ~audio.sum(axis=2).any(axis=1)
