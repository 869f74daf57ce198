"""The batches that a model is trained with, and the loss that judges it."""

import Test


def batches(windows, training, seed, part=(0, 1)):
    """Makes the argument `batches` of `Learning.loop.fit`; no example comes twice.

    Args:
      windows: `Datasets.pipeline.Windows` to train on.
      training: The training section of Config.py.
      seed: Of the examples.
      part: (k, n), of the k-th of n processes: its rows of each batch.
    """
    from Datasets import pipeline

    size = training["batch_size"] * training["accumulate"]
    gain = training["gain_min"], training["gain_max"]
    dropouts = training["condition_dropout"], training["visual_dropout"]

    def stream(first, begun=None):
        late = 0 if begun is None else first - begun
        now = size if begun is None else 2 * size
        told = now, seed, (first + late) * size, gain, *dropouts, part
        return pipeline.training_batches(windows, *told)

    return stream


def judged(training):
    """The knobs that say what the loss is, as `Test.batch_loss` has them."""
    return {knob: training[knob] for knob in Test.LOSS}


def validation(network, windows, training, strategy=None):
    """validate() -> mean loss over a split, or None where there is no split.

    Args:
      network: Separator.
      windows: `Datasets.pipeline.Windows` of the split, or None.
      training: The training section of Config.py.
      strategy: tf.distribute.Strategy in whose scope the network was made; all of its
        replicas, and processes, take their share and get the same mean.
    """
    from Datasets import pipeline
    from Models import devices

    if windows is None:
        return None
    mean = Test.MeanLoss(network, strategy=strategy, **judged(training))
    told = training["batch_size"], not network.separates, devices.place(strategy)
    batches = pipeline.evaluation_batches(windows, *told)
    return lambda: mean(batches.take(training["validation_steps"] or -1))
