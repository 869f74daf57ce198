"""A separator at work on segments: compiled, in batches, for any number of channels."""

import math
import pathlib

import numpy as np
import tensorflow as tf

import Utils
from Models import checkpoints, devices, memory
from Schema import InputError


def load(folder, precision=None, form=None):
    """A separator, ready to run.

    Args:
      folder: What `Utils.find_run` takes, or a separator that is in memory.
      precision: A key of `devices.DTYPES`; None: float32, whatever it was trained in.
      form: "auto", "plain" or "fast", for models that have these; None: auto.

    Raises:
      InputError: If the folder holds no separator, an option is impossible, or is
        given although the separator is in memory.
    """
    if not isinstance(folder, str | pathlib.Path):
        if (precision, form) != (None, None):
            raise InputError(
                "precision and form are chosen when a folder is loaded; a separator "
                "in memory has its own: omit them"
            )
        return folder
    if precision not in (None, *devices.DTYPES):
        known = " or ".join(devices.DTYPES)
        raise InputError(f"precision must be {known}, not {precision!r}")
    folder = Utils.find_run(folder)
    options = {"dtype": devices.dtype_of(precision or "float32")}
    if form is not None or "form" in checkpoints.describe(folder)["config"]:
        options["form"] = form or "auto"
    return checkpoints.load(folder, **options)


class Runner:
    """Runs a separator that is trained.

    A recording of as many channels as the model's is heard whole.  Of any other each
    channel is separated on its own: repeated on all channels of the model, whose
    estimates are averaged.

    Attributes:
      model: The separator.
      batch_size: Windows at once; halved when the device's memory does not suffice.
    """

    def __init__(self, model, batch_size=1, n_in=None):
        """Prepares a separator; nothing is computed yet.

        Args:
          model: The separator.
          batch_size: Windows at once, at most.
          n_in: Samples of every window, or None if they will differ; the model is
            compiled once in either case.

        Raises:
          InputError: If it reads what cannot be given.
        """
        self.model, self.batch_size = model, batch_size
        self._names, reads = list(model.source_names), {"mix", *model.batch_keys}
        self._shapes = {
            "mix": [n_in, model.channels],
            "labels": [len(self._names)],
            "has_labels": [],
        }
        if unknown := reads - self._shapes.keys():
            raise InputError(
                f"the checkpoint reads {', '.join(sorted(unknown))}, which Predict "
                "cannot give; use a checkpoint that reads sound or labels"
            )
        self._shapes = {key: self._shapes[key] for key in reads}
        spec = {
            k: tf.TensorSpec([None, *v], tf.float32) for k, v in self._shapes.items()
        }
        self._call = tf.function(self._sources, input_signature=[spec])

    def _sources(self, batch):
        return tf.cast(self.model(batch, training=False)["sources"], tf.float32)

    def unconditioned(self):
        """One row of zeros for all that the model reads beside the mixture."""
        beside = self._shapes.keys() - {"mix"}
        return {key: np.zeros(self._shapes[key], np.float32) for key in beside}

    def condition(self, labels=None, video=None):
        """One row of what the model reads beside the mixture.

        Args:
          labels: Names of the sources that play, or text with commas between them;
            None: unknown.
          video: A video file; no model reads one yet.

        Returns:
          {key: float32 array} as in `Schema.BATCH`, without the axis B.

        Raises:
          InputError: If a condition is none of the model's, or one is missing.
        """
        row, playing = self.unconditioned(), _listed(labels)
        if video is not None:
            raise InputError("the checkpoint is not conditioned on video; omit video")
        if labels is None:
            if "labels" in row and "has_labels" not in row:
                raise InputError(
                    "the checkpoint must be told which sources play: give labels, of "
                    + ", ".join(self._names)
                )
            return row
        if "labels" not in row:
            raise InputError("the checkpoint is not conditioned on labels; omit labels")
        if unknown := [label for label in playing if label not in self._names]:
            raise InputError(
                f"no source is called {unknown[0]!r}; there are "
                f"{', '.join(self._names)}"
            )
        row["labels"][:] = [name in playing for name in self._names]
        return {key: row[key] if key == "labels" else row[key] + 1 for key in row}

    def longest(self, channels, share, most):
        """How many target samples fit into the memory at hand.

        Args:
          channels: C of the recording.
          share: Of that memory, from 0 to 1.
          most: Samples that are enough.

        Returns:
          Target samples of a window, at least the model's own hop, for `batch_size`
          windows at once; `most` where nobody knows about the memory.
        """
        budget, n_sources = memory.at_hand(), len(self._names)
        if budget is None:
            budget = math.inf
        # Beside what the model takes: its estimates copied, and given back.
        copied = 4 * n_sources * (2 * self.model.channels + channels)

        def cost(n):
            return self.batch_size * (self.model.inference_bytes(n) + copied * n)

        unit = self.model.lengths(1).hop
        return memory.longest(cost, share * budget, unit, self.model.hop, most)

    def estimates(self, windows, condition, n):
        """Separates windows.

        Args:
          windows: float32 [N, n_in, C], any C.
          condition: One row of what the model reads beside the mixture, {key: array}.
          n: Samples of each estimate to give back, its first.

        Returns:
          float32 [N, S, n, C].

        Raises:
          MemoryError: If the device's memory does not suffice for one window.
          InputError: If estimates are not finite.
        """
        count, _, channels = windows.shape
        rows = to_width(windows, self.model.channels)
        alone = channels != self.model.channels
        shape = (count, len(self._names), n, channels)
        done, found = 0, np.empty(shape, np.float32)
        while done < len(rows):
            try:
                given = self._separated(rows[done : done + self.batch_size], condition)
            except tf.errors.ResourceExhaustedError:
                if self.batch_size == 1:
                    raise MemoryError from None
                self.batch_size //= 2
                continue
            for row in given[:, :, :n]:
                if alone:
                    found[done // channels, :, :, done % channels] = row.mean(axis=2)
                else:
                    found[done] = row
                done += 1
        if not np.isfinite(found).all():
            raise InputError("the checkpoint's estimates are not finite; train it anew")
        return found

    def _separated(self, rows, condition):
        batch = {key: np.stack([row] * len(rows)) for key, row in condition.items()}
        return self._call({**batch, "mix": rows}).numpy()


def _listed(labels):
    """The names in what `Runner.condition` takes as labels."""
    if isinstance(labels, str):
        return [label.strip() for label in labels.split(",")]
    listed = labels is None or isinstance(labels, list | tuple)
    if not listed or not all(isinstance(label, str) for label in labels or ()):
        raise InputError(
            "labels must be names of sources, as a list or with commas between them, "
            f"not {labels!r}"
        )
    return list(labels or ())


def to_width(windows, width):
    """Windows as a model of `width` channels reads them.

    Args:
      windows: float32 [N, n, C].
      width: Channels of the model.

    Returns:
      The windows if C is the width; else float32 [N * C, n, width], each channel on
      its own, repeated.
    """
    count, n_time, channels = windows.shape
    if channels == width:
        return windows
    alone = windows.transpose(0, 2, 1).reshape(count * channels, n_time, 1)
    return np.repeat(alone, width, axis=2)
