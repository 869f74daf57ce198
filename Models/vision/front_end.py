"""Front ends: frames of a video -> features, or pictures, of each player.

frames     iterable of uint8 [f, H, W, 3], in all F; it is read twice
features   float32 [P, F, D]   of frame k, [k / rate, (k + 1) / rate)
pictures   object [P, F]       the same, JPEG; `pictures`
boxes      float32 [P, F, 4]   left, top, right, bottom; shares of width and height
"""

import dataclasses
import itertools

import numpy as np

from Models.vision import optical_flow, pictures, segmentation, tracking
from Models.vision.weights import fingerprint
from Schema import InputError

LOOKS = 2.0  # Hz at which players are looked for
CROP_MARGIN = 0.1  # of the box, around a player in its picture


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a front end saw.

    Attributes:
      features: float32 [P, F, D]; None of a front end that gives pictures.
      boxes: float32 [P, F, 4].
      players: P `tracking.Player`, left to right, at the instants of the detector.
      instants: int [I], frames at which the detector looked.
      rate: Hz of the frames.
      fallback: None if all players were detected; "seats" if some are columns of the
        picture, as their `how` says; "scene" if the whole picture stands for them.
      detection_rate: float [P], share of the instants at which a player was detected.
      frames: object [P, F] of bytes, JPEG; None of a front end that gives features.
    """

    features: np.ndarray | None
    boxes: np.ndarray
    players: list
    instants: np.ndarray
    rate: float
    fallback: str | None
    detection_rate: np.ndarray
    frames: np.ndarray | None = None

    def masks(self, frame):
        """uint8 [P, M, M] of a frame."""
        near = int(np.abs(self.instants - frame).argmin())
        return np.stack([player.masks[near] for player in self.players])

    def points(self, frame):
        """float32 [P, 33, 3] of a frame; NaN for players who were not detected."""
        near = int(np.abs(self.instants - frame).argmin())
        return np.stack([player.points[near] for player in self.players])


class PlayersFrontEnd:
    """Finds the players, follows them, and measures how they move and look.

    Attributes:
      name: Kind, and a hash of weights and settings: features of one name agree.
      rate: Hz of the frames it takes and the features it makes.
      every: Frames from one look of the detector to the next.
      longest: Pixels of the longer side of the frames that it should be given.
      passes: How often it iterates over them.
      size: D.
      reads: What it is shown.
    """

    longest, passes, reads = 640, 2, "video"

    def __init__(
        self,
        rate=25.0,
        detection_rate=LOOKS,
        kind="players_motion",
        embedding=None,
        finder=None,
    ):
        """Loads the networks.

        Args:
          rate: Hz.
          detection_rate: Hz at which players are looked for, at most `rate`.
          kind: A key of `vision.FRONT_ENDS`; begins the name.
          embedding: `frame_embedding.FrameEmbedding` whose vectors of each player are
            put after the motion, or None.
          finder: `segmentation.PeopleFinder`; None: with the weights VIMSS ships.

        Raises:
          InputError: If a rate is impossible or weights are not there.
        """
        if not 0 < detection_rate <= rate:
            raise InputError(
                f"detection_rate={detection_rate}: expected Hz above 0 and at most the "
                f"frames' rate, {rate}"
            )
        self.rate, self.every = rate, max(1, round(rate / detection_rate))
        self.embedding = embedding
        self.finder = finder or segmentation.PeopleFinder()
        self.size, settings = self._described()
        paths = list(self.finder.paths) + ([embedding.path] if embedding else [])
        self.name = f"{kind}-{fingerprint(paths, self.every, *settings)}"

    def _described(self):
        """(D, what the features depend on beside networks and `every`)."""
        size = len(optical_flow.names()) + (
            self.embedding.size if self.embedding else 0
        )
        return size, (optical_flow.names(), self.embedding and self.embedding.name)

    def __call__(self, frames, n_players=None):
        """Watches a video.

        Args:
          frames: Iterable of blocks of frames, at `rate`; iterated over twice.
          n_players: How many play, if that is known; None: who is there most of the
            time.

        Returns:
          Seen.

        Raises:
          InputError: If there is no frame, or n_players is not a whole number from 1.
        """
        if n_players is not None and not (n_players == int(n_players) >= 1):
            raise InputError(f"players={n_players}: expected a whole number from 1")
        people, seats, count = [], [], 0
        for k, frame in _each(frames):
            count = k + 1
            if k % self.every == 0:
                people.append(self.finder(frame, n_players))
                seats.append(self._seats(frame, n_players))
        if not count:
            raise InputError("the video holds no frames; is its rate right?")
        players, fallback = placed(people, seats, n_players)
        instants = np.arange(len(people)) * self.every
        boxes = np.stack([_between(p.boxes, instants, count) for p in players])
        return Seen(
            **self._measured(frames, players, boxes),
            boxes=boxes,
            players=players,
            instants=instants,
            rate=self.rate,
            fallback=fallback,
            detection_rate=np.array([p.seen.mean() for p in players]),
        )

    def _seats(self, frame, n_players):
        """Masks uint8 [n_players, M, M] of the seats, or None."""
        if n_players is None:
            return None
        places = segmentation.columns(frame.shape[1], n_players)
        return np.stack([self.finder.seat_mask(frame, *place) for place in places])

    def _measured(self, frames, players, boxes):
        """The fields of `Seen` that the second look at the video gives."""
        return {"features": self._features(frames, players, boxes)}

    def _features(self, frames, players, boxes):
        flows, looks, meter = [], [], optical_flow.FlowMeter()
        for k, frame in _each(frames):
            near = min(round(k / self.every), len(players[0].masks) - 1)
            masks = [player.masks[near] for player in players]
            flow = meter(frame)
            if flow is not None:
                between = (boxes[:, k - 1] + boxes[:, k]) / 2
                flows.append(
                    optical_flow.summarise(flow, between, masks, float(self.rate))
                )
            if self.embedding is not None and k % self.every == 0:
                crops = [_cut(frame, box) for box in boxes[:, k]]
                looks.append(self.embedding.vectors(crops))
        features = _centred(flows, len(players))
        if self.embedding is not None:
            at = np.arange(len(looks)) * self.every
            looks = np.stack(looks, axis=1)  # [P, I, D]
            looks = np.stack([_between(one, at, boxes.shape[1]) for one in looks])
            features = np.concatenate([features, looks], axis=-1)
        return features


class PicturesFrontEnd(PlayersFrontEnd):
    """Finds and follows the players, and gives their pictures, to be looked at online.

    Its arguments are those of `PlayersFrontEnd`, but there is no embedding.

    Attributes:
      size: [H, W, 3].
    """

    def _described(self):
        side = pictures.SIDE
        return [side, side, 3], (side, pictures.QUALITY, CROP_MARGIN)

    def _measured(self, frames, players, boxes):
        found = np.zeros(boxes.shape[:2], object)
        for k, frame in _each(frames):
            for player, box in enumerate(boxes[:, k]):
                found[player, k] = pictures.encoded(_cut(frame, box))
        return {"features": None, "frames": found}


def placed(people, seats, n_players=None):
    """Players, left to right, and the fallback that stands in for who is missing.

    Args:
      people: People of each instant, as `tracking.track` takes them.
      seats: Of each instant the masks uint8 [n_players, M, M] of the seats; ignored if
        n_players is None.
      n_players: How many play, or None.

    Returns:
      (list of tracking.Player, None | "seats" | "scene").
    """
    players = tracking.track(people, n_players)
    if n_players is None or n_players == 1:
        if players:
            return players, None
        return [
            tracking.standing_in("scene", (0, 0, 1, 1), tracking.full(len(people)))
        ], "scene"
    if len(players) == n_players:
        return players, None
    filled = tracking.seated(players, n_players)
    for i, player in enumerate(filled):
        if player is None:
            box = (i / n_players, 0, (i + 1) / n_players, 1)
            masks = np.stack([masks[i] for masks in seats])
            filled[i] = tracking.standing_in("seat", box, masks)
    return filled, "seats"


def _each(blocks):
    """(k, frame) of all frames."""
    return enumerate(itertools.chain.from_iterable(blocks))


def _between(values, instants, count):
    """[I, n] at some frames -> float32 [count, n] at all, linearly."""
    everyone = np.arange(count)
    lines = [np.interp(everyone, instants, line) for line in np.transpose(values)]
    return np.stack(lines, axis=1).astype(np.float32)


def _centred(flows, n_players):
    """Summaries from frame to frame -> float32 [P, F, D] of the frames.

    A frame shows the middle of its time, so its motion is the mean of the flow to it
    and of the flow from it; the first and the last have one of the two.
    """
    if not flows:
        return np.zeros((n_players, 1, len(optical_flow.names())), np.float32)
    flows = np.stack(flows, axis=1)  # [P, F - 1, D]
    both = (flows[:, :-1] + flows[:, 1:]) / 2
    return np.concatenate([flows[:, :1], both, flows[:, -1:]], axis=1)


def _cut(frame, box):
    """The picture of a player, with some margin."""
    margin = CROP_MARGIN * (box[2:] - box[:2])
    wide = np.concatenate([box[:2] - margin, box[2:] + margin])
    left, top, right, bottom = segmentation.pixels(wide, *frame.shape[:2])
    return frame[top:bottom, left:right]
