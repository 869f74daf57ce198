"""What a user has of a recording - names, notes, a video - as a separator reads it."""

import os

from Models.given import Given, listed
from Models.vision import watching
from Schema import InputError


class Teller:
    """Turns what a user has into a `Given`, with the separator's own front end.

    Attributes:
      sees: Whether the separator sees players.
    """

    def __init__(self, model, open_video, activities, weights=None):
        """Opens nothing yet.

        Args:
          model: Separator.
          open_video: `Datasets.video.VideoReader`.
          activities: `Datasets.score.activities`.
          weights: File of the front end's image network; None: those VIMSS ships.
        """
        self._model, self._activities = model, activities
        self._open_video, self._weights, self._watcher = open_video, weights, None
        self.sees = bool({"visual", "frames"} & {*model.batch_keys})

    def __call__(
        self, labels=None, video=None, notes=None, players=None, progress=False
    ):
        """What is known of a recording.

        Args:
          labels: Names of the sources that play; of players, from left to right.
          video: File, or what a front end saw in it.
          notes: Folder, or {source: notes [M, 3]}.
          players: How many are to be seen; None: as many as are named, or found.
          progress: Whether to show a bar while the video is watched.

        Returns:
          `Given`.

        Raises:
          InputError: If a condition is none of the separator's, or one is missing.
        """
        if players is not None and not self.sees:
            raise InputError(f"players={players}: the checkpoint sees none; omit it")
        if notes is not None and "score" in self._model.batch_keys:
            notes = self._activities(notes, self._model.score_rate)
        if self.sees and labels is not None and self._model.slots == "conditioned":
            players = players or len(listed(labels))
        if self.sees and isinstance(video, str | os.PathLike):
            seen = self.watch(video, players, progress)
            video = seen.features if seen.frames is None else seen.frames
        return Given(self._model, labels, notes, video)

    def report(self):
        """Lines about what was seen so far, fallbacks among them."""
        return list(self._watcher.report()) if self._watcher else []

    def watch(self, file, players=None, progress=False):
        """What the front end sees in a video, `front_end.Seen`."""
        if self._watcher is None:
            made = watching.of(self._model, self._weights, self._open_video)
            self._watcher = made
        return self._watcher(file, players, progress)
