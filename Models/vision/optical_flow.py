"""Optical flow between consecutive frames, summarised for each player.

Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016 (OpenCV).
The background's median is subtracted, so that a moving camera moves nobody; flow is in
heights of the player's box per second, so that its distance does not matter.

    frame      uint8 [H, W, 3]
    flow       float32 [H, W, 2]   pixels from one frame to the next, x right, y down
    box        float32 [4]         left, top, right, bottom; shares of width and height
    mask       uint8 [M, M]        0..255, of the box
    features   float32 [D]         `names()`
"""

import cv2
import numpy as np

from Models.vision.segmentation import laid, pixels

DIRECTIONS = 8  # bins of the histogram; bin 0 around right, then down, left, up
ROWS, COLS = 4, 3  # cells of the box, each with its own mean flow
REACH = 0.05  # heights of the box by which a mask grows: hands, bows and keys count
BACKGROUND = 0.05  # least share of the picture that tells the camera's motion
STEP = 3  # pixels: every so many count


def names():
    """What each of the D features is."""
    cells = [f"cell_{r}_{c}" for r in range(ROWS) for c in range(COLS)]
    return (
        ["speed", "right", "down"]
        + [f"direction_{d}" for d in range(DIRECTIONS)]
        + [f"{cell}_{what}" for what in ("right", "down", "speed") for cell in cells]
    )


class FlowMeter:
    """Measures the flow from each frame that it is shown to the next."""

    def __init__(self):
        self._flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._before = None

    def __call__(self, frame):
        """float32 [H, W, 2] since the frame before; None at the first frame."""
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        before, self._before = self._before, grey
        return None if before is None else self._flow.calc(before, grey, None)


def summarise(flow, boxes, masks, rate):
    """Features of each player.

    Args:
      flow: float32 [H, W, 2] from one frame to the next.
      boxes: float32 [P, 4].
      masks: uint8 [P, M, M].
      rate: Hz of the frames.

    Returns:
      float32 [P, D], in heights of the player's box per second: mean speed; mean flow
      right and down; speed in each direction (they sum to the mean); and for cells of
      the box, row by row, mean flow right, down, and mean speed.  Means are sums over
      the mask and what it can reach, over the size of the mask.
    """
    height, width = flow.shape[0] // STEP, flow.shape[1] // STEP
    flow = np.ascontiguousarray(flow[: height * STEP : STEP, : width * STEP : STEP])
    shares = [laid(box, mask, height, width) for box, mask in zip(boxes, masks)]
    flow = flow - camera_motion(flow, shares)
    features = []
    for i, (box, share) in enumerate(zip(boxes, shares)):
        others = [other for k, other in enumerate(shares) if k != i]
        taken = np.max(others, axis=0) if others else np.zeros_like(share)
        mine = np.where(share >= taken, share, 0)
        tall = max(float(box[3] - box[1]) * height * STEP, 1.0)
        reach = cv2.dilate(mine, _disc(REACH * tall / STEP)) * (taken < 0.5)
        around = (taken < 0.5).astype(np.float32)
        weight = reach / max(float(mine.sum()), 1.0)
        moved = flow * np.float32(rate / tall)
        features.append(_features(moved, weight, box, around))
    return np.stack(features).astype(np.float32)


def camera_motion(flow, shares):
    """Median flow [2] outside of the players; of all, if they fill the picture."""
    outside = np.ones(flow.shape[:2], bool)
    for share in shares:
        outside &= share < 0.1
    outside = outside if outside.mean() >= BACKGROUND else np.ones_like(outside)
    return np.median(flow[outside][::3], axis=0)


def _disc(radius):
    size = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))


def _features(flow, weights, box, around):
    """[D] of one player; `weights` of the whole, `around` of the cells of the box."""
    left, top, right, bottom = pixels(box, *weights.shape)
    speed = np.hypot(flow[..., 0], flow[..., 1])
    rows, cols = np.nonzero(weights)
    weight = weights[rows, cols]
    x, y, fast = flow[rows, cols, 0], flow[rows, cols, 1], speed[rows, cols]
    turn = np.arctan2(y, x) / (2 * np.pi) * DIRECTIONS
    bins = np.rint(turn).astype(int) % DIRECTIONS
    histogram = np.bincount(bins, weight * fast, DIRECTIONS)
    whole = [weight @ fast, weight @ x, weight @ y]
    inside = np.dstack([flow, speed])[top:bottom, left:right]
    counts = around[top:bottom, left:right, None]
    size = {"dsize": (COLS, ROWS), "interpolation": cv2.INTER_AREA}
    cells = cv2.resize(np.ascontiguousarray(inside * counts), **size)
    cells = (
        cells
        / np.maximum(cv2.resize(np.ascontiguousarray(counts), **size), 0.05)[..., None]
    )
    return np.concatenate([whole, histogram, np.moveaxis(cells, -1, 0).ravel()])
