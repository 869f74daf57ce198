"""URMP's folders and file names -> pieces, and what is wrong with them.

    NN_Name_inst1_inst2/  AuSep_i_inst_NN_Name.wav  AuMix_NN_Name_inst1_inst2.wav
                          Vid_NN_Name_inst1_inst2.mp4
                          Notes_i_inst_NN_Name.txt  F0s_i_inst_NN_Name.txt

Li et al., "Creating a Multitrack Classical Music Performance Dataset for
Multimodal Music Analysis", IEEE Transactions on Multimedia 2019;
https://doi.org/10.5061/dryad.ng3r749
"""

import pathlib
import re

import soundfile as sf

from Datasets import inventory
from Datasets.notes import read_notes
from Datasets.track import Source, Track
from Schema import INSTRUMENTS, InputError

AUDIO = (".wav", ".flac")
# Stems of one piece may end this far apart: the shorter ones end in silence.
LENGTH_TOLERANCE = 0.05  # s
# The part files of this piece call part 3 a trumpet; its folder, its mixture and
# its scoring say trombone.
MISNAMED = {("15_Surprise_tpt_tpt_tbn", 3): "tpt"}


def instruments_of(piece):
    """The instrument codes at the end of a piece's name, in part order.

    Example:
      >>> instruments_of("12_Spring_vn_vn_vc")
      ['vn', 'vn', 'vc']
    """
    codes = piece.split("_")[2:]
    unknown = [code for code in codes if code not in INSTRUMENTS]
    if not codes or unknown or not re.match(r"\d{2,}_", piece):
        raise InputError(
            f"{piece!r} is not NN_Name_inst1_inst2...: the instruments are "
            f"{', '.join(INSTRUMENTS)}"
        )
    return codes


def take_stock(raw, splits, keep_going=False):
    """Looks for every piece of the splits: `Datasets.inventory.take_stock`.

    Args:
      raw: Folder with a folder for each piece.
      splits: {split: [piece]}.
      keep_going: Whether a damaged piece counts as absent.
    """
    found = inventory.take_stock(
        raw, splits, lambda piece: read_piece(pathlib.Path(raw) / piece), keep_going
    )
    tracks = found.all_tracks()
    for what, having in (
        ("AuMix (mixture)", [t for t in tracks if t.mix]),
        ("Notes", [t for t in tracks if t.has_score]),
        ("F0s", [t for t in tracks if all(s.f0 for s in t.sources)]),
    ):
        line = f"{what}: {len(having)} of {len(tracks)} pieces"
        if "AuMix" in what and len(having) < len(tracks):
            line += "; where it is missing, the mixture is the sum of the parts"
        found.remarks.append(line)
    return found


def read_piece(folder):
    """A piece's folder -> Track.

    Raises:
      FileNotFoundError: If the folder or a stem is absent.
      InputError: If what is there contradicts itself, or a list of notes is damaged.
    """
    piece = folder.name
    codes = instruments_of(piece)
    if not folder.is_dir():
        raise FileNotFoundError("no such folder")
    stem = "_".join(piece.split("_")[:2])
    sources, infos = [], []
    for number, code in enumerate(codes, start=1):
        written = MISNAMED.get((piece, number), code)
        audio = _first(folder, [f"AuSep_{number}_{written}_{stem}"], AUDIO) or _first(
            folder, [f"AuSep_{number}_{code}_{stem}"], AUDIO
        )
        if audio is None:
            _refuse_other_names(folder, number, code)
            raise FileNotFoundError(f"no AuSep_{number}_{code}_{stem}.wav or .flac")
        names = [f"{number}_{w}_{stem}" for w in (written, code)]
        notes = _first(folder, [f"Notes_{n}" for n in names], (".txt",))
        f0 = _first(folder, [f"F0s_{n}" for n in names], (".txt",))
        if notes is not None:
            read_notes(notes)  # a damaged file is refused before any work
        infos.append(_header(audio))
        sources.append(Source(code, audio, notes, f0))
    files = [source.audio for source in sources]
    mix = _first(folder, [f"AuMix_{piece}"], AUDIO)
    if mix is not None:
        files, infos = [*files, mix], [*infos, _header(mix)]
    _check_lengths(files, infos)
    return Track(
        id=piece,
        sources=tuple(sources),
        sample_rate=infos[0].samplerate,
        n_time=max(info.frames for info in infos),
        mix=mix,
        video=_first(folder, [f"Vid_{piece}"], (".mp4",)),
    )


def _first(folder, names, suffixes):
    for name in names:
        for suffix in suffixes:
            if (folder / (name + suffix)).is_file():
                return str(folder / (name + suffix))
    return None


def _refuse_other_names(folder, number, code):
    """A part under another instrument's name is a contradiction, not an absence."""
    others = [p for p in folder.glob(f"AuSep_{number}_*") if p.suffix in AUDIO]
    others = [p for p in others if p.is_file()]
    if others:
        raise InputError(
            f"{others[0]}: the folder says that part {number} is {code!r}; "
            "rename one of the two"
        )


def _header(path):
    try:
        info = sf.info(path)
    except sf.LibsndfileError as error:
        raise InputError(f"{path} cannot be read as audio ({error})") from None
    if not info.frames:
        raise InputError(f"{path} holds no samples")
    return info


def _check_lengths(files, infos):
    rates = {info.samplerate for info in infos}
    if len(rates) > 1:
        raise InputError(
            f"{files[0]} and its mates have different sample rates: "
            f"{', '.join(str(r) for r in sorted(rates))} Hz"
        )
    longest = max(info.frames for info in infos)
    for file, info in zip(files, infos):
        missing = (longest - info.frames) / info.samplerate
        if missing > LENGTH_TOLERANCE:
            raise InputError(
                f"{file} is {missing:.3f} s shorter than its mates "
                f"({info.frames} of {longest} samples); is it truncated?"
            )
