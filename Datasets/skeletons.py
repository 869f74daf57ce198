"""Skeletons of the players of Solos: key points of each frame, from its files.

    skeleton.npy          float32, without a header: [N, 3, 47], all clips end to end
    skeleton_dict.json    {clip: [first frame, frame after the last], "_counter": N}
    any other .npy        float32 [F, 3, 47], with NumPy's header: one clip

The middle axis is x, y in pixels of the clip's video and OpenPose's confidence, which
is 0 where a joint was not found; its place is a guess then.  Montesinos, Slizovskaia,
Haro, "Solos: A Dataset for Audio-Visual Music Analysis", MMSP 2020,
https://arxiv.org/abs/2006.07931; the layout is that of its package, Solos 0.4.1.
"""

import pathlib

import numpy as np

import Utils
from Schema import InputError

RATE = 25.0  # Hz, to which all videos of Solos were brought
INDEX = "skeleton_dict.json"
COUNTER = "_counter"  # key of the index that is no clip
MOST_CONFIDENT = 2.0  # OpenPose's peaks of heat maps exceed 1 by little
FINGERS = ("thumb", "index", "middle", "ring", "pinky")


def joints():
    """Names of the 47 joints in order: neck, arms, and fingers from root to tip.

    OpenPose's BODY_25 without head and legs, and its hands without their wrist.
    """
    arms = ("shoulder", "elbow", "wrist")
    names = ["neck"]
    names += [f"{side}_{part}" for side in ("right", "left") for part in arms]
    for side in ("right", "left"):
        names += [f"{side}_{finger}_{k}" for finger in FINGERS for k in range(1, 5)]
    return names


def read(path, clip=None):
    """Reads the skeleton of a clip.

    Args:
      path: A .npy of one clip; or Solos' skeleton.npy, with its index beside it.
      clip: The clip's name there, a YouTube id; None: the file is of one clip.

    Returns:
      (points float32 [F, 47, 3], rate in Hz): x and y in pixels, and confidence in
      [0, 1]; all three are 0 where a joint has no place.

    Raises:
      InputError: If a file is absent, damaged or of another layout, or holds no such
        clip; it names the file.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist: name a skeleton file of Solos")
    found = _alone(path) if clip is None else _slice(path, clip)
    if not len(found):
        raise InputError(f"{path}: {clip or 'the clip'} has no frames; remove it")
    points = np.array(np.swapaxes(found, 1, 2), np.float32)  # [F, 47, 3]
    points[~np.isfinite(points).all(axis=2)] = 0
    confidence = points[..., 2]
    if confidence.min() < 0 or confidence.max() > MOST_CONFIDENT:
        raise InputError(
            f"{path}: confidences from {confidence.min():.3g} to "
            f"{confidence.max():.3g}, expected 0 to 1; the file is damaged, or its "
            "axes are not frames, (x, y, confidence), joints"
        )
    np.minimum(confidence, 1, out=confidence)
    return points, RATE


def clips(path):
    """The index of Solos' skeleton.npy.

    Args:
      path: skeleton.npy, with `INDEX` beside it.

    Returns:
      dict: name of a clip -> (first frame, frame after the last).

    Raises:
      InputError: If the index is absent, damaged or not of this file.
    """
    path = pathlib.Path(path)
    index = path.parent / INDEX
    spans = Utils.read_json(index)
    try:
        count = int(spans.pop(COUNTER))
        found = {name: (int(a), int(b)) for name, (a, b) in spans.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise InputError(
            f"{index} is not an index of skeletons: expected "
            f'{{clip: [start, stop], "{COUNTER}": frames}}'
        ) from None
    wrong = [name for name, (a, b) in found.items() if not 0 <= a <= b <= count]
    if wrong:
        a, b = found[wrong[0]]
        raise InputError(f"{index}: {wrong[0]} is [{a}, {b}] of {count} frames")
    if path.is_file() and path.stat().st_size < _bytes(count):
        raise InputError(
            f"{path} has {path.stat().st_size} bytes, {count} frames of {index} have "
            f"{_bytes(count)}; download it anew"
        )
    return found


def _bytes(count):
    """Of so many frames."""
    return count * 3 * len(joints()) * np.dtype(np.float32).itemsize


def _slice(path, clip):
    """[F, 3, 47] of a clip of skeleton.npy; no more of the file is read."""
    spans = clips(path)
    if clip not in spans:
        near = Utils.nearest(clip, spans)
        hint = f"; did you mean {near}?" if near else ""
        raise InputError(f"{path} holds no clip {clip!r}{hint}")
    first, end = spans[clip]
    shape = (end - first, 3, len(joints()))
    if not shape[0]:
        return np.zeros(shape, np.float32)
    return np.memmap(path, np.float32, "r", offset=_bytes(first), shape=shape)


def _alone(path):
    """[F, 3, 47] of a file of one clip."""
    try:
        found = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        hint = f"; of several clips, name one as {INDEX} does" if _indexed(path) else ""
        raise InputError(f"{path} is not a NumPy file ({error}){hint}") from None
    shape = getattr(found, "shape", None)
    if shape is None or found.dtype.kind != "f" or shape[1:] != (3, len(joints())):
        kind = "several arrays" if shape is None else f"{found.dtype} {shape}"
        raise InputError(
            f"{path} holds {kind}, not floats (frames, 3, {len(joints())})"
        )
    return found


def _indexed(path):
    return (path.parent / INDEX).is_file()
