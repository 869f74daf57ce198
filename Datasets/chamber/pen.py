"""Anti-aliased shapes in the units of a player, to a fraction of a pixel.

A player sits at x = 0 with the feet at y = 0 and is about 1 high; x points to the
viewer's right and y up.
"""

import dataclasses

import cv2
import numpy as np

_BITS = 5  # binary places of a coordinate


def _shade(color, factor):
    return tuple(int(np.clip(c * factor, 0, 255)) for c in color)


@dataclasses.dataclass
class Pen:
    """Draws on one seat's part of a picture.

    Attributes:
      image: uint8 [H, W, 3], drawn on.
      origin: (x, y) in pixels of the point (0, 0).
      scale: Pixels of the unit.
    """

    image: np.ndarray
    origin: tuple
    scale: float

    def _pixels(self, points):
        points = np.asarray(points, float).reshape(-1, 2)
        flipped = np.array(self.origin) + points * (self.scale, -self.scale)
        return np.rint(flipped * (1 << _BITS)).astype(np.int32)

    def _width(self, width):
        return max(1, int(round(width * self.scale)))

    def line(self, points, color, width, border=True):
        """A round-ended line through points [N, 2], with a dark border."""
        points, width = [self._pixels(points)], self._width(width)
        if border:
            dark = _shade(color, 0.45)
            cv2.polylines(
                self.image, points, False, dark, width + 2, cv2.LINE_AA, _BITS
            )
        cv2.polylines(self.image, points, False, color, width, cv2.LINE_AA, _BITS)

    def shape(self, points, color, border=True):
        """A filled polygon [N, 2]."""
        points = [self._pixels(points)]
        cv2.fillPoly(self.image, points, color, cv2.LINE_AA, _BITS)
        if border:
            dark = _shade(color, 0.45)
            cv2.polylines(self.image, points, True, dark, 1, cv2.LINE_AA, _BITS)

    def oval(self, centre, radii, color, turn=0.0, border=True):
        """A filled ellipse; `turn` in degrees, anticlockwise."""
        angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
        ring = np.stack([np.cos(angle), np.sin(angle)], 1) * radii
        self.shape(np.asarray(centre) + ring @ _rotation(turn).T, color, border)


def _rotation(degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s], [s, c]])


@dataclasses.dataclass(frozen=True)
class Axis:
    """A turned and shifted frame: u runs along an instrument, v across it.

    Attributes:
      start: (x, y) of u = v = 0.
      turn: Degrees, anticlockwise, of u from x.
      mirror: -1 puts positive v on the other side.
    """

    start: tuple
    turn: float
    mirror: int = 1

    def at(self, u, v=0.0):
        """The point (u, v) as (x, y)."""
        return np.asarray(self.start) + _rotation(self.turn) @ (u, self.mirror * v)

    def all(self, *points):
        """Points (u, v) as [N, 2]."""
        return np.array([self.at(u, v) for u, v in points])


def between(a, b, share):
    """The point, or number, that lies `share` of the way from a to b."""
    return np.asarray(a) + (np.asarray(b) - np.asarray(a)) * share
