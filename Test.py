"""Verb 3: the mean loss of a trained model on a split, and nothing else.

    python Test.py                                      # the newest run, its test split
    python Test.py with run=runs/1 evaluation.split=validation
    python Test.py with run=runs/1 data.records=DIR     # the same data, elsewhere

The records are those that the run was trained with, unless data.* says otherwise.  A
run that was trained on mixtures of solos is tested on such mixtures, always the same.
"""

from sacred import Experiment

import Config
import Schema
import Utils
from Schema import InputError

ex = Experiment(
    "Test",
    ingredients=[Config.data, Config.visual, Config.evaluation],
    save_git_info=False,
)
Config.attach(ex)


@ex.config
def defaults():
    run = None  # a run, a checkpoint, or a folder of runs: its newest; None: runs/
    loss = None  # "mean_square" and so on; None: the one that the run was trained with
    batch_size = 16  # windows at once; changes memory, not the result


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


def parts(name, model):
    """The sum of a loss over each example, and the weight of each in the mean.

    "sum_square" is a sum over a window and a mean over windows: the sum over a batch,
    as in the 2018 VIMSS, would depend on the size of the batch, to which Adam is
    blind.  The others are means over all that is compared.

    Args:
      name: A key of Models.losses.LOSSES.
      model: The separator whose outputs are judged.

    Returns:
      f(outputs, batch) -> (sums float32 [B], weights float32 [B]).  Where the batch
      has `n_valid`, what lies beyond does not count.

    Raises:
      InputError: If there is no such loss, or the model does not give what it compares.
    """
    import tensorflow as tf

    from Models import losses

    of_examples = losses.of_outputs(name, model)
    if name != "sum_square":
        return of_examples

    def of_windows(outputs, batch):
        sums, counts = of_examples(outputs, batch)
        return sums, tf.cast(counts > 0, tf.float32)

    return of_windows


def batch_loss(name, model):
    """loss(outputs, batch) of a whole training batch, the same mean as `mean_loss`.

    Everything counts: what surrounds a track is silence that training may see.
    """
    import tensorflow as tf

    of_example = parts(name, model)

    def loss(outputs, batch):
        whole = {key: batch[key] for key in batch if key != "n_valid"}
        sums, weights = of_example(outputs, whole)
        return tf.reduce_sum(sums) / tf.reduce_sum(weights)

    return loss


class MeanLoss:
    """The mean loss of one model, compiled once for as many splits as one likes."""

    def __init__(self, model, loss):
        """Compiles nothing yet.

        Args:
          model: Separator.
          loss: A key of Models.losses.LOSSES.
        """
        import tensorflow as tf

        of_example = parts(loss, model)

        @tf.function
        def sums(batch):
            pair = of_example(model(batch, training=False), batch)
            return tf.stack([tf.reduce_sum(tf.cast(x, tf.float64)) for x in pair])

        self._sums = sums

    def __call__(self, batches):
        """The mean over all valid samples of some batches (Schema.BATCH).

        Raises:
          InputError: If there are none.
        """
        total = weight = 0.0
        for batch in batches:
            pair = self._sums(batch).numpy()
            total, weight = total + pair[0], weight + pair[1]
        if not weight:
            raise InputError("there is nothing to test: the split holds no samples")
        return float(total / weight)


def mean_loss(model, batches, loss):
    """The exact mean loss of a model over the valid samples of some batches.

    Args:
      model: Separator.
      batches: Iterable of batches (Schema.BATCH), as of a split.
      loss: A key of Models.losses.LOSSES.

    Returns:
      float; however the samples were cut into batches.
    """
    return MeanLoss(model, loss)(batches)


@ex.main
def main(data, visual, evaluation, run, batch_size, loss):
    from Datasets import pipeline
    from Datasets.mixtures import Mixtures
    from Models import checkpoints

    if batch_size < 1:
        raise InputError(f"batch_size={batch_size} must be at least 1")
    run = Utils.find_run(run)
    model = checkpoints.load(run)
    told = checkpoints.describe(run)["extra"]
    loss = loss or told.get("loss", "mean_square")
    mixtures = Mixtures(**(told.get("mixing") or {})).fixed()
    records = open_records(data, visual)
    found = windows(records, evaluation["split"], model, mixtures=mixtures)
    value = mean_loss(model, pipeline.evaluation_batches(found, batch_size), loss)
    tracks = len(found.tracks)
    print(f"{loss} on {evaluation['split']} ({tracks} tracks): {value:.6e}  [{run}]")
    return value


if __name__ == "__main__":
    Config.command_line(ex)
