"""A resumed training is the same training, however it was cut off."""

import numpy as np
import pytest
import tensorflow as tf

from Learning import history, loop, optimizers, schedules, state
from Schema import InputError
from tests.test_learning import TRUE, Linear, batches, kernel, mean_square, train


def same(first, second):
    strip = [
        [{k: r[k] for k in r if k not in history.TIMINGS} for r in rows]
        for rows in (first, second)
    ]
    return strip[0] == strip[1]


def validator(model_of):
    """A validation that depends on the weights: the distance from the truth."""
    return lambda: float(np.abs(kernel(model_of()) - TRUE).sum())


def fit_once(path, max_epochs, feed=batches, model=None, **options):
    model = Linear() if model is None else model
    given = dict(optimizer=optimizers.optimizer("adam", 0.05, 0.9, 10))
    given |= dict(patience=9) | options
    rows = loop.fit(
        model,
        given.pop("optimizer"),
        mean_square,
        feed,
        validator(lambda: model),
        steps_per_epoch=7,
        max_epochs=max_epochs,
        gradient_clip=0.5,
        state=path,
        **given,
    )
    return rows, model


def test_training_twice_as_long_is_training_and_going_on_to_the_bit(tmp_path):
    whole, model = fit_once(tmp_path / "whole.npz", 6)
    fit_once(tmp_path / "halves.npz", 3)
    halves, resumed = fit_once(tmp_path / "halves.npz", 6)
    np.testing.assert_array_equal(kernel(model), kernel(resumed))
    assert same(whole, halves)
    with np.load(tmp_path / "whole.npz") as a, np.load(tmp_path / "halves.npz") as b:
        assert set(a.files) == set(b.files)
        for key in set(a.files) - {"progress"}:
            np.testing.assert_array_equal(a[key], b[key], err_msg=key)


def test_a_resumed_training_takes_only_the_steps_that_are_left(tmp_path):
    asked, taken = [], []

    def watched(first):
        asked.append(first)
        for batch in batches(first):
            taken.append(first)
            yield batch

    fit_once(tmp_path / "state.npz", 3, watched)
    fit_once(tmp_path / "state.npz", 4, watched)
    assert asked == [0, 21] and taken == [0] * 21 + [21] * 7


@pytest.mark.parametrize("steps", [3, 7, 17])
def test_an_interrupted_training_goes_on_to_the_bit(tmp_path, steps):
    def until(first):
        for taken, batch in enumerate(batches(first)):
            if taken == steps:
                raise KeyboardInterrupt
            yield batch

    with pytest.raises(KeyboardInterrupt):
        fit_once(tmp_path / "state.npz", 6, until)
    resumed, model = fit_once(tmp_path / "state.npz", 6)
    whole, uninterrupted = fit_once(tmp_path / "whole.npz", 6)
    np.testing.assert_array_equal(kernel(model), kernel(uninterrupted))
    assert same(resumed, whole)


class Killed(BaseException):
    """What nothing catches, as SIGKILL."""


class Chancy(Linear):
    """With dropout, whose chance is part of the state."""

    def __init__(self):
        super().__init__()
        self.dropout = tf.keras.layers.Dropout(0.4, seed=5)

    def call(self, batch, training=False):
        mix = self.dropout(batch["mix"], training=training)
        return super().call({"mix": mix})


def everything(path, kill_at=None):
    """A training with all that a state must hold; or killed at a batch."""
    rate = schedules.Rate(
        *(0.3, "plateau"), decay=0.5, plateau_epochs=1, warmup_steps=5, second=0.02
    )
    saved = []

    def feed(first, begun=None):
        late, size = (0, 4) if begun is None else (first - begun, 8)
        for number, batch in enumerate(batches(first + late, 4, 0.5).rebatch(size)):
            if kill_at == first + number:
                raise Killed
            yield batch

    rows, model = fit_once(
        *(path, 12, feed, Chancy()),
        optimizer=optimizers.optimizer("muon", rate, ema=0.7),
        rate=rate,
        accumulate=2,
        second_stage=True,
        patience=2,
        save_minutes=1e-9,
        save_best=lambda model: saved.append(kernel(model).copy()),
    )
    return rows, saved[-1]


@pytest.fixture(scope="module")
def never_killed(tmp_path_factory):
    """(history, best kernel, state) of a training that nothing disturbs."""
    path = tmp_path_factory.mktemp("whole") / "state.npz"
    return *everything(path), state.read(path)


def test_a_training_that_is_killed_twice_is_the_same_to_the_bit(tmp_path, never_killed):
    rows, best, archive = never_killed
    stages = [row["stage"] for row in rows]
    begun = archive.progress["begun"]
    assert set(stages) == {1, 2} and len({r["learning_rate"] for r in rows}) > 2
    path = tmp_path / "state.npz"
    for moment in (begun - 4, begun + 3):  # in the middle of an epoch of each stage
        with pytest.raises(Killed):
            everything(path, moment)
        assert state.read(path).progress["first"] < moment
    resumed, kept = everything(path)
    assert same(resumed, rows)
    np.testing.assert_array_equal(kept, best)
    found = state.read(path)
    for group, arrays in archive.groups.items():
        for there, here in zip(arrays, found.groups[group], strict=True):
            np.testing.assert_array_equal(here, there, err_msg=group)
    assert {"best", "loop", "model", "optimizer"} == set(archive.groups)
    seeds = [a for a in archive.groups["model"] if np.issubdtype(a.dtype, np.integer)]
    assert len(seeds) == 1 and seeds[0][1] > 0  # of dropout, which did count


def test_an_interrupted_validation_is_made_up_for(tmp_path):
    def interrupted():
        raise KeyboardInterrupt

    options = dict(state=tmp_path / "state.npz", max_epochs=2)
    with pytest.raises(KeyboardInterrupt):
        train(validate=interrupted, **options)
    rows, _ = train(validate=lambda: 1.0, **options)
    assert [row["step"] for row in rows] == [5, 10]
    assert [row["validation_loss"] for row in rows] == [1.0, 1.0]


def test_a_run_that_had_stopped_early_goes_on_when_it_is_resumed(tmp_path):
    path = tmp_path / "state.npz"
    first, _ = train(validate=lambda: 1.0, patience=2, max_epochs=50, state=path)
    second, _ = train(validate=lambda: 1.0, patience=2, max_epochs=50, state=path)
    assert (len(first), len(second)) == (3, 5)


def test_a_resumed_run_obeys_the_learning_rate_of_its_own_configuration(tmp_path):
    path = tmp_path / "state.npz"
    train(rate=0.05, max_epochs=1, state=path)
    rows, _ = train(rate=0.001, max_epochs=2, state=path)
    assert rows[1]["learning_rate"] == pytest.approx(0.001)


def test_nothing_left_to_train_is_said(tmp_path):
    train(max_epochs=2, state=tmp_path / "s.npz")
    with pytest.raises(InputError, match="2 epochs are trained already.*max_epochs=4"):
        train(max_epochs=2, state=tmp_path / "s.npz")
