"""Training and Test on real records: exact means, run folders, resuming."""

import json
import os
import pathlib
import random
import re
import signal
import threading
import time

import numpy as np
import pytest
import tensorflow as tf

import Config
import Models
import Remote
import Test
import Utils
from benchmarks import resume_soak
from Datasets import pipeline
from Models import checkpoints
from Schema import InputError
from tests.training_made import DATA, arrays, rows, test_, train, written

ROOT = pathlib.Path(Config.__file__).parent


def test_a_run_is_complete_and_its_parts_agree(options, here, capsys):
    result = train(options).result
    said = capsys.readouterr().out
    assert re.search(r"model   [\d,]+ parameters, float32; reads 367 samples", said)
    assert re.search(r"train: 2 tracks, 0.1 min, \d+ records", said)
    assert "device  CPU" in said
    assert "python Evaluate.py with run=runs/1" in said
    table = rows("runs/1")
    assert [row["step"] for row in table] == ["4", "8"]
    assert result == min(float(row["validation_loss"]) for row in table)
    told = checkpoints.describe("runs/1")["extra"]
    assert (
        told["data"]["records"]
        == json.loads(pathlib.Path(options).read_text())["data"]["records"]
    )
    assert told["data_fingerprint"] and told["loss"] == "mean_square"
    assert told["training"]["learning_rate"] == 1e-4
    assert list(pathlib.Path("runs/1/log").iterdir())
    metrics = Utils.read_json("runs/1/metrics.json")
    assert metrics["validation_loss"]["steps"] == [4, 8]
    # Test, by itself, finds the very loss of the checkpoint's epoch.
    assert test_("evaluation.split=validation") == pytest.approx(result, rel=1e-12)
    assert test_("run=runs/1", "evaluation.split=test") != result


def test_a_resumed_run_equals_an_uninterrupted_one_to_the_bit(options, here):
    train(options)
    train("resume=runs/1", "training.max_epochs=4")
    train(options, "training.max_epochs=4")
    assert rows("runs/2") == rows("runs/3") and len(rows("runs/2")) == 4
    resumed, whole = arrays("runs/2"), arrays("runs/3")
    assert set(resumed) == set(whole)
    for key in whole:
        np.testing.assert_array_equal(resumed[key], whole[key], err_msg=key)
    digests = [checkpoints.describe(f"runs/{k}")["weights_sha256"] for k in (2, 3)]
    assert digests[0] == digests[1]
    # The new folder holds the old log too, the old folder is as it was.
    assert len(list(pathlib.Path("runs/2/log").iterdir())) == 2
    assert len(rows("runs/1")) == 2
    metrics = [Utils.read_json(f"runs/{k}/metrics.json") for k in (2, 3)]
    assert metrics[0]["train_loss"]["values"] == metrics[1]["train_loss"]["values"]


OTHERS = {
    "training.optimizer=muon": "training.optimizer=muon, but runs/1 was trained with "
    "training.optimizer=adam",
    "training.ema=0.9": "training.ema=0.9, but runs/1 was trained with training.ema=No",
    "training.schedule=cosine training.steps_per_epoch=2 training.max_epochs=4": "=cos"
    "ine ends at step 8, and resume=runs/1 goes on at step 8: choose another schedule",
}


def test_a_resumed_run_of_another_model_is_refused_and_is_no_newest_run(
    options, here, capsys
):
    train(options)
    with pytest.raises(SystemExit):
        train("resume=runs/1", "model.num_initial_filters=5", "training.max_epochs=3")
    assert "resume with the model that was trained" in capsys.readouterr().err
    assert Remote.find_run() == pathlib.Path("runs/1")
    with pytest.raises(SystemExit):
        train("resume=runs/1")
    assert "2 epochs are trained already" in capsys.readouterr().err
    for words, told in OTHERS.items():
        with pytest.raises(SystemExit):
            train("resume=runs/1", *words.split())
        said = capsys.readouterr().err
        assert told in said and said.count("\n") == 1
    for path in pathlib.Path("runs/1/checkpoint").glob("state*"):
        path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SystemExit):
        train("resume=runs/1", "training.max_epochs=3")
    said = capsys.readouterr().err
    assert "runs/1/checkpoint/state.before.npz is not a state" in said
    assert "begin anew, with training.warm_start=runs/1" in said
    assert sorted(p.name for p in pathlib.Path("runs").glob("[0-9]*")) == ["1"]


WRONG = {
    "training.batch_size=0": "training.batch_size=0 must be at least 1",
    "training.learning_rate=-1.0": "training.learning_rate=-1.0 must be positive",
    "training.accumulate=0": "training.accumulate=0 must be at least 1",
    "training.gradient_clip=0.0": "training.gradient_clip=0.0 must be positive, or",
    "training.learning_rate_decay=1.5": "decay=1.5 makes the learning rate grow",
    "training.ema=1.0": "training.ema=1.0 must lie between 0 and 1",
    "training.warmup_steps=-1": "training.warmup_steps=-1 must be 0 or more",
    "training.save_minutes=0.0": "training.save_minutes=0.0 must be positive, or None",
    "training.schedule=cosin": "schedule='cosin': the schedules are exponential, const",
    "training.schedule=plateau": "learning_rate_decay=1.0: choose one below 1",
    "training.gain_min=2.0": "training.gain_min=2.0 must not exceed",
    "training.loss=mean_sqare": "training.loss='mean_sqare': no loss 'mean_sqare'; did",
    "training.source_order=bst": "training.source_order='bst' must be one of named, b",
    "training.max_epochs=0": "training.max_epochs=0 must be at least 1",
    "training.precision=float16": "training.precision=float16: did you mean 'bfloat16'",
    "training.warm_start=nowhere": "nowhere does not exist; name a run or a checkpoint",
    "training.loss=magnitude_absolute": "training.loss='magnitude_absolute' compares",
    "model.form=quick": "form must be auto or plain or fast, not 'quick'",
    "model.fusers=['flim@bottleneck']": "did you mean 'film'",
    "model.name=wave_unat": "model.name=wave_unat: there is no model",
    "data.records=nowhere": "nowhere",
    "data.sources=['vn']": "sources",
    "data.window_seconds=0.05": "",
}


@pytest.mark.parametrize("word", WRONG)
def test_a_value_that_cannot_work_is_one_sentence(word, options, here, capsys):
    with pytest.raises(SystemExit) as error:
        train(options, word)
    said = capsys.readouterr().err.strip()
    assert error.value.code == 1
    assert said.count("\n") == 0 and WRONG[word] in said, said
    assert not pathlib.Path("runs").exists()


def test_training_without_a_folder_is_refused(options, here, capsys):
    with pytest.raises(SystemExit):
        train(options, observed=False)
    assert "leave out --unobserved" in capsys.readouterr().err


def test_with_f_the_run_lies_in_the_folder_that_is_named(options, here, capsys):
    train(options, "training.max_epochs=1", "-F", "my runs")
    assert pathlib.Path("my runs/1/checkpoint/model.json").exists()
    assert "python Evaluate.py with 'run=my runs/1'" in capsys.readouterr().out
    assert not pathlib.Path("runs").exists()


def send(number):
    """Sends this process a signal once the first epoch has been kept."""
    end = time.monotonic() + 60
    while not pathlib.Path("runs/1/history.csv").exists() and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    "number, status, word",
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_keeps_the_state_and_says_how_to_go_on(
    number, status, word, options, here, capsys
):
    # Below a job in the background Ctrl-C is ignored, and Python follows.
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=send, args=[number]).start()
    with pytest.raises(SystemExit) as error:
        train(options, "training.max_epochs=100000", "seed=3")
    signal.signal(signal.SIGINT, old)
    out, err = capsys.readouterr()
    assert error.value.code == status
    assert err.strip().splitlines()[-1] == f"Training.py: {word}"
    assert "go on with `python Training.py with resume=runs/1`" in out
    done = rows("runs/1")
    train("resume=runs/1", f"training.max_epochs={len(done) + 1}")
    assert rows("runs/2")[: len(done)] == done


def test_a_run_that_is_killed_and_resumed_is_the_one_that_never_was(options, here):
    sections = Utils.read_json(options)
    sections["training"] |= {"steps_per_epoch": 50, "max_epochs": 5}
    sections["training"] |= {"save_minutes": 0.002, "ema": 0.9, "batch_size": 2}
    tiny, runs = written(here / "tiny", sections), here / "killed"
    told = resume_soak.kill(runs, tiny, random.Random(1), "writing", longest=0.2)
    assert told == "writing its state"
    train(f"resume={resume_soak.newest(runs)}", "-F", str(runs))
    train(tiny, "-F", "whole")
    (killed, progress), (whole, _) = (
        resume_soak.digests(resume_soak.newest(folder))
        for folder in (runs, here / "whole")
    )
    assert killed == whole and len(progress["history"]) == 5


# --- the mean loss of Test


class Gain:
    """A separator that gives the mixture, scaled, for each source."""

    n_in, n_out, channels, sample_rate = 40, 32, 1, 4000
    slots, batch_keys = "vocabulary", ("mix",)
    source_names = DATA["sources"]

    def __call__(self, batch, training=False):
        middle = batch["mix"][:, 4:-4] * (0.5 if not training else np.nan)
        return {"sources": tf.repeat(middle[:, tf.newaxis], 4, axis=1)}


def whole_split(options, split):
    """(mix [T, C], sources [S, T, C]) of each track of a split, from its records."""
    records = Test.open_records(section(options))
    for track in records.tracks(split):
        found = records.whole_track(track.id)
        slots = np.zeros([4, *found["mix"].shape])
        for label, source in zip(found["labels"], found["sources"]):
            slots[DATA["sources"].index(label)] += source
        yield found["mix"].astype(float), slots


def section(options):
    """The whole data section of a configuration file."""
    defaults = {"splits": "composition", "same_instrument": "sum", "channels": 1}
    return {**defaults, **Utils.read_json(options)["data"]}


@pytest.mark.parametrize("batch_size", [1, 7, 64])
@pytest.mark.parametrize("loss, power", [("mean_square", 2), ("mean_absolute", 1)])
def test_the_mean_loss_of_a_split_is_the_mean_over_its_samples(
    options, loss, power, batch_size
):
    errors = [
        np.abs(0.5 * mix - sources).ravel() ** power
        for mix, sources in whole_split(options, "train")
    ]
    windows = Test.windows(Test.open_records(section(options)), "train", Gain())
    batches = pipeline.evaluation_batches(windows, batch_size)
    found = Test.mean_loss(Gain(), batches, loss)
    assert found == pytest.approx(np.concatenate(errors).mean(), rel=1e-6)


@pytest.mark.parametrize("batch_size", [1, 8])
def test_sum_square_is_a_mean_over_windows(options, batch_size):
    total = sum(((0.5 * m - s) ** 2).sum() for m, s in whole_split(options, "test"))
    count = sum(-(-len(m) // Gain.n_out) for m, _ in whole_split(options, "test"))
    assert batch_size == 1 or count % batch_size  # the last batch is filled up
    windows = Test.windows(Test.open_records(section(options)), "test", Gain())
    batches = pipeline.evaluation_batches(windows, batch_size)
    found = Test.mean_loss(Gain(), batches, "sum_square")
    assert found == pytest.approx(total / count, rel=1e-6)


def test_the_loss_of_a_whole_batch_is_its_mean_loss():
    rng = np.random.default_rng(0)
    estimates, sources = rng.normal(size=(2, 5, 4, 32, 1)).astype(np.float32)
    squares = (estimates - sources).astype(float) ** 2
    for loss, expected in (
        ("mean_square", squares.mean()),
        ("mean_absolute", np.sqrt(squares).mean()),
        ("sum_square", squares.sum() / 5),
    ):
        of_batch = Test.batch_loss(loss, Gain())
        found = of_batch({"sources": estimates}, {"sources": tf.constant(sources)})
        assert float(found) == pytest.approx(expected, rel=1e-5)


def test_a_split_without_samples_is_an_error_and_not_a_loss_of_zero():
    with pytest.raises(InputError, match="the split holds no samples"):
        Test.mean_loss(Gain(), [], "mean_square")


def test_a_model_of_another_rate_or_a_split_that_is_absent_is_named(options):
    records = Test.open_records(section(options))
    model = Models.build("wave_unet", source_names=["vn"], sample_rate=8000, channels=1)
    with pytest.raises(InputError, match="sample_rate 4000, the model has 8000"):
        Test.windows(records, "train", model)
    with pytest.raises(InputError, match="no split 'valid', only train, validation"):
        Test.windows(records, "valid", Gain())
