"""One step of training, on one device or on many."""

import tensorflow as tf


class Step:
    """One step of training on all replicas, compiled once.

    The loss of each replica is divided by their number and the gradients are summed,
    so a step is the same on one device and on many; the gradient is clipped after
    the sum.  That holds for models in which an example does not depend on its batch or
    on chance: batch statistics and dropout are of each replica, as in Keras.
    """

    def __init__(self, model, optimizer, loss, strategy=None, gradient_clip=None):
        """Makes what the step counts.

        Args:
          model: Keras model, built; model(batch, training=True) -> outputs, a dict.
          optimizer: Keras optimizer, made in the scope of the strategy.
          loss: loss(outputs, batch) -> mean over the examples of a batch.
          strategy: tf.distribute.Strategy; the current one by default.
          gradient_clip: Greatest global norm, or None.
        """
        self.model, self.optimizer, self.loss = model, optimizer, loss
        self.strategy = strategy or tf.distribute.get_strategy()
        self.gradient_clip = gradient_clip
        with self.strategy.scope():
            if not optimizer.built:
                optimizer.build(model.trainable_variables)
        self.total = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        self.norm = tf.Variable(0.0, trainable=False)
        self.first_bad = tf.Variable(-1, dtype=tf.int64, trainable=False)
        self.run = tf.function(self._run)

    @property
    def groups(self):
        """All variables that a state holds."""
        return {
            "model": self.model.variables,
            "optimizer": self.optimizer.variables,
            "loop": [self.total],
        }

    @property
    def taken(self):
        """Steps taken since the beginning of training."""
        return int(self.optimizer.iterations.numpy())

    def distributed(self, batches):
        """Iterates over batches, each split among the replicas."""
        if self.strategy.num_replicas_in_sync > 1:
            batches = self.strategy.experimental_distribute_dataset(batches)
        return iter(batches)

    def _run(self, batch):
        losses, norms = self.strategy.run(self._replica, args=(batch,))
        loss = self.strategy.reduce("SUM", losses, axis=None)
        norm = self.strategy.reduce("MEAN", norms, axis=None)
        self.total.assign_add(tf.cast(loss, tf.float64))
        self.norm.assign(norm)
        new = (self.first_bad < 0) & ~tf.math.is_finite(loss + norm)
        step = tf.cast(self.optimizer.iterations.value, tf.int64)
        self.first_bad.assign(tf.where(new, step, self.first_bad))

    def _replica(self, batch):
        replicas = self.strategy.num_replicas_in_sync
        weights = self.model.trainable_variables
        with tf.GradientTape() as tape:
            outputs = self.model(batch, training=True)
            loss = self.loss(outputs, batch) / replicas
        tensors = [weight.value for weight in weights]
        gradients = tape.gradient(loss, tensors, unconnected_gradients="zero")
        if replicas > 1:
            context = tf.distribute.get_replica_context()
            gradients = context.all_reduce("SUM", gradients)
        norm = tf.linalg.global_norm(gradients)
        if self.gradient_clip is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, self.gradient_clip, norm)
        # Keras sums over the replicas once more.
        shares = [gradient / replicas for gradient in gradients]
        self.optimizer.apply_gradients(zip(shares, weights))
        return loss, norm
