"""Records of four fabricated pieces and of what a made-up front end saw of them."""

import pathlib
import types

import cv2
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


class Pictures(Watcher):
    """Sees JPEG pictures of 16 x 16: left the frame k, right player p and piece n.

    The left half is of grey level 3 k + 10, the right one 40 (p + 1) above and 10 n
    below.
    """

    size = [16, 16, 3]
    front_end = types.SimpleNamespace(name="shots-00000000", rate=FRAMES.frame_rate)

    def __call__(self, video, n_players):
        piece = pathlib.Path(video).parent.name
        count = PIECES[piece][1]
        frames = np.empty([n_players, count], object)
        for p, k in np.ndindex(frames.shape):
            frames[p, k] = shot(int(piece[:2]), p, k)
        boxes = np.zeros([n_players, count, 4])
        return types.SimpleNamespace(features=None, frames=frames, boxes=boxes)


def shot(number, player, frame):
    """A JPEG picture as `Pictures` describes it."""
    picture = np.full((16, 16, 3), 3 * frame + 10, np.uint8)
    picture[:8, 8:], picture[8:, 8:] = 40 * (player + 1), 10 * number
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def read_shot(picture):
    """(number, player, frame) of a picture as `shot` made it; None: it is black."""
    if not picture.any():
        return None
    levels = picture[4, 4, 0], picture[4, 12, 0], picture[12, 12, 0]
    return (
        round(levels[2] / 10),
        round(levels[1] / 40) - 1,
        round((int(levels[0]) - 10) / 3),
    )


def prepared(home, same_instrument, watcher=Watcher, **more):
    """({piece: stems}, folder of records, options)."""
    stems = {}
    for piece, (seconds, count) in PIECES.items():
        stems[piece] = write_piece(home / "raw", piece, seconds=seconds)
        if count is not None:
            (home / "raw" / piece / f"Vid_{piece}.mp4").write_bytes(b"a video")
    options = {**OPTIONS, "same_instrument": same_instrument, **more}
    told = section(home / "raw", home / "records", **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prepare, "watcher_of", lambda visual: watcher())
        Prepare.prepare(told, {"front_end": "stub"})
    options |= {"front_end": watcher.front_end.name, "visual_rate": FRAMES.frame_rate}
    return stems, home / "records", options


def records_of(made):
    return Datasets.open_records("urmp", made[1], **made[2])


def load(made, split, **changes):
    """Batches with features of what `prepared` returned."""
    options = dict(n_in=N_IN, n_out=N_OUT, batch_size=4, source_names=SOURCES)
    options |= {"visual": FRAMES, **made[2], **changes}
    return Datasets.load("urmp", made[1], split, **options)
