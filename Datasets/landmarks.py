"""What a recording is recognised by: triplets of peaks of its spectrogram.

After Wang, "An industrial-strength audio search algorithm", ISMIR 2003, with three
peaks a hash in place of two: tonal music of one pitch standard repeats pairs, hardly
triplets, so that equal hashes stay few and finding them costs no more than sorting.  A
hash holds frequencies and differences in time: gain, start and coding leave most of
them alone.  Copies at another speed or pitch are not recognised.
"""

import numpy as np
from scipy import ndimage

RATE = 8000  # Hz of the audio that is looked at
SIZE, HOP = 1024, 128  # samples of a spectrum, and from one to the next
NEAR = (31, 31)  # frames and bins of which a peak is the greatest
FLOOR = -70.0  # dB below the take's greatest sample: fainter peaks are noise
TARGETS = 4  # peaks that follow a peak, of which each pair makes a hash
LONGEST = 127  # frames from a peak to those that follow
CHUNK = 4096  # frames that are looked at together
COMMON = 20  # hashes that occur more often tell little
AT_ONCE = 1 << 23  # pairs of equal hashes that are counted together
LAG_BITS = 21


def of(audio):
    """Hashes of a sound.

    Args:
      audio: float [T] at `RATE`.

    Returns:
      (hashes int64 [K], times int32 [K] in frames of `HOP`).
    """
    times, bins = _peaks(audio)
    hashes, when = [], []
    for first in range(1, TARGETS):
        for second in range(first + 1, TARGETS + 1):
            anchor = np.arange(max(0, len(times) - second))
            one = times[anchor + first] - times[anchor]
            two = times[anchor + second] - times[anchor]
            kept = two <= LONGEST
            packed = bins[anchor] << 10 | bins[anchor + first]
            packed = packed << 10 | bins[anchor + second]
            packed = (packed << 7 | one) << 7 | two
            hashes.append(packed[kept])
            when.append(times[anchor][kept])
    return np.concatenate(hashes), np.concatenate(when).astype(np.int32)


def _peaks(audio):
    """Frames and bins of the peaks, by frame, then by bin; int64 [K] each."""
    greatest = np.abs(audio).max(initial=0.0)
    if not greatest or len(audio) < SIZE:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    window = np.hanning(SIZE).astype(np.float32) * np.float32(4 / SIZE / greatest)
    frames = np.lib.stride_tricks.sliding_window_view(audio, SIZE)[::HOP]
    margin, times, bins = NEAR[0] // 2, [], []
    for start in range(0, len(frames), CHUNK):
        begin = max(0, start - margin)
        block = np.abs(np.fft.rfft(frames[begin : start + CHUNK + margin] * window))
        block = block.astype(np.float32)
        peak = block == ndimage.maximum_filter(block, NEAR, mode="constant")
        peak &= block > 10 ** (FLOOR / 20)
        peak[:, 0] = False
        time, bin_ = np.nonzero(peak[start - begin : start - begin + CHUNK])
        times.append(time + start)
        bins.append(bin_)
    return np.concatenate(times), np.concatenate(bins)


def candidates(marks, least, most):
    """Pairs of sounds that share hashes at one lag.

    Args:
      marks: A list of what `of` gives.
      least: Hashes that a pair must share at one lag.
      most: Pairs that are kept of one sound, those that share most.

    Returns:
      A list of (a, b, lags), a < b: numbers of sounds and up to two lags in frames, the
      likeliest first; what is at t in b is at t + lag in a.
    """
    counts = [len(hashes) for hashes, _ in marks]
    if not sum(counts):
        return []
    hashes = np.concatenate([hashes for hashes, _ in marks])
    order = np.argsort(hashes, kind="stable")  # then by sound, as they come
    hashes = hashes[order]
    times = np.concatenate([times for _, times in marks])[order].astype(np.int64)
    who = np.repeat(np.arange(len(marks), dtype=np.int64), counts)[order]
    first = np.searchsorted(hashes, hashes, "left")
    common = np.searchsorted(hashes, hashes, "right") - first
    rare = (common > 1) & (common <= COMMON)
    n_pairs = int((common[rare] - 1).sum()) // 2
    table, parts = (hashes[rare], times[rare], who[rare]), 1 + n_pairs // AT_ONCE
    found = [_votes(*table, len(marks), least, part, parts) for part in range(parts)]
    keys, votes = (np.concatenate(column) for column in zip(*found))
    return _best(keys, votes, len(marks), most)


def _votes(hashes, times, who, n_sounds, least, part, parts):
    """Keys of (pair, lag) with at least so many votes, neighbouring lags together."""
    keys = [np.zeros(0, np.int64)]
    for step in range(1, COMMON):
        same = np.flatnonzero(hashes[step:] == hashes[:-step])
        pair = who[same] * n_sounds + who[same + step]
        chosen = (pair % parts == part) & (who[same] != who[same + step])
        same, pair = same[chosen], pair[chosen]
        lag = times[same] - times[same + step] + (1 << LAG_BITS - 1)
        keys.append((pair << LAG_BITS) + lag)
    keys, votes = np.unique(np.concatenate(keys), return_counts=True)
    together = votes.copy()
    for step in (1, -1):
        beside = np.roll(keys, step) == keys - step
        together[beside] += np.roll(votes, step)[beside]
    return keys[together >= least], together[together >= least]


def _best(keys, votes, n_sounds, most):
    """Of the likeliest pairs: their lags, those with most votes first."""
    kept = np.argsort(-votes, kind="stable")
    lags, of_sound = {}, np.zeros(n_sounds, int)
    for key in keys[kept].tolist():
        pair, lag = key >> LAG_BITS, (key & (1 << LAG_BITS) - 1) - (1 << LAG_BITS - 1)
        a, b = divmod(pair, n_sounds)
        if pair not in lags:
            if max(of_sound[a], of_sound[b]) >= most:
                continue
            of_sound[[a, b]] += 1
            lags[pair] = []
        if len(lags[pair]) < 2 and all(abs(lag - other) > 2 for other in lags[pair]):
            lags[pair].append(lag)
    return [(*divmod(pair, n_sounds), found) for pair, found in lags.items()]
