"""Verb 2: trains a model until its validation loss stops falling.

    python Training.py with chamber_demo                # minutes on two cores
    python Training.py with urmp training.batch_size=8  # a published run, changed
    python Training.py with resume=runs/1               # goes on, in a new folder
    python Training.py with resume=runs/1 training.learning_rate=1e-5
    python Training.py with urmp training.warm_start=runs/1  # its weights, a new run
    python Training.py print_config                     # every knob

Writes runs/N/ (or FOLDER/N/ with -F FOLDER):
    config.json    what was asked for (Sacred)
    checkpoint/    the best model, and state.npz to go on from
    history.csv    a line for each epoch
    log/           tensorboard --logdir runs
Ctrl-C saves the state and stops.
"""

import pathlib

from sacred import Experiment

import Config
import Test
from Learning.folder import RunFolder, commit
from Schema import InputError

ex = Experiment(
    "Training",
    ingredients=Config.INGREDIENTS[:-1],
    save_git_info=False,
)
Config.attach(ex)
ROOT = pathlib.Path(__file__).parent
RATE = ("learning_rate", "learning_rate_decay", "decay_steps")


@ex.config
def defaults():
    seed = 1337  # of the weights and of the training examples
    resume = None  # folder of a run to go on from, with its configuration


def train(
    folder,
    data,
    visual,
    model,
    training,
    seed=1337,
    resume=None,
    record=print,
    mixing=None,
):
    """Builds data and model, trains, and fills the folder of a run.

    Args:
      folder: `RunFolder`.
      data: The data section of Config.py, a dict.
      visual: The visual section.
      model: The model section.
      training: The training section.
      seed: Of weights and examples.
      resume: Folder of a run whose state is carried over, or None.
      record: record(name, value, step) keeps a scalar.
      mixing: The mixing section; None: mixtures as recorded.

    Returns:
      The history: a dict for each epoch (Learning.history.COLUMNS).
    """
    import tensorflow as tf

    from Datasets import pipeline
    from Learning import knobs, loop, optimizers, summaries
    from Models import checkpoints, devices

    gain, batch_size = knobs.check(training), training["batch_size"]
    tf.keras.utils.set_random_seed(seed)
    strategy = devices.choose_strategy(batch_size)
    with strategy.scope():
        network, records, found = opened(data, visual, model, training, mixing)
        knobs.check_dropout(training["condition_dropout"], network.batch_keys)
        rate = [training[key] for key in RATE]
        optimizer = optimizers.optimizer(training["optimizer"], *rate)
    report(network, strategy, records, found)
    told = {"data": data, "visual": visual, "mixing": mixing, "seed": seed}
    told |= provenance(records, training)
    begin(folder, resume, training["warm_start"], network, optimizer)
    lengths = ("steps_per_epoch", "max_epochs", "patience", "gradient_clip")
    return loop.fit(
        network,
        optimizer,
        Test.batch_loss(training["loss"], network),
        lambda step: pipeline.training_batches(
            *(found["train"], batch_size, seed, step * batch_size, gain),
            *(training["condition_dropout"], training["visual_dropout"]),
        ),
        validation(network, found.get("validation"), training),
        **{knob: training[knob] for knob in lengths},
        strategy=strategy,
        save_best=lambda best: checkpoints.save(folder.checkpoint, best, told),
        state=folder.state,
        log=summaries.Summaries(folder.log),
        on_start=lambda history: take_up(resume, folder, history, record),
        on_epoch=lambda history: keep(folder, history, record),
    )


def provenance(records, training):
    """What a checkpoint tells of its making, beside the sections of its data."""
    told = {key: training[key] for key in ("loss", "precision", "warm_start")}
    return {**told, "data_fingerprint": records.fingerprint, "commit": commit(ROOT)}


def opened(data, visual, model, training, mixing=None):
    """(Separator, Records, {split: Windows}) that the sections ask for."""
    import Models
    from Datasets.mixtures import Mixtures
    from Models import devices

    mixtures = Mixtures(**(mixing or {}))
    records = Test.open_records(data, visual)
    fixed = {key: data[key] for key in ("sample_rate", "channels")}
    fixed["dtype"] = devices.dtype_of(training["precision"])
    if records.visual_size is not None and Models.takes(model["name"], "front_end"):
        fixed |= {"visual_size": records.visual_size}
        fixed["visual_rate"] = records.options.visual_rate
        fixed["front_end"] = records.options.front_end
        if records.options.pictures:
            fixed["frame_weights"] = visual["weights"]
    network = Models.build(**model, source_names=data["sources"], **fixed)
    splits = ("train", "validation") if "validation" in records.splits else ("train",)
    told = {"train": (1, mixtures), "validation": (0, mixtures.fixed())}
    # One slot more than play: who is named may be silent.
    found = {s: Test.windows(records, s, network, *told[s]) for s in splits}
    return network, records, found


def refuse(config):
    """Raises InputError for a configuration that cannot be trained."""
    from Datasets import gathering, pipeline
    from Learning import knobs, start
    from Models import warm_start

    training, resume, mixing = (config[k] for k in ("training", "resume", "mixing"))
    knobs.check(training)
    sections = [config[name] for name in ("data", "visual", "model")]
    network, _, found = opened(*sections, training, mixing)
    knobs.check_dropout(training["condition_dropout"], network.batch_keys)
    pipeline.check_training(found["train"], training["condition_dropout"])
    for windows in found.values():
        gathering.Gathering(windows)
    Test.batch_loss(training["loss"], network)
    start.check(resume, training["warm_start"])
    if resume is None and training["warm_start"] is not None:
        warm_start.check(
            training["warm_start"], network, training["optimizer"] == "adam"
        )


def begin(folder, resume, source, network, optimizer):
    """Gives a run what it starts from: a state, another model's weights, or nothing."""
    from Models import warm_start

    if resume is not None:
        folder.take_state(RunFolder(resume))
    elif source is not None:
        print(f"warm    {warm_start.take(source, network, optimizer)}")


def validation(network, windows, training):
    """validate() -> mean loss over a split, or None where there is no split."""
    from Datasets import pipeline

    if windows is None:
        return None
    mean = Test.MeanLoss(network, training["loss"])
    batches = pipeline.evaluation_batches(windows, training["batch_size"])
    return lambda: mean(batches.take(training["validation_steps"] or -1))


def report(network, strategy, records, found):
    """Says what is about to happen."""
    import tensorflow as tf

    rate, names = network.sample_rate, network.source_names
    devices = [d.name for d in tf.config.list_logical_devices("GPU")] or ["CPU"]
    print(
        f"model   {network.count_params():,} parameters, {network.dtype_policy.name}; "
        f"reads {network.n_in} samples, gives {network.n_out} "
        f"({network.n_out / rate:.2f} s) of {len(names)} sources: {' '.join(names)}"
    )
    print(f"data    {records.folder}, {rate} Hz, {network.channels} channels")
    for split, windows in found.items():
        minutes = sum(track.n_time for track in windows.tracks) / rate / 60
        print(f"        {split}: {len(windows.tracks)} tracks, {minutes:.1f} min")
    if any(key.startswith("has_") for key in network.batch_keys):
        print(
            "        stand-ins for missing conditions are learnt where a track lacks "
            "them, and by training.condition_dropout"
        )
    if "validation" not in found:
        print("        no validation split: the last model is kept, not the best")
    print(f"device  {' '.join(devices)}, {strategy.num_replicas_in_sync} replicas")


def take_up(resume, folder, history, record):
    """Makes a resumed run complete by itself, once its state is known to fit."""
    if resume is not None:
        folder.take_results(RunFolder(resume))
        for count in range(1, len(history) + 1):
            keep(folder, history[:count], record)
        print(f"resume  {resume} after {len(history)} epochs")


def keep(folder, history, record):
    """Keeps the last of the epochs in the table and in Sacred's metrics."""
    folder.keep(history)
    row = history[-1]
    for name in ("train_loss", "validation_loss", "learning_rate"):
        if row[name] is not None:
            record(name, row[name], row["step"])


@ex.main
def main(data, visual, mixing, model, training, seed, resume, _run):
    home = Config.run_folder(_run)
    if home is None:
        raise InputError("Training needs a folder for the run; leave out --unobserved")
    sections = [Config.plain(section) for section in (data, visual, model, training)]
    folder = RunFolder(home)
    try:
        told = seed, resume, _run.log_scalar, Config.plain(mixing)
        history = train(folder, *sections, *told)
    except KeyboardInterrupt:
        if folder.state.exists():
            print(f"\nstopped; go on with `python Training.py with resume={home}`")
        raise
    best = [row for row in history if row["best"]][-1]
    if best["validation_loss"] is None:
        print(f"kept    epoch {best['epoch']}, the last: there is no validation split")
    else:
        print(
            f"best    epoch {best['epoch']}, validation {best['validation_loss']:.3e}"
        )
    print(f"wrote   {home}/checkpoint; see it with `tensorboard --logdir {home}/log`")
    print(f"next    python Evaluate.py with run={home}")
    return best["validation_loss"]


if __name__ == "__main__":
    Config.command_line(ex, observed=True, check=refuse)
