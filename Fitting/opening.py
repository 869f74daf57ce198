"""The model and the windows that sections of Config.py ask for, and what they are."""

import pathlib
import shlex

import Remote
import Test
from Learning.folder import commit
from Schema import InputError

ROOT = pathlib.Path(__file__).parents[1]
MOST = 16  # examples of a batch that are named


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


def check_splits(records):
    """Refuses splits without records, and validation on what is trained or tested on.

    Args:
      records: `Datasets.records.Records`.

    Raises:
      InputError: Naming the split, or a track.
    """
    again = "prepare them again with other data.splits or data.raw"
    ids = {s: {track.id for track in records.tracks(s)} for s in records.splits}
    for split in ("train", "validation"):
        if split in ids and not counted(records, split):
            raise InputError(f"{records.folder}: no records of {split}; {again}")
    for other in ("train", "test"):
        both = sorted(ids.get("validation", set()) & ids.get(other, set()))
        if both:
            raise InputError(
                f"{records.folder}: {both[0]} is in validation and in {other}; what "
                "chooses the best model must be neither learnt from nor the test: "
                + again
            )


def check_compared(network, training, found):
    """Refuses to compare recordings where there is one at a time.

    Args:
      network: Of `Models.MODELS`.
      training: The training section.
      found: {split: Windows}.

    Raises:
      InputError: Naming the batch size, or the split.
    """
    if network.separates or "correspondence" not in training["loss"]:
        return
    if training["batch_size"] < 2:
        raise InputError(
            f"training.batch_size={training['batch_size']} leaves nothing to compare a "
            "window with; 2 or more, or training.loss=synchrony"
        )
    for split, windows in found.items():
        if len(windows.tracks) < 2:
            raise InputError(
                f"{windows.records.folder}: {split} is one recording, and "
                f"training.loss={training['loss']!r} compares recordings; prepare "
                "more, or choose training.loss=synchrony"
            )


def counted(records, split):
    """How many records a split has."""
    return len(records.places(split)) if records.tracks(split) else 0


def report(network, strategy, records, found):
    """Says what is about to happen."""
    import tensorflow as tf

    from Models import devices

    rate = network.sample_rate
    gpus = [d.name for d in tf.config.list_logical_devices("GPU")]
    print(
        f"model   {network.count_params():,} parameters, {network.dtype_policy.name}; "
        f"reads {network.n_in} samples, gives {given(network)}"
    )
    print(f"data    {records.folder}, {rate} Hz, {network.channels} channels")
    for split, windows in found.items():
        minutes = sum(track.n_time for track in windows.tracks) / rate / 60
        print(
            f"        {split}: {len(windows.tracks)} tracks, {minutes:.1f} min, "
            f"{counted(records, split)} records"
        )
    stands_in = any(key.startswith("has_") for key in network.batch_keys)
    if stands_in and network.separates:
        print(
            "        stand-ins for missing conditions are learnt where a track lacks "
            "them, and by training.condition_dropout"
        )
    if "validation" not in found:
        print("        no validation split: the last model is kept, not the best")
    where = " ".join(gpus) or devices.kind()
    print(f"device  {where}, {strategy.num_replicas_in_sync} replicas")


def given(network):
    """What a model gives of a window, in words."""
    if not network.separates:
        return f"{network.moments} moments of it, as heard and as seen"
    n_out, names = network.n_out, network.source_names
    seconds = n_out / network.sample_rate
    return f"{n_out} ({seconds:.2f} s) of {len(names)} sources: {' '.join(names)}"


def following(home):
    """The command that follows the training of what now lies in a run."""
    from Models import checkpoints, correspondence

    told, place = checkpoints.describe(home), Remote.place_of(home)
    if told["model"] != "correspondence":
        return f"python Evaluate.py with {shlex.quote(f'run={place}')}"
    return correspondence.command(place, told["config"]["visual_size"])


def resuming(home):
    """The command that goes on with what lies in a run."""
    place = Remote.place_of(home)
    words = ["python", "Training.py", "with", f"resume={place}"]
    if Remote.is_remote(place):
        words += ["-F", place.rpartition("/")[0]]
    return shlex.join(words)


def naming(windows):
    """tell(track, start) -> str that names the examples of a batch.

    Args:
      windows: `Datasets.pipeline.Windows` of the split.
    """
    ids = {track.row: track.id for track in windows.tracks}
    rate = windows.records.sample_rate

    def tell(track, start):
        named = [
            f"{ids.get(row, row)} at {first / rate:.2f} s"
            for row, first in zip(track, start)
        ]
        more = f" and {len(named) - MOST} more" if len(named) > MOST else ""
        return f"the batch of {', '.join(named[:MOST])}{more}"

    return tell


def provenance(records, training, data, visual, mixing, seed):
    """What a checkpoint tells of its making: sections, loss, data, commit."""
    from Models import devices

    told = {"data": data, "visual": visual, "mixing": mixing, "seed": seed}
    told |= {key: training[key] for key in ("precision", "warm_start", *Test.LOSS)}
    told["precision"] = devices.precision_of(training["precision"])
    told["training"] = training
    return {**told, "data_fingerprint": records.fingerprint, "commit": commit(ROOT)}
