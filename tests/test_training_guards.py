"""What a training is refused for, what it counts first, and what it says of data."""

import pathlib

import pytest

import Test
import Utils
from Fitting import feeding, keeping, opening
from Learning import guards, knobs
from Learning.folder import RunFolder
from Models import checkpoints
from Schema import InputError
from tests.test_training import section
from tests.training_made import MODEL, TRAINING, arrays, rows, train, written


class Counted:
    """Records of so many tracks, of the named splits."""

    folder = pathlib.Path("records/x")

    def __init__(self, **ids):
        self.ids, self.splits = ids, list(ids)

    def tracks(self, split):
        return [type("Row", (), {"id": name}) for name in self.ids[split]]

    def places(self, split):
        return [name for name in self.ids[split] if not name.startswith("empty")]


@pytest.mark.parametrize(
    "splits, words",
    [
        (dict(train=[], validation=["a"]), "no records of train"),
        (dict(train=["empty"], test=["b"]), "no records of train"),
        (dict(train=["a"], validation=[]), "no records of validation"),
        (dict(train=["a", "b"], validation=["b"]), "b is in validation and in train"),
        (
            dict(train=["a"], validation=["c", "b"], test=["b"]),
            "b is in validation and in test; .* prepare them again",
        ),
    ],
)
def test_empty_splits_and_validation_on_the_test_set_are_refused(splits, words):
    with pytest.raises(InputError, match=words):
        opening.check_splits(Counted(**splits))


def test_splits_apart_are_fine_and_so_is_none_of_validation():
    opening.check_splits(Counted(train=["a"], validation=["b"], test=["c"]))
    opening.check_splits(Counted(train=["a"], test=["a"]))


def test_what_watches_the_validation_loss_needs_a_validation_split():
    plain = {"schedule": "exponential", "second_stage": None}
    knobs.check_validation(plain, False)
    for change in ({"schedule": "plateau"}, {"second_stage": 1e-5}):
        knobs.check_validation(plain | change, True)
        ((knob, value),) = change.items()
        with pytest.raises(InputError, match=f"training.{knob}={value} watches"):
            knobs.check_validation(plain | change, False)


def test_the_examples_of_a_bad_batch_are_named_by_track_and_second(
    options, here, monkeypatch, capsys
):
    real = feeding.batches

    def poisoned(*told):
        def stream(first, begun=None):
            for step, batch in enumerate(real(*told)(first), first):
                factor = float("nan") if step == 5 else 1.0
                kept.append((batch["track"], batch["start"]))
                yield {**batch, "mix": batch["mix"] * factor}

        return stream

    kept = []
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(feeding, "batches", poisoned)
        train(options)
    out, said = capsys.readouterr()
    records = Test.open_records(section(options))
    ids = {track.row: track.id for track in records.tracks("train")}
    named = ", ".join(
        f"{ids[int(t)]} at {int(s) / 4000:.2f} s" for t, s in zip(*kept[5])
    )
    assert f"loss is nan at step 6, the batch of {named}; the weights before" in said
    assert said.count("\n") == 1
    assert "go on with `python Training.py with resume=runs/1`" in out
    train("resume=runs/1")
    train(options)
    assert rows("runs/2") == rows("runs/3")


def test_exhausted_memory_is_one_sentence_with_the_users_values(
    options, here, monkeypatch, capsys
):
    def exhausted(*_):
        raise MemoryError

    monkeypatch.setattr(feeding, "batches", lambda *_: exhausted)
    with pytest.raises(SystemExit):
        train(options)
    said = capsys.readouterr().err
    assert "training.batch_size=3" in said and "model.num_frames=256" in said


def test_all_that_makes_a_step_larger_or_steadier_goes_together(options, here, capsys):
    sections = Utils.read_json(options)
    sections["training"] = TRAINING | {"second_stage": 1e-6, "ema": 0.5}
    sections["training"] |= {"schedule": "plateau", "learning_rate_decay": 0.5}
    sections["training"] |= {"accumulate": 3, "batch_size": 1, "warmup_steps": 2}
    sections["training"] |= {"patience": 1, "max_epochs": 12, "learning_rate": 0.3}
    sections["model"] = {**MODEL, "num_layers": 1}
    told = written(here / "all", sections)
    train(told)
    table = rows("runs/1")
    assert {row["stage"] for row in table} == {"1", "2"}
    assert float(table[-1]["learning_rate"]) == pytest.approx(1e-6)
    assert "stage   2, from the best" in capsys.readouterr().out
    # What is kept is the average, by which it was judged.
    best = min(float(row["validation_loss"]) for row in table)
    model = checkpoints.load("runs/1")
    validate = feeding.validation(
        model,
        Test.windows(Test.open_records(section(told)), "validation", model),
        {**Test.LOSS, "batch_size": 3, "validation_steps": None},
    )
    assert validate() == pytest.approx(best, rel=1e-6)
    kept = checkpoints.describe("runs/1")["extra"]["training"]
    assert (kept["ema"], kept["second_stage"]) == (0.5, 1e-6)
    assert any(key.startswith("best/") for key in arrays("runs/1"))


def test_the_epochs_before_a_resumption_are_written_once_and_recorded_each(
    tmp_path, monkeypatch, capsys
):
    told = {"validation_loss": None, "learning_rate": 0.1}
    epochs = [{"train_loss": 1 / k, "step": 4 * k, **told} for k in (1, 2, 3)]
    tables, scalars = [], []
    monkeypatch.setattr(RunFolder, "keep", lambda _, history: tables.append(history))
    folder, record = RunFolder(tmp_path / "2"), lambda *told: scalars.append(told)
    keeping.take_up(tmp_path / "1", folder, epochs, 12, record)
    assert tables == [epochs]
    told = [("train_loss", 1.0, 4), ("learning_rate", 0.1, 4), ("train_loss", 0.5, 8)]
    assert scalars[:3] == told and len(scalars) == 6
    keeping.take_up(tmp_path / "1", folder, [], 3, record)  # cut off in the first
    assert len(tables) == 1 and "after 0 epochs, at step 3" in capsys.readouterr().out


def test_a_stopped_run_is_an_error_of_the_user():
    assert issubclass(guards.StoppedError, InputError)
