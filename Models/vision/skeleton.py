"""Key points and mask of one person whose place is roughly known (BlazePose, lite).

Bazarevsky et al., "BlazePose: On-device Real-time Body Pose tracking", CVPR workshop
on computer vision for AR/VR, 2020; weights of MediaPipe.

    picture   uint8 [H, W, 3]    RGB
    points    float32 [33, 3]    x, y in shares of the picture's width and height (a
                                 point that is not in the picture may lie outside), and
                                 visibility in [0, 1]; order: `POINTS`
    mask      float32 [h, w]     share of the person in each pixel
"""

import cv2
import numpy as np

from Models.vision.weights import LiteNetwork, found, sigmoid

WEIGHTS = "pose_landmark_lite.tflite"
SIDE = 256  # pixels of the square that the network sees
MARGIN = 1.25  # of that square, around the circle of the body

POINTS = (
    "nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye "
    "right_eye_outer left_ear right_ear mouth_left mouth_right left_shoulder "
    "right_shoulder left_elbow right_elbow left_wrist right_wrist left_pinky "
    "right_pinky left_index right_index left_thumb right_thumb left_hip right_hip "
    "left_knee right_knee left_ankle right_ankle left_heel right_heel left_foot "
    "right_foot"
).split()
BONES = [  # pairs of `POINTS` to be drawn
    tuple(POINTS.index(name) for name in bone.split())
    for bone in (
        "left_shoulder right_shoulder, left_shoulder left_elbow, "
        "left_elbow left_wrist, left_wrist left_index, right_shoulder right_elbow, "
        "right_elbow right_wrist, right_wrist right_index, left_shoulder left_hip, "
        "right_shoulder right_hip, left_hip right_hip, left_hip left_knee, "
        "left_knee left_ankle, right_hip right_knee, right_knee right_ankle, "
        "nose left_shoulder, nose right_shoulder"
    ).split(", ")
]
TORSO = [
    POINTS.index(f"{a}_{b}") for a in ("left", "right") for b in ("shoulder", "hip")
]


class SkeletonNetwork:
    """Finds the key points of the person in a circle."""

    def __init__(self, path=None):
        """Loads the weights: `path`, or those that VIMSS ships."""
        self.path = found(WEIGHTS, path)
        self._net = LiteNetwork(self.path)

    def __call__(self, picture, centre, rim):
        """Looks at one person.

        Args:
          picture: uint8 [H, W, 3].
          centre: (x, y) of the middle of the hips, pixels.
          rim: (x, y) of a point above the head, pixels: the body lies in the circle
            around `centre` through it, and points its way.

        Returns:
          (points float32 [33, 3], presence in [0, 1], mask float32 [H, W]); x and y
          in shares of the picture.
        """
        height, width = picture.shape[:2]
        there = _to_square(np.asarray(centre), np.asarray(rim))
        square = cv2.warpAffine(picture, there, (SIDE, SIDE))
        points, presence, mask, *_ = self._net(square.astype(np.float32) / 255)
        points = points.reshape(-1, 5)[: len(POINTS)]
        back = cv2.invertAffineTransform(there)
        x, y = (points[:, :2] @ back[:, :2].T + back[:, 2]).T
        seen = sigmoid(points[:, 3])
        whole = cv2.warpAffine(sigmoid(mask[..., 0]), back, (width, height))
        points = np.stack([x / width, y / height, seen], axis=1).astype(np.float32)
        return points, float(presence.ravel()[0]), whole


def _to_square(centre, rim):
    """Affine map [2, 3] from the picture into the upright square around a circle."""
    up = (rim - centre) * MARGIN
    right = np.array([-up[1], up[0]])
    corners = np.float32(
        [centre + up - right, centre + up + right, centre - up - right]
    )
    return cv2.getAffineTransform(corners, np.float32([[0, 0], [SIDE, 0], [0, SIDE]]))
