"""Key points of a player in each frame -> features of posture and of motion.

    points     float32 [F, K, 3]   x (right), y (down), confidence; 0 or NaN: not found
    features   float32 [F, D]      columns: `names`

The joints of the upper body and of the hands are placed by the neck (where there is
none, by the middle of the shoulders) and measured in shoulder widths, so features
change neither with the player's place in the picture nor with the picture's size.  Of
each joint there are five:

    <joint>_x, <joint>_y         from the neck, shoulder widths, in [-4, 4]
    <joint>_vx, <joint>_vy       of these, shoulder widths a second, in [-20, 20]
    <joint>_confidence           in [0, 1]; 0 where the joint was not found

and of the neck the last three, its motion being that of the body in the picture.
A joint that was not found for at most `LONGEST_GAP` is interpolated; else its place and
its motion are zeros.
"""

import re

import numpy as np

from Schema import InputError

NECK = "neck"
SHOULDERS = ("left_shoulder", "right_shoulder")
JOINT = re.compile(
    r"(left|right)_(shoulder|elbow|wrist|(thumb|index|middle|ring|pinky)(_\d)?)"
)
LONGEST_GAP = 0.25  # s
FARTHEST = 4.0  # shoulder widths; an arm is about two long
FASTEST = 20.0  # shoulder widths a second, about 8 m/s
LEAST_TURNED = 0.7  # of an upper arm; half of what shoulders seen from the front are


def names(joints):
    """Names of the D features of players with these joints.

    Args:
      joints: Names of the K key points; those of legs and face are left out.
    """
    found = [f"{NECK}_{part}" for part in ("vx", "vy", "confidence")]
    for joint in _chosen(joints):
        found += [f"{joint}_{part}" for part in "x y vx vy confidence".split()]
    return found


def features(points, rate, joints, aspect=1.0, least_confidence=0.0):
    """Features of a player.

    Args:
      points: float [F, K, 3].
      rate: Hz of the frames.
      joints: Names of the K key points, with both shoulders among them, as
        `skeleton.POINTS` or those of Solos.
      aspect: Width over height of the picture, if x and y are shares of them; 1 if
        they are pixels.
      least_confidence: Joints are found where theirs is greater.

    Returns:
      float32 [F, D]; nothing but confidence where neither neck nor shoulders are known.

    Raises:
      InputError: If shapes, names or the rate are impossible.
    """
    points, joints = np.asarray(points, np.float64), list(joints)
    _refuse(points, rate, joints)
    confidence = np.where(np.isfinite(points).all(axis=2), points[..., 2], 0)
    confidence = np.where(confidence > least_confidence, np.clip(confidence, 0, 1), 0)
    places = np.where(confidence[..., None] > 0, points[..., :2] * (aspect, 1), np.nan)
    chosen = [joints.index(joint) for joint in _chosen(joints)]
    neck, certain = _neck(places, confidence, joints)
    unit = _shoulder_width(places, joints)
    longest = int(LONGEST_GAP * rate + 1e-6)
    neck = _bridged(neck[:, None] / unit, longest)
    from_neck = _bridged(places[:, chosen] / unit - neck, longest)
    motion = np.clip(_velocity(from_neck, rate), -FASTEST, FASTEST)
    sway = np.clip(_velocity(neck, rate), -FASTEST, FASTEST)
    placed = np.clip(from_neck, -FARTHEST, FARTHEST)
    known = confidence[:, chosen, None]
    each = np.concatenate([placed, motion, known], axis=2).reshape(len(points), -1)
    found = np.concatenate([sway[:, 0], certain[:, None], each], axis=1)
    return np.nan_to_num(found).astype(np.float32)


def _chosen(joints):
    return [joint for joint in joints if JOINT.fullmatch(joint)]


def _refuse(points, rate, joints):
    shape = points.shape
    if points.ndim != 3 or not shape[0] or shape[1:] != (len(joints), 3):
        raise InputError(f"key points {shape}: expected [F, {len(joints)} joints, 3]")
    missing = [joint for joint in SHOULDERS if joint not in joints]
    if missing:
        raise InputError(f"the joints lack {missing[0]}, which measures the others")
    if not rate > 0:
        raise InputError(f"rate={rate}: expected Hz above 0")


def _neck(places, confidence, joints):
    """Places [F, 2] and confidence [F] of the neck."""
    both = [joints.index(joint) for joint in SHOULDERS]
    middle = places[:, both].mean(axis=1)
    if NECK not in joints:
        return middle, confidence[:, both].min(axis=1)
    k = joints.index(NECK)
    return np.where(np.isnan(places[:, k]), middle, places[:, k]), confidence[:, k]


def _shoulder_width(places, joints):
    """The usual one; NaN if the shoulders are never seen together.

    Where a player stands sideways, as much as the upper arms say.
    """
    widths = [_usual_distance(places, joints, *SHOULDERS)]
    for side in ("left", "right"):
        if f"{side}_elbow" in joints:
            arm = _usual_distance(places, joints, f"{side}_shoulder", f"{side}_elbow")
            widths.append(LEAST_TURNED * arm)
    if not widths[0] > 0:
        return np.nan
    return np.nanmax(widths)


def _usual_distance(places, joints, a, b):
    """Median over the frames; NaN if both are never there."""
    apart = places[:, joints.index(a)] - places[:, joints.index(b)]
    lengths = np.hypot(*apart.T)
    lengths = lengths[np.isfinite(lengths)]
    return np.median(lengths) if len(lengths) else np.nan


def _bridged(places, longest):
    """Places [F, J, 2] with NaN, gaps of at most so many frames filled linearly."""
    filled, frames = places.copy(), np.arange(len(places))
    for j in range(places.shape[1]):
        at = np.flatnonzero(np.isfinite(places[:, j]).all(axis=1))
        gaps = np.diff(at) - 1
        for k in np.flatnonzero((gaps > 0) & (gaps <= longest)):
            inside = frames[at[k] + 1 : at[k + 1]]
            for axis in range(2):
                ends = places[at[k : k + 2], j, axis]
                filled[inside, j, axis] = np.interp(inside, at[k : k + 2], ends)
    return filled


def _velocity(places, rate):
    """Change a second [F, J, 2]: from the frame before to the frame after.

    Where only one of these is known, from it or to it; where none is, NaN.
    """
    steps = rate * np.diff(places, axis=0)
    none = np.full_like(places[:1], np.nan)
    before, after = np.concatenate([none, steps]), np.concatenate([steps, none])
    both = (before + after) / 2
    return np.where(np.isnan(both), np.where(np.isnan(before), after, before), both)
