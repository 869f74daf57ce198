"""Where a training stands, beside its variables."""

import dataclasses

from Learning import guards
from Learning import state as states
from Schema import InputError


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where training stands, beside its variables.

    Attributes:
      first: Step at which the epoch began.
      loss_before: Sum of the losses of all steps before it.
      guard: `guards.EarlyStopping`.
      history: A dict for each epoch, with the keys of `history.COLUMNS`.
      best: Values of all variables of the best model, NumPy arrays; () before.
      stage: 1, or 2 after it.
      begun: Step at which the second stage began, None before.
    """

    first: int
    loss_before: float
    guard: guards.EarlyStopping
    history: tuple = ()
    best: tuple = ()
    stage: int = 1
    begun: int | None = None

    @property
    def losses(self):
        """Validation loss of each epoch."""
        return [row["validation_loss"] for row in self.history]

    def second(self, step, total):
        """Where the second stage begins: nothing is stale, the best is to be beaten."""
        guard = dataclasses.replace(self.guard, stale=0)
        begun = {"stage": 2, "begun": step}
        at = {"first": step, "loss_before": total}
        return dataclasses.replace(self, guard=guard, **begun, **at)

    def save(self, path, step):
        """Writes the state: this and the variables of a `Step`."""
        names = [field.name for field in dataclasses.fields(self)]
        values = {name: getattr(self, name) for name in names if name != "best"}
        values["guard"] = dataclasses.asdict(self.guard)
        values["guard"].pop("patience")
        groups = {**step.groups, "best": self.best}
        states.save(path, groups, values)


def start(step, state, patience, max_epochs, second_stage=False):
    """The progress to begin with; the variables of a `Step` get their state.

    Args:
      step: `Step`.
      state: File of the state, or None; what is not there is not resumed.
      patience: Of early stopping.
      max_epochs: Epochs in all.
      second_stage: Whether there is one.

    Raises:
      InputError: If the state does not fit, or nothing is left to train.
    """
    guard = guards.EarlyStopping(patience)
    if state is None or not states.exists(state):
        # An optimizer that was trained elsewhere has taken steps already.
        return Progress(step.taken, 0.0, guard)
    archive = states.restore_newest(state, step.groups)
    values = dict(archive.progress)
    guard = guards.EarlyStopping(patience, **values.pop("guard"))
    last = values["stage"] == 2 or not second_stage
    if guard.exhausted and last:  # it had ended; who resumes it wants it to go on
        guard = dataclasses.replace(guard, stale=0)
    history = tuple(values.pop("history"))
    check_length(len(history), max_epochs)
    best = tuple(archive.groups.get("best", ()))
    return Progress(**values, guard=guard, history=history, best=best)


def check_length(n_epochs, max_epochs):
    """Refuses to go on after the last epoch, with an InputError."""
    if n_epochs >= max_epochs:
        raise InputError(
            f"{n_epochs} epochs are trained already; "
            f"set training.max_epochs={2 * n_epochs} or so"
        )
