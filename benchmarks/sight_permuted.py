"""Trains a blind network of `benchmarks.sight` under the best permutation.

Its estimates have no names: each example is compared in the order that costs it least
(`source_order="best"`).  Training.py would give such a network one slot a source name,
and there are no names here: the slots follow conditions that it is not told.
"""

import tensorflow as tf

import Datasets
import Models
import Test
from Datasets import pipeline
from Datasets.options import Options
from Learning import loop, optimizers
from Models import checkpoints

PLAYERS = ["player_1", "player_2"]
RATE = ("learning_rate", "learning_rate_decay", "decay_steps")
LENGTHS = ("steps_per_epoch", "max_epochs", "gradient_clip")


def train(run, path, home):
    """Trains a network and saves it as Training.py saves a run.

    Args:
      run: `sight_plan.Run`.
      path: Folder of runs, which gets `1/checkpoint`.
      home: Folder of the records.
    """
    sections = run.sections()
    training, visual = sections["training"], {**sections["visual"], "weights": None}
    defaults = {key: getattr(Options(), key) for key in Datasets.OPTIONS}
    data = {**defaults, **sections["data"], "records": str(home)}
    tf.keras.utils.set_random_seed(run.seed)
    records = Test.open_records(data, visual)
    fixed = {"sample_rate": records.sample_rate, "channels": records.channels}
    network = Models.build(**sections["model"], source_names=PLAYERS, **fixed)
    windows = pipeline.Windows(
        *(records, "train", network.n_in, network.n_out, data["sources"]), n_slots=2
    )
    rates = [training[key] for key in RATE]
    size = training["batch_size"]
    loop.fit(
        network,
        optimizers.optimizer(training["optimizer"], *rates),
        Test.batch_loss(training["loss"], network, "best"),
        lambda step: pipeline.training_batches(windows, size, run.seed, step * size),
        **{knob: training[knob] for knob in LENGTHS},
        patience=1,
    )
    told = {"data": data, "visual": visual, "seed": run.seed}
    checkpoints.save(path / "1" / "checkpoint", network, told)
