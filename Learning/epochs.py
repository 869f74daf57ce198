"""Steps, validation, the best model and the state of one epoch after the other."""

import math
import sys
import time

import tensorflow as tf
from tqdm import tqdm

from Learning import guards
from Learning import history as table
from Learning.meter import Meter, bar_text, gpu_peak
from Learning.signals import undisturbed
from Learning.watch import REPORT, Watch
from Schema import InputError


class Epochs:
    """The epochs of one training, from where its progress stands."""

    def __init__(self, step, progress, options):
        """Begins nothing yet.

        Args:
          step: `Step`, whose variables are those of the progress.
          progress: `progress.Progress`.
          options: The arguments of `loop.fit` by name; each becomes an attribute.
        """
        self.step, self.progress = step, progress
        self.__dict__.update(options)
        self.watch = Watch(step, self.tell)
        self.meter, self._closing = Meter(step.model), 0.0
        self._saved = time.monotonic()
        self._reported = (step.taken, float(step.total.numpy()))
        if progress.stage == 2:
            step.grow(2)
        self.follow()

    def run(self):
        """Trains until it stops; returns the history.

        Ctrl-C and SIGTERM save the state, and pass.
        """
        stage, stream = None, None
        try:
            while self.goes_on():
                if stage != self.progress.stage:
                    stage, stream = self.progress.stage, self.stream()
                self.steps(stream)
                self.check()
                self.close_epoch()
        except KeyboardInterrupt:
            self.check()
            self.save()
            raise
        return list(self.progress.history)

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
