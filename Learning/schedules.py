"""How the learning rate goes: by name, with a warm-up, and in two stages.

A rate is always a schedule, never a variable of the optimizer, so that a resumed run
obeys its own configuration.
"""

import tensorflow as tf

from Schema import InputError

keras = tf.keras


def _exponential(rate, decay, decay_steps, n_steps):
    return keras.optimizers.schedules.ExponentialDecay(rate, decay_steps, decay)


def _constant(rate, decay, decay_steps, n_steps):
    return keras.optimizers.schedules.ExponentialDecay(rate, 1, 1.0)


def _cosine(rate, decay, decay_steps, n_steps):
    return keras.optimizers.schedules.CosineDecay(rate, n_steps)


SCHEDULES = {
    # rate * decay ** (step / decay_steps): the 2018 VIMSS, 0.96 every 2,000 steps
    "exponential": _exponential,
    "constant": _constant,
    # Half a cosine from the rate to 0, over all steps: Loshchilov, Hutter, "SGDR",
    # ICLR 2017, https://arxiv.org/abs/1608.03983
    "cosine": _cosine,
    "plateau": _constant,  # times decay whenever validation has not gained for long
}


def check(name):
    """Refuses a schedule that does not exist, with an InputError."""
    if name not in tuple(SCHEDULES):  # a list, too, is refused
        raise InputError(
            f"training.schedule={name!r}: the schedules are {', '.join(SCHEDULES)}"
        )


def plateaus(losses, epochs):
    """How often the loss has gained nothing for some epochs in a row.

    Args:
      losses: Validation loss of each epoch.
      epochs: In a row; after as many the count of epochs begins anew.
    """
    best, stale, count = float("inf"), 0, 0
    for loss in losses:
        best, stale = (loss, 0) if loss < best else (best, stale + 1)
        if stale == epochs:
            stale, count = 0, count + 1
    return count


class Rate(keras.optimizers.schedules.LearningRateSchedule):
    """Learning rate of a step: a schedule, a warm-up, and a second stage."""

    def __init__(
        self,
        rate,
        schedule="exponential",
        *,
        decay=1.0,
        decay_steps=1,
        n_steps=1,
        warmup_steps=0,
        plateau_epochs=1,
        second=None,
    ):
        """Stands at the beginning; make it in the scope of the strategy.

        Args:
          rate: Highest rate.
          schedule: A key of `SCHEDULES`.
          decay: Factor for every `decay_steps` steps, or for every plateau.
          decay_steps: Steps, at least 1.
          n_steps: Of the whole training, for "cosine".
          warmup_steps: Steps in which the rate rises in proportion, first of all.
          plateau_epochs: Epochs without a better validation loss that are a plateau.
          second: Rate of the second stage, or None.

        Raises:
          InputError: If there is no such schedule.
        """
        check(schedule)
        self.schedule, self.second = schedule, second
        self.decay, self.plateau_epochs = decay, plateau_epochs
        self.warmup_steps = warmup_steps
        self._of_step = SCHEDULES[schedule](rate, decay, decay_steps, n_steps)
        self._factor = tf.Variable(1.0, trainable=False)
        self._is_late = tf.Variable(False, trainable=False)

    def __call__(self, step):
        """Float32 rate of a step, counted from 0."""
        rate = self._of_step(step)
        if self.schedule == "plateau":
            rate *= self._factor
        if self.warmup_steps:
            risen = (tf.cast(step, tf.float32) + 1) / self.warmup_steps
            rate *= tf.minimum(1.0, risen)
        return (
            rate if self.second is None else tf.where(self._is_late, self.second, rate)
        )

    def follow(self, stage, losses):
        """Takes in how far training has come.

        Args:
          stage: 1 or 2.
          losses: Validation losses of the epochs so far.
        """
        known = [loss for loss in losses if loss is not None]
        self._factor.assign(self.decay ** plateaus(known, self.plateau_epochs))
        self._is_late.assign(stage == 2)

    def get_config(self):
        """What Keras would show; a rate is made of the training section instead."""
        return {"schedule": self.schedule}
