"""What replicas tell each other, for losses that compare windows of a whole batch.

Outside of `tf.distribute.Strategy.run`, and on one device, there is one replica.
"""

import tensorflow as tf


def gathered(*tensors):
    """Tensors [B, ...] of all R replicas, one below the other: [R B, ...].

    By sums of which all terms but one are zero, as `all_gather` does on TPUs: exact,
    and the gradient of a tensor is the sum of those of all replicas' losses.

    Args:
      *tensors: float32; each of one shape on all R replicas.

    Returns:
      A list.
    """
    context = _context()
    if context is None:
        return list(tensors)
    own = tf.one_hot(context.replica_id_in_sync_group, context.num_replicas_in_sync)
    apart = [tf.tensordot(own, x, axes=0) for x in tensors]  # [R, B, ...]
    shapes = [tf.concat([[-1], tf.shape(x)[1:]], axis=0) for x in tensors]
    found = context.all_reduce("SUM", apart)
    return [tf.reshape(x, shape) for x, shape in zip(found, shapes)]


def own(tensor, n):
    """The n rows of `gathered`, [R n, ...], that are of this replica."""
    context = _context()
    if context is None:
        return tensor
    first = context.replica_id_in_sync_group * n
    return tensor[first : first + n]


def evened(weights):
    """Weights [B] of windows, such that replicas weigh the same, and all as before.

    The sum over all replicas stays, and so does the mean of several batches.
    """
    context = _context()
    if context is None:
        return weights
    mean = context.all_reduce("MEAN", tf.reduce_mean(weights))
    return tf.fill(tf.shape(weights), mean)


def _context():
    """The context of one of several replicas; None of the only one."""
    context = tf.distribute.get_replica_context()
    is_alone = context is None or context.num_replicas_in_sync == 1
    return None if is_alone else context
