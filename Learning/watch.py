"""Looks at the numbers of the steps, and knows which data they were of."""

import collections

from Learning import guards

REPORT = 20  # steps between looks, which make the device wait


class Watch:
    """What the last steps were of, and whether they may go on."""

    def __init__(self, step, tell=None):
        """Begins where the step stands.

        Args:
          step: `Step`.
          tell: tell(track=[...], start=[...]) -> str names the examples of a batch.
        """
        self.step, self.tell = step, tell
        self._recent = collections.deque(maxlen=REPORT)  # (step, ids of its batch)
        self._first, self._total = step.taken, float(step.total.numpy())
        self._is_silent = True

    def see(self, taken, batch):
        """Remembers the batch of a step, counted from 1."""
        ids = {key: batch[key] for key in ("track", "start") if key in batch}
        self._recent.append((taken, ids))
        self._has_mix = "mix" in batch

    def is_bad(self):
        """Whether the loss or the gradient of a step was no finite number."""
        return int(self.step.first_bad.numpy()) >= 0

    def refuse(self, best_epoch):
        """Raises what `is_bad` has found: see `guards.check_finite`."""
        bad = int(self.step.first_bad.numpy())
        loss, norm = (float(value) for value in self.step.bad.numpy())
        told = bad, best_epoch, self._where(bad)
        guards.check_finite(loss, "training loss", *told)
        guards.check_finite(norm, "norm of the gradient", *told)

    def check_heard(self, taken):
        """Refuses first steps that heard nothing, or had nothing to learn."""
        if not self._is_silent:
            return
        loss = float(self.step.total.numpy()) - self._total
        heard = float(self.step.heard.numpy()) if self._has_mix else None
        if loss != 0 and heard != 0:
            self._is_silent = False
        elif taken - self._first >= REPORT:
            where = self._where(taken)
            guards.check_heard(loss, heard, taken - self._first, where)

    def _where(self, step):
        ids = dict(self._recent).get(step)
        if not ids or self.tell is None:
            return ""
        local = self.step.strategy.experimental_local_results
        whole = {k: [int(x) for part in local(ids[k]) for x in part] for k in ids}
        return self.tell(**whole)
