"""When to stop: nothing gained for long, numbers that are none, no memory, no disk."""

import contextlib
import dataclasses
import errno
import math

from Schema import InputError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FULL_WORDS = ("No space left", "File too large", "quota exceeded")


class StoppedError(InputError):
    """A training that began and cannot go on as it is; what it saved is kept."""


@dataclasses.dataclass
class EarlyStopping:
    """Counts the epochs since the best validation loss.

    Training stops after `patience` epochs in a row that are not better than the
    best (Stoller et al., "Wave-U-Net", ISMIR 2018, section 4.2: 20).

    Attributes:
      patience: Epochs, at least 1.
      best: The least validation loss, or None before the first.
      best_epoch: Its epoch, counted from 1.
      stale: Epochs since.
    """

    patience: int
    best: float | None = None
    best_epoch: int = 0
    stale: int = 0

    def updated(self, epoch, value):
        """The state after an epoch whose validation loss is `value`, or None.

        Without one every epoch is the best, and nothing grows stale.
        """
        if value is None:
            return dataclasses.replace(self, best_epoch=epoch)
        if math.isfinite(value) and (self.best is None or value < self.best):
            return dataclasses.replace(self, best=value, best_epoch=epoch, stale=0)
        return dataclasses.replace(self, stale=self.stale + 1)

    @property
    def exhausted(self):
        """Whether to stop."""
        return self.stale >= self.patience


def check_lengths(steps_per_epoch, max_epochs, patience, gradient_clip):
    """Refuses counts below 1 and a gradient without length, with an InputError."""
    for name, value in (
        ("steps_per_epoch", steps_per_epoch),
        ("max_epochs", max_epochs),
        ("patience", patience),
    ):
        if value < 1:
            raise InputError(f"training.{name}={value} must be at least 1")
    if gradient_clip is not None and not gradient_clip > 0:
        raise InputError(
            f"training.gradient_clip={gradient_clip} must be positive, or None"
        )


def check_finite(value, what, step, best_epoch, where=""):
    """Refuses to go on with a loss that is NaN or infinite.

    Args:
      value: The loss.
      what: Names it.
      step: Step (counted from 1) at which it was first so.
      best_epoch: Epoch of the checkpoint that is kept, 0 if there is none.
      where: Which data it was of.

    Raises:
      StoppedError: Saying where it happened, what is left, and what helps.
    """
    if math.isfinite(value):
        return
    kept = f"the best checkpoint, of epoch {best_epoch}, is kept"
    raise StoppedError(
        f"the {what} is {value} at step {step}{where and f', {where}'}; the weights "
        "before it are kept in the state; "
        + (kept if best_epoch else "there is no checkpoint yet")
        + "; lower training.learning_rate or training.gradient_clip, or mend the data"
    )


def check_heard(loss, heard, n_steps, where=""):
    """Refuses to train on silence, or towards nothing.

    Args:
      loss: Sum of the losses of the first steps.
      heard: Sum of the greatest magnitudes of their mixtures; None: there are none.
      n_steps: How many these are.
      where: Which data the last of them was of.

    Raises:
      StoppedError: If one of them is exactly 0.
    """
    last = where and f", last of {where}"
    if heard == 0:
        raise StoppedError(
            f"the mixtures of the first {n_steps} steps are silence throughout{last}; "
            "listen to the recordings of data.raw, mend them, and run Prepare.py again"
        )
    if loss == 0:
        raise StoppedError(
            f"the training loss of each of the first {n_steps} steps is exactly 0"
            f"{last}; there is nothing to learn: look whether the sources are silent, "
            "and whether data.sources names those that play"
        )


@contextlib.contextmanager
def room_for(path, kept):
    """Says what a full disk means for a training.

    Args:
      path: What is written in the block.
      kept: What is left if that fails, a sentence.

    Raises:
      StoppedError: If the disk is full, or the file may not become that large.
    """
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:  # of Python, h5py, zipfile
        told = [error, error.__context__, error.__cause__]
        full = any(getattr(each, "errno", None) in FULL for each in told)
        if not full and not any(w in str(each) for w in FULL_WORDS for each in told):
            raise
        where = getattr(error, "filename", None) or path
        raise StoppedError(
            f"{where} cannot be written: the disk is full, or files may not be that "
            f"large; {kept}; make room, then resume"
        ) from None


@contextlib.contextmanager
def memory_for(training, model):
    """Says which knobs a training needs less of, once its memory is exhausted.

    Args:
      training: The section of Config.py.
      model: The section of Config.py.

    Raises:
      StoppedError: For TensorFlow's error and for Python's.
    """
    import tensorflow as tf  # which the verb imports this module without

    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError):
        size, parts = training["batch_size"], training["accumulate"]
        knobs = [f"model.num_frames={model['num_frames']}"]
        if size > 1:
            knobs.insert(
                0,
                f"training.batch_size={size} (with training.batch_size={size // 2} "
                f"training.accumulate={2 * parts} the updates stay the same)",
            )
        if training["precision"] != "bfloat16":
            knobs.append("set training.precision=bfloat16")
        raise StoppedError(f"out of memory: lower {', or '.join(knobs)}") from None
