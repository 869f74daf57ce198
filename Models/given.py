"""What a user knows of a recording, as a separator reads it, window by window."""

import math

import numpy as np

from Schema import InputError

PERHAPS = "has_"  # begins the keys that tell whether a condition is known


class Given:
    """The conditions of one recording.

    Attributes:
      names: Of the estimates, in the model's order.
      wanted: Of these, what the user asked for, in that order.
    """

    def __init__(self, model, labels=None, score=None):
        """Refuses what the model cannot use.

        Args:
          model: Separator.
          labels: Names of the sources that play, or text with commas between them;
            None: unknown.
          score: {name of a source: float32 [F], share of each frame in which it has
            notes}, frames of 1 / `model.score_rate` seconds from the beginning of the
            recording; None: unknown.

        Raises:
          InputError: If a condition is none of the model's, or one is missing.
        """
        self._model, self._keys = model, model.batch_keys
        self._known = [str(name) for name in model.source_names]
        labels = None if labels is None else _listed(labels)
        for name, value in (("labels", labels), ("score", score)):
            self._check_condition(name, value)
            self._check_names(name, value)
        if labels and score:
            score = self._of_labels(labels, score)
        self.names = self._slots(labels, score)
        self.wanted = labels or list(score or self.names)
        self._fixed = self._of_names(labels, score)
        self._score = None
        if "score" in self._keys:
            self._score = _stacked([(score or {}).get(name) for name in self.names])

    def rows(self, starts, n_in):
        """What the model reads beside the mixture.

        Args:
          starts: Where the targets of some windows begin, samples at the model's rate.
          n_in: Samples of each window.

        Returns:
          {key: array [N, ...]} as in `Schema.BATCH`.
        """
        rows = {k: np.stack([v] * len(starts)) for k, v in self._fixed.items()}
        if self._score is None:
            return rows
        model, rate = self._model, self._model.sample_rate
        step, reach = model.score_rate, model.reach
        count = math.ceil(n_in / rate * step) + 1 + 2 * reach
        early = (model.n_in - model.n_out) // 2  # the same for windows of all lengths
        firsts = [math.floor((s - early) * step / rate) - reach for s in starts]
        rows["score"] = np.stack([_frames(self._score, k, count) for k in firsts])
        starts = [k / step - start / rate for k, start in zip(firsts, starts)]
        rows["score_start"] = np.array(starts, np.float64)
        return rows

    def _check_names(self, what, names):
        """Refuses names that are none of the sources', or are none at all."""
        if names is None:
            return
        known = ", ".join(self._known)
        if not names:
            told = "labels" if what == "labels" else "notes"
            raise InputError(
                f"{told} name no source; omit them, or name some of {known}"
            )
        for name in names:
            if name not in self._known:
                raise InputError(f"no source is called {name!r}; there are {known}")
        twice = [name for name in names if list(names).count(name) > 1]
        if twice:
            raise InputError(f"labels={list(names)} name {twice[0]!r} twice")

    @staticmethod
    def _of_labels(labels, score):
        """The score of the sources that are named."""
        for label in labels:
            if label not in score:
                raise InputError(
                    f"labels name {', '.join(labels)}, but there are notes of "
                    f"{', '.join(score)} only; give notes of each, or none"
                )
        return {label: score[label] for label in labels}

    def _check_condition(self, name, value):
        """Refuses a condition that is not read, or is missing."""
        if value is not None and name not in self._keys:
            told = "notes" if name == "score" else name
            raise InputError(
                f"the checkpoint is not conditioned on {name}; omit {told}"
            )
        if value is None and name in self._keys and PERHAPS + name not in self._keys:
            if name == "labels":
                raise InputError(
                    "the checkpoint must be told which sources play: give labels, of "
                    + ", ".join(self._known)
                )
            raise InputError(
                "the checkpoint must be told the score of each source: give notes"
            )

    def _slots(self, labels, score):
        """The names of the estimates."""
        if self._model.slots != "conditioned":
            return self._known
        names = labels or list(score or ())
        if not names:
            raise InputError(
                "the checkpoint separates what is named: give labels, of "
                + ", ".join(self._known)
            )
        return names

    def _of_names(self, labels, score):
        """What does not change with time."""
        fixed, known = {}, self._known
        if "labels" in self._keys:
            if self._model.slots == "conditioned":
                rows = [[name == label for name in known] for label in self.names]
                fixed["labels"] = np.array(rows, np.float32) * (labels is not None)
            else:
                playing = [name in (labels or ()) for name in known]
                fixed["labels"] = np.array(playing, np.float32)
        for name, value in (("labels", labels), ("score", score)):
            if PERHAPS + name in self._keys:
                fixed[PERHAPS + name] = np.float32(value is not None)
        return fixed


def _listed(labels):
    """The names in what a user gave as labels."""
    if isinstance(labels, str):
        labels = [label.strip() for label in labels.split(",")]
    is_list = isinstance(labels, list | tuple)
    if not is_list or not all(isinstance(label, str) for label in labels):
        raise InputError(
            "labels must be names of sources, as a list or with commas between them, "
            f"not {labels!r}"
        )
    return list(labels)


def _stacked(activities):
    """float32 [N, F] of lists of different lengths; None: never."""
    activities = [np.zeros(1) if a is None else a for a in activities]
    stacked = np.zeros([len(activities), max(map(len, activities))], np.float32)
    for row, activity in zip(stacked, activities):
        row[: len(activity)] = activity
    return stacked


def _frames(score, first, count):
    """Frames first, ... first + count - 1 of [N, F]; zeros outside."""
    found = np.zeros([len(score), count], np.float32)
    begin, end = max(first, 0), min(first + count, score.shape[1])
    if end > begin:
        found[:, begin - first : end - first] = score[:, begin:end]
    return found
