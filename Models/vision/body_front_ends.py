"""Front ends that see how players move and where their hands or joints are."""

import numpy as np

from Models.vision import gesture, optical_flow, skeleton, skeleton_features
from Models.vision.front_end import PlayersFrontEnd

HEADROOM = 1.15  # of the way from the hips to the top of the box: the circle's rim
LEAST_CONFIDENCE = 0.3  # of a key point, to be believed

# Typical deviations of the motion of players, in its own units: measured over
# fabricated and real videos.
UNITS = np.float32([0.08] * 3 + [0.025] * 8 + [0.05] * 12 + [0.07] * 12 + [0.08] * 12)


class GestureFrontEnd(PlayersFrontEnd):
    """Motion, in typical deviations, then skin where the hands are (`gesture`).

    Its arguments are those of `PlayersFrontEnd`, but there is no embedding.
    """

    passes = 3

    def _described(self):
        names = optical_flow.names() + gesture.names()
        return len(names), (names, UNITS.tolist(), gesture.settings())

    def _measured(self, frames, players, boxes):
        instants = np.arange(len(players[0].boxes)) * self.every
        hands = gesture.watch(frames, players, instants, float(self.rate))
        motion = super()._features(frames, players, boxes) / UNITS
        return {"features": np.concatenate([motion, hands], axis=-1)}


class SkeletonFrontEnd(PlayersFrontEnd):
    """Key points of each player in every frame, as `skeleton_features` has them.

    Some 9 ms a player and frame.  Its arguments are those of `PlayersFrontEnd`, but
    there is no embedding.
    """

    def _described(self):
        self._network = skeleton.SkeletonNetwork()
        names = skeleton_features.names(skeleton.POINTS)
        return len(names), (names, HEADROOM, LEAST_CONFIDENCE)

    def _measured(self, frames, players, boxes):
        found, size = np.zeros([*boxes.shape[:2], len(skeleton.POINTS), 3]), (1, 1)
        for k, frame in enumerate(frame for block in frames for frame in block):
            size = frame.shape[1::-1]
            for i, player in enumerate(players):
                at = min(k / self.every, len(player.points) - 1)
                found[i, k] = self._points(frame, player.points, at, boxes[i, k])
        told = float(self.rate), skeleton.POINTS, size[0] / size[1], LEAST_CONFIDENCE
        rows = [skeleton_features.features(points, *told) for points in found]
        return {"features": np.stack(rows)}

    def _points(self, frame, points, at, box):
        """Key points [33, 3] in a frame; zeros of a player who was never detected."""
        hips = [skeleton.POINTS.index(f"{side}_hip") for side in ("left", "right")]
        early, share = int(at), at - int(at)
        late = min(early + 1, len(points) - 1)
        middle = points[:, hips, :2].mean(axis=1)
        centre = (1 - share) * middle[early] + share * middle[late]
        if not np.isfinite(centre).all():
            return np.zeros([len(skeleton.POINTS), 3])
        top = centre[1] - HEADROOM * max(centre[1] - box[1], 0.05)
        size = np.array(frame.shape[1::-1])
        rim = np.array([centre[0], top]) * size
        found, presence, _ = self._network(frame, centre * size, rim)
        return found * [1, 1, presence >= 0.5]
