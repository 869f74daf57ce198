"""Where the players are in one picture: boxes, masks and key points.

A detector looks at the whole picture and at parts of it (`regions`), so that players
far away are large enough for it; whom it suspects, the skeleton network confirms and
outlines.  Detector: Bazarevsky et al., "BlazePose", 2020; segmentation of a seat:
MediaPipe's selfie segmentation.

    picture   uint8 [H, W, 3]    RGB
    box       float32 [4]        left, top, right, bottom; shares of width and height
    mask      uint8 [M, M]       0..255, share of the player in each part of the box
"""

import dataclasses

import cv2
import numpy as np

from Models.vision.skeleton import BONES, TORSO, SkeletonNetwork
from Models.vision.weights import LiteNetwork, found, sigmoid

DETECTOR, OUTLINER = "pose_detection.tflite", "selfie_segmentation.tflite"
SIDE = 224  # pixels of the square that the detector sees
STRIDES = ((8, 2), (16, 2), (32, 6))  # pixels of a cell, anchors in it
MASK = 48  # M
SUSPECTED, CONFIRMED = 0.25, 0.5  # least score of the detector, of the skeleton network
SAME_BOX = 0.3  # overlap of two heads of one person, at least
SAME_TORSO = 0.35  # distance of two torsos of one person, at most, in torsos
SAME_MASK = 0.6  # share of the smaller of two masks of one person in the other
GRID = 48  # cells of the picture along each side, in which bodies are compared
SEAT_FILLED = 0.04  # least share of a seat that its player fills


@dataclasses.dataclass(frozen=True)
class Person:
    """One person in one picture; `score` is the detector's, in [0, 1]."""

    score: float
    box: np.ndarray
    points: np.ndarray
    mask: np.ndarray

    @property
    def centre(self):
        """(x, y) of the box."""
        return (self.box[:2] + self.box[2:]) / 2


class PeopleFinder:
    """Finds the people in a picture.

    Attributes:
      paths: Files of the weights.
    """

    def __init__(self, detector=None, skeleton=None, outliner=None):
        """Loads the weights: the files given, or those that VIMSS ships."""
        self._skeleton = SkeletonNetwork(skeleton)
        paths = [found(DETECTOR, detector), found(OUTLINER, outliner)]
        self._detector, self._outliner = (LiteNetwork(path) for path in paths)
        self.paths = [*paths, self._skeleton.path]
        self._anchors = _anchors()

    def __call__(self, picture, seats=None):
        """Finds people.

        Args:
          picture: uint8 [H, W, 3].
          seats: Number of players side by side, or None.

        Returns:
          list of Person, the most certain first.
        """
        height, width = picture.shape[:2]
        suspects = [
            suspect
            for left, right in regions(width, height, seats)
            for suspect in self._suspects(picture, left, right)
        ]
        bodies = []
        for score, centre, rim, _ in _distinct(suspects):
            points, presence, mask = self._skeleton(picture, centre, rim)
            body = _Body(score * presence, points, mask)
            if presence >= CONFIRMED and not any(_same(body, b) for b in bodies):
                bodies.append(body)
        people = [_person(body, bodies) for body in bodies]
        return [person for person in people if person is not None]

    def seat_mask(self, picture, left, right):
        """Mask of the player in columns [left, right); full where none is seen."""
        small = cv2.resize(
            picture[:, left:right], (256, 256), interpolation=cv2.INTER_AREA
        )
        mask = self._outliner(small.astype(np.float32) / 255)[0][..., 0]
        mask = cv2.resize(np.clip(mask, 0, 1), (MASK, MASK))
        if (mask > 0.5).mean() < SEAT_FILLED:
            return np.full((MASK, MASK), 255, np.uint8)
        return np.rint(255 * mask).astype(np.uint8)

    def _suspects(self, picture, left, right):
        """(score, centre, rim, box of the head) in some columns; all in pixels."""
        square, scale, offset = _letterbox(picture[:, left:right])
        values, scores = self._detector(square / np.float32(127.5) - 1)
        scores = sigmoid(scores[:, 0])
        suspects = []
        for i in np.flatnonzero(scores >= SUSPECTED):
            places = values[i].reshape(-1, 2).astype(np.float64)
            middle, size = places[0] + self._anchors[i], places[1]
            points = places[2:4] + self._anchors[i]
            box = np.concatenate([middle - size / 2, middle + size / 2])
            shift = np.array([left, 0])
            centre, rim = (points - offset) / scale + shift
            box = (box - np.tile(offset, 2)) / scale + np.tile(shift, 2)
            suspects.append((float(scores[i]), centre, rim, box))
        return suspects


def regions(width, height, seats=None):
    """Columns [left, right) that the detector looks at, in pixels.

    The whole picture; the seats, if their number is told, else squares that overlap by
    half, if the picture is wide.
    """
    whole = [(0, width)]
    if seats is not None:
        return whole + (columns(width, seats) if seats > 1 else [])
    if width < 1.3 * height:
        return whole
    count = 1 + int(np.ceil(2 * (width - height) / height))
    starts = np.linspace(0, width - height, count).round().astype(int)
    return whole + [(int(start), int(start) + height) for start in starts]


def columns(width, count):
    """Columns [left, right) of players side by side, as URMP's videos are cut."""
    edges = [round(i * width / count) for i in range(count + 1)]
    return list(zip(edges[:-1], edges[1:]))


def _anchors():
    """Middles of the detector's anchors, pixels [n, 2]."""
    rows = []
    for stride, count in STRIDES:
        line = stride * (np.arange(SIDE // stride) + 0.5)
        grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
        rows.append(np.repeat(grid, count, axis=0))
    return np.concatenate(rows)


def _letterbox(picture):
    """(float32 square, pixels of it per pixel, (x, y) of the picture's corner)."""
    height, width = picture.shape[:2]
    scale = SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    x, y = (SIDE - size[0]) // 2, (SIDE - size[1]) // 2
    square = np.zeros((SIDE, SIDE, 3), np.float32)
    square[y : y + size[1], x : x + size[0]] = cv2.resize(
        picture, size, interpolation=cv2.INTER_AREA
    )
    return square, scale, np.array([x, y])


def _distinct(suspects):
    """The most certain of those whose boxes overlap, the most certain first."""
    kept = []
    for suspect in sorted(suspects, key=lambda s: -s[0]):
        if all(overlap(suspect[3], other[3]) < SAME_BOX for other in kept):
            kept.append(suspect)
    return kept


def pixels(box, height, width):
    """(left, top, right, bottom) of a box in whole pixels of the picture, not empty."""
    left, top = (
        int(np.clip(v, 0, 0.999) * n) for v, n in zip(box[:2], (width, height))
    )
    right, bottom = (
        int(np.ceil(np.clip(v, 0, 1) * n)) for v, n in zip(box[2:], (width, height))
    )
    return left, top, max(right, left + 1), max(bottom, top + 1)


def laid(box, mask, height, width):
    """A mask laid into the picture: float32 [height, width] in [0, 1]."""
    left, top, right, bottom = pixels(box, height, width)
    share = np.zeros((height, width), np.float32)
    inside = cv2.resize(mask, (right - left, bottom - top))
    share[top:bottom, left:right] = inside / np.float32(255)
    return share


def overlap(a, b):
    """Intersection over union of two boxes."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = np.prod(np.maximum(high - low, 0))
    union = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared
    return float(shared / max(union, 1e-12))


@dataclasses.dataclass(frozen=True)
class _Body:
    """A person with the mask of the whole picture, float32 [H, W]."""

    score: float
    points: np.ndarray
    mask: np.ndarray

    @property
    def outline(self):
        """The mask, bool [GRID, GRID]."""
        return cv2.resize(self.mask, (GRID, GRID), interpolation=cv2.INTER_AREA) > 0.5

    @property
    def places(self):
        """Key points in pixels, [33, 2]."""
        return self.points[:, :2] * np.float32(self.mask.shape[::-1])


def _same(body, other):
    """Whether two are one: in one place are the torsos, or one mask in the other."""
    here, there = body.places[TORSO], other.places[TORSO]
    size = np.ptp(there, axis=0).max()
    if np.linalg.norm(here - there, axis=1).mean() < SAME_TORSO * size:
        return True
    mine, theirs = body.outline, other.outline
    least = max(min(mine.sum(), theirs.sum()), 1)
    return bool((mine & theirs).sum() > SAME_MASK * least)


def _person(body, bodies):
    """A Person of the pixels that are nearest to this body; None if there are none."""
    mask, (height, width) = body.mask, body.mask.shape
    others = [other for other in bodies if other is not body]
    if others:
        far = np.min([_distances(other) for other in others], axis=0)
        mine = cv2.resize((_distances(body) <= far).astype(np.float32), (width, height))
        mask = mask * mine
    rows, cols = (np.flatnonzero((mask > 0.5).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    top, bottom, left, right = rows[0], rows[-1] + 1, cols[0], cols[-1] + 1
    cut = cv2.resize(
        mask[top:bottom, left:right], (MASK, MASK), interpolation=cv2.INTER_AREA
    )
    box = np.float32([left / width, top / height, right / width, bottom / height])
    cut = np.rint(255 * np.clip(cut, 0, 1)).astype(np.uint8)
    return Person(body.score, box, body.points, cut)


def _distances(body):
    """Pixels from each cell of a grid to the nearest bone, [GRID, GRID]."""
    height, width = body.mask.shape
    middles = (np.arange(GRID) + 0.5) / GRID
    cells = np.stack(np.meshgrid(middles * width, middles * height), axis=-1)
    ends = body.places[np.array(BONES)]  # [bones, 2, 2]
    along = np.linspace(0, 1, 5)[:, None, None]
    spots = (ends[:, 0] * (1 - along) + ends[:, 1] * along).reshape(-1, 2)
    gaps = cells[:, :, None] - spots
    return np.sqrt(np.square(gaps).sum(axis=-1).min(axis=-1))
