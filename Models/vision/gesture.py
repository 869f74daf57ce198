"""Where the hands of each player are: skin, found by the colour of the player's face.

Optical flow tells when something moves; this tells where the hands have come to: the
left hand on the neck, the slide, the fingers on their keys.  Skin is what has the
colour of the face (as in Jones and Rehg, "Statistical color models with application
to skin detection", IJCV 2002, but with one model a player, of the present light).
Three windows stand still upon the body: all of it from head to hips, and one, finer,
around the usual place of each hand.

    frame      uint8 [H, W, 3]    RGB
    boxes      float32 [P, F, 4]  left, top, right, bottom; shares of width and height
    features   float32 [P, F, D]  `names()`
"""

import cv2
import numpy as np

from Models.vision.skeleton import POINTS

WINDOWS = (("body", 2.9, 12), ("left", 0.8, 8), ("right", 0.8, 8))  # torsos, cells
CELL = 8  # pixels along a side of a cell
BELOW = 0.14  # of the body's window: its middle lies so far below the shoulders
SHOULDERS = 1.4  # widths of the shoulders in a torso
FACE = 0.1  # torsos from the nose to the rim of the patch that gives the colour
SPREAD = (20.0, 8.0, 8.0)  # standard deviations of skin in CIELAB, 8 bits each
MEMORY = 2.0  # seconds in which the colour follows the light
NEAR = 10  # looks before and after over which the place of the body is a median
STILL = {"body": 0.004, "left": 0.01, "right": 0.01}  # deviations of who is at rest
HANDS = {
    side: [POINTS.index(f"{side}_{part}") for part in ("pinky", "index", "thumb")]
    for side in ("left", "right")
}
NOSE = POINTS.index("nose")


def names():
    """What each of the D features is: skin in the cells of windows, row by row."""
    return [
        f"skin_{window}_{r}_{c}"
        for window, _, cells in WINDOWS
        for r in range(cells)
        for c in range(cells)
    ]


def settings():
    """What the features depend on beside the networks."""
    return (WINDOWS, CELL, SHOULDERS, FACE, SPREAD, MEMORY, NEAR, STILL)


class HandsMeter:
    """Measures the skin in the windows of each player, one frame after the other."""

    def __init__(self, players, instants, rate, frame_size):
        """Lays the windows.

        Args:
          players: P `tracking.Player`.
          instants: int [I], frames at which they were looked for.
          rate: Hz of the frames.
          frame_size: (width, height) of the frames, pixels.
        """
        self._instants, self._follow = np.asarray(instants), 1 / (MEMORY * rate)
        self._size = np.asarray(frame_size, float)
        self._places = [_places(player, self._size) for player in players]
        self._masks = [player.masks for player in players]
        self._boxes = [player.boxes for player in players]
        self._colours = [None] * len(players)
        self._look, self._free = None, {}

    def __call__(self, frame, k):
        """float32 [P, D], shares of skin in [0, 1]; 0 for who was never detected."""
        look = int(np.abs(self._instants - k).argmin())
        if look != self._look:
            self._look, self._free = look, {}
        rows = [self._player(frame, k, i) for i in range(len(self._places))]
        return np.stack(rows)

    def _player(self, frame, k, i):
        if self._places[i] is None:
            return np.zeros(len(names()), np.float32)
        lines = self._places[i]
        now = [np.interp(k, self._instants, line) for line in lines]
        size, nose, middles = now[0], now[1:3], np.reshape(now[3:], (-1, 2))
        self._follow_face(frame, i, nose, size)
        shares = []
        for w, ((_, torsos, cells), middle) in enumerate(zip(WINDOWS, middles)):
            side = cells * CELL
            there = _window(middle, torsos * size, side)
            seen = cv2.warpAffine(frame, there, (side, side))
            skin = _alike(seen, self._colours[i]) * self._freedom(i, w, there, side)
            small = cv2.resize(skin, (cells, cells), interpolation=cv2.INTER_AREA)
            shares.append(small.ravel())
        return np.concatenate(shares)

    def _follow_face(self, frame, i, nose, size):
        """Lets the colour of the face follow the light."""
        side = 16
        seen = cv2.warpAffine(frame, _window(nose, 2 * FACE * size, side), (side, side))
        lab = cv2.cvtColor(seen, cv2.COLOR_RGB2LAB).reshape(-1, 3)
        colour = np.median(lab, axis=0).astype(np.float32)
        before = self._colours[i]
        follow = 1.0 if before is None else self._follow
        before = colour if before is None else before
        self._colours[i] = before + np.float32(follow) * (colour - before)

    def _freedom(self, i, w, there, side):
        """float32 [side, side]: 0 where another player is and this one is not."""
        if (i, w) not in self._free:
            laid = [
                _laid(self._masks[j][self._look], box[self._look], self._size, there)
                for j, box in enumerate(self._boxes)
            ]
            laid = [cv2.warpAffine(mask, at, (side, side)) for mask, at in laid]
            others = [mask for j, mask in enumerate(laid) if j != i]
            taken = np.max(others, axis=0) if others else np.zeros((side, side))
            free = (taken < 128) | (laid[i] >= taken)
            self._free[i, w] = free.astype(np.float32)
        return self._free[i, w]


def centred(shares):
    """Shares of skin -> features.

    Args:
      shares: float32 [P, F, D] in [0, 1].

    Returns:
      float32 [P, F, D]: from the mean over time, in root mean squares over the time
      and the cells of a window, so that neither the contrast of a player's dress nor
      the size of the hands matters; `STILL` is added to these, so that the noise of
      the picture stays small in somebody who rests.
    """
    shares = np.asarray(shares, np.float32)
    away = shares - shares.mean(axis=1, keepdims=True)
    edges = np.cumsum([cells**2 for _, _, cells in WINDOWS])[:-1]
    parts = []
    for (window, *_), part in zip(WINDOWS, np.split(away, edges, axis=2)):
        level = np.sqrt(np.square(part).mean(axis=(1, 2), keepdims=True))
        parts.append(part / (level + np.float32(STILL[window])))
    return np.concatenate(parts, axis=2)


def watch(frames, players, instants, rate):
    """Features of a whole video in one pass; holds one block and the features.

    Args:
      frames: Iterable of blocks of frames, uint8 [f, H, W, 3].
      players: P `tracking.Player`.
      instants: int [I], frames at which they were looked for.
      rate: Hz of the frames.

    Returns:
      float32 [P, F, D].
    """
    meter, shares = None, []
    for block in frames:
        for frame in block:
            if meter is None:
                size = frame.shape[1::-1]
                meter = HandsMeter(players, instants, rate, size)
            shares.append(meter(frame, len(shares)))
    if not shares:
        return np.zeros((len(players), 0, len(names())), np.float32)
    return centred(np.stack(shares, axis=1))


def _places(player, frame_size):
    """Lines [9, I], pixels: torso, nose x, y, and the middles of windows; or None."""
    points = player.points[..., :2].astype(float) * frame_size
    if not np.isfinite(points).all():
        return None
    pick = {name: points[:, POINTS.index(name)] for name in POINTS}
    shoulders = (pick["left_shoulder"] + pick["right_shoulder"]) / 2
    hips = (pick["left_hip"] + pick["right_hip"]) / 2
    width = np.linalg.norm(pick["left_shoulder"] - pick["right_shoulder"], axis=1)
    size = (np.linalg.norm(shoulders - hips, axis=1) + SHOULDERS * width) / 2
    size = np.maximum(_steady(size[:, None]), 1.0)
    shoulders = _steady(shoulders)
    nose = shoulders + _usual(points[:, NOSE], shoulders, size) * size
    down = BELOW * WINDOWS[0][1] * size * (0.0, 1.0)
    middles = [shoulders + down]
    for side in ("left", "right"):
        hand = points[:, HANDS[side]].mean(axis=1)
        middles.append(shoulders + _usual(hand, shoulders, size) * size)
    return np.concatenate([size, nose, *middles], axis=1).T


def _usual(places, shoulders, size):
    """Median over time of places [I, 2] from the shoulders, in torsos: [2]."""
    return np.median((places - shoulders) / size, axis=0)


def _steady(values):
    """Running medians of values [I, n]."""
    near = [values[max(0, k - NEAR) : k + NEAR + 1] for k in range(len(values))]
    return np.stack([np.median(some, axis=0) for some in near])


def _window(middle, width, side):
    """Affine map [2, 3] from the picture into a square of `side` pixels."""
    scale = side / width
    shift = side / 2 - scale * np.asarray(middle)
    return np.float64([[scale, 0, shift[0]], [0, scale, shift[1]]])


def _laid(mask, box, frame_size, there):
    """(mask, affine map from it into the window that `there` maps the picture to)."""
    low, high = box[:2] * frame_size, box[2:] * frame_size
    scale = (high - low) / np.float64(mask.shape[::-1])
    grow, shift = there[[0, 1], [0, 1]] * scale, there[:, 2] + there[0, 0] * low
    return mask, np.float64([[grow[0], 0, shift[0]], [0, grow[1], shift[1]]])


def _alike(picture, colour):
    """float32 [h, w] in [0, 1]: 1 where a picture has the colour, CIELAB [3]."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    away = (lab - colour) / np.float32(SPREAD)
    return np.exp(-0.5 * np.einsum("ijk,ijk->ij", away, away))
