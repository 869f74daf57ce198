"""Small pictures of players, kept as JPEG: a minute of one takes about 2 MB.

pictures   object [P, F] of bytes, each a picture of `SIDE` x `SIDE` pixels
"""

import cv2
import numpy as np

from Schema import InputError

SIDE = 64  # pixels
QUALITY = 90  # of 100


def encoded(picture):
    """A picture uint8 [H, W, 3], RGB -> bytes, a JPEG of `SIDE` x `SIDE` pixels.

    Whatever its shape was, it fills the square.
    """
    picture = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    return cv2.imencode(".jpg", picture[..., ::-1], options)[1].tobytes()


def decoded(jpegs, size):
    """uint8 [P, F, H, W, 3], RGB, of pictures [P, F].

    Args:
      jpegs: object [P, F] of bytes; or the pictures themselves, which are given back.
      size: (H, W, 3) of each.

    Raises:
      InputError: If they are neither.
    """
    jpegs, size = np.asarray(jpegs), tuple(size)
    is_decoded = jpegs.dtype == np.uint8 and jpegs.ndim == 5
    if is_decoded and jpegs.shape[2:] == size and jpegs.shape[1]:
        return jpegs
    wanted = (
        f"expected JPEG pictures of {size[1]} x {size[0]} pixels, bytes [P, F], or "
        f"uint8 [P, F, {size[0]}, {size[1]}, 3]"
    )
    if jpegs.dtype.kind not in "OS" or jpegs.ndim != 2 or not jpegs.size:
        raise InputError(f"video: {jpegs.dtype} {list(jpegs.shape)}; {wanted}")
    found = np.zeros([*jpegs.shape, *size], np.uint8)
    for place in np.ndindex(jpegs.shape):
        picture = _picture(jpegs[place])
        if picture is None or picture.shape != size:
            told = "no picture" if picture is None else f"a picture {picture.shape}"
            raise InputError(
                f"video: player {place[0]}, frame {place[1]} is {told}; {wanted}"
            )
        found[place] = picture
    return found


def _picture(jpeg):
    """uint8 [H, W, 3], or None."""
    data = np.frombuffer(jpeg, np.uint8) if isinstance(jpeg, bytes) else np.zeros(0)
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    return None if picture is None else picture[..., ::-1]
