"""A front end without a video: key points that the data set's own files hold.

points     float32 [F', 47, 3]   pixels and confidence, in order of `JOINTS`
features   float32 [1, F, D]     of `skeleton_features`, at the front end's rate
"""

import numpy as np

from Models.vision import skeleton_features
from Models.vision.front_end import Seen
from Models.vision.weights import fingerprint
from Schema import InputError

ARM = ("shoulder", "elbow", "wrist")
FINGERS = ("thumb", "index", "middle", "ring", "pinky")
JOINTS = (  # of Solos
    "neck",
    *(f"{side}_{part}" for side in ("right", "left") for part in ARM),
    *(
        f"{side}_{finger}_{k}"
        for side in ("right", "left")
        for finger in FINGERS
        for k in range(1, 5)
    ),
)
RATE_SLACK = 1.05  # how much faster features may come than key points


class KeyPointsFrontEnd:
    """Measures where the joints of one player are, and how they move.

    Attributes:
      name: Kind, and a hash of the settings: features of one name agree.
      rate: Hz of the features.
      size: D.
      reads: What it is shown, which no video is.
    """

    reads = "skeleton of Solos"

    def __init__(self, rate=25.0):
        """Gives it a rate in Hz."""
        names = skeleton_features.names(JOINTS)
        self.rate, self.size = rate, len(names)
        limits = ("LONGEST_GAP", "FARTHEST", "FASTEST", "LEAST_TURNED")
        settings = [getattr(skeleton_features, limit) for limit in limits]
        self.name = f"solos_skeleton-{fingerprint([], names, settings)}"

    def __call__(self, points, rate, span=None):
        """Measures a player.

        Args:
          points: float [F', 47, 3] of a whole clip.
          rate: Hz of them.
          span: (start, seconds) of the stretch that is measured, alone; None: all.

        Returns:
          `front_end.Seen` of one player, without players and instants.  Frame k is
          between the key points before and after (k + 1/2) / rate; F is the number of
          frames whose middle lies before the end of both, at least 1.

        Raises:
          InputError: If the rate is too high, or no key points are in the stretch.
        """
        if self.rate > RATE_SLACK * rate:
            raise InputError(
                f"there are {rate:g} key points a second, too few for features of "
                f"{self.rate:g} Hz: set visual.frame_rate={rate:g} or less"
            )
        start, seconds = span or (0.0, len(points) / rate)
        first, end = round(start * rate), round((start + seconds) * rate)
        stretch = np.asarray(points)[first:end]
        if not len(stretch):
            raise InputError(
                f"the key points end after {len(points) / rate:.2f} s, before the "
                f"stretch that begins at {start:.2f} s"
            )
        found = skeleton_features.features(stretch, rate, JOINTS)
        known = (np.arange(first, first + len(stretch)) + 0.5) / rate - start
        last = min(seconds, len(points) / rate - start)
        count = max(1, int(np.ceil(last * self.rate - 0.5 - 1e-6)))
        wanted = (np.arange(count) + 0.5) / self.rate
        found = np.stack([np.interp(wanted, known, row) for row in found.T], axis=1)
        return Seen(
            features=found[None].astype(np.float32),
            boxes=np.zeros([1, count, 4], np.float32),
            players=[],
            instants=np.zeros(0, int),
            rate=self.rate,
            fallback=None,
            detection_rate=np.array([(stretch[..., 2] > 0).any(axis=1).mean()]),
        )


class KeyPointsReader:
    """The front end and what opens the files: in the place of a `watching.Watcher`.

    Attributes:
      front_end: `KeyPointsFrontEnd`.
      size: D.
    """

    def __init__(self, front_end, read):
        """Joins the two.

        Args:
          front_end: `KeyPointsFrontEnd`.
          read: read(path, clip) -> (points, rate in Hz): `Datasets.skeletons.read`.
        """
        self.front_end, self.read, self.size = front_end, read, front_end.size
        self.rates = []

    def __call__(self, skeleton, n_players=1, span=None):
        """What is known of the player of a track.

        Args:
          skeleton: (path, clip) as `Track.skeleton` has it.
          n_players: How many play; 1.
          span: As of the front end.

        Returns:
          `front_end.Seen`.

        Raises:
          InputError: If the file cannot be read, or does not tell of that stretch.
        """
        path, clip = skeleton
        what = f"{path}: {clip}" if clip else str(path)
        if n_players != 1:
            raise InputError(f"{what} is the skeleton of one player, not {n_players}")
        points, rate = self.read(path, clip)
        try:
            seen = self.front_end(points, rate, span)
        except InputError as error:
            raise InputError(f"{what}: {error}") from None
        self.rates.append(seen.detection_rate[0])
        return seen

    def report(self):
        """Lines about what was read."""
        if self.rates:
            yield (
                f"{self.front_end.name}: {len(self.rates)} skeletons, with a joint in "
                f"{100 * np.mean(self.rates):.0f} % of the frames"
            )
