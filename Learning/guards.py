"""When to stop: nothing gained for long, or a loss that is no number."""

import dataclasses
import math

from Schema import InputError


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
        """The state after an epoch whose validation loss is `value`."""
        if self.best is None or value < self.best:
            return dataclasses.replace(self, best=value, best_epoch=epoch, stale=0)
        return dataclasses.replace(self, stale=self.stale + 1)

    @property
    def exhausted(self):
        """Whether to stop."""
        return self.stale >= self.patience


def check_finite(value, what, step, best_epoch):
    """Refuses to go on with a loss that is NaN or infinite.

    Args:
      value: The loss.
      what: Names it.
      step: Step (counted from 1) at which it was first so.
      best_epoch: Epoch of the checkpoint that is kept, 0 if there is none.

    Raises:
      InputError: Saying where it happened, what is left, and what helps.
    """
    if math.isfinite(value):
        return
    kept = f"the best checkpoint, of epoch {best_epoch}, is kept"
    raise InputError(
        f"the {what} is {value} at step {step}; "
        + (kept if best_epoch else "there is no checkpoint yet")
        + "; lower training.learning_rate or training.gradient_clip"
    )
