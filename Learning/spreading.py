"""Batches for the replicas of a strategy."""


def spread(batches, strategy):
    """Iterates over batches, each split among the replicas of this process.

    Row by row, the first replica's first: where every process is given its part of the
    same batch, the replicas hold the batch in its order, and one device holds no other.

    Args:
      batches: tf.data.Dataset of dicts, of one size that the replicas can share; of
        several processes this one's part.
      strategy: tf.distribute.Strategy.

    Returns:
      An iterator of what `strategy.run` takes.
    """
    if strategy.num_replicas_in_sync == 1:
        return iter(batches)

    def of_process(context):
        replicas = context.num_replicas_in_sync // context.num_input_pipelines
        size = next(iter(batches.element_spec.values())).shape[0]
        return batches.rebatch(size // replicas, drop_remainder=True)

    return iter(strategy.distribute_datasets_from_function(of_process))
