"""Verb 2: trains a model until its validation loss stops falling.

    python Training.py with chamber_demo                # minutes on two cores
    python Training.py with urmp training.batch_size=8  # a published run, changed
    python Training.py with resume=runs/1               # goes on, in a new folder
    python Training.py with resume=runs/1 training.learning_rate=1e-5
    python Training.py with urmp training.warm_start=runs/1  # its weights, a new run
    python Training.py with urmp dry_run=True           # what it would take
    python Training.py print_config                     # every knob

Writes runs/N/ (or FOLDER/N/ with -F FOLDER):
    config.json    what was asked for (Sacred)
    checkpoint/    the best model, and state.npz to go on from
    history.csv    a line for each epoch
    log/           tensorboard --logdir runs
The state is written after every epoch, every training.save_minutes, and at Ctrl-C or
SIGTERM, which then end the run.
"""

import shlex

from sacred import Experiment

import Config
import Remote
import Test
from Fitting import assembling, feeding, keeping, opening
from Fitting.refusing import refuse
from Learning import guards
from Learning.folder import RunFolder

ex = Experiment(
    "Training",
    ingredients=Config.INGREDIENTS[:-1],
    save_git_info=False,
)
Config.attach(ex)
LENGTHS = ("steps_per_epoch", "max_epochs", "patience", "gradient_clip")
LENGTHS += ("accumulate", "save_minutes")


@ex.config
def defaults():
    seed = 1337  # of the weights and of the training examples
    resume = None  # folder of a run to go on from, with its configuration
    dry_run = False  # take some steps, tell what all would take, and keep nothing
    devices = "auto"  # | "cpu" | "gpu" | "gpu:0,1" | "tpu" | "workers";
    # Models/devices.py has all


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
    devices="auto",
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
      devices: What to train on, as `Models.devices` has it.

    Returns:
      The history: a dict for each epoch (Learning.history.COLUMNS).
    """
    from Fitting import examples
    from Learning import loop, summaries
    from Models.devices import place

    told = data, visual, model, training, seed, mixing, devices
    network, optimizer, rate, strategy, records, found = assembling.assembled(*told)
    told = opening.provenance(records, training, data, visual, mixing, seed)
    told["warm"] = assembling.begin(folder, resume, training, network, optimizer)
    log, heard = summaries.Summaries(folder.log), training["log_audio_epochs"]
    with guards.memory_for(training, model), keeping.together(strategy):
        return loop.fit(
            network,
            optimizer,
            Test.batch_loss(model=network, **feeding.judged(training)),
            feeding.batches(found["train"], training, seed, place(strategy)),
            feeding.validation(network, found.get("validation"), training, strategy),
            **{knob: training[knob] for knob in LENGTHS},
            second_stage=training["second_stage"] is not None,
            rate=rate,
            strategy=strategy,
            save_best=lambda best: keeping.keep_best(folder, best, told),
            state=folder.state,
            log=log,
            show=examples.showing(network, found.get("validation"), log, heard, folder),
            tell=opening.naming(found["train"]),
            on_start=lambda *told: keeping.take_up(resume, folder, *told, record),
            on_epoch=lambda history: keeping.keep(folder, history, record),
        )


def rehearse(data, visual, model, training, seed, mixing, devices="auto"):
    """Prints what a training would take, after a few steps; args as of `train`."""
    from Fitting import dry_run

    told = data, visual, model, training, seed, mixing, devices
    network, optimizer, _, strategy, _, found = assembling.assembled(*told)
    with guards.memory_for(training, model), keeping.together(strategy):
        dry_run.show(network, optimizer, strategy, found, training, seed)


@ex.main
def main(data, visual, mixing, model, training, seed, resume, dry_run, devices, _run):
    sections = [Config.plain(section) for section in (data, visual, model, training)]
    mixing = Config.plain(mixing)
    if dry_run:
        rehearse(*sections, seed, mixing, devices)
        return None
    told = seed, resume, _run.log_scalar, mixing, devices
    with keeping.home(Config.run_folder(_run)) as home:
        return kept(home, sections, told)


def kept(home, sections, told):
    """Trains, and says what lies in the folder `home` then; returns the best loss."""
    folder = RunFolder(home)
    try:
        history = train(folder, *sections, *told)
    except (KeyboardInterrupt, guards.StoppedError):
        if folder.state.exists():
            print(f"\nstopped; go on with `{opening.resuming(home)}`")
        raise
    best = [row for row in history if row["best"]][-1]
    if not keeping.is_kept_here():
        return best["validation_loss"]
    if best["validation_loss"] is None:
        print(f"kept    epoch {best['epoch']}, the last: there is no validation split")
    else:
        print(
            f"best    epoch {best['epoch']}, validation {best['validation_loss']:.3e}"
        )
    place = Remote.place_of(home)
    log = shlex.quote(f"{place}/log")
    print(f"wrote   {place}/checkpoint; see it with `tensorboard --logdir {log}`")
    print(f"next    {opening.following(home)}")
    return best["validation_loss"]


if __name__ == "__main__":
    Config.command_line(ex, observed=True, check=refuse)
