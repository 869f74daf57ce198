"""Records of four fabricated pieces and of what a made-up front end saw of them."""

import pathlib
import types

import numpy as np
import pytest

import Datasets
import Prepare
from Datasets.frames import Frames
from tests.conftest import write_piece
from tests.test_records import OPTIONS, section

SOURCES = ["fl", "vc", "vn", "cl"]
RATE, N_IN, N_OUT = 16000, 1200, 500
FRAMES = Frames(frame_rate=12.5, reach=2)
PIECES = {  # seconds, and frames of the video; None: there is none
    "12_Spring_vn_vn_vc": (6.3, 79),
    "14_Waltz_fl_fl_cl": (5.9, 40),
    "01_Jupiter_vn_vc": (1.4, None),
    "02_Sonata_vn_vn": (1.2, 30),
}


class Watcher:
    """Sees in player p of a piece, at frame k: [number of the piece, p, k]."""

    size = 3
    front_end = types.SimpleNamespace(name="stub-00000000", rate=FRAMES.frame_rate)

    def __call__(self, video, n_players):
        piece = pathlib.Path(video).parent.name
        count = PIECES[piece][1]
        seen = np.zeros([n_players, count, 3], np.float32)
        seen[..., 0], seen[..., 2] = int(piece[:2]), np.arange(1, count + 1)
        seen[..., 1] = np.arange(1, n_players + 1)[:, None]
        boxes = np.repeat(seen[..., 2:] / 1000, 4, axis=2)
        return types.SimpleNamespace(features=seen, boxes=boxes)

    def report(self):
        return ["a made-up front end"]


def prepared(home, same_instrument):
    """({piece: stems}, folder of records, options)."""
    stems = {}
    for piece, (seconds, count) in PIECES.items():
        stems[piece] = write_piece(home / "raw", piece, seconds=seconds)
        if count is not None:
            (home / "raw" / piece / f"Vid_{piece}.mp4").write_bytes(b"a video")
    told = section(home / "raw", home / "records", same_instrument=same_instrument)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prepare, "watcher_of", lambda visual: Watcher())
        Prepare.prepare(told, {"front_end": "stub"})
    options = {**OPTIONS, "same_instrument": same_instrument}
    options |= {"front_end": Watcher.front_end.name, "visual_rate": FRAMES.frame_rate}
    return stems, home / "records", options


def records_of(made):
    return Datasets.open_records("urmp", made[1], **made[2])


def load(made, split, **changes):
    """Batches with features of what `prepared` returned."""
    options = dict(n_in=N_IN, n_out=N_OUT, batch_size=4, source_names=SOURCES)
    options |= {"visual": FRAMES, **made[2], **changes}
    return Datasets.load("urmp", made[1], split, **options)
