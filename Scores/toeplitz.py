"""Signals beside their delayed copies: correlations, and filters by least squares.

The Gram matrix of P signals with delays from 0 to L - 1 is P x P Toeplitz blocks of
L x L, so it follows from P * P * L correlations.  These are sums over the whole track
of the products of short FFTs: no spectrum of the track and no other lag is computed.
All arithmetic is float64.
"""

import concurrent.futures

import numpy as np
import scipy.fft
from scipy.linalg import lapack

BLOCK = 4096  # samples of a filter's FFT, or 8 filters if they are longer
FINE = 8192  # of a correlation's: rounding half as coarse as with 4096
GROUP = 4  # blocks that are held at once
THREADS = 2  # beside those of BLAS
DEPENDENT = 1e-12  # a smaller share of a signal that no other explains is rounding


def plan(n_time, taps, block=BLOCK):
    """How `n_time` samples are cut into blocks of about `block` for filters of `taps`.

    Returns:
      (hop, size): samples from one block to the next, and of a block's FFT, which has
      room for hop + taps - 1.
    """
    most = max(block, 8 * taps) - taps + 1
    hop = -(-n_time // -(-n_time // most))
    return hop, scipy.fft.next_fast_len(hop + taps - 1, real=True)


def groups(n_time, hop):
    """Yields where each group of neighbouring blocks starts, and how many it has."""
    count = -(-n_time // hop)
    for first in range(0, count, GROUP):
        yield first * hop, min(GROUP, count - first)


def read(audio, start, stop):
    """Samples [start, stop) of float [S, T, C] as float64 [stop - start, S * C].

    Outside of the track they are zero.
    """
    n_sources, n_time, n_channels = audio.shape
    rows = np.zeros((stop - start, n_sources, n_channels))
    first, last = max(start, 0), min(stop, n_time)
    if first < last:
        rows[first - start : last - start] = audio[:, first:last].swapaxes(0, 1)
    return rows.reshape(stop - start, n_sources * n_channels)


def spectra(rows, hop, length, size):
    """FFTs of the blocks of `length` that start every `hop` samples.

    Args:
      rows: float64 [(blocks - 1) * hop + length, P].
      hop: Samples.
      length: Samples, of which `size` are made by zeros.
      size: Of an FFT.

    Returns:
      complex128 [size // 2 + 1, blocks, P], strided for a matrix product.
    """
    windows = np.lib.stride_tricks.sliding_window_view(rows, length, axis=0)
    blocks = windows[::hop].swapaxes(1, 2)  # [blocks, length, P]
    return scipy.fft.rfft(blocks, size, axis=1).swapaxes(0, 1)


def correlate(references, estimates, taps):
    """Correlations of references with themselves and with estimates.

    Args:
      references: float [S, T, C]; P = S * C signals x.
      estimates: float [S, T, C], y.
      taps: Lags L.

    Returns:
      float64 [P, P, L] and [P, P, L]: at k, the sums over t of x_p(t) x_q(t + k), and
      of x_p(t) y_q(t + k).
    """
    n_time = references.shape[1]
    n_signals = references.shape[0] * references.shape[2]
    hop, size = plan(n_time, taps, FINE)
    parts = [*groups(n_time, hop)]

    def work(k):  # every THREADS-th group: the sum is the same on all machines
        total = np.zeros((size // 2 + 1, n_signals, 2 * n_signals), np.complex128)
        product = np.empty_like(total)
        for start, count in parts[k::THREADS]:
            stop = start + count * hop
            both = [read(a, start, stop + taps - 1) for a in (references, estimates)]
            short = spectra(both[0][: count * hop], hop, hop, size)
            long = spectra(np.concatenate(both, axis=1), hop, hop + taps - 1, size)
            np.matmul(np.conj(short, out=short).swapaxes(1, 2), long, out=product)
            total += product
        return total

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        total = sum(pool.map(work, range(THREADS)))
    lags = np.moveaxis(scipy.fft.irfft(total, size, axis=0)[:taps], 0, 2)
    return lags[:, :n_signals], lags[:, n_signals:]


def gram(lags):
    """Inner products of signals with delays: float64 [P * L, P * L], of lags [P, P, L].

    Symmetric to the last bit; row p * L + a is signal p, delayed by a.
    """
    n_signals, _, taps = lags.shape
    both = np.concatenate([lags.swapaxes(0, 1)[..., :0:-1], lags], axis=2)
    rows, columns = np.triu_indices(n_signals, 1)
    both[columns, rows] = both[rows, columns, ::-1]
    one, two, step = both.strides
    blocks = np.lib.stride_tricks.as_strided(
        both[..., taps - 1 :],
        (n_signals, taps, n_signals, taps),
        (one, step, two, -step),
    )
    return blocks.reshape(n_signals * taps, n_signals * taps)


def solve(lags, right, ridge):
    """Filters whose outputs are closest to signals, by least squares.

    Where a signal all but follows from the others, so that the way decides, it is
    that of museval and mir_eval: elimination with pivots, and the shortest of all
    solutions if a pivot is exactly zero.

    Args:
      lags: float64 [P, P, L] of the filters' inputs, as of `correlate`.
      right: float64 [P, Q, L] of the inputs with Q signals.
      ridge: Added to the diagonal of the Gram matrix.

    Returns:
      float64 [P, L, Q].
    """
    n_signals, n_right, taps = right.shape
    wanted = right.swapaxes(1, 2).reshape(n_signals * taps, n_right)
    diagonal = np.repeat(lags[range(n_signals), range(n_signals), 0] + ridge, taps)

    def matrix():
        found = gram(lags)
        found.flat[:: len(found) + 1] += ridge
        return found.T  # the same numbers in the order of LAPACK: not copied

    factor, failed = lapack.dpotrf(matrix(), lower=1, clean=0, overwrite_a=1)
    if not failed and np.all(factor.diagonal() ** 2 > DEPENDENT * diagonal):
        found, _ = lapack.dpotrs(factor, wanted, lower=1)
    else:
        del factor
        *_, found, failed = lapack.dgesv(matrix(), wanted, overwrite_a=1)
        if failed:
            found = np.linalg.lstsq(gram(lags), wanted)[0]
    return found.reshape(n_signals, taps, n_right)
