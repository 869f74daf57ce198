"""What one track scored: every frame of every source, and why some are missing."""

import dataclasses

import numpy as np

from Scores import pes

METRICS = ("SDR", "ISR", "SIR", "SAR")  # of BSSEval, in dB; v3 has no ISR
ACCOMPANIMENT = "accompaniment"  # of a song: the sum of all targets but the vocals
STATISTICS = {"median": np.median, "mean": np.mean}


@dataclasses.dataclass(frozen=True)
class Dropped:
    """A frame that is not scored, because a source is silent in it.

    Attributes:
      frame: Its index.
      references: Names of the sources whose reference is silent in it.
      estimates: Names of the sources whose estimate is silent in it.
      of: Names of the sources that have no score in it; empty: none has.
    """

    frame: int
    references: tuple[str, ...]
    estimates: tuple[str, ...]
    of: tuple[str, ...] = ()

    def takes(self, source):
        """Whether it takes a source's score."""
        return not self.of or source in self.of


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
      dropped: The frames that a silent source takes from all sources, or from some.
      silent_estimates: Names of the sources whose estimate is silent throughout;
        they alone have no scores.
      protocol: How the numbers were made, see `Scores.protocols.Protocol.told`.
      si_sdr: float64 [S] in dB of the whole track, or None if not asked for.
      snr: float64 [S], plain SNR, likewise.
      silence: `pes.TrackSilence` of sources with an estimate, absent ones among them,
        or None.
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
    snr: np.ndarray | None = None
    silence: pes.TrackSilence | None = None

    @property
    def counted(self):
        """The names that a mean counts: not the accompaniment, a sum of others."""
        is_song = ACCOMPANIMENT in self.protocol.get("targets", ())
        rest = tuple(n for n in self.names if not (is_song and n == ACCOMPANIMENT))
        return rest or self.names

    @property
    def n_frames(self):
        """Frames of the track, dropped ones included."""
        return self.bss["SDR"].shape[1]

    @property
    def kept(self):
        """Frames in which all sources have scores."""
        return self.n_frames - len({d.frame for d in self.dropped})

    def dropped_of(self, source):
        """Number of frames that silence takes from a source."""
        return sum(d.takes(source) for d in self.dropped)

    @property
    def unscored(self):
        """Samples after the last whole frame, which no frame holds."""
        return self.n_time - self.window - (self.n_frames - 1) * self.hop

    def frames(self, source, metric):
        """float64 [F] of one source."""
        return self.bss[metric][self.names.index(source)]

    def finite(self, source, metric):
        """The finite scores of a source, float64 [K].

        museval writes infinite scores as NaN and ignores NaN, so both are left out.
        """
        values = self.frames(source, metric)
        return values[np.isfinite(values)]

    def of_track(self, source, metric):
        """Over the frames with a finite score, median or mean by protocol; or NaN."""
        finite = self.finite(source, metric)
        statistic = STATISTICS[self.protocol.get("over_frames", "median")]
        return float(statistic(finite)) if finite.size else float("nan")

    def why_missing(self, source, metric):
        """Why a source has no score in a metric, or None if it has one."""
        values = self.frames(source, metric)
        if np.isfinite(values).any():
            return None
        if source in self.silent_estimates:
            return "the estimate is silent throughout"
        if self.dropped_of(source) == self.n_frames:
            return "a silent source in every frame"
        return "infinite or undefined in every scored frame"

    def left_out(self, source, metric):
        """Number of scored frames that are left out for being infinite."""
        values = self.frames(source, metric)
        return int(np.isinf(values).sum()) if np.isfinite(values).any() else 0

    def whole(self, source, metric="SI-SDR"):
        """SI-SDR, or SNR, of one source in dB; NaN if it was not computed."""
        values = self.si_sdr if metric == "SI-SDR" else self.snr
        return (
            float("nan") if values is None else float(values[self.names.index(source)])
        )
