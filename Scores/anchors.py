"""Published figures to set beside ours, where the protocol is the same.

Each figure stands with the protocol that its publication is known to use, or with none
where that is not known; those are never put beside ours.  What protocols mean:

    musdb-v4          museval (BSSEval v4), 1 s frames, median of frames, of tracks
    music-2mix-v3     mir_eval bss_eval_sources (v3), pairs of clips of some 6 s at
                      11,025 Hz mono, mean over pairs
    snr               plain SNR of whole tracks, called SDR by its authors
    urmp-segments-v3  mir_eval bss_eval_sources (v3), URMP in segments of 65,535 samples
                      at 11,025 Hz, mean over segments; no protocol of ours

The pairs of `music-2mix-v3` differ from paper to paper, as do the videos that could
still be found: such rows are near each other, not exact.
"""

import dataclasses

AVSGS = "AVSGS, ICCV 2021"
CO_SEPARATION = "Co-Separation, ICCV 2019"
OPEN_UNMIX = "https://github.com/sigsep/open-unmix-pytorch"
WAVE_UNET = "https://github.com/f90/Wave-U-Net"
CONDITIONED = "Slizovskaia, defence slides, 2020; https://arxiv.org/abs/2004.03873"


@dataclasses.dataclass(frozen=True)
class Anchor:
    """One published system on one data set.

    Attributes:
      system: Its name.
      data_set: What it was scored on; "MUSDB" where the publication does not say
        whether it is MUSDB18 or MUSDB18-HQ.
      protocol: See the module; None: not known.
      figures: {source: {metric: dB}}; "mean": over the sources, as published.
      reported_in: The publication of the system, or the one that ran it again.
      note: What a reader must know to compare, or "".
    """

    system: str
    data_set: str
    protocol: str | None
    figures: dict[str, dict[str, float]]
    reported_in: str
    note: str = ""


def _mean(sdr, sir=None, sar=None):
    values = {"SDR": sdr, "SIR": sir, "SAR": sar}
    return {"mean": {metric: v for metric, v in values.items() if v is not None}}


def _four(vocals, drums, bass, other):
    names = ("vocals", "drums", "bass", "other")
    return {n: {"SDR": v} for n, v in zip(names, (vocals, drums, bass, other))}


def _music(system, by, sdr, sir=None, sar=None, data_set="MUSIC", note=""):
    figures = _mean(sdr, sir, sar)
    return Anchor(system, data_set, "music-2mix-v3", figures, by, note)


def _urmp(system, si_sdr, sdr, sir, sar, note=""):
    figures = _mean(sdr, sir, sar)
    figures["mean"]["SI-SDR"] = si_sdr
    return Anchor(system, "URMP", "urmp-segments-v3", figures, CONDITIONED, note)


ANCHORS = (
    # Visually guided, pairs of MUSIC.
    _music("Sound of Pixels", AVSGS, 6.1, 10.9, 10.6, note="run again there"),
    _music("MP-Net", "MinusPlus, ICCV 2019", 7.0, 14.4, 10.2),
    _music("Co-Separation", CO_SEPARATION, 7.4, 13.8, 10.6),
    _music("Sound of Motions", AVSGS, 8.2, 14.6, 13.2, note="as quoted there"),
    _music("Music Gesture", "Music Gesture, CVPR 2020", 10.1, 15.7, 12.9),
    _music("iQuery", "iQuery, CVPR 2023", 11.17),
    _music("AVSGS", AVSGS, 11.4, 17.3, 13.5),
    _music("Co-Separation", CO_SEPARATION, 7.30, 14.34, 11.90, "MUSIC-21"),
    _music("Sound of Motions", "ICCV 2019", 8.31, 14.82, 13.11, "MUSIC-21"),
    _music(
        "iQuery",
        *("NeurIPS 2024", 10.36, 16.64, 14.68, "MUSIC-21"),
        note="run again by a third party",
    ),
    Anchor(
        "OmniSep, image query",
        *("MUSIC-clean+", None, _mean(13.03, 18.97, 17.88), "ICLR 2025"),
        note="museval, not mir_eval",
    ),
    Anchor(
        "MARS-Sep, image query",
        *("MUSIC-clean+", None, _mean(13.64, 19.24, 18.05), "ICLR 2026"),
        note="museval, not mir_eval",
    ),
    Anchor(
        "CLIPSep-NIT, text query",
        *("MUSIC-clean+", None, _mean(11.03, 16.40, 17.37), "ICLR 2023"),
    ),
    # Songs.
    Anchor("Wave-U-Net", "MUSDB", "musdb-v4", _mean(3.2), WAVE_UNET),
    Anchor(
        "Wave-U-Net M5-HighSR",
        *("MUSDB", None, {"vocals": {"SDR": 4.95}, "acc.": {"SDR": 11.16}}, WAVE_UNET),
        note="museval, two sources; median over all frames of all tracks",
    ),
    Anchor("UMX", "MUSDB", "musdb-v4", _four(6.32, 5.73, 5.23, 4.02), OPEN_UNMIX),
    Anchor("UMXL", "MUSDB", "musdb-v4", _four(7.21, 7.15, 6.02, 4.89), OPEN_UNMIX),
    Anchor("SCNet XL IHF", "MUSDB", "snr", _mean(10.08), "ZFTurbo's MSST"),
    Anchor("Spleeter", "MUSDB", None, _mean(5.9), "https://github.com/deezer/spleeter"),
    Anchor(
        "HTDemucs",
        *("MUSDB18-HQ", None, _mean(9.00), "https://arxiv.org/abs/2211.08553"),
        note="with 800 songs more",
    ),
    Anchor(
        "HTDemucs, fine-tuned, sparse",
        *("MUSDB18-HQ", None, _mean(9.20), "https://arxiv.org/abs/2211.08553"),
        note="with 800 songs more",
    ),
    Anchor(
        "BS-RoFormer",
        *("MUSDB18-HQ", None, _mean(9.80), "https://arxiv.org/abs/2309.02612"),
        note="no other data",
    ),
    # URMP, by the ancestor's authors.
    _urmp("mixture", -3.7, -3.48, -3.20, 18.10),
    _urmp("ideal ratio mask", 13.1, 11.79, 19.94, 13.02),
    _urmp("U-Net, no filter", -2.1, -0.77, 0.57, 10.88, "PES -8.1 dB"),
    _urmp("U-Net, labels by FiLM, final", -10.1, -3.50, 0.29, 5.88, "PES -33.9 dB"),
    _urmp("U-Net, labels multiplied, final", -7.2, -1.86, 2.36, 5.13),
    _urmp("U-Net, labels by FiLM, encoder", -3.5, -1.68, -0.39, 11.44),
    _urmp("U-Net, video multiplied, final, 1 frame", -4.1, -1.49, 0.98, 9.18),
    Anchor("InformedNMF", "URMP", None, _mean(-0.16, 1.42, 9.31), CONDITIONED),
    Anchor("Exp-Wave-U-Net", "URMP", None, _mean(-4.12, -3.06, 12.18), CONDITIONED),
    Anchor("CExp-Wave-U-Net", "URMP", None, _mean(-1.37, 2.16, 6.36), CONDITIONED),
)


def anchors(protocol, data_set=None):
    """The published systems whose protocol equals ours.

    Args:
      protocol: Name of our protocol, such as "musdb-v4".
      data_set: Only those on it, such as "MUSIC"; None: on any.

    Returns:
      Tuple of Anchor in the order of their mean SDR (of their sources, if no mean is
      published), lowest first; empty if there is none.
    """
    found = [
        anchor
        for anchor in ANCHORS
        if protocol is not None
        and anchor.protocol == protocol
        and data_set in (None, anchor.data_set)
    ]
    return tuple(sorted(found, key=mean_sdr))


def mean_sdr(anchor):
    """The published mean SDR, or that of the sources, in dB."""
    if "mean" in anchor.figures:
        return anchor.figures["mean"]["SDR"]
    values = [metrics["SDR"] for metrics in anchor.figures.values()]
    return sum(values) / len(values)
