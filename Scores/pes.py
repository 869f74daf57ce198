"""What is heard where a source is silent, and what is lost where an estimate is.

    PES = 10 log10(sum e^2 + 1e-12)   of a frame in which the reference s is silent
    EPS = 10 log10(sum s^2 + 1e-12)   of a frame in which the estimate e is silent

predicted energy at silence and energy at predicted silence, in dB: the less the better,
`FLOOR` at best.  Sums, not means: over the samples of a frame (1 s, as museval's) and
over channels, so that figures compare only at one sample rate, frame length, number of
channels and scale of the audio (here 1 is full scale); `leak` depends on none of them.
Silent means zero at every sample of every channel, unless a threshold is given.

Schulze-Forster, Doire, Richard, Badeau, "Weakly Informed Audio Source Separation",
WASPAA 2019 (definitions, 1 s frames, 1e-12, mean over frames).  Slizovskaia, Haro,
Gómez, "Conditioned Source Separation for Musical Instrument Performances", IEEE/ACM
TASLP 29, 2021, https://arxiv.org/abs/2004.03873, has one frame a segment of 65,535
samples at 11,025 Hz (`window_seconds=65535 / 11025`), and none where the estimate is
exactly silent too.

How tables aggregate (`table_mean`): the mean over a track's frames, then the mean over
the tracks that have one; the number of frames at the floor stands beside it, for each
draws the mean far down.  Absent sources and pauses of present ones share no row.
"""

import dataclasses

import numpy as np

from Schema import InputError
from Scores import snr

EPSILON = 1e-12  # energy added to each frame
FLOOR = -120.0  # dB of a frame without energy


@dataclasses.dataclass(frozen=True, eq=False)
class TrackSilence:
    """PES and EPS of one track; plain values and arrays, so it can be pickled.

    Attributes:
      names: All S sources that have an estimate, absent ones among them.
      pes: float64 [S, F] in dB, NaN in frames in which the reference is not silent.
      eps: float64 [S, F] in dB, NaN in frames in which the estimate is not silent.
      leak: float64 [S] in dB: energy of the estimate of an absent source over that of
        the mixture, whole track, `FLOOR` at least; NaN for present sources.
      absent: Names of the sources whose reference is silent throughout.
    """

    names: tuple[str, ...]
    pes: np.ndarray
    eps: np.ndarray
    leak: np.ndarray
    absent: tuple[str, ...]

    def pes_of(self, source):
        """Mean over the frames in which the reference is silent, dB; NaN if none is."""
        return _mean(self.pes[self.names.index(source)])

    def eps_of(self, source):
        """Mean over the frames in which the estimate is silent, dB; NaN if none is."""
        return _mean(self.eps[self.names.index(source)])

    def leak_of(self, source):
        """Leak of an absent source in dB; NaN for one that is present."""
        return float(self.leak[self.names.index(source)])

    def at_floor(self, source):
        """(frames with a PES, those of them in which the estimate is silent too)."""
        pes = self.pes[self.names.index(source)]
        return int(np.isfinite(pes).sum()), int((pes <= FLOOR).sum())


def silence(
    names,
    references,
    estimates,
    mix,
    sample_rate,
    window_seconds=1.0,
    hop_seconds=1.0,
    threshold=None,
):
    """Scores estimates where references are silent, and the other way round.

    Args:
      names: S different names, absent sources among them.
      references: float [S, T, C]; zeros for a source that is absent.
      estimates: float [S, T, C].
      mix: float [T, C].
      sample_rate: Hz.
      window_seconds: Length of a frame.
      hop_seconds: From one frame to the next; samples after the last whole frame
        count for `leak` alone, a shorter track is one frame.
      threshold: Root mean square of a frame, in dB of full scale, up to which it is
        silent, for recordings that are never exactly zero; None: exact zeros only, as
        published.

    Returns:
      TrackSilence.

    Raises:
      InputError: If shapes or names don't fit, or a frame holds no sample.
    """
    names = tuple(str(name) for name in names)
    references, estimates = snr.checked(references, estimates)
    if len(names) != len(references) or len(set(names)) != len(names):
        raise InputError(
            f"{len(references)} references need as many different names, not "
            f"{list(names)}"
        )
    if np.shape(mix) != references.shape[1:]:
        raise InputError(
            f"the mixture is {list(np.shape(mix))} but the references are "
            f"[S, T, C] = {list(references.shape)}; make them alike"
        )
    length = (sample_rate, window_seconds, hop_seconds)
    true, found = (snr.energies(audio) for audio in (references, estimates))
    levels = [snr.framed(energy, *length) for energy in (true, found)]
    samples = snr.framed(np.ones([1, true.shape[1]]), *length) * references.shape[2]
    most = 0.0 if threshold is None else samples * 10 ** (threshold / 10)
    at_true, at_found = (level <= most for level in levels)
    absent = at_true.all(axis=1) if threshold is not None else ~true.any(axis=1)
    return TrackSilence(
        names=names,
        pes=np.where(at_true, _decibels(levels[1]), np.nan),
        eps=np.where(at_found, _decibels(levels[0]), np.nan),
        leak=np.where(absent, leak(estimates, mix), np.nan),
        absent=tuple(name for name, is_so in zip(names, absent) if is_so),
    )


def joined(*parts):
    """`TrackSilence`s of one track's sources as one."""
    return TrackSilence(
        names=tuple(name for part in parts for name in part.names),
        absent=tuple(name for part in parts for name in part.absent),
        **{
            key: np.concatenate([getattr(part, key) for part in parts])
            for key in ("pes", "eps", "leak")
        },
    )


def leak(estimates, mix):
    """Energy of estimates over that of the mixture, whole tracks.

    Args:
      estimates: float [S, T, C].
      mix: float [T, C].

    Returns:
      float64 [S] in dB, `FLOOR` at least; NaN if the mixture is silent.
    """
    of_mix = snr.energies(np.asarray(mix)[np.newaxis]).sum()
    if not of_mix > 0:
        return np.full(len(estimates), np.nan)
    ratio = snr.energies(estimates).sum(axis=1) / of_mix
    return 10 * np.log10(np.maximum(ratio, 10 ** (FLOOR / 10)))


def table_mean(tracks, source, absent):
    """What a table shows of one source.

    Args:
      tracks: Iterable of TrackSilence.
      source: Its name.
      absent: True: tracks in which it is absent; False: pauses where it is present.

    Returns:
      (mean PES in dB over tracks or None, tracks that have one, their frames, frames
      at the floor).
    """
    having = [t for t in tracks if source in t.names]
    having = [t for t in having if (source in t.absent) == absent]
    having = [t for t in having if np.isfinite(t.pes_of(source))]
    frames = np.sum([t.at_floor(source) for t in having], axis=0, initial=0)
    frames, at_floor = (int(n) for n in frames) if having else (0, 0)
    mean = float(np.mean([t.pes_of(source) for t in having])) if having else None
    return mean, len(having), frames, at_floor


def _decibels(energy):
    return 10 * np.log10(energy + EPSILON)


def _mean(values):
    finite = values[np.isfinite(values)]
    return float(np.mean(finite)) if finite.size else float("nan")
