"""Protocols by name: what is compared, how, and how frames become one number.

    urmp-v4        BSSEval v4, 1 s frames, sources present only; median of frames, then
                   of tracks
    musdb-v4       the same on MUSDB18's targets as museval's own API does it: vocals,
                   drums, bass, other; then vocals and accompaniment by themselves
    ancestor-v3    BSSEval v3, segments of 16,384 samples at 22,050 Hz mono, present
                   sources only; mean over all segments of all tracks: the 2018 VIMSS
    music-2mix-v3  BSSEval v3, pairs of clips of 65,535 samples at 11,025 Hz mono; mean
                   over pairs: Zhao et al., "The Sound of Pixels", ECCV 2018, and those
                   who compare with it

Numbers of two protocols never share a table.  SI-SDR and plain SNR, of whole tracks,
stand beside each of them, in columns of their own.
"""

import dataclasses

import numpy as np
import soxr

import Utils
from Schema import InputError
from Scores import bss_eval, bss_eval_v3, pes, si_sdr, snr
from Scores.track import ACCOMPANIMENT, METRICS, Dropped

TARGETS = ("vocals", "drums", "bass", "other")  # of MUSDB18


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How numbers are made.

    Attributes:
      name: As users type it.
      family: "museval v4" or "mir_eval v3"; its metrics are not those of the other.
      metrics: In dB.
      window_seconds: Of a frame; frames follow each other without gaps.
      sample_rate: Hz that audio is resampled to; None: it stays as it is.
      mono: Whether channels are averaged first.
      over_frames: "median" or "mean", of a track.
      over_tracks: "median", "mean", or "pooled": the mean over the frames of all.
      targets: The only sources that may be scored; None: any.
      silence: "frame" or "source": what a silent source takes, see
        `bss_eval.bss_eval`.
    """

    name: str
    family: str = "museval v4"
    metrics: tuple[str, ...] = METRICS
    window_seconds: float = 1.0
    sample_rate: int | None = None
    mono: bool = False
    over_frames: str = "median"
    over_tracks: str = "median"
    targets: tuple[str, ...] | None = None
    silence: str = "frame"

    def told(self):
        """The protocol in plain values: what a score file keeps and compares."""
        told = {"name": self.name, "metrics": list(self.metrics)}
        told |= {"over_frames": self.over_frames, "over_tracks": self.over_tracks}
        if self.sample_rate is not None:
            told |= {"sample_rate": self.sample_rate, "mono": self.mono}
        if self.targets is not None:
            told["targets"] = list(self.targets)
        window = self.window_seconds
        if self.family == bss_eval_v3.FAMILY:
            return {**told, **bss_eval_v3.protocol(window)}
        return {**told, **bss_eval.protocol(window, window, self.silence)}


def _v3(name, samples, sample_rate, over_tracks):
    return Protocol(
        name,
        family=bss_eval_v3.FAMILY,
        metrics=bss_eval_v3.METRICS,
        window_seconds=samples / sample_rate,
        sample_rate=sample_rate,
        mono=True,
        over_frames="mean",
        over_tracks=over_tracks,
        silence="source",
    )


USUAL = "urmp-v4"
PROTOCOLS = {
    one.name: one
    for one in (
        Protocol(USUAL),
        Protocol("musdb-v4", targets=(*TARGETS, ACCOMPANIMENT)),
        _v3("ancestor-v3", 16384, 22050, "pooled"),
        _v3("music-2mix-v3", 65535, 11025, "mean"),
    )
}


def named(name, silence=None):
    """A protocol by its name.

    Args:
      name: A key of `PROTOCOLS`.
      silence: "frame" or "source" in place of the protocol's own; None: that.

    Raises:
      InputError: If there is no such protocol, or it settles silence by itself.
    """
    if name not in PROTOCOLS:
        raise InputError(
            f"protocol={name}: {Utils.hint(name, PROTOCOLS)}the protocols are "
            f"{', '.join(PROTOCOLS)}"
        )
    protocol = PROTOCOLS[name]
    if silence in (None, protocol.silence):
        return protocol
    if silence not in bss_eval.SILENCES:
        raise InputError(
            f"silence={silence!r} must be one of {', '.join(bss_eval.SILENCES)}"
        )
    if protocol.family == bss_eval_v3.FAMILY:
        raise InputError(
            f"silence={silence}: {name} scores a source where it sounds; leave it out"
        )
    return dataclasses.replace(protocol, silence=silence)


def of_engine(engine):
    """What a score file keeps of the engine, so that museval, asked for, is asked."""
    return {} if engine == "fast" else {"engine": engine}


def score(
    protocol,
    names,
    references,
    estimates,
    sample_rate,
    engine="fast",
    mix=None,
    absent=None,
):
    """Scores a track by a protocol, and its SI-SDR, SNR, and energy at silence.

    Args:
      protocol: `Protocol`.
      names: S sources that are present.
      references: float [S, T, C].
      estimates: float [S, T, C], in the same order.
      sample_rate: Hz.
      engine: "fast", or "museval": museval or mir_eval themselves, the same numbers.
      mix: float [T, C]; None: no energy at silence.
      absent: {source: float [T, C]}, estimates of sources that are absent; or None.

    Returns:
      TrackScores, of `musdb-v4` also of the accompaniment.

    Raises:
      InputError: As `bss_eval.bss_eval`; if a source is none of the protocol's targets.
    """
    names = list(names)
    told = mix, absent or {}, protocol, sample_rate
    pair, sample_rate = fitted(protocol, (references, estimates), sample_rate)
    if protocol.family == bss_eval_v3.FAMILY:
        scores = bss_eval_v3.bss_eval(
            *pair, sample_rate, protocol.window_seconds, names, engine
        )
    else:
        window = protocol.window_seconds
        how = {"engine": engine, "silence": protocol.silence}
        parts = [
            bss_eval.bss_eval(*audio, sample_rate, window, window, chosen, **how)
            for chosen, audio in scenarios(protocol, names, pair)
        ]
        scores = parts[0] if len(parts) == 1 else _joined(parts)
    silence = None if mix is None else _silence(names, pair, *told)
    pair = [_of_names(names, audio, scores.names) for audio in pair]
    return dataclasses.replace(
        scores,
        protocol=protocol.told(),
        si_sdr=si_sdr.si_sdr(*pair),
        snr=snr.snr(*pair),
        silence=silence,
    )


def _silence(names, pair, mix, absent, protocol, sample_rate):
    """`pes.TrackSilence` of the present sources, then of the absent ones."""
    others = [np.asarray(audio)[np.newaxis] for audio in (mix, *absent.values())]
    others, rate = fitted(protocol, others, sample_rate)
    told = others[0][0], rate, protocol.window_seconds, protocol.window_seconds
    found = pes.silence(names, *pair, *told)
    if not absent:
        return found
    made = np.concatenate(others[1:])
    true = np.broadcast_to(np.float32(0), made.shape)
    return pes.joined(found, pes.silence([*absent], true, made, *told))


def fitted(protocol, arrays, sample_rate):
    """Audio as a protocol wants it: ([array [S, T, C]], its rate in Hz)."""
    if protocol.mono:
        arrays = [np.mean(audio, axis=2, keepdims=True) for audio in arrays]
    rate = protocol.sample_rate or sample_rate
    if rate == sample_rate:
        return list(arrays), rate
    return [
        np.stack([soxr.resample(one, sample_rate, rate, "VHQ") for one in audio])
        for audio in arrays
    ], rate


def _check_targets(protocol, names):
    for name in names if protocol.targets else ():
        if name not in protocol.targets:
            raise InputError(
                f"protocol={protocol.name} scores {', '.join(protocol.targets)}, but "
                f"there is {name!r}: choose protocol={USUAL}"
            )


def scenarios(protocol, names, pair):
    """Yields (names, (references, estimates)) of what is scored together.

    As museval's `eval_mus_track`: the targets; then vocals and accompaniment, which is
    where the scores of the vocals come from, as in the files of museval itself.  Raises
    InputError if a source is none of the protocol's targets.
    """
    _check_targets(protocol, names)
    if protocol.targets is None:
        yield names, pair
        return
    four = [name for name in TARGETS if name in names]
    two = [name for name in ("vocals", ACCOMPANIMENT) if name in names]
    if four[:1] == ["vocals"] and len(four) > 1:
        two = ["vocals", ACCOMPANIMENT]
    elif ACCOMPANIMENT not in two:
        two = []
    if set(four) - set(two):
        yield four, [_of_names(names, audio, four) for audio in pair]
    if two:
        yield two, [_of_names(names, audio, two) for audio in pair]


def _of_names(names, audio, chosen):
    """[K, T, C] of [S, T, C]: some of the sources, the accompaniment made if absent."""
    places = {name: k for k, name in enumerate(names)}
    if ACCOMPANIMENT not in places and ACCOMPANIMENT in chosen:
        rest = [places[name] for name in TARGETS[1:] if name in places]
        audio = np.concatenate([audio, audio[rest].sum(axis=0, keepdims=True)])
        places[ACCOMPANIMENT] = len(names)
    return audio[[places[name] for name in chosen]]


def _joined(parts):
    """Scores of two scenarios as one; of a source in both, those of the second."""
    names = [n for n in parts[0].names if n not in parts[1].names] + [*parts[1].names]
    names.sort(key=[*TARGETS, ACCOMPANIMENT].index)
    of = {name: part for part in parts for name in part.names}
    return dataclasses.replace(
        parts[0],
        names=tuple(names),
        bss={
            metric: np.stack([of[name].frames(name, metric) for name in names])
            for metric in parts[0].bss
        },
        dropped=_dropped(names, of, parts),
        silent_estimates=tuple(n for n in names if n in of[n].silent_estimates),
    )


def _dropped(names, of, parts):
    """The dropped frames of two scenarios, each once.

    Args:
      names: Of all sources, in order.
      of: {name: the scenario that its scores are of}.
      parts: Both.
    """
    found = []
    for k in range(parts[0].n_frames):
        here = [(part, d) for part in parts for d in part.dropped if d.frame == k]
        taken = [n for n in names for part, d in here if of[n] is part and d.takes(n)]
        who = [
            tuple(n for n in names if any(n in getattr(d, whose) for _, d in here))
            for whose in ("references", "estimates")
        ]
        if taken:
            found.append(Dropped(k, *who, tuple(taken)))
    return tuple(found)
