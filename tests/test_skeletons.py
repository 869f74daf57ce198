"""Skeletons: read from Solos' own files, and what is told of posture and motion."""

import json

import numpy as np
import pytest

from Datasets import skeletons
from Models.vision import skeleton_features
from Models.vision.skeleton import POINTS
from Schema import InputError

JOINTS = skeletons.joints()
NAMES = skeleton_features.names(JOINTS)
SAMPLE = "solos/skeleton_npy_test.npy"  # the clip OqH9szlahwU


def body(count=50, seed=0):
    """A player in front of the camera: points [F, 47, 3], shoulders 100 pixels wide."""
    rng = np.random.default_rng(seed)
    places = np.zeros((47, 2))
    for name, place in {
        "neck": (320, 150),
        "right_shoulder": (270, 150),
        "right_elbow": (260, 220),
        "right_wrist": (300, 260),
        "left_shoulder": (370, 150),
        "left_elbow": (380, 220),
        "left_wrist": (400, 160),
    }.items():
        places[JOINTS.index(name)] = place
    for side in ("right", "left"):
        hand = [k for k, n in enumerate(JOINTS) if n[:-2].startswith(f"{side}_")]
        hand = [k for k in hand if JOINTS[k][-1].isdigit()]
        wrist = places[JOINTS.index(f"{side}_wrist")]
        places[hand] = wrist + rng.uniform(-15, 15, (20, 2))
    points = np.concatenate([places, np.full((47, 1), 0.8)], axis=1)
    return np.repeat(points[None], count, axis=0)


def told(points, rate=25.0, **options):
    """{name: [F]}."""
    found = skeleton_features.features(points, rate, JOINTS, **options)
    assert found.dtype == np.float32 and found.shape == (len(points), len(NAMES))
    return dict(zip(NAMES, found.T))


def write_solos(folder, clips):
    """Solos' own two files of {clip: points [F, 47, 3]}."""
    index, first = {}, 0
    for name, points in clips.items():
        index[name] = [first, first + len(points)]
        first += len(points)
    raw = np.concatenate([p.swapaxes(1, 2) for p in clips.values()])
    raw.astype(np.float32).tofile(folder / "skeleton.npy")
    index["_counter"] = first
    (folder / "skeleton_dict.json").write_text(json.dumps(index))
    return folder / "skeleton.npy"


def test_clips_are_cut_from_the_file_of_all(tmp_path):
    bodies = {name: body(5 + k, k) for k, name in enumerate(("a1", "_b", "-c"))}
    path = write_solos(tmp_path, bodies)
    assert list(skeletons.clips(path)) == list(bodies)
    for name, points in bodies.items():
        found, rate = skeletons.read(path, name)
        assert rate == 25 and found.dtype == np.float32
        np.testing.assert_allclose(found, points, rtol=1e-6)


def test_joints_without_a_place_are_not_found_and_confidence_is_at_most_one(tmp_path):
    points = body(4)
    points[1, 3, 0], points[2, 9, 2] = np.nan, 1.04
    found, _ = skeletons.read(write_solos(tmp_path, {"a": points}), "a")
    assert found[1, 3].tolist() == [0, 0, 0] and found[2, 9, 2] == 1


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda f: (f / "skeleton.npy").unlink(), "skeleton.npy does not exist"),
        (
            lambda f: (f / "skeleton_dict.json").unlink(),
            "skeleton_dict.json does not exist",
        ),
        (
            lambda f: (f / "skeleton_dict.json").write_text("[1]"),
            "skeleton_dict.json is not an index",
        ),
        (
            lambda f: (f / "skeleton_dict.json").write_text(
                '{"a": [0, 9], "_counter": 4}'
            ),
            r"skeleton_dict.json: a is \[0, 9\] of 4 frames",
        ),
        (
            lambda f: (f / "skeleton.npy").write_bytes(b"1234"),
            "skeleton.npy has 4 bytes, 4 frames .* have 2256",
        ),
        (
            lambda f: np.full((4, 3, 47), 7, np.float32).tofile(f / "skeleton.npy"),
            "skeleton.npy: confidences from 7 to 7, expected 0 to 1",
        ),
    ],
)
def test_damaged_files_of_all_clips_are_refused(tmp_path, spoil, message):
    path = write_solos(tmp_path, {"a": body(4)})
    skeletons.read(path, "a")
    spoil(tmp_path)
    with pytest.raises(InputError, match=message):
        skeletons.read(path, "a")


def test_clips_that_are_not_there_are_refused(tmp_path):
    path = write_solos(tmp_path, {"OqH9szlahwU": body(4), "empty": body(0)})
    with pytest.raises(InputError, match="no clip 'OqH9szlahwV'; did you mean OqH9"):
        skeletons.read(path, "OqH9szlahwV")
    with pytest.raises(InputError, match="no clip '_counter'"):
        skeletons.read(path, "_counter")
    with pytest.raises(InputError, match="empty has no frames"):
        skeletons.read(path, "empty")
    with pytest.raises(InputError, match="not a NumPy file .* of several clips, name"):
        skeletons.read(path)


def test_files_of_one_clip_that_are_none_are_refused(tmp_path, shared):
    np.save(tmp_path / "x.npy", body(4))
    with pytest.raises(InputError, match=r"x.npy holds float64 \(4, 47, 3\), not"):
        skeletons.read(tmp_path / "x.npy")
    whole = (shared / SAMPLE).read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cut.npy is not a NumPy file"):
        skeletons.read(tmp_path / "cut.npy")


def test_the_skeleton_of_a_real_musician_has_hands_at_its_wrists(shared):
    points, rate = skeletons.read(shared / SAMPLE)
    assert points.shape == (1619, 47, 3) and rate == 25
    missing = (points[..., 2] == 0).mean()
    assert missing == pytest.approx(0.056, abs=0.001)
    for side, other in (("right", "left"), ("left", "right")):
        root = points[:, JOINTS.index(f"{side}_middle_1"), :2]
        wrists = [points[:, JOINTS.index(f"{s}_wrist"), :2] for s in (side, other)]
        near, far = (np.median(np.hypot(*(root - w).T)) for w in wrists)
        assert near < 0.6 * far
    right, left = (JOINTS.index(f"{side}_shoulder") for side in ("right", "left"))
    assert np.median(points[:, left, 0] - points[:, right, 0]) > 300  # faces us


def test_features_of_a_real_musician_are_of_people(shared):
    points, rate = skeletons.read(shared / SAMPLE)
    found = told(points, rate)
    width = np.abs(found["left_shoulder_x"] - found["right_shoulder_x"])
    seen = found["neck_confidence"] > 0
    assert np.median(width[seen]) == pytest.approx(1, abs=0.05)
    below = found["right_elbow_y"][seen] > 0
    assert below.mean() > 0.9
    for value in found.values():
        assert np.isfinite(value).all() and np.abs(value).max() <= 20
    speed = np.hypot(found["right_wrist_vx"], found["right_wrist_vy"])
    body_speed = np.hypot(found["neck_vx"], found["neck_vy"])
    assert 0.05 < np.median(speed[seen]) < 5
    assert np.median(body_speed[seen]) < np.median(speed[seen])
    assert (~seen).sum() == 90
    assert not any(value[~seen].any() for value in found.values())


def moving(seed=1):
    points = body(50)
    rng = np.random.default_rng(seed)
    points[..., :2] += np.cumsum(rng.normal(size=(50, 47, 2)), axis=0)
    points[rng.random((50, 47)) < 0.1, 2] = 0
    return points


@pytest.mark.parametrize("scale", [0.3, 4.0])
def test_neither_the_place_nor_the_size_of_the_player_matters(scale):
    points = moving()
    other = points.copy()
    other[..., :2] = scale * points[..., :2] + (90, -40)
    a, b = (skeleton_features.features(p, 25, JOINTS) for p in (points, other))
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert a.std(axis=0).max() > 0.1


def test_shares_of_the_picture_are_pixels_once_its_shape_is_told():
    points = moving()
    shares = points.copy()
    shares[..., :2] /= (640, 360)
    a = skeleton_features.features(points, 25, JOINTS)
    b = skeleton_features.features(shares, 25, JOINTS, aspect=640 / 360)
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rate", [25.0, 50.0])
def test_places_and_speeds_are_in_shoulder_widths_and_seconds(rate):
    points = body(50)
    wrist = JOINTS.index("left_wrist")
    points[:, wrist, 0] += 300 * np.arange(50) / rate  # pixels
    points[..., 1] += 60 * np.arange(50)[:, None] / rate
    found = told(points, rate)
    assert found["right_elbow_x"] == pytest.approx(-0.6)
    assert found["right_elbow_y"] == pytest.approx(0.7)
    assert found["left_wrist_vx"] == pytest.approx(3, rel=1e-5)
    assert found["left_wrist_vy"] == pytest.approx(0, abs=1e-5)
    assert found["neck_vy"] == pytest.approx(0.6, rel=1e-5)
    assert found["left_thumb_1_confidence"] == pytest.approx(0.8)


@pytest.mark.parametrize("value", [0, np.nan])
def test_short_gaps_are_bridged_and_long_ones_are_zeros(value):
    points, wrist = body(50), JOINTS.index("left_wrist")
    points[:, wrist, 0] += np.arange(50)
    expected = told(points)
    points[10:16, wrist, 2] = value  # 6 frames: 0.24 s
    points[30:37, wrist, 2] = value  # 7 frames: 0.28 s
    points[10:16, wrist, 0] = points[30:37, wrist, 0] = 9999
    found = told(points)
    there = np.ones(50, bool)
    there[30:37] = False
    x, vx = found["left_wrist_x"], found["left_wrist_vx"]
    np.testing.assert_allclose(x[there], expected["left_wrist_x"][there], rtol=1e-5)
    np.testing.assert_allclose(vx[there], expected["left_wrist_vx"][there], rtol=1e-4)
    assert not x[~there].any() and not vx[~there].any()
    confidence = found["left_wrist_confidence"]
    assert not confidence[10:16].any() and not confidence[~there].any()
    assert (confidence[16:30] > 0).all()


def test_wherever_joints_jump_features_are_bounded():
    rng = np.random.default_rng(0)
    points = body(40)
    points[:, 8:, :2] = rng.uniform(-1e6, 1e6, (40, 39, 2))
    points[20, 3] = np.inf
    found = told(points)
    for name, value in found.items():
        bound = 20 if "_v" in name else 4 if name[-2:] in ("_x", "_y") else 1
        assert np.abs(value).max() <= bound, name


def test_a_player_who_is_never_found_has_no_features():
    points = body(10)
    points[..., 2] = 0
    assert not skeleton_features.features(points, 25, JOINTS).any()
    points = body(10)
    points[:, 0, 2] = 0  # no neck: the middle of the shoulders is as good
    found, whole = told(points), told(body(10))
    assert found.pop("neck_confidence").max() == 0 < whole.pop("neck_confidence").min()
    for name in found:
        np.testing.assert_allclose(found[name], whole[name], atol=1e-6)


def test_a_player_who_turns_to_the_side_does_not_grow():
    points = body(10)
    for name in ("left_shoulder", "left_elbow"):
        points[:, JOINTS.index(name), 0] -= 98  # shoulders one behind the other
    found = told(points)
    assert found["right_elbow_y"] == pytest.approx(70 / (0.7 * np.hypot(10, 70)))


def test_skeletons_of_the_own_network_have_features_too():
    names = skeleton_features.names(POINTS)
    assert len(names) == len(set(names)) == 3 + 5 * 12
    points = np.random.default_rng(0).uniform(0, 1, (6, 33, 3))
    found = skeleton_features.features(points, 2, POINTS, aspect=1.5)
    assert found.shape == (6, len(names)) and np.abs(found).max() > 0


def test_key_points_that_cannot_be_are_refused():
    with pytest.raises(InputError, match=r"\(5, 33, 3\): expected \[F, 47 joints, 3\]"):
        skeleton_features.features(np.zeros((5, 33, 3)), 25, JOINTS)
    with pytest.raises(InputError, match="lack left_shoulder"):
        skeleton_features.features(np.zeros((5, 1, 3)), 25, ["neck"])
    with pytest.raises(InputError, match="rate=0: expected Hz above 0"):
        skeleton_features.features(body(5), 0, JOINTS)
