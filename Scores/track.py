"""What one track scored: every frame of every source, and why some are missing."""

import dataclasses

import numpy as np

METRICS = ("SDR", "ISR", "SIR", "SAR")  # of BSSEval v4, in dB


@dataclasses.dataclass(frozen=True)
class Dropped:
    """A frame that museval scores for no source, because one of them is silent.

    Attributes:
      frame: Its index.
      references: Names of the sources whose reference is silent in it.
      estimates: Names of the sources whose estimate is silent in it.
    """

    frame: int
    references: tuple[str, ...]
    estimates: tuple[str, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class TrackScores:
    """The scores of one track; plain values and arrays, so it can be pickled.

    Attributes:
      names: The S sources that are present in the track.
      sample_rate: Hz.
      n_time: Samples of the track.
      window: Samples of a frame: those of the protocol, or `n_time` if it is less.
      hop: Samples from one frame to the next.
      bss: {"SDR", "ISR", "SIR", "SAR"}: float64 [S, F] in dB.  NaN in dropped
        frames and for silent estimates; infinity where museval gives it.
      dropped: The frames that a silent source takes from all sources.
      silent_estimates: Names of the sources whose estimate is silent throughout;
        they alone have no scores.
      protocol: How the numbers were made, see `Scores.bss_eval.protocol`.
      si_sdr: float64 [S] in dB of the whole track, or None if not asked for.
    """

    names: tuple[str, ...]
    sample_rate: int
    n_time: int
    window: int
    hop: int
    bss: dict[str, np.ndarray]
    dropped: tuple[Dropped, ...]
    silent_estimates: tuple[str, ...]
    protocol: dict
    si_sdr: np.ndarray | None = None

    @property
    def n_frames(self):
        """Frames of the track, dropped ones included."""
        return self.bss["SDR"].shape[1]

    @property
    def kept(self):
        """Frames that have scores."""
        return self.n_frames - len(self.dropped)

    @property
    def unscored(self):
        """Samples after the last whole frame, which no frame holds."""
        return self.n_time - self.window - (self.n_frames - 1) * self.hop

    def frames(self, source, metric):
        """float64 [F] of one source."""
        return self.bss[metric][self.names.index(source)]

    def median(self, source, metric):
        """Median over the frames that have a finite score; NaN if none has.

        museval writes infinite scores as NaN and ignores NaN, so both are left out.
        """
        values = self.frames(source, metric)
        finite = values[np.isfinite(values)]
        return float(np.median(finite)) if finite.size else float("nan")

    def why_missing(self, source, metric):
        """Why a source has no median in a metric, or None if it has one."""
        values = self.frames(source, metric)
        if np.isfinite(values).any():
            return None
        if source in self.silent_estimates:
            return "the estimate is silent throughout"
        if not self.kept:
            return "a silent source in every frame"
        return "infinite or undefined in every scored frame"

    def left_out(self, source, metric):
        """Number of scored frames that a median leaves out for being infinite."""
        values = self.frames(source, metric)
        return int(np.isinf(values).sum()) if np.isfinite(values).any() else 0

    def whole(self, source):
        """SI-SDR of one source in dB; NaN if it was not computed."""
        if self.si_sdr is None:
            return float("nan")
        return float(self.si_sdr[self.names.index(source)])
