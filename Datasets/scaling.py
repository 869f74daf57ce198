"""Decoded pictures -> arrays of one size, upright."""

import numpy as np
from av.video.reformatter import VideoReformatter


def fitting(width, height, longest):
    """(width, height), made smaller to fit, and even then."""
    if longest is None:
        return width, height
    scale = min(1.0, longest / max(width, height))
    return tuple(max(2, 2 * round(side * scale / 2)) for side in (width, height))


class Converter:
    """Decoded picture -> uint8 [H, W, 3], upright, of one size."""

    def __init__(self, size):
        self.size, self._scaler = size, VideoReformatter()

    def __call__(self, picture):
        """Converts a picture; the size is that of the result."""
        turns = round(picture.rotation / 90) % 4
        width, height = self.size if turns % 2 == 0 else self.size[::-1]
        scaled = self._scaler.reformat(
            picture, width, height, "rgb24", interpolation="AREA"
        )
        pixels = scaled.to_ndarray()
        return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels
