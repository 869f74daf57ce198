"""The loop: steps, epochs, validation, the best model, a state to resume.

    history = fit(model, optimizer, loss, batches, validate, steps_per_epoch=2000,
                  max_epochs=1000, patience=20, state="runs/1/checkpoint/state.npz")

Keras 3's own `fit` fails with batches that are dicts under MirroredStrategy and under
several workers (keras#20585); this is what it would have to do.
"""

import math
import sys
import time

import tensorflow as tf
from tqdm import tqdm

from Learning import guards
from Learning import history as table
from Learning.meter import Meter, bar_text, gpu_peak
from Learning.progress import start
from Learning.signals import undisturbed
from Learning.step import Step
from Learning.watch import REPORT, Watch
from Schema import InputError


class _Training:
    """What `fit` shares between its epochs."""

    def __init__(self, step, progress, options):
        self.step, self.progress = step, progress
        self.__dict__.update(options)
        self.watch = Watch(step, self.tell)
        self.meter, self._closing = Meter(step.model), 0.0
        self._saved = time.monotonic()
        self._reported = (step.taken, float(step.total.numpy()))
        if progress.stage == 2:
            step.grow(2)
        self.follow()

    def follow(self):
        """Tells the learning rate how far training has come."""
        if self.rate is not None:
            self.rate.follow(self.progress.stage, self.progress.losses)

    def stream(self):
        """The batches from the next step on."""
        begun = self.progress.begun
        told = [self.step.taken] + ([] if begun is None else [begun])
        return self.step.distributed(self.batches(*told))

    def save(self):
        """Writes the state, then the scalars that belong to it."""
        if self.state is not None:
            kept = "what was saved before is kept"
            with undisturbed(), guards.room_for(self.state, kept):
                self.progress.save(self.state, self.step)
        self._saved = time.monotonic()
        if self.log is not None:
            self.log.flush()

    def steps(self, stream):
        """Takes the steps that the epoch still lacks."""
        last = self.progress.first + self.steps_per_epoch
        begin = self.step.taken
        self.meter.begin()
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
                batch = self.meter.next(stream)
                if batch is None:
                    raise InputError(f"the training batches end at step {taken - 1}")
                self.watch.see(taken, batch)
                self.step.run(batch)
                bar.update()
                if taken % REPORT == 0 or taken == last:
                    self._report(taken, last, bar)
                if self._is_due():
                    self.check()
                    self.save()

    def _is_due(self):
        if self.save_minutes is None:
            return False
        return time.monotonic() - self._saved >= 60 * self.save_minutes

    def _report(self, taken, last, bar):
        self.check()
        self.watch.check_heard(taken)
        before, total_before = self._reported
        total = float(self.step.total.numpy())  # waits for the device
        self._reported, pace = (taken, total), self.meter.report()
        loss = (total - total_before) / max(1, taken - before)
        text = bar_text(loss, pace, self._left(last - taken))
        bar.set_postfix_str(text, refresh=False)
        if self.log is not None:
            gpu = gpu_peak()
            self.log.scalars(
                taken,
                **{
                    "training/loss": loss,
                    "training/gradient_norm": float(self.step.norm.numpy()),
                    "training/learning_rate": self.learning_rate(),
                    **{f"training/{name}": value for name, value in pace.items()},
                    "training/gpu_memory_gib": gpu and gpu / 2**30,
                },
            )

    def _left(self, steps):
        """Seconds until `max_epochs` have ended, if each is like the last one."""
        speed = self.meter.epoch()["steps_per_second"]
        later = self.max_epochs - len(self.progress.history) - 1
        whole = self.steps_per_epoch / speed + self._closing
        return steps / speed + self._closing + later * whole

    def check(self):
        """Stops, with the last good weights saved, at a loss that is no number."""
        if self.watch.is_bad():
            self.save()
            self.watch.refuse(self.progress.guard.best_epoch)

    def learning_rate(self):
        """Of the next step."""
        return float(tf.convert_to_tensor(self.step.optimizer.learning_rate))

    def close_epoch(self):
        """Validates, keeps the best model, saves the state last of all."""
        begin = time.monotonic()
        with self.step.averaged():
            value = None if self.validate is None else float(self.validate())
            guard, row = self._judged(value)
            if self.show is not None:
                self.show(row["epoch"], self.step.taken)
            best = self.progress.best
            if row["best"]:
                best = tuple(self.step.values())
                self.keep_best()
        done, taken = self.progress, self.step.taken
        if value is not None and not math.isfinite(value):
            self.save()
            guards.check_finite(value, "validation loss", taken, done.guard.best_epoch)
        # One assignment: an interruption sees the epoch closed or not, never half.
        self.progress = type(done)(
            *(taken, float(self.step.total.numpy()), guard, (*done.history, row)),
            *(best, done.stage, done.begun),
        )
        self.follow()
        if self.log is not None:
            self.log.scalars(taken, **{"validation/loss": value})
        if self.on_epoch is not None:
            with guards.room_for("the history", "the state before is kept"):
                self.on_epoch(list(self.progress.history))
        self.save()
        self._closing = time.monotonic() - begin
        print(table.line(row, self.max_epochs), flush=True)

    def keep_best(self):
        """Writes the model, as it is, as the best."""
        if self.save_best is not None:
            kept = "the best model before it is kept, and the state"
            with guards.room_for("the best model", kept):
                self.save_best(self.step.model)

    def _judged(self, value):
        """(Early stopping after this epoch, the epoch's line of the history)."""
        progress, taken = self.progress, self.step.taken
        epoch, total = len(progress.history) + 1, float(self.step.total.numpy())
        guard = progress.guard.updated(epoch, value)
        return guard, {
            "epoch": epoch,
            "step": taken,
            "train_loss": (total - progress.loss_before) / (taken - progress.first),
            "validation_loss": value,
            "learning_rate": self.learning_rate(),
            "gradient_norm": float(self.step.norm.numpy()),
            **self.meter.epoch(),
            "best": guard.best_epoch == epoch,
            "stage": progress.stage,
        }

    def goes_on(self):
        """Whether there is another epoch; begins the second stage where it is due."""
        progress = self.progress
        if len(progress.history) >= self.max_epochs:
            return False
        if not progress.guard.exhausted:
            return True
        if not self.second_stage or progress.stage == 2:
            return False
        with undisturbed():
            self.step.start_from(progress.best)
            self.step.grow(2)
            total = float(self.step.total.numpy())
            self.progress = progress.second(self.step.taken, total)
            self.follow()
            self.save()
        print(
            f"stage   2, from the best, of epoch {progress.guard.best_epoch}: twice "
            f"the batch, learning rate {self.learning_rate():g}",
            flush=True,
        )
        return True


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
    accumulate=1,
    second_stage=False,
    rate=None,
    strategy=None,
    save_best=None,
    state=None,
    save_minutes=None,
    log=None,
    show=None,
    tell=None,
    on_start=None,
    on_epoch=None,
):
    """Trains until the validation loss stops falling.

    With an optimizer that keeps averages of the weights, these are what is validated
    and kept as the best model; training goes on with the weights themselves.

    Args:
      model: Keras model, built in the scope of the strategy.
      optimizer: Keras optimizer, made there too; its `iterations` count the steps.
      loss: loss(outputs, batch) -> scalar, the mean over a batch's examples;
        outputs = model(batch, training=True).
      batches: batches(first) -> endless tf.data.Dataset that begins with the batch
        of step `first` (from 0); in the second stage batches(first, begun), with
        twice the examples in each since step `begun`.
      validate: validate() -> loss; None: every epoch counts as the best.
      steps_per_epoch: Steps between validations.
      max_epochs: Epochs in all, those before a resumption included.
      patience: Epochs without a better validation loss before stopping.
      gradient_clip: Greatest global norm of a gradient, or None.
      accumulate: Parts of a batch, of which one is in memory at a time.
      second_stage: After stopping, go on from the best with twice the batch, in twice
        the parts, until it stops again.
      rate: The optimizer's `schedules.Rate`; None: nothing needs to be told it.
      strategy: tf.distribute.Strategy; the current one by default.
      save_best: save_best(model), called when the validation loss is the best.
      state: File of the state; if it exists, training goes on from there.  It is
        written after every epoch and when training is interrupted.
      save_minutes: Also after so many minutes; None: not.
      log: `Learning.summaries.Summaries`, or None.
      show: show(epoch, step), called after each epoch with the weights that were
        validated, before `log` is flushed.
      tell: tell(track=[...], start=[...]) -> str names the examples of a batch.
      on_start: on_start(history, step), called when the state, if any, is restored.
      on_epoch: on_epoch(history), called after each epoch.

    Returns:
      A list with a dict for each epoch; keys: `Learning.history.COLUMNS`.

    Raises:
      InputError: If a loss is not a finite number, or the state does not fit.
    """
    options = {k: v for k, v in locals().items() if k not in ("model", "optimizer")}
    guards.check_lengths(steps_per_epoch, max_epochs, patience, gradient_clip)
    step = Step(model, optimizer, loss, strategy, gradient_clip, accumulate)
    told = state, patience, max_epochs, second_stage
    training = _Training(step, start(step, *told), options)
    if training.progress.best:
        with step.holding(training.progress.best):
            training.keep_best()
    if on_start is not None:
        on_start(list(training.progress.history), step.taken)
    stage, stream = None, None
    try:
        while training.goes_on():
            if stage != training.progress.stage:
                stage, stream = training.progress.stage, training.stream()
            training.steps(stream)
            training.check()
            training.close_epoch()
    except KeyboardInterrupt:
        training.check()
        training.save()
        raise
    return list(training.progress.history)
