"""Records of four fabricated pieces, some of whose parts come with notes."""

import numpy as np

import Datasets
import Prepare
from Datasets.frames import Frames
from tests.conftest import write_piece
from tests.test_records import OPTIONS, section

SOURCES = ["fl", "vc", "vn", "cl"]
RATE, N_IN, N_OUT = 16000, 1200, 500
SCORE = Frames(frame_rate=43.06640625, reach=2)
PIECES = {  # seconds, and which parts have notes
    "12_Spring_vn_vn_vc": (1.3, (1, 2, 3)),
    "14_Waltz_fl_fl_cl": (1.9, (1, 3)),
    "01_Jupiter_vn_vc": (1.4, (1, 2)),
    "02_Sonata_vn_vn": (1.2, ()),
}


def some_notes(rng, seconds, count=12):
    """Notes that overlap, at times that neither the file nor float32 rounds."""
    onset = np.sort(rng.integers(0, 1024 * seconds, count)) / 1024
    duration = rng.integers(0, 300, count) / 1024
    return np.stack([onset, rng.integers(100, 900, count) / 2, duration], axis=1)


def write_notes(folder, part, values):
    """Writes the Notes file of a part, counted from 1, of a piece's folder."""
    number, name, *codes = folder.name.split("_")
    path = folder / f"Notes_{part}_{codes[part - 1]}_{number}_{name}.txt"
    np.savetxt(path, values, fmt="%.10f", delimiter="\t")


def prepared(home, same_instrument):
    """({piece: stems}, {piece: {part: notes}}, folder of records, options)."""
    stems, written = {}, {}
    for piece, (seconds, parts) in PIECES.items():
        stems[piece] = write_piece(home / "raw", piece, seconds=seconds)
        rng = np.random.default_rng(len(piece))
        written[piece] = {k: some_notes(rng, seconds) for k in parts}
        for part, values in written[piece].items():
            write_notes(home / "raw" / piece, part, values)
    options = {**OPTIONS, "same_instrument": same_instrument}
    Prepare.prepare(section(home / "raw", home / "records", **options))
    return stems, written, home / "records", options


def load(made, split, **changes):
    """Batches with a score of what `prepared` returned."""
    options = dict(n_in=N_IN, n_out=N_OUT, batch_size=4, source_names=SOURCES)
    options |= {"score": SCORE, **made[3], **changes}
    return Datasets.load("urmp", made[2], split, **options)


def pieces_of(made, split):
    """{row of the table of tracks: piece}."""
    tracks = Datasets.open_records("urmp", made[2], **made[3]).tracks(split)
    return {track.row: track.id for track in tracks}


def parts_of(piece, same_instrument):
    """[(label, numbers of the players)] of the records' parts, counted from 1."""
    codes = list(enumerate(piece.split("_")[2:], start=1))
    if same_instrument == "apart":
        return [(code, [k]) for k, code in codes]
    labels = dict.fromkeys(code for _, code in codes)
    return [(label, [k for k, code in codes if code == label]) for label in labels]


def filled(values, first, n_frames, frame_rate):
    """Share of each frame in which some note sounds, frame by frame: the reference."""
    shares = []
    for k in range(first, first + n_frames):
        begin, end, share, sounded = k / frame_rate, (k + 1) / frame_rate, 0.0, -np.inf
        for onset, _, duration in sorted(map(tuple, values)):
            start = max(onset, begin, sounded)
            stop = min(onset + duration, end)
            if stop > start:
                share, sounded = share + stop - start, stop
        shares.append(share * frame_rate)
    return np.array(shares)
