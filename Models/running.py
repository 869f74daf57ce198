"""A separator at work on segments: compiled, in batches, for any number of channels."""

import math
import pathlib

import numpy as np
import tensorflow as tf

import Remote
import Schema
from Models import checkpoints, correspondence, devices, memory
from Models.given import Given
from Schema import InputError


def load(folder, precision=None, form=None):
    """A separator, ready to run.

    Args:
      folder: What `Remote.find_run` takes, or a separator that is in memory.
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
    folder = Remote.find_run(folder)
    options = {"dtype": devices.dtype_of(precision or "float32")}
    if form is not None or "form" in checkpoints.describe(folder)["config"]:
        options["form"] = form or "auto"
    model = checkpoints.load(folder, **options)
    correspondence.refuse(model, folder)
    return model


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
        n_names = len(model.source_names)
        rows = None if model.slots == "conditioned" else n_names
        shapes = {
            "mix": [n_in, model.channels],
            "labels": [n_names] if rows else [None, n_names],
            "score": [rows, None],
            "score_start": [],
            "visual": [None, None, model.visual_size],
            "has_visual": [None],
            "visual_start": [],
            "has_labels": [],
            "has_score": [],
        }
        reads, kinds = {"mix", *model.batch_keys}, {}
        if "frames" in reads:
            shapes["frames"] = [None, None, *model.visual_size]
            kinds["frames"] = tf.uint8
        if unknown := reads - shapes.keys():
            raise InputError(
                f"the checkpoint reads {', '.join(sorted(unknown))}, which Predict "
                "cannot give; it knows sound, labels, a score and players"
            )
        kinds |= {"score_start": tf.float64, "visual_start": tf.float64}
        spec = {
            key: tf.TensorSpec([None, *shapes[key]], kinds.get(key, tf.float32))
            for key in reads
        }
        self._call = tf.function(self._sources, input_signature=[spec])

    def _sources(self, batch):
        def of_replica(batch):
            return tf.cast(self.model(batch, training=False)["sources"], tf.float32)

        # A TPU computes what its strategy runs; elsewhere this is a call.
        strategy = tf.distribute.get_strategy()
        return strategy.experimental_local_results(
            strategy.run(of_replica, args=(batch,))
        )[0]

    def anything(self):
        """A `Given` to try the model with."""
        keys, names = self.model.batch_keys, self.model.source_names[:1]
        score = {name: np.zeros(1, np.float32) for name in names}
        if Schema.sight(keys) == "frames":
            still = np.zeros([1, 1, *self.model.visual_size], np.uint8)
        else:
            still = np.zeros([1, 1, self.model.visual_size or 0], np.float32)
        return Given(
            self.model,
            names if "labels" in keys else None,
            score if "score" in keys else None,
            still if Schema.sight(keys) else None,
        )

    @staticmethod
    def too_long(n_in):
        """The error that windows of n_in samples are too much."""
        return InputError(
            f"{n_in} samples at once do not fit into the device's memory; choose a "
            "smaller segment or a smaller model"
        )

    def longest(self, channels, share, most, n_sources):
        """How many target samples fit into the memory at hand.

        Args:
          channels: C of the recording.
          share: Of that memory, from 0 to 1.
          most: Samples that are enough.
          n_sources: Estimates of each window.

        Returns:
          Target samples of a window, at least the model's own hop, for `batch_size`
          windows at once; `most` where nobody knows about the memory.
        """
        budget = memory.at_hand()
        if budget is None:
            budget = math.inf
        # Beside what the model takes: its estimates copied, and given back.
        copied = 4 * n_sources * (2 * self.model.channels + channels)

        def cost(n):
            return self.batch_size * (
                self.model.inference_bytes(n, n_sources) + copied * n
            )

        unit = self.model.lengths(1).hop
        return memory.longest(cost, share * budget, unit, self.model.hop, most)

    def estimates(self, windows, starts, given, n):
        """Separates windows.

        Args:
          windows: float32 [N, n_in, C], any C.
          starts: Where their targets begin in the recording, N samples.
          given: `Given`, what is known of the recording.
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
        starts = np.repeat(starts, len(rows) // count)
        shape = (count, len(given.names), n, channels)
        done, found = 0, np.empty(shape, np.float32)
        while done < len(rows):
            try:
                now = slice(done, done + self.batch_size)
                separated = self._separated(rows[now], starts[now], given)
            except tf.errors.ResourceExhaustedError:
                if self.batch_size == 1:
                    raise MemoryError from None
                self.batch_size //= 2
                continue
            for row in separated[:, :, :n]:
                if alone:
                    found[done // channels, :, :, done % channels] = row.mean(axis=2)
                else:
                    found[done] = row
                done += 1
        if not np.isfinite(found).all():
            raise InputError("the checkpoint's estimates are not finite; train it anew")
        return found

    def _separated(self, rows, starts, given):
        beside = given.rows(starts, rows.shape[1])
        return self._call({**beside, "mix": rows}).numpy()


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
