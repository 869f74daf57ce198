"""What a training lessens and a test tells: losses of the outputs of a model."""

from typing import NamedTuple

import tensorflow as tf

import Models
from Models.losses import masks, matching, orders, table
from Schema import InputError

SOURCE_ORDERS = ("named", "best")
ABSENT_SOURCES = ("count", "ignore", "ignore_silent")
TELLING = ("labels", "score")  # keys of a batch that say what a slot is


class _Compared(NamedTuple):
    """The arguments of a loss of `table.LOSSES`."""

    estimates: tf.Tensor
    sources: tf.Tensor
    n_valid: tf.Tensor | None
    mix: tf.Tensor | None = None


class Loss:
    """A loss, or a weighted sum of K losses, of what a model gave.

    Samples beyond batch["n_valid"], where there is such a key, do not count.  A
    magnitude belongs to a frame, not to a sample: a frame counts if any of its samples
    lies in the track.  At the end of a track the last of these frames holds silence
    too, of mixture and target alike; frames of silence alone don't count.

    The mean of a sum of losses is the sum of their means.  "sum_square" is a sum over a
    window and a mean over windows: the sum over a batch, as in the 2018 VIMSS, would
    depend on the size of the batch, to which Adam is blind.

    Args:
      text: A key of `LOSSES`, or a sum as "si_sdr + 10 * mean_absolute"; of a model
        that separates nothing, of `matching.LOSSES`.
      model: Separator; for a loss of `MAGNITUDES` one that has `magnitudes` and
        `frames_within`.
      source_order: "named": each estimate is that of its slot's source; "best": of a
        source of its window, in the order that costs the window least.
      absent_sources: "count": silence is asked of slots whose source does not play;
        "ignore": nothing is, where batch["active"] is 0; "ignore_silent": nor where a
        source that plays in the piece is silent in all of the window.  The weight of
        a window stays the same, so that the loss of a batch is the mean of those of
        its parts, on however many devices; one in which nobody counts costs nothing.
      section: What the user typed before the names of these knobs, as "training.".

    Raises:
      InputError: If a value is none of these, or the model is not made for it.
    """

    def __init__(
        self,
        text,
        model,
        source_order="named",
        absent_sources="count",
        section="",
    ):
        self.factors, self.names = zip(*table.terms(text, f"{section}loss"))
        for knob, value, known in (
            ("source_order", source_order, SOURCE_ORDERS),
            ("absent_sources", absent_sources, ABSENT_SOURCES),
        ):
            if value not in known:
                raise InputError(
                    f"{section}{knob}={value!r} must be one of {', '.join(known)}"
                )
        typed = f"{section}loss={text!r}"
        if table.MAGNITUDES & {*self.names} and not hasattr(model, "magnitudes"):
            raise _without_magnitudes(typed, model)
        self._matches = _check_kind(typed, model, self.names)
        if source_order == "best":
            _check_order(f"{section}source_order", model)
        self._model, self._order, self._absent = model, source_order, absent_sources

    def parts(self, outputs, batch):
        """The sum of each loss over each example, and its weight in the mean.

        Args:
          outputs: Of the model.
          batch: `Schema.BATCH`.

        Returns:
          (sums, weights), both float32 [K, B].
        """
        if self._matches:
            told = outputs, batch, self._model.temperature
            pairs = [matching.LOSSES[name](*told) for name in self.names]
            return tuple(tf.stack(part) for part in zip(*pairs))
        found = [self._compared(name, outputs, batch) for name in self.names]
        counted = self._counted(batch)
        if self._order == "best":
            order = self._best(found, counted)
            found = [
                x._replace(sources=orders.ordered(x.sources, order)) for x in found
            ]
            if counted is not None:
                counted = orders.ordered(counted, order)
        pairs = [_of_windows(n, x, counted) for n, x in zip(self.names, found)]
        return tuple(tf.stack(part) for part in zip(*pairs))

    def mean(self, sums, weights):
        """The scalar that all parts make: those of `parts`, added up to [K] each.

        A loss without weight is 0.
        """
        means = tf.math.divide_no_nan(sums, weights)
        return tf.add_n([f * mean for f, mean in zip(self.factors, tf.unstack(means))])

    def _compared(self, name, outputs, batch):
        n_valid, sources = batch.get("n_valid"), batch["sources"]
        if name in table.MAGNITUDES:
            frames = None if n_valid is None else self._model.frames_within(n_valid)
            wanted = self._model.magnitudes(sources)
            return _Compared(outputs["magnitudes"], wanted, frames)
        return _Compared(outputs["sources"], sources, n_valid, _middle(batch))

    def _counted(self, batch):
        """Float32 [B, S]: 1 where the source of a slot counts; None: everywhere."""
        if self._absent == "count":
            return None
        active = tf.cast(batch["active"] > 0, tf.float32)
        if self._absent == "ignore":
            return active
        heard = masks.heard(batch["sources"], batch.get("n_valid"))
        return active * tf.cast(heard, tf.float32)

    def _best(self, found, counted):
        """Int32 [B, S]: the source of each estimate.  No gradient passes."""
        costs = []
        for shift in range(found[0].sources.shape[1]):
            of_shift = 0.0
            for factor, name, x in zip(self.factors, self.names, found):
                turned = None if counted is None else tf.roll(counted, -shift, axis=1)
                x = x._replace(
                    estimates=tf.stop_gradient(x.estimates),
                    sources=tf.roll(x.sources, -shift, axis=1),
                )
                sums, counts = _of_sources(name, x, turned)
                of_shift += factor * tf.math.divide_no_nan(sums, counts[:, tf.newaxis])
            costs.append(of_shift)
        return orders.best(tf.stack(costs, axis=1))


def _of_windows(name, compared, counted):
    """The sum of a loss over each window, and its weight: float32 [B] both."""
    sums, weights = _of_sources(name, compared, counted)
    return tf.reduce_sum(sums, axis=1), weights


def _of_sources(name, compared, counted):
    """The sums of a loss over sources, float32 [B, S], and weights of windows [B].

    Sources that don't count leave their weight to the others of their window.
    """
    sums, counts = table.LOSSES[name](*compared)
    weights = tf.reduce_sum(counts, axis=1)
    if counted is not None:
        kept = tf.reduce_sum(counts * counted, axis=1)
        share = 1.0 if name in table.WINDOWS else tf.math.divide_no_nan(weights, kept)
        sums *= counted * tf.reshape(share, [-1, 1])
    if name in table.WINDOWS:
        weights = tf.cast(weights > 0, tf.float32)
    return sums, weights


def _middle(batch):
    """The mixture over the time of the sources, [B, T, C]; None where there is none."""
    if "mix" not in batch:
        return None
    mix, n_out = batch["mix"], tf.shape(batch["sources"])[2]
    start = (tf.shape(mix)[1] - n_out) // 2
    return mix[:, start : start + n_out]


def _without_magnitudes(typed, model):
    having = [n for n in Models.MODELS if hasattr(Models.model_class(n), "magnitudes")]
    return InputError(
        f"{typed} compares magnitudes, which a {type(model).__name__} does "
        f"not give; use it with model.name={' or '.join(having)}, or another loss"
    )


def _check_kind(typed, model, names):
    """Whether a model, and so its loss, compares sound and sight; or an InputError."""
    compares = [name in matching.LOSSES for name in names]
    if getattr(model, "separates", True):
        if any(compares):
            raise InputError(
                f"{typed} compares sound and sight, and a {type(model).__name__} "
                "separates; use it with model.name=correspondence, or another loss"
            )
        return False
    if not all(compares):
        raise InputError(
            f"{typed} is of separated sources, and a {type(model).__name__} "
            f"separates nothing; choose {' or '.join(matching.LOSSES)}"
        )
    if "synchrony" in names and model.moments < 2:
        raise InputError(
            f"{typed} moves the moments of a window, and model.moments="
            f"{model.moments} leaves nothing to move; choose 2 or more"
        )
    return True


def _check_order(knob, model):
    """Refuses to look for an order where it is told, or where there are too many."""
    if not getattr(model, "separates", True):
        raise InputError(f"{knob}='best' is of separated sources; leave it out")
    told = [key for key in TELLING if key in model.batch_keys]
    if model.slots == "conditioned" or told:
        what = " and ".join(told) or "its conditions"
        raise InputError(
            f"{knob}='best' is for slots that nothing tells apart, and {what} "
            f"tell this model what is in each; use {knob}=named"
        )
    n_slots = len(model.source_names)
    if n_slots > orders.MOST:
        raise InputError(
            f"{knob}='best' compares all orders of at most {orders.MOST} slots, "
            f"and this model has {n_slots}; use {knob}=named, or fewer data.sources"
        )
