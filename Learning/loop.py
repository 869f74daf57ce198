"""The loop: steps, epochs, validation, the best model, a state to resume.

    history = fit(model, optimizer, loss, batches, validate, steps_per_epoch=2000,
                  max_epochs=1000, patience=20, state="runs/1/checkpoint/state.npz")

Keras 3's own `fit` fails with batches that are dicts under MirroredStrategy and under
several workers (keras#20585); this is what it would have to do.
"""

from Learning import guards
from Learning.epochs import Epochs
from Learning.progress import start
from Learning.step import Step


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
    epochs = Epochs(step, start(step, *told), options)
    if epochs.progress.best:
        with step.holding(epochs.progress.best):
            epochs.keep_best()
    if on_start is not None:
        on_start(list(epochs.progress.history), step.taken)
    return epochs.run()
