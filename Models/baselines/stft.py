"""Short-time Fourier transforms of whole tracks, some frames at a time.

Frames are centred on every `hop`-th sample, from the first to beyond the last, with
zeros outside the track and a periodic Hann window for analysis and synthesis: what is
taken apart and put together unchanged is the track again.  Thirteen stereo parts of
five minutes have 6 GB of spectra; a block of frames has `BLOCK` values at most.
"""

import numpy as np
import scipy.fft
import scipy.signal

from Schema import InputError

BLOCK = 2**22  # complex values of the spectra of all sources in one block: 32 MB


class STFT:
    """[T, C] <-> blocks of [C, frames, n_fft / 2 + 1], complex64.

    Args:
      n_time: Samples of a track.
      n_fft: Samples of a window.
      hop: Samples between windows, at most n_fft / 2.
      n_signals: Channels of all sources, which share a block.

    Raises:
      InputError: If windows cannot reconstruct their signal.
    """

    def __init__(self, n_time, n_fft, hop, n_signals=1):
        if n_fft < 2:
            raise InputError(f"n_fft must be at least 2, not {n_fft}")
        if not 1 <= hop <= n_fft // 2:
            raise InputError(
                f"hop must be from 1 to n_fft / 2 = {n_fft // 2}, not {hop}"
            )
        self.n_time, self.n_fft, self.hop = n_time, n_fft, hop
        self.n_bins = n_fft // 2 + 1
        self._window = scipy.signal.get_window("hann", n_fft).astype(np.float32)
        self._n_frames = -(-n_time // hop) + 1
        self._step = max(1, BLOCK // (n_signals * self.n_bins))

    def blocks(self):
        """Yields (first, last) frames, last excluded."""
        for first in range(0, self._n_frames, self._step):
            yield first, min(first + self._step, self._n_frames)

    def forward(self, x, block):
        """complex64 [C, frames, bins] of a block, of a whole track [T, C]."""
        start, stop = self._span(block)
        inside = slice(max(start, 0), min(stop, self.n_time))
        padded = np.zeros([x.shape[1], stop - start], np.float32)
        padded[:, inside.start - start : inside.stop - start] = x[inside].T
        frames = np.lib.stride_tricks.sliding_window_view(padded, self.n_fft, axis=1)
        return scipy.fft.rfft(frames[:, :: self.hop] * self._window, axis=2)

    def add_backward(self, spectra, block, out):
        """Adds the signals of a block, not yet scaled, to `out`, float32 [T, C]."""
        frames = scipy.fft.irfft(spectra, self.n_fft, axis=2) * self._window
        self._overlap(frames, block, out)

    def scale(self, out):
        """Divides by the overlapping windows, once all blocks are added; in place."""
        weight = np.zeros([self.n_time, 1], np.float32)
        for first, last in self.blocks():
            squares = np.broadcast_to(self._window**2, [1, last - first, self.n_fft])
            self._overlap(squares, (first, last), weight)
        out /= weight

    def _span(self, block):
        first, last = block
        start = first * self.hop - self.n_fft // 2
        return start, start + (last - 1 - first) * self.hop + self.n_fft

    def _overlap(self, frames, block, out):
        start, stop = self._span(block)
        total = np.zeros([len(frames), stop - start], np.float32)
        for k in range(frames.shape[1]):
            total[:, k * self.hop : k * self.hop + self.n_fft] += frames[:, k]
        inside = slice(max(start, 0), min(stop, self.n_time))
        out[inside] += total[:, inside.start - start : inside.stop - start].T


def checked(mix, sources, what):
    """Both as arrays.

    Args:
      mix: [T, C].
      sources: [S, T, C].
      what: Needs them, for the error.

    Raises:
      InputError: If shapes differ or there is nothing.
    """
    mix, sources = np.asarray(mix), np.asarray(sources)
    if mix.ndim != 2 or sources.ndim != 3 or sources.shape[1:] != mix.shape:
        raise InputError(
            f"{what} needs a mixture [T, C] and sources [S, T, C] of the same "
            f"length, not {mix.shape} and {sources.shape}"
        )
    if not sources.size:
        raise InputError(
            f"{what} needs at least one source and one sample, not {sources.shape}"
        )
    return mix, sources
