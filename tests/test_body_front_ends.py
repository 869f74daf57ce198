"""Front ends of hands and joints: on fabricated players, and on real ones."""

import pathlib

import numpy as np
import pytest

from Datasets.chamber import corpus
from Datasets.notes import read_notes
from Datasets.video import VideoReader
from Models import vision
from Models.vision import gesture, optical_flow, skeleton, skeleton_features
from Models.vision.body_front_ends import UNITS
from Models.vision.watching import Watcher

RATE = 15.0
CLIPS = pathlib.Path(__file__).parents[2] / "shared" / "data" / "video"
CELLIST = CLIPS / "vggsound_doublebass_3HgbEKrbA9s_360p.mp4"


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """(film of two cellists, onsets s of each from left to right)."""
    home = tmp_path_factory.mktemp("cellos")
    options = dict(instruments=["vc"], parts=(2, 2), duplicates="always", seed=4)
    (name,) = corpus.fabricate(home, [1], seconds=4.0, sample_rate=8000, **options)
    import Utils

    seats = Utils.read_json(home / name / "recipe.json")["seats"]
    notes = [read_notes(next((home / name).glob(f"Notes_{k}_*"))) for k in seats]
    return next((home / name).glob("Vid*")), [found[:, 0] for found in notes]


def seen(kind, path, players=2):
    return Watcher(vision.build(kind, RATE), VideoReader)(path, players)


def test_a_gesture_is_motion_in_typical_deviations_and_then_hands(film):
    found, plain = seen("players_gesture", film[0]), seen("players_motion", film[0])
    n_motion = len(optical_flow.names())
    assert found.features.shape[2] == n_motion + len(gesture.names())
    np.testing.assert_allclose(
        found.features[..., :n_motion] * UNITS, plain.features, atol=1e-6
    )
    motion, hands = np.split(found.features, [n_motion], axis=2)
    assert 0.2 < motion.std() < 3 and 0.3 < hands.std() < 3


def test_joints_are_placed_by_the_neck_and_move_when_notes_are_played(film):
    found = seen("players_skeleton", film[0])
    names = skeleton_features.names(skeleton.POINTS)
    assert found.features.shape[2] == len(names) and np.isfinite(found.features).all()
    wrist = names.index("right_wrist_vx"), names.index("right_wrist_vy")
    for player, onsets in zip(found.features, film[1]):
        speed = np.hypot(*(player[:, k] for k in wrist))
        assert speed.max() > 0.2 and len(onsets) > 2
        assert player[:, names.index("right_wrist_confidence")].mean() > 0.3


@pytest.mark.skipif(not CELLIST.exists(), reason="the real clips are not here")
def test_a_real_bassist_has_arms_of_human_length():
    found = seen("players_skeleton", CELLIST, 1)
    names = skeleton_features.names(skeleton.POINTS)
    for side in ("left", "right"):
        xy = [names.index(f"{side}_wrist_{axis}") for axis in "xy"]
        reach = np.hypot(*found.features[0][:, xy].T)
        there = found.features[0][:, names.index(f"{side}_wrist_confidence")] > 0
        assert there.mean() > 0.5 and 0.2 < np.median(reach[there]) < 3.5
