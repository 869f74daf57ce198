"""The video: players side by side, as in URMP, each moved by the notes it plays."""

import math

import numpy as np

from Datasets.chamber import players
from Datasets.chamber.gestures import gestures
from Datasets.chamber.pen import Pen

FLOOR = 0.95  # where the feet are, of the height of the picture
TALLEST = (
    1.24  # a standing bass player with the scroll, or a tuba, in units of a player
)


def _background(size, rng):
    """Wall with folds of a curtain or panels, and a floor: uint8 [H, W, 3]."""
    width, height = size
    wall = rng.uniform(80, 165) + rng.uniform(-22, 22, 3)
    ground = rng.integers((84, 60, 44), (140, 110, 90)).astype(float)
    line = int(height * rng.uniform(0.76, 0.84))
    x, y = np.arange(width) / width, np.arange(height) / height
    folds = 1 + rng.uniform(0.02, 0.09) * np.sin(2 * np.pi * rng.uniform(8, 30) * x)
    light = 1.12 - 0.35 * np.abs(x - rng.uniform(0.3, 0.7))[None] - 0.25 * y[:, None]
    picture = wall * (folds[None] * light)[..., None]
    depth = np.linspace(0.75, 1.1, height - line)[:, None, None]
    picture[line:] = ground * depth * (1.05 - 0.2 * np.abs(x - 0.5))[None, :, None]
    picture[line - 3 : line] *= 0.6
    picture += rng.normal(0, 2.0, (height, width, 1))  # keeps gradients from banding
    return np.clip(picture, 0, 255).astype(np.uint8)


def seats(count, width):
    """Columns [start, stop) of each seat, left to right; even shares of the width."""
    edges = [round(i * width / count) for i in range(count + 1)]
    return list(zip(edges[:-1], edges[1:]))


def _pen(view, code, tall):
    height, width = view.shape[:2]
    unit = min(height * 0.96 * FLOOR / TALLEST, 1.2 * width)
    x = width / 2 + players.ASIDE.get(code, 0.0) * unit
    return Pen(view, (x, FLOOR * height), unit * tall)


def frames(played, codes, seconds, frame_rate, size, rng, order=None):
    """Films an ensemble.

    Args:
      played: A `performance.Performance` a player.
      codes: URMP instrument codes, one a player.
      seconds: Length.
      frame_rate: Hz, a number or a Fraction.
      size: (width, height) in pixels, even.
      rng: NumPy generator of looks and background.
      order: The players from left to right; None: part order, as in URMP.

    Yields:
      uint8 [H, W, 3], RGB; frame k is seen in [k, k + 1) / frame_rate, and a seat's
      columns (see `seats`) depend on its player only.
    """
    order = list(range(len(codes))) if order is None else order
    picture = _background(size, rng)
    seated = []
    for part, (start, stop) in zip(order, seats(len(order), size[0])):
        one, tall = players.look(rng), rng.uniform(0.93, 1.0)
        view = picture[:, start:stop]
        players.draw_still(_pen(view, codes[part], tall), codes[part], one)
        notes, keys = played[part].notes, played[part].keys
        motion = gestures(notes, keys, codes[part], seconds, frame_rate, rng)
        seated.append((codes[part], one, tall, view.copy(), (start, stop), motion))
    shown = [None] * len(seated)
    for frame in range(math.ceil(seconds * frame_rate - 1e-9)):
        for i, (code, one, tall, still, (start, stop), motion) in enumerate(seated):
            if shown[i] == motion.key(frame):
                continue  # who rests is not drawn again
            shown[i] = motion.key(frame)
            canvas = still.copy()
            players.draw(_pen(canvas, code, tall), code, one, motion, frame)
            picture[:, start:stop] = canvas
        yield picture.copy()
