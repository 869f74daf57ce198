"""Players in videos: found, followed, kept apart; what is missing has a name."""

import cv2
import numpy as np
import pytest

from Datasets import media, video
from Datasets.chamber import stage
from Models import vision
from Models.vision import optical_flow, segmentation, tracking
from Models.vision.front_end import PlayersFrontEnd, placed
from Models.vision.segmentation import MASK, Person
from Schema import InputError
from tests import video_made
from tests.test_chamber_stage import player

RATE = 25.0


@pytest.fixture(scope="module")
def finder():
    return segmentation.PeopleFinder()


def person(x, y=0.5, width=0.2, height=0.6, score=0.9):
    box = np.float32([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
    points = np.tile(np.float32([x, y, 1]), (33, 1))
    return Person(score, box, points, np.full((MASK, MASK), 255, np.uint8))


def walk(rng, count=20):
    """Three people who sway, in any order, one of them often unseen."""
    instants = []
    for k in range(count):
        sway = 0.02 * np.sin(k + np.arange(3))
        people = [person(x + s) for x, s in zip((0.2, 0.5, 0.8), sway)]
        people = people if k % 3 else people[:2]
        instants.append([people[i] for i in rng.permutation(len(people))])
    return instants


def test_players_keep_their_place_from_left_to_right():
    found = tracking.track(walk(np.random.default_rng(1)))
    middles = [p.boxes[:, [0, 2]].mean(axis=1) for p in found]
    for x, middle in zip((0.2, 0.5, 0.8), middles):
        assert np.abs(middle - x).max() < 0.04
    assert [p.how for p in found] == ["detected"] * 3
    assert found[0].seen.all() and found[2].seen.mean() == pytest.approx(0.65)


def test_the_order_of_detections_changes_nothing():
    a, b = (tracking.track(walk(np.random.default_rng(seed))) for seed in (1, 2))
    for one, other in zip(a, b):
        np.testing.assert_array_equal(one.boxes, other.boxes)


def test_a_passer_by_is_no_player_and_of_many_the_surest_are_taken():
    instants = walk(np.random.default_rng(1))
    instants[4].append(person(0.95, score=0.99))
    assert len(tracking.track(instants)) == 3
    assert len(tracking.track(instants, 2)) == 2


def test_a_player_is_followed_across_a_cut_to_another_size():
    instants = [[person(0.4)]] * 10 + [[person(0.6, height=0.9, width=0.4)]] * 10
    assert len(tracking.track(instants)) == 1


def seats(count, instants):
    return [np.full((count, MASK, MASK), 255, np.uint8)] * instants


def test_seats_stand_in_for_players_who_are_told_but_not_found():
    players, fallback = placed([[person(0.8)]] * 4, seats(3, 4), 3)
    assert fallback == "seats"
    assert [p.how for p in players] == ["seat", "seat", "detected"]
    np.testing.assert_allclose(players[1].boxes[0], [1 / 3, 0, 2 / 3, 1], rtol=1e-6)
    assert [p.seen.mean() for p in players] == [0, 0, 1]


def test_the_scene_stands_in_where_nobody_is_found():
    players, fallback = placed([[]] * 4, [None] * 4)
    assert fallback == "scene" and len(players) == 1
    np.testing.assert_array_equal(players[0].boxes, np.tile([0, 0, 1, 1], (4, 1)))


def texture(height, width, seed=0):
    noise = np.random.default_rng(seed).uniform(0, 255, (height, width))
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    smooth = 128 + 60 * (smooth - smooth.mean()) / smooth.std()
    return np.repeat(np.clip(smooth, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def summary(move, pan):
    """Features of a player that moves (x, y) pixels before a wall that the camera pans.

    The player is 120 x 60 pixels at (100, 60).
    """
    meter, wall, coat = optical_flow.FlowMeter(), texture(280, 400), texture(140, 90, 1)
    for k in range(2):
        scene = np.roll(wall, (k * pan[1], k * pan[0]), (0, 1))[:240, :320].copy()
        left, top = 100 + k * (move[0] + pan[0]), 60 + k * (move[1] + pan[1])
        scene[top : top + 120, left : left + 60] = coat[:120, :60]
        flow = meter(scene)
    box = np.float32([[100 / 320, 60 / 240, 160 / 320, 180 / 240]])
    mask = np.full((1, MASK, MASK), 255, np.uint8)
    values = optical_flow.summarise(flow, box, mask, RATE)[0]
    return dict(zip(optical_flow.names(), values))


@pytest.mark.parametrize("pan", [(0, 0), (5, -3)])
def test_motion_is_in_heights_a_second_whatever_the_camera_does(pan):
    found = summary((4, -2), pan)
    assert found["right"] == pytest.approx(4 * RATE / 120, rel=0.2)
    assert found["down"] == pytest.approx(-2 * RATE / 120, rel=0.25)
    assert found["speed"] == pytest.approx(20**0.5 * RATE / 120, rel=0.2)
    assert summary((0, 0), pan)["speed"] < 0.1 * found["speed"]


def test_directions_sum_to_the_speed_and_point_the_right_way():
    for move, bin_ in (((5, 0), 0), ((0, 5), 2), ((-5, 0), 4), ((0, -5), 6)):
        found = summary(move, (0, 0))
        bins = np.array([found[f"direction_{d}"] for d in range(8)])
        assert bins.sum() == pytest.approx(found["speed"], rel=1e-4)
        assert bins.argmax() == bin_


def test_every_feature_has_a_name():
    front_end = vision.build("players_motion", rate=RATE)
    assert front_end.size == len(optical_flow.names()) == len(set(optical_flow.names()))


def test_a_jump_and_a_click_meet_within_half_a_frame(tmp_path, finder):
    at = [0.6, 1.32]
    pictures = []
    for k in range(50):
        picture = texture(120, 160)
        left = 40 + 12 * sum(k / RATE >= time - 1e-9 for time in at)
        picture[40:80, left : left + 40] = texture(40, 40, 5)
        pictures.append(picture)
    sound = video_made.clicks(at, 2.0, 48000)[:, None]
    media.write_video(tmp_path / "x.mp4", pictures, 25, sound, 48000)
    for rate in (25, 50):
        reader = video.VideoReader(tmp_path / "x.mp4", rate)
        seen = PlayersFrontEnd(rate=rate, finder=finder)(reader)
        assert seen.fallback == "scene"
        assert seen.features.shape == (1, 2 * rate, len(optical_flow.names()))
        speed, middles = seen.features[0, :, 0], (np.arange(2 * rate) + 0.5) / rate
        for time in at:
            near = np.abs(middles - time) < 0.2
            centre = np.average(middles[near], weights=speed[near] ** 2)
            assert abs(centre - time) < 0.5 / rate


def test_impossible_rates_and_numbers_of_players_are_refused(finder):
    with pytest.raises(InputError, match="detection_rate=30"):
        PlayersFrontEnd(rate=25, detection_rate=30, finder=finder)
    front_end = PlayersFrontEnd(finder=finder)
    for wrong in (0, -1, 1.5):
        with pytest.raises(InputError, match=f"players={wrong}: expected a whole"):
            front_end([np.zeros((1, 48, 64, 3), np.uint8)], wrong)
    with pytest.raises(InputError, match="no frames"):
        front_end([])
    with pytest.raises(InputError, match="did you mean players_motion"):
        vision.build("player_motion")


def test_the_name_of_a_front_end_changes_with_its_weights(tmp_path, finder):
    other = tmp_path / "x.tflite"
    other.write_bytes(finder.paths[0].read_bytes() + b" ")
    changed = segmentation.PeopleFinder(detector=other)
    names = [PlayersFrontEnd(finder=f).name for f in (finder, finder, changed)]
    assert names[0] == names[1] != names[2]


def test_networks_without_weights_are_refused(tmp_path):
    with pytest.raises(InputError, match="x.tflite does not exist"):
        segmentation.PeopleFinder(detector=tmp_path / "x.tflite")
    (tmp_path / "x.tflite").write_text("nothing")
    with pytest.raises(InputError, match="x.tflite is not a TFLite network"):
        segmentation.PeopleFinder(detector=tmp_path / "x.tflite")


def test_players_of_the_chamber_corpus_are_found(finder):
    rng = np.random.default_rng(0)
    played = [player([0.2, 0.6]) for _ in range(4)]
    codes = ["fl", "vn", "tpt", "cl"]
    frames = list(stage.frames(played, codes, 1.0, 4, (640, 360), rng))
    front_end = PlayersFrontEnd(rate=4, detection_rate=4, finder=finder)
    seen = front_end([np.stack(frames)], 4)
    assert seen.fallback is None and seen.detection_rate.mean() >= 0.7
    middles = seen.boxes[:, 0, [0, 2]].mean(axis=1)
    assert np.abs(middles - (np.arange(4) + 0.5) / 4).max() < 0.08


@pytest.mark.parametrize(
    "name, count", [("avsbench_O7xnnBye7RM", 2), ("vggsound_drums_-Qowmc0P9ic", 1)]
)
def test_real_players_are_found(name, count, shared, finder):
    reader = video.VideoReader(shared / "video" / f"{name}.mp4", 1, longest=640)
    seen = PlayersFrontEnd(rate=1, detection_rate=1, finder=finder)(reader)
    assert len(seen.players) == count and seen.fallback is None
    assert (seen.detection_rate > 0.7).all()
    assert seen.boxes.shape == (count, seen.features.shape[1], 4)
