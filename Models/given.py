"""What a user knows of a recording, as a separator reads it, window by window."""

import copy
import math

import numpy as np

import Schema
from Models.vision import pictures
from Schema import InputError

PERHAPS = "has_"  # begins the keys that tell whether a condition is known
TOLD = {"score": "notes", "visual": "video"}  # a condition, as a user gives it


class Given:
    """The conditions of one recording.

    Attributes:
      names: Of the estimates, in the model's order.
      wanted: Of these, what the user asked for, in that order.
    """

    def __init__(self, model, labels=None, score=None, visual=None):
        """Refuses what the model cannot use.

        Args:
          model: Separator.
          labels: Names of the sources that play, or text with commas between them;
            None: unknown.
          score: {name of a source: float32 [F], share of each frame in which it has
            notes}, frames of 1 / `model.score_rate` seconds from the beginning of the
            recording; None: unknown.
          visual: float32 [P, F, D], features of the players from left to right, frames
            of 1 / `model.visual_rate` seconds from the beginning of the recording; of
            a model that looks at pictures these: object [P, F] of bytes, JPEG, or
            uint8 [P, F, H, W, 3].  None: nobody is seen.  Slots that follow conditions
            are these players, and labels then name them in that order.

        Raises:
          InputError: If a condition is none of the model's, or one is missing.
        """
        self._model, self._sight = model, Schema.sight(model.batch_keys)
        self._keys = ["visual" if k == self._sight else k for k in model.batch_keys]
        self._known = [str(name) for name in model.source_names]
        labels = None if labels is None else listed(labels)
        for name, value in (("labels", labels), ("score", score)):
            self._check_condition(name, value)
            self._check_names(name, value, visual is not None)
        self._check_condition("visual", visual)
        if labels and score:
            score = self._of_labels(labels, score)
        self.names = self._slots(labels, score, visual)
        self.wanted = self.names
        if model.slots != "conditioned":
            self.wanted = labels or list(score or self.names)
        self._fixed = self._of_names(labels, score, visual)
        self._frames = {}
        if "score" in self._keys:
            found = _stacked([(score or {}).get(name) for name in self.names])
            self._frames["score"] = (found, model.score_rate)
        if self._sight:
            n_players = len(self.names) if model.slots == "conditioned" else 1
            visual = nobody(model, n_players) if visual is None else np.asarray(visual)
            if self._sight == "frames":  # what is none is refused now
                pictures.decoded(visual[:, :1], model.visual_size)
            else:
                _check_features(visual, model.visual_size)
            self._frames["visual"] = (visual, model.visual_rate)

    def everything(self):
        """The same, with every estimate wanted."""
        other = copy.copy(self)
        other.wanted = self.names
        return other

    def zeroed(self, condition):
        """The same, told that nobody plays ("labels") or shown nobody ("visual").

        What is known stays known: it is not the stand-in for a missing condition.
        """
        other = copy.copy(self)
        if condition == "visual":
            visual, rate = self._frames["visual"]
            unseen = nobody(self._model, len(visual))
            other._frames = {**self._frames, "visual": (unseen, rate)}
        else:
            zeros = np.zeros_like(self._fixed[condition])
            other._fixed = {**self._fixed, condition: zeros}
        return other

    def rows(self, starts, n_in):
        """What the model reads beside the mixture.

        Args:
          starts: Where the targets of some windows begin, samples at the model's rate.
          n_in: Samples of each window.

        Returns:
          {key: array [N, ...]} as in `Schema.BATCH`.
        """
        rows = {k: np.stack([v] * len(starts)) for k, v in self._fixed.items()}
        model, rate = self._model, self._model.sample_rate
        early = (model.n_in - model.n_out) // 2  # the same for windows of all lengths
        for name, (values, step) in self._frames.items():
            count = math.ceil(n_in / rate * step) + 1 + 2 * model.reach
            firsts = [
                math.floor((s - early) * step / rate) - model.reach for s in starts
            ]
            key = self._sight if name == "visual" else name
            cut = self._held if key == "frames" else _cut
            rows[key] = np.stack([cut(values, k, count) for k in firsts])
            begins = [k / step - start / rate for k, start in zip(firsts, starts)]
            rows[f"{name}_start"] = np.array(begins, np.float64)
        return rows

    def _held(self, values, first, count):
        """Pictures of count frames from a first one on; at the ends they stay."""
        wanted = np.clip(np.arange(first, first + count), 0, values.shape[1] - 1)
        there, places = np.unique(wanted, return_inverse=True)
        size = self._model.visual_size
        return pictures.decoded(values[:, there], size)[:, places]

    def _check_names(self, what, names, has_players):
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
            label = self._label(name) if what == "score" else name
            if label not in self._known:
                raise InputError(f"no source is called {name!r}; there are {known}")
        twice = [name for name in names if list(names).count(name) > 1]
        if twice and not (has_players and self._model.slots == "conditioned"):
            raise InputError(f"labels={list(names)} name {twice[0]!r} twice")

    def _label(self, name):
        """The source that a name means: of slots that follow conditions, vn of vn_2."""
        if name in self._known or self._model.slots != "conditioned":
            return name
        return name.rpartition("_")[0]

    def _of_labels(self, labels, score):
        """The score of the sources that are named."""
        names = numbered(labels) if self._model.slots == "conditioned" else labels
        for name in names:
            if name not in score:
                raise InputError(
                    f"labels name {', '.join(names)}, but there are notes of "
                    f"{', '.join(score)} only; give notes of each, or none"
                )
        return {name: score[name] for name in names}

    def _check_condition(self, name, value):
        """Refuses a condition that is not read, or is missing."""
        if value is not None and name not in self._keys:
            told = TOLD.get(name, name)
            name = name.replace("visual", "video")
            raise InputError(
                f"the checkpoint is not conditioned on {name}; omit {told}"
            )
        if value is None and name in self._keys and PERHAPS + name not in self._keys:
            if name == "labels":
                raise InputError(
                    "the checkpoint must be told which sources play: give labels, of "
                    + ", ".join(self._known)
                )
            if name == "visual":
                raise InputError(
                    "the checkpoint must see the players: give a video of the recording"
                )
            raise InputError(
                "the checkpoint must be told the score of each source: give notes"
            )

    def _slots(self, labels, score, visual):
        """The names of the estimates."""
        if self._model.slots != "conditioned":
            return self._known
        if labels and visual is not None and len(labels) != len(visual):
            raise InputError(
                f"labels={labels} name {len(labels)} players, the video shows "
                f"{len(visual)}: name them all from left to right, or set players"
            )
        names = numbered(labels) if labels else list(score or ())
        if not names and visual is not None:
            names = [f"player_{k + 1}" for k in range(len(visual))]
        if not names:
            raise InputError(
                "the checkpoint separates what is named: give labels, of "
                + ", ".join(self._known)
            )
        return names

    def _of_names(self, labels, score, visual):
        """What does not change with time."""
        fixed, known = {}, self._known
        if "labels" in self._keys:
            if self._model.slots == "conditioned":
                rows = np.zeros([len(self.names), len(known)], np.float32)
                for row, label in zip(rows, labels or ()):
                    row[known.index(label)] = 1
                fixed["labels"] = rows
            else:
                playing = [name in (labels or ()) for name in known]
                fixed["labels"] = np.array(playing, np.float32)
        for name, value in (("labels", labels), ("score", score)):
            if PERHAPS + name in self._keys:
                fixed[PERHAPS + name] = np.float32(value is not None)
        if "has_visual" in self._keys:
            per_slot = self._model.slots == "conditioned"
            n_players = len(self.names) if per_slot else 1
            n_players = n_players if visual is None else len(visual)
            fixed["has_visual"] = np.full(n_players, visual is not None, np.float32)
        return fixed


def numbered(names):
    """Names of parts, those that several have with numbers.

    Example:
      >>> numbered(["vn", "vn", "vc"])
      ['vn_1', 'vn_2', 'vc']
    """
    count = {name: 0 for name in names}
    found = []
    for name in names:
        count[name] += 1
        found.append(f"{name}_{count[name]}" if names.count(name) > 1 else name)
    return found


def _check_features(visual, size):
    """Refuses what are no features of players."""
    is_number = np.issubdtype(visual.dtype, np.floating)
    if visual.ndim != 3 or visual.shape[2] != size or not all(visual.shape):
        raise InputError(
            f"features of players must be [P, F, {size}], not {list(visual.shape)}"
        )
    if not is_number or not np.isfinite(visual).all():
        raise InputError("features of players must be finite numbers")


def nobody(model, n_players):
    """What a model that sees players reads of players of whom nothing is known."""
    size = model.visual_size
    if Schema.sight(model.batch_keys) == "frames":
        return np.zeros([n_players, 1, *size], np.uint8)
    return np.zeros([n_players, 1, size], np.float32)


def listed(labels):
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


def _cut(values, first, count):
    """Frames first, ... first + count - 1 of [N, F, ...]; zeros outside."""
    found = np.zeros([len(values), count, *values.shape[2:]], np.float32)
    begin, end = max(first, 0), min(first + count, values.shape[1])
    if end > begin:
        found[:, begin - first : end - first] = values[:, begin:end]
    return found
