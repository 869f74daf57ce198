"""One step of training, on one device or on many."""

import contextlib

import numpy as np
import tensorflow as tf

from Learning import spreading
from Learning.signals import undisturbed


class Step:
    """One step of training on all replicas, compiled once.

    The loss of each replica is divided by their number and the gradients are summed,
    so a step is the same on one device and on many; the gradient is clipped after
    the sum.  That holds for models in which an example does not depend on its batch or
    on chance: batch statistics and dropout are of each replica, as in Keras.  The same
    goes for the parts of a batch that are computed one after the other, which are then
    one step.

    A step whose loss or gradient is not a finite number changes nothing, and neither
    does any after it: the weights stay the last good ones.
    """

    def __init__(
        self,
        model,
        optimizer,
        loss,
        strategy=None,
        gradient_clip=None,
        accumulate=1,
    ):
        """Makes what the step counts.

        Args:
          model: Keras model, built; model(batch, training=True) -> outputs, a dict.
          optimizer: Keras optimizer, made in the scope of the strategy.
          loss: loss(outputs, batch) -> mean over the examples of a batch.
          strategy: tf.distribute.Strategy; the current one by default.
          gradient_clip: Greatest global norm, or None.
          accumulate: Parts of each batch, computed one after the other.
        """
        self.model, self.optimizer, self.loss = model, optimizer, loss
        self.strategy = strategy or tf.distribute.get_strategy()
        self.gradient_clip, self.accumulate = gradient_clip, accumulate
        with self.strategy.scope():
            if not optimizer.built:
                optimizer.build(model.trainable_variables)
        self.total = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        self.norm = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        self.heard = tf.Variable(0.0, trainable=False)
        self.first_bad = tf.Variable(-1, dtype=tf.int64, trainable=False)
        self.bad = tf.Variable([0.0, 0.0], trainable=False)
        self.run = tf.function(self._run)
        self._start_averages()

    @property
    def groups(self):
        """All variables that a state holds, those of dropout's chance included."""
        return {
            "model": self.model.variables,
            "optimizer": self.optimizer.variables,
            "loop": [self.total, self.norm],
        }

    @property
    def taken(self):
        """Steps taken since the beginning of training."""
        return int(self.optimizer.iterations.numpy())

    @property
    def averages(self):
        """The running averages of the trainable weights; empty without."""
        if not self.optimizer.use_ema:
            return []
        every = self.optimizer.variables
        return [each for each in every if each.path.endswith("_average")]

    def _start_averages(self):
        """Keras begins them at its step 0; a warm Adam stands elsewhere."""
        for average, weight in zip(self.averages, self.model.trainable_variables):
            average.assign(weight)

    def grow(self, times):
        """Makes each batch so many times as large, in as many parts more."""
        self.accumulate *= times
        self.run = tf.function(self._run)

    def values(self):
        """Copies of all variables of the model, as NumPy arrays."""
        return [np.array(variable) for variable in self.model.variables]

    def start_from(self, values):
        """Gives the model values of `values`, which its averages begin with too."""
        for variable, value in zip(self.model.variables, values):
            variable.assign(value)
        self._start_averages()

    @contextlib.contextmanager
    def holding(self, values):
        """The model has other values inside the block, in which no step is taken."""
        own = self.values()
        try:
            with undisturbed():
                self._assign(values)
            yield
        finally:
            with undisturbed():
                self._assign(own)

    def _assign(self, values):
        for variable, value in zip(self.model.variables, values):
            variable.assign(value)

    @contextlib.contextmanager
    def averaged(self):
        """Inside the block the model has the averages of its weights, if it has any."""
        if not self.averages:
            yield
            return
        places = {
            id(w): a for w, a in zip(self.model.trainable_variables, self.averages)
        }
        with self.holding(
            [np.array(places.get(id(v), v)) for v in self.model.variables]
        ):
            yield

    def distributed(self, batches):
        """Iterates over batches, each split among the replicas: `spreading.spread`."""
        return spreading.spread(batches, self.strategy)

    def _run(self, batch):
        found = self.strategy.run(self._gradients, args=(batch,))
        losses, norms, peaks, gradients = found
        loss = self.strategy.reduce("SUM", losses, axis=None)
        norm = self.strategy.reduce("MEAN", norms, axis=None)
        self.heard.assign_add(self.strategy.reduce("SUM", peaks, axis=None))
        finite = tf.math.is_finite(loss + norm)
        new = (self.first_bad < 0) & ~finite
        good = (self.first_bad < 0) & finite
        step = tf.cast(self.optimizer.iterations.value, tf.int64) + 1
        self.first_bad.assign(tf.where(new, step, self.first_bad))
        self.bad.assign(tf.where(new, tf.stack([loss, norm]), self.bad))
        self.total.assign_add(tf.cast(tf.where(good, loss, 0.0), tf.float64))
        self.norm.assign(tf.where(good, tf.cast(norm, tf.float64), self.norm))

        def apply():
            self.strategy.run(self._apply, args=(gradients, norms))
            return 0

        tf.cond(good, apply, lambda: 0)

    def _gradients(self, batch):
        """(loss, norm, peak of the mixture, gradients) of a replica's share."""
        replicas = self.strategy.num_replicas_in_sync
        if self.accumulate == 1:
            loss, gradients = self._of_part(batch)
        else:
            loss, gradients = self._of_parts(batch)
        if replicas > 1:
            context = tf.distribute.get_replica_context()
            gradients = context.all_reduce("SUM", gradients)
        peak = tf.zeros([])
        if "mix" in batch:
            peak = tf.reduce_max(tf.abs(tf.cast(batch["mix"], tf.float32)))
        return loss, tf.linalg.global_norm(gradients), peak, gradients

    def _of_part(self, batch):
        with tf.GradientTape() as tape:
            outputs = self.model(batch, training=True)
            loss = self.loss(outputs, batch)
            loss /= self.strategy.num_replicas_in_sync * self.accumulate
        tensors = [weight.value for weight in self.model.trainable_variables]
        return loss, tape.gradient(loss, tensors, unconnected_gradients="zero")

    def _of_parts(self, batch):
        """The sums over the parts of a batch, of which one is in memory at a time."""
        parts = {
            key: tf.reshape(
                value,
                tf.concat([[self.accumulate, -1], tf.shape(value)[1:]], axis=0),
            )
            for key, value in batch.items()
        }
        for key, value in batch.items():
            n = value.shape[0]
            n = None if n is None else n // self.accumulate
            parts[key].set_shape([self.accumulate, n, *value.shape[1:]])

        def add(k, loss, gradients):
            more, slopes = self._of_part({key: parts[key][k] for key in parts})
            return k + 1, loss + more, [a + b for a, b in zip(gradients, slopes)]

        zeros = [tf.zeros_like(w.value) for w in self.model.trainable_variables]
        found = 0, tf.zeros([]), zeros
        if self.strategy.num_replicas_in_sync > 1:
            # Replicas that agree on batch statistics cannot meet inside a loop.
            for _ in range(self.accumulate):
                with tf.control_dependencies(found[2]):
                    found = add(*found)
        else:
            more = lambda k, *_: k < self.accumulate  # noqa: E731
            found = tf.while_loop(more, add, found, parallel_iterations=1)
        return found[1:]

    def _apply(self, gradients, norm):
        if self.gradient_clip is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, self.gradient_clip, norm)
        # Keras sums over the replicas once more.
        replicas = self.strategy.num_replicas_in_sync
        shares = [gradient / replicas for gradient in gradients]
        self.optimizer.apply_gradients(zip(shares, self.model.trainable_variables))
