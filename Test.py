"""Verb 3: the mean loss of a trained model on a split, and nothing else.

    python Test.py                                      # the newest run, its test split
    python Test.py with run=runs/1 evaluation.split=validation
    python Test.py with run=runs/1 data.records=DIR     # the same data, elsewhere

The records are those that the run was trained with, unless data.* says otherwise.  A
run that was trained on mixtures of solos is tested on such mixtures, always the same.
"""

from sacred import Experiment

import Config
import Remote
import Schema
from Learning import spreading
from Schema import InputError

ex = Experiment(
    "Test",
    ingredients=[Config.data, Config.visual, Config.evaluation],
    save_git_info=False,
)
Config.attach(ex)
# The knobs of training that say what a loss is, and what an older run was trained with.
LOSS = {"loss": "mean_square", "source_order": "named", "absent_sources": "count"}


@ex.config
def defaults():
    run = None  # a run, a checkpoint, or a folder of runs: its newest; None: runs/
    loss = None  # "mean_square" and so on; None: the one that the run was trained with
    source_order = None  # "named", "best"; None: likewise
    absent_sources = None  # "count", "ignore", "ignore_silent"; None: likewise
    batch_size = 16  # windows at once; changes memory, not the result.  Of a model that
    # compares windows with each other it is that of its training
    devices = "auto"  # | "cpu" | "gpu" | "gpu:0,1" | "tpu"; Models/devices.py has all


def open_records(data, visual=None):
    """The prepared records that a data section names: `Datasets.open_records`.

    Args:
      data: The data section of Config.py.
      visual: The visual section; None: records without features of players.
    """
    import Datasets

    options = Datasets.options_of(data)
    if visual is not None and visual["front_end"] is not None:
        from Models import vision

        told = visual["front_end"], visual["frame_rate"], visual["weights"]
        front_end = vision.build(*told)
        options |= {"front_end": front_end.name, "visual_rate": front_end.rate}
    return Datasets.open_records(data["name"], data["records"], **options)


def windows(records, split, model, spare_slots=0, mixtures=None):
    """The windows of a split as a model reads them: `Datasets.pipeline.Windows`.

    Args:
      records: `Datasets.records.Records`.
      split: One of its splits.
      model: Separator.
      spare_slots: Slots beyond the most that play at once, for instruments that don't,
        of a model whose slots follow conditions.
      mixtures: `Datasets.mixtures.Mixtures` of training; None: as recorded.

    Raises:
      InputError: If the records don't fit the model, or lack what it must be told.
    """
    from Datasets import frames, pipeline

    if split not in records.splits:
        raise InputError(
            f"{records.folder} has no split {split!r}, only "
            f"{', '.join(records.splits)}; prepare others with data.splits=NAME"
        )
    check_fit(records, model)
    check_conditions(records, split, model)
    n_slots, score = None, None
    if model.slots == "conditioned":
        # Nobody is seen to be silent: spare slots are for those who are named.
        spare_slots *= "labels" in model.batch_keys
        most = records.most_parts(split)
        if mixtures is not None and mixtures.sources_max:
            most = mixtures.sources_max
        n_slots = max(most, min(most + spare_slots, len(model.source_names)))
    if "score" in model.batch_keys:
        score = frames.Frames(model.score_rate, model.reach)
    lengths = model.n_in, model.n_out
    visual = None
    if Schema.sight(model.batch_keys):
        visual = frames.Frames(model.visual_rate, model.reach)
    return pipeline.Windows(
        *(records, split, *lengths, model.source_names, n_slots, score, visual),
        mixtures,
    )


def check_conditions(records, split, model):
    """Refuses records that do not tell a model what it cannot do without."""
    check_sight(records, split, model)
    for track in records.tracks(split):
        is_told = track.has_score or "has_score" in model.batch_keys
        if "score" in model.batch_keys and not is_told:
            raise InputError(
                f"{split} track {track.id} has parts without notes, and the model "
                "needs a score: add their Notes files and run Prepare.py again, or "
                "train with model.null_conditions=True"
            )


def check_given(records, split, model, conditions):
    """Refuses tracks of which some conditions do not tell a model what to separate.

    Training on parts that nothing tells apart is allowed, where
    data.same_instrument=apart asked for it: their estimates are then the same.

    Args:
      records: `Datasets.records.Records`.
      split: One of its splits.
      model: Separator.
      conditions: Of "labels", "score" and "visual", those that it is given.
    """
    knows = {"labels": "labels", "score": "has_score", "visual": "has_video"}
    for track in records.tracks(split) if model.slots == "conditioned" else ():
        given = [one for one in conditions if getattr(track, knows[one])]
        if not given:
            raise InputError(
                f"{split} track {track.id}: the records know none of "
                f"{', '.join(conditions)}, and this model separates what it is told of"
            )
        labels = list(track.labels)
        twice = [label for label in labels if labels.count(label) > 1]
        if twice and "visual" not in given:
            raise InputError(
                f"{split} track {track.id} has two parts called {twice[0]!r}, which "
                "slots that are named cannot tell apart: prepare with "
                "data.same_instrument=sum"
            )


def check_sight(records, split, model):
    """Refuses records whose players were not seen as the model was taught to."""
    if Schema.sight(model.batch_keys) is None:
        return
    there, wanted = records.options.front_end, model.front_end
    rates = records.options.visual_rate, model.visual_rate
    if there != wanted or rates[0] != rates[1]:
        told = f"{there} at {rates[0]:g} Hz" if there else "nobody"
        raise InputError(
            f"the model sees players with {wanted} at {rates[1]:g} Hz, in the records "
            f"{told} saw them: set visual.front_end and visual.frame_rate, as in "
            "Prepare.py"
        )
    for track in records.tracks(split):
        if not track.has_video and "has_visual" not in model.batch_keys:
            raise InputError(
                f"{split} track {track.id} has no video, and the model must see the "
                "players: add it and run Prepare.py again, or train with "
                "model.null_conditions=True"
            )


def check_fit(records, model):
    """Refuses records of another rate or number of channels than the model's."""
    for what in ("sample_rate", "channels"):
        there, here = getattr(records, what), getattr(model, what)
        if there != here:
            raise InputError(
                f"the records have {what} {there}, the model has {here}; set "
                f"data.{what}={here}"
            )


def batch_loss(loss, model, source_order="named", absent_sources="count"):
    """loss(outputs, batch) of a whole training batch, the same mean as `mean_loss`.

    Everything counts: what surrounds a track is silence that training may see.

    Args:
      loss: What the user typed: `Models.losses.Loss` has this and the others.
      model: Separator.
      source_order: "named" or "best".
      absent_sources: "count", "ignore" or "ignore_silent".
    """
    import tensorflow as tf

    from Models import losses

    judged = losses.Loss(loss, model, source_order, absent_sources)

    def of_batch(outputs, batch):
        whole = {key: batch[key] for key in batch if key != "n_valid"}
        sums, weights = (
            tf.reduce_sum(part, axis=1) for part in judged.parts(outputs, whole)
        )
        return judged.mean(sums, weights)

    return of_batch


class MeanLoss:
    """The mean loss of one model, compiled once for as many splits as one likes."""

    def __init__(self, model, loss, strategy=None, **others):
        """Compiles nothing yet.

        Args:
          model: Separator.
          loss: As the `others`, as in `batch_loss`.
          strategy: tf.distribute.Strategy that the model was made in; None: no special
            one.  The replicas' sums are added, so their mean is that of one device.
          **others: source_order and absent_sources.
        """
        import tensorflow as tf

        from Models import losses

        judged = losses.Loss(loss, model, **others)
        self._strategy = strategy = strategy or tf.distribute.get_strategy()

        def of_replica(batch):
            both = judged.parts(model(batch, training=False), batch)
            return tf.stack([tf.reduce_sum(tf.cast(x, tf.float64), 1) for x in both])

        @tf.function
        def sums(batch):
            found = strategy.run(of_replica, args=(batch,))
            return strategy.reduce("SUM", found, axis=None)

        self._sums, self._mean = sums, judged.mean

    def __call__(self, batches):
        """The mean over all that counts in some batches (Schema.BATCH).

        Raises:
          InputError: If there is nothing.
        """
        if self._strategy.num_replicas_in_sync > 1:
            batches = spreading.spread(batches, self._strategy)
        total = sum(self._sums(batch).numpy() for batch in batches)  # [2, K]
        if isinstance(total, int) or not total[1].all():
            raise InputError(
                "there is nothing to test: the split holds no samples, or, of windows "
                "that are compared, those of one recording"
            )
        return float(self._mean(*total))


def mean_loss(model, batches, loss, strategy=None, **others):
    """The exact mean loss of a model over the valid samples of some batches.

    Args:
      model: Separator.
      batches: Iterable of batches (Schema.BATCH), as of a split.
      loss: As the `others`, as in `batch_loss`.
      strategy: As of `MeanLoss`.
      **others: source_order and absent_sources.

    Returns:
      float; however the samples were cut into batches.
    """
    return MeanLoss(model, loss, strategy, **others)(batches)


@ex.main
def main(data, visual, evaluation, run, batch_size, devices, _config):
    from Datasets import pipeline
    from Datasets.mixtures import Mixtures
    from Models import checkpoints
    from Models.devices import place, strategy

    if batch_size < 1:
        raise InputError(f"batch_size={batch_size} must be at least 1")
    run, found = Remote.find_run(run), strategy(devices)
    with found.scope():
        model = checkpoints.load(run)
    told = checkpoints.describe(run)["extra"]
    judged = {key: _config[key] or told.get(key, usual) for key, usual in LOSS.items()}
    mixtures = Mixtures(**(told.get("mixing") or {})).fixed()
    records = open_records(data, visual)
    split = windows(records, evaluation["split"], model, mixtures=mixtures)
    if not model.separates:
        batch_size = told["training"]["batch_size"]
    batch_size += -batch_size % found.num_replicas_in_sync
    given = batch_size, not model.separates, place(found)
    batches = pipeline.evaluation_batches(split, *given)
    value = mean_loss(model, batches, strategy=found, **judged)
    name = " ".join(x for key, x in judged.items() if key == "loss" or x != LOSS[key])
    of = f"{len(split.tracks)} tracks"
    of += "" if model.separates else f", {batch_size} windows at once"
    print(f"{name} on {evaluation['split']} ({of}): {value:.6e}  [{run}]")
    return value


if __name__ == "__main__":
    Config.command_line(ex)
