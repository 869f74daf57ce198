"""People in single pictures -> players that keep their place for the whole video.

Detections of consecutive instants are assigned to tracks so that the total distance
is least; pieces of one track that a cut or a missed stretch broke are joined.  Players
are numbered from left to right.

    boxes    float32 [I, 4]       one an instant; left, top, right, bottom, in shares
    masks    uint8 [I, M, M]      of the box
    points   float32 [I, 33, 3]   NaN for a player who was never detected
"""

import dataclasses

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from Models.vision.segmentation import MASK
from Models.vision.skeleton import POINTS

FARTHEST = 1.0  # distance of two detections of one person, `_distance`
ACROSS_CUTS = 2.5  # the same of two long tracks that are never there at once
STEADY = 2  # looks before and after that a box agrees with
LEAST_TOLD, LEAST_FREE = 0.15, 0.4  # share of the instants, of a player to be believed


@dataclasses.dataclass(frozen=True)
class Player:
    """One player over the instants of a video.

    Attributes:
      how: "detected", "seat" (a column of the picture) or "scene" (all of it).
      boxes: float32 [I, 4].
      masks: uint8 [I, M, M].
      points: float32 [I, 33, 3].
      seen: bool [I], where the player was detected; elsewhere what was seen before and
        after counts.
    """

    how: str
    boxes: np.ndarray
    masks: np.ndarray
    points: np.ndarray
    seen: np.ndarray


def track(instants, n_players=None):
    """Finds the players among the people of all instants.

    Args:
      instants: List of lists of `segmentation.Person`.
      n_players: How many play, if that is known.

    Returns:
      list of detected `Player`, left to right, at most `n_players`.  A person who is
      there only now and then is none.
    """
    tracks = _joined(_linked(instants), LEAST_TOLD * len(instants))
    least = LEAST_FREE if n_players is None else LEAST_TOLD
    tracks = [t for t in tracks if len(t) >= least * len(instants)]
    tracks.sort(key=_support, reverse=True)
    chosen = tracks[:n_players]
    chosen.sort(key=lambda t: np.median([person.centre[0] for person in t.values()]))
    return [_player(t, len(instants)) for t in chosen]


def standing_in(how, box, masks):
    """A player who was not detected: a box that stays, and masks uint8 [I, M, M]."""
    count = len(masks)
    boxes = np.repeat(np.float32(box)[None], count, axis=0)
    points = np.full((count, len(POINTS), 3), np.nan, np.float32)
    return Player(how, boxes, masks, points, np.zeros(count, bool))


def seated(players, n_players):
    """Gives each detected player a seat of its own.

    Args:
      players: Detected players, fewer than `n_players`.
      n_players: Number of seats, even shares of the width.

    Returns:
      list of Player or None, one a seat; of two in one seat the one seen more often.
    """
    seats = [None] * n_players
    for player in sorted(players, key=lambda p: p.seen.sum()):
        middle = np.median(player.boxes[:, [0, 2]].mean(axis=1))
        seats[int(np.clip(middle * n_players, 0, n_players - 1))] = player
    return seats


def full(count):
    """Masks uint8 [I, M, M] that cover their boxes."""
    return np.full((count, MASK, MASK), 255, np.uint8)


def _linked(instants):
    """Tracks {instant: Person}, by assignment from each instant to the next."""
    tracks = []
    for now, people in enumerate(instants):
        cost = np.array([[_distance(t[max(t)], p) for p in people] for t in tracks])
        rows, cols = linear_sum_assignment(cost) if cost.size else ([], [])
        taken = {c: r for r, c in zip(rows, cols) if cost[r, c] < FARTHEST}
        for col, person in enumerate(people):
            if col in taken:
                tracks[taken[col]][now] = person
            else:
                tracks.append({now: person})
    return tracks


def _joined(tracks, long):
    """Joins tracks that are never there at once and lie in one place.

    Those of at least `long` instants may lie farther apart: the camera has moved.
    """
    tracks = sorted(tracks, key=_support, reverse=True)
    done = []
    for track_ in tracks:
        near = [t for t in done if not t.keys() & track_.keys()]
        costs = [_distance(_middle(t), _middle(track_)) for t in near]
        both = len(track_) >= long and costs and len(near[np.argmin(costs)]) >= long
        if costs and min(costs) < (ACROSS_CUTS if both else FARTHEST):
            near[int(np.argmin(costs))].update(track_)
        else:
            done.append(dict(track_))
    return done


def _middle(track_):
    """The person of the instant in which the place is most usual."""
    people = list(track_.values())
    boxes = np.stack([person.box for person in people])
    return people[int(np.abs(boxes - np.median(boxes, axis=0)).sum(axis=1).argmin())]


def _support(track_):
    return sum(person.score for person in track_.values())


def _distance(a, b):
    """0 for one place and size; 1 if two thirds of a body apart."""
    sizes = np.array([one.box[2:] - one.box[:2] for one in (a, b)])
    apart = np.abs(a.centre - b.centre) / np.maximum(sizes.mean(axis=0), 1e-6)
    return float(1.5 * np.hypot(*apart) + 0.5 * abs(np.log(sizes[0, 1] / sizes[1, 1])))


def _player(track_, count):
    """Fills what was not seen, and steadies what was.

    The box reaches as far as half of the looks in `STEADY` around say; the mask is all
    that the looks just before and after saw too, laid into it.
    """
    at = np.array(sorted(track_))
    everyone = np.arange(count)
    found = np.stack([track_[i].box for i in at]).astype(np.float64)
    points = np.stack([track_[i].points.ravel() for i in at])
    boxes = _filled(_steadied(found), at, everyone).astype(np.float32)
    masks = []
    for i in everyone:
        k = int(np.abs(at - i).argmin())
        near = [at[j] for j in range(max(0, k - 1), min(len(at), k + 2))]
        near = [j for j in near if abs(j - i) <= 1] or [at[k]]
        laid = [_moved(track_[j].mask, track_[j].box, boxes[i]) for j in near]
        masks.append(np.max(laid, axis=0))
    return Player(
        how="detected",
        boxes=boxes,
        masks=np.stack(masks),
        points=_filled(points, at, everyone).reshape(count, len(POINTS), 3),
        seen=np.isin(everyone, at),
    )


def _filled(values, at, everyone):
    """[n, D] at some instants -> float32 [I, D] at all, linearly."""
    lines = [np.interp(everyone, at, line) for line in values.T]
    return np.stack(lines, axis=1).astype(np.float32)


def _steadied(boxes):
    """Quartiles, outwards, of the boxes [n, 4] around each."""
    near = [boxes[max(0, k - STEADY) : k + STEADY + 1] for k in range(len(boxes))]
    low = [np.quantile(some[:, :2], 0.25, axis=0) for some in near]
    high = [np.quantile(some[:, 2:], 0.75, axis=0) for some in near]
    return np.concatenate([low, high], axis=1)


def _moved(mask, old, new):
    """A mask of one box as the mask of another: what lies outside is lost."""
    scale = (new[2:] - new[:2]) / np.maximum(old[2:] - old[:2], 1e-6)
    shift = (new[:2] - old[:2]) / np.maximum(old[2:] - old[:2], 1e-6) * MASK
    offset = shift + 0.5 * scale - 0.5  # pixel middles
    there = np.float64([[scale[0], 0, offset[0]], [0, scale[1], offset[1]]])
    return cv2.warpAffine(
        mask, there, (MASK, MASK), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
