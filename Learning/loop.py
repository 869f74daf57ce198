"""The loop: steps, epochs, validation, the best model, a state to resume.

    history = fit(model, optimizer, loss, batches, validate, steps_per_epoch=2000,
                  max_epochs=1000, patience=20, state="runs/1/checkpoint/state.npz")

Keras 3's own `fit` fails with batches that are dicts under MirroredStrategy and under
several workers (keras#20585); this is what it would have to do.
"""

import dataclasses
import sys
import time

import tensorflow as tf
from tqdm import tqdm

from Learning import guards
from Learning import history as table
from Learning import state as states
from Learning.step import Step
from Schema import InputError

REPORT = 20  # steps between looks at the loss, which make the device wait


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where training stands, beside its variables.

    Attributes:
      first: Step at which the epoch began.
      loss_before: Sum of the losses of all steps before it.
      guard: `guards.EarlyStopping`.
      history: A dict for each epoch, with the keys of `history.COLUMNS`.
    """

    first: int
    loss_before: float
    guard: guards.EarlyStopping
    history: tuple


class _Training:
    """What `fit` shares between its epochs."""

    def __init__(self, step, progress, options):
        self.step, self.progress = step, progress
        self.__dict__.update(options)
        self._reported = (step.taken, float(step.total.numpy()), time.monotonic())

    def save(self):
        """Writes the state, then the scalars that belong to it."""
        if self.state is not None:
            values = dataclasses.asdict(self.progress)
            values["guard"].pop("patience")
            states.save(self.state, self.step.groups, values)
        if self.log is not None:
            self.log.flush()

    def steps(self, stream):
        """Takes the steps that the epoch still lacks."""
        last = self.progress.first + self.steps_per_epoch
        begin = self.step.taken
        hidden = not getattr(sys.__stderr__, "isatty", bool)()
        with tqdm(
            total=self.steps_per_epoch,
            initial=min(begin - self.progress.first, self.steps_per_epoch),
            desc=f"epoch {len(self.progress.history) + 1}",
            file=sys.__stderr__,  # Sacred keeps what goes to the other two
            disable=hidden,
            leave=False,
        ) as bar:
            for taken in range(begin + 1, last + 1):
                batch = next(stream, None)
                if batch is None:
                    raise InputError(f"the training batches end at step {taken - 1}")
                self.step.run(batch)
                bar.update()
                if taken % REPORT == 0 or taken == last:
                    self._report(taken, bar)

    def _report(self, taken, bar):
        self.check()
        before, total_before, then = self._reported
        total, now = float(self.step.total.numpy()), time.monotonic()
        self._reported = (taken, total, now)
        loss = (total - total_before) / max(1, taken - before)
        bar.set_postfix_str(f"loss {loss:.3e}", refresh=False)
        if self.log is not None:
            self.log.scalars(
                taken,
                **{
                    "training/loss": loss,
                    "training/gradient_norm": float(self.step.norm.numpy()),
                    "training/learning_rate": self.learning_rate(),
                    "training/steps_per_second": (taken - before) / (now - then),
                },
            )

    def check(self):
        """Stops if the loss of any step was not a finite number."""
        bad = int(self.step.first_bad.numpy())
        if bad >= 0:
            total = float(self.step.total.numpy())
            best = self.progress.guard.best_epoch
            guards.check_finite(total, "training loss", bad, best)
            guards.check_finite(float("inf"), "gradient", bad, best)

    def learning_rate(self):
        """Of the next step."""
        return float(tf.convert_to_tensor(self.step.optimizer.learning_rate))

    def close_epoch(self, seconds, steps):
        """Validates, keeps the best model, saves the state."""
        progress, taken = self.progress, self.step.taken
        epoch, total = len(progress.history) + 1, float(self.step.total.numpy())
        value = None if self.validate is None else float(self.validate())
        if value is None:
            guard = dataclasses.replace(progress.guard, best_epoch=epoch)
        else:
            best = progress.guard.best_epoch
            guards.check_finite(value, "validation loss", taken, best)
            guard = progress.guard.updated(epoch, value)
        row = {
            "epoch": epoch,
            "step": taken,
            "train_loss": (total - progress.loss_before) / (taken - progress.first),
            "validation_loss": value,
            "learning_rate": self.learning_rate(),
            "gradient_norm": float(self.step.norm.numpy()),
            "steps_per_second": steps / seconds,
            "best": guard.best_epoch == epoch,
        }
        if row["best"] and self.save_best is not None:
            self.save_best(self.step.model)
        # One assignment: an interruption sees the epoch closed or not, never half.
        self.progress = Progress(taken, total, guard, (*progress.history, row))
        if self.log is not None:
            self.log.scalars(taken, **{"validation/loss": value})
        self.save()
        print(table.line(row, self.max_epochs), flush=True)
        if self.on_epoch is not None:
            self.on_epoch(list(self.progress.history))


def fit(
    model,
    optimizer,
    loss,
    batches,
    validate=None,
    *,
    steps_per_epoch,
    max_epochs,
    patience,
    gradient_clip=None,
    strategy=None,
    save_best=None,
    state=None,
    log=None,
    on_start=None,
    on_epoch=None,
):
    """Trains until the validation loss stops falling.

    Args:
      model: Keras model, built in the scope of the strategy.
      optimizer: Keras optimizer, made there too; its `iterations` count the steps.
      loss: loss(outputs, batch) -> scalar, the mean over a batch's examples;
        outputs = model(batch, training=True).
      batches: batches(first) -> endless tf.data.Dataset that begins with the batch
        of step `first` (from 0).
      validate: validate() -> loss; None: every epoch counts as the best.
      steps_per_epoch: Steps between validations.
      max_epochs: Epochs in all, those before a resumption included.
      patience: Epochs without a better validation loss before stopping.
      gradient_clip: Greatest global norm of a gradient, or None.
      strategy: tf.distribute.Strategy; the current one by default.
      save_best: save_best(model), called when the validation loss is the best.
      state: File of the state; if it exists, training goes on from there.  It is
        written after every epoch and when training is interrupted.
      log: `Learning.summaries.Summaries`, or None.
      on_start: on_start(history), called when the state, if any, is restored.
      on_epoch: on_epoch(history), called after each epoch.

    Returns:
      A list with a dict for each epoch; keys: `Learning.history.COLUMNS`.

    Raises:
      InputError: If a loss is not a finite number, or the state does not fit.
    """
    options = {k: v for k, v in locals().items() if k not in ("model", "optimizer")}
    _check(steps_per_epoch, max_epochs, patience, gradient_clip)
    step = Step(model, optimizer, loss, strategy, gradient_clip)
    training = _Training(step, _start(step, state, patience, max_epochs), options)
    if on_start is not None:
        on_start(list(training.progress.history))
    stream = step.distributed(batches(step.taken))
    try:
        while len(training.progress.history) < max_epochs:
            if training.progress.guard.exhausted:
                break
            begin, then = step.taken, time.monotonic()
            training.steps(stream)
            training.check()
            training.close_epoch(time.monotonic() - then, step.taken - begin)
    except KeyboardInterrupt:
        training.check()
        training.save()
        raise
    return list(training.progress.history)


def _start(step, state, patience, max_epochs):
    """The progress to begin with."""
    guard = guards.EarlyStopping(patience)
    if state is None or not tf.io.gfile.exists(str(state)):
        # An optimizer that was trained elsewhere has taken steps already.
        return Progress(step.taken, 0.0, guard, ())
    values = states.restore(state, step.groups)
    guard = guards.EarlyStopping(patience, **values.pop("guard"))
    if guard.exhausted:  # it had ended; who resumes it wants it to go on
        guard = dataclasses.replace(guard, stale=0)
    history = tuple(values.pop("history"))
    if len(history) >= max_epochs:
        raise InputError(
            f"{len(history)} epochs are trained already; "
            f"set training.max_epochs={2 * len(history)} or so"
        )
    return Progress(**values, guard=guard, history=history)


def _check(steps_per_epoch, max_epochs, patience, gradient_clip):
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
