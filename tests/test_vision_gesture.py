"""Where hands are: skin of each player's own colour, in windows upon the body."""

import cv2
import numpy as np
import pytest

from Models.vision import gesture, tracking
from Models.vision.segmentation import MASK
from Models.vision.skeleton import POINTS

SIZE = (320, 240)
RATE = 25.0
COUNT = 60
INSTANTS = np.arange(0, COUNT, 12)
SKINS = ((226, 178, 140), (90, 58, 42))
CLOTH = (40, 70, 120)
MIDDLES = (80, 240)
BODY = gesture.WINDOWS[0][2] ** 2
HAND = gesture.WINDOWS[1][2] ** 2


def posture(middle):
    """Key points [33, 3] of somebody who sits around a column of the picture."""
    points = np.tile(np.float32([middle, 100, 1]), (len(POINTS), 1))
    places = {"nose": (0, 50), "left_shoulder": (25, 80), "right_shoulder": (-25, 80)}
    places |= {"left_hip": (20, 150), "right_hip": (-20, 150)}
    for side, x in (("left", 30), ("right", -30)):
        places |= {f"{side}_{part}": (x, 110) for part in ("pinky", "index", "thumb")}
    for name, (x, y) in places.items():
        points[POINTS.index(name), :2] = middle + x, y
    points[:, :2] /= SIZE
    return points


def player(middle):
    points = np.repeat(posture(middle)[None], len(INSTANTS), axis=0)
    left, right = (middle - 60) / SIZE[0], (middle + 60) / SIZE[0]
    box = np.float32([left, 0.1, right, 0.9])
    boxes = np.repeat(box[None], len(INSTANTS), axis=0)
    masks = np.full((len(INSTANTS), MASK, MASK), 255, np.uint8)
    seen = np.ones(len(INSTANTS), bool)
    return tracking.Player("detected", boxes, masks, points, seen)


def picture(lefts, light=0):
    """Two people; `lefts` are (x, y) of left hands from where they usually are."""
    image = np.full((*SIZE[::-1], 3), 128, np.uint8)
    for middle, skin, (x, y) in zip(MIDDLES, SKINS, lefts):
        cv2.rectangle(image, (middle - 28, 78), (middle + 28, 200), CLOTH, -1)
        cv2.circle(image, (middle, 50), 18, skin, -1)
        cv2.circle(image, (middle - 30, 110), 5, skin, -1)
        cv2.circle(image, (middle + 30 + round(x), 110 + round(y)), 5, skin, -1)
    return np.clip(image.astype(int) + light, 0, 255).astype(np.uint8)


def sway(k):
    return 12 * np.sin(k / 6)


def watched(pictures, blocks=7):
    pictures = np.stack(pictures)
    parts = [pictures[i : i + blocks] for i in range(0, len(pictures), blocks)]
    return gesture.watch(parts, [player(m) for m in MIDDLES], INSTANTS, RATE)


def column(features, window):
    """Where, in cells from the middle, skin is more or less than usual: [F]."""
    start, (_, _, cells) = BODY + HAND * (window == "right"), gesture.WINDOWS[1]
    skin = features[:, start : start + HAND].reshape(-1, cells, cells)
    return np.einsum("frc,c->f", skin, np.arange(cells) - (cells - 1) / 2)


def test_the_place_of_a_hand_is_told_and_whose_it_is():
    seen = watched([picture([(sway(k), 0), (0, 0)]) for k in range(COUNT)])
    assert seen.shape == (2, COUNT, len(gesture.names())) and seen.dtype == np.float32
    place = [sway(k) for k in range(COUNT)]
    assert np.corrcoef(column(seen[0], "left"), place)[0, 1] > 0.98
    assert np.abs(seen[0, :, BODY + HAND :]).max() < 0.02  # the right hand is still
    assert np.abs(seen[1]).max() < 0.02  # so is the other player


@pytest.mark.parametrize("who", [0, 1])
def test_hands_are_found_whatever_the_colour_of_the_skin(who):
    still = (0, 0)
    moves = [[(sway(k), 0), still][:: 1 - 2 * who] for k in range(COUNT)]
    seen = watched([picture(lefts) for lefts in moves])
    place = [sway(k) for k in range(COUNT)]
    assert np.corrcoef(column(seen[who], "left"), place)[0, 1] > 0.98


def test_a_hand_that_comes_to_a_place_stays_there_while_it_rests():
    lefts = [(-10 if k < COUNT / 2 else 10, 0) for k in range(COUNT)]
    seen = watched([picture([left, (0, 0)]) for left in lefts])
    place = column(seen[0], "left")
    assert np.ptp(place[: COUNT // 2]) < 0.02 * np.ptp(place)
    assert place[COUNT // 2 :].min() > place[: COUNT // 2].max()


def test_the_light_may_change_slowly():
    steps = range(COUNT)
    dimmed = [picture([(sway(k), 0), (0, 0)], -k / 2) for k in steps]
    seen = watched(dimmed)
    place = [sway(k) for k in steps]
    assert np.corrcoef(column(seen[0], "left"), place)[0, 1] > 0.9


def test_the_cut_into_blocks_changes_nothing():
    pictures = [picture([(sway(k), 0), (0, 0)]) for k in range(COUNT)]
    np.testing.assert_array_equal(watched(pictures, 1), watched(pictures, COUNT))


def test_a_hand_of_another_player_does_not_count():
    still = picture([(0, 0), (0, 0)])
    lent = [still.copy() for _ in range(COUNT)]
    for k in range(0, COUNT, 2):  # in the window of the left, but on the right's body
        cv2.circle(lent[k], (185, 130), 6, SKINS[0], -1)
    alone = gesture.watch([np.stack(lent)], [player(MIDDLES[0])], INSTANTS, RATE)
    assert np.abs(alone).max() > 0.5
    assert np.abs(watched(lent)[0]).max() < 0.02


def test_who_was_never_detected_has_zeros():
    masks = np.full((len(INSTANTS), MASK, MASK), 255, np.uint8)
    seat = tracking.standing_in("seat", (0, 0, 1, 1), masks)
    frames = np.stack([picture([(sway(k), 0), (0, 0)]) for k in range(COUNT)])
    assert not gesture.watch([frames], [seat], INSTANTS, RATE).any()


def test_a_video_without_frames_has_features_of_no_frames():
    seen = gesture.watch([], [player(80)], np.arange(0), RATE)
    assert seen.shape == (1, 0, len(gesture.names()))
