"""What a user has of a recording - names, notes, a video - as a separator reads it."""

import os
import warnings

import Schema
from Models.given import Given, listed, nobody
from Models.vision import watching
from Schema import InputError


class UnwatchableError(InputError):
    """A video cannot be watched."""


class Teller:
    """Turns what a user has into a `Given`, with the separator's own front end.

    Attributes:
      sees: Whether the separator sees players.
    """

    def __init__(self, model, open_video, has_pictures, activities, weights=None):
        """Opens nothing yet.

        Args:
          model: Separator.
          open_video: `Datasets.video.VideoReader`.
          has_pictures: `Datasets.video.has_pictures`.
          activities: `Datasets.score.activities`.
          weights: File of the front end's image network; None: those VIMSS ships.
        """
        self._model, self._activities = model, activities
        self._open_video, self._has_pictures = open_video, has_pictures
        self._weights, self._watcher = weights, None
        self.sees = Schema.sight(model.batch_keys) is not None

    def __call__(
        self, labels=None, video=None, notes=None, players=None, progress=False
    ):
        """What is known of a recording.

        Args:
          labels: Names of the sources that play; of players, from left to right.
          video: File, or what a front end saw in it; None or False: nobody is seen.
          notes: Folder, or {source: notes [M, 3]}.
          players: How many are to be seen; None: as many as are named, or found.
          progress: Whether to show a bar while the video is watched.

        Returns:
          `Given`.

        Raises:
          InputError: If a condition is none of the separator's, or one is missing.
        """
        video = None if video is False else video
        self._check_players(players, labels, video)
        if notes is not None and "score" in self._model.batch_keys:
            notes = self._activities(notes, self._model.score_rate)
        if self.sees and isinstance(video, str | os.PathLike):
            names = listed(labels) if labels and self._follows else None
            # What cannot be is refused before the video is watched.
            players = players or (len(names) if names else None)
            Given(self._model, labels, notes, nobody(self._model, players or 1))
            seen = self.watch(video, players, progress)
            video = seen.features if seen.frames is None else seen.frames
        return Given(self._model, labels, notes, video)

    def of_file(self, input, labels, video, notes, players, progress):
        """The same of a file that may be a video itself.

        If it is one, nobody named another, and it cannot be watched, a separator that
        can do without goes by the sound alone, with a warning.

        Args:
          input: File.
          labels: As of `__call__`, like all that follow.
          video: Also None, the input if it has pictures, or False, none at all.
          notes: Folder or dict.
          players: Number.
          progress: Whether to show a bar.

        Returns:
          (`Given`, file of the video that was seen, or None).
        """
        if video is None and self.sees and self._has_pictures(input):
            try:
                return self(labels, input, notes, players, progress), input
            except UnwatchableError as error:
                if "has_visual" not in self._model.batch_keys:
                    raise
                warnings.warn(f"{error}; going by the sound alone", stacklevel=2)
                return self(labels, None, notes), None
        return self(labels, video, notes, players, progress), video or None

    @property
    def _follows(self):
        return self._model.slots == "conditioned"

    def _check_players(self, players, labels, video):
        """Refuses a number of players that is none, or has no meaning."""
        if players is None:
            return
        if not isinstance(players, int) or isinstance(players, bool) or players < 1:
            raise InputError(f"players={players!r}: expected a whole number from 1")
        if not self.sees:
            raise InputError(f"players={players}: the checkpoint sees none; omit it")
        if video is None:
            raise InputError(
                f"players={players}: there is no video in which to see them; give "
                "video=FILE, or omit players"
            )
        if labels is not None and self._follows and len(listed(labels)) != players:
            raise InputError(
                f"labels={labels} are {len(listed(labels))} names for players={players}"
                ": name each from left to right"
            )

    def report(self):
        """Lines about what was seen so far, fallbacks among them."""
        return list(self._watcher.report()) if self._watcher else []

    def watch(self, file, players=None, progress=False):
        """What the front end sees in a video, `front_end.Seen`."""
        if self._watcher is None:
            made = watching.of(self._model, self._weights, self._open_video)
            self._watcher = made
        try:
            return self._watcher(file, players, progress)
        except InputError as error:
            raise UnwatchableError(str(error)) from None
