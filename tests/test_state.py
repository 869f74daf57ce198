"""A resumed training is the same training, and its state is whole or the old one."""

import numpy as np
import pytest
import tensorflow as tf

from Learning import loop, optimizers, state
from Schema import InputError
from tests.test_learning import TRUE, Linear, batches, kernel, mean_square, train


def same(first, second):
    timing = "steps_per_second"
    strip = [[{k: r[k] for k in r if k != timing} for r in x] for x in (first, second)]
    return strip[0] == strip[1]


def validator(model_of):
    """A validation that depends on the weights: the distance from the truth."""
    return lambda: float(np.abs(kernel(model_of()) - TRUE).sum())


def fit_once(path, max_epochs, feed=batches):
    model = Linear()
    rows = loop.fit(
        model,
        optimizers.optimizer("adam", 0.05, 0.9, 10),
        mean_square,
        feed,
        validator(lambda: model),
        steps_per_epoch=7,
        max_epochs=max_epochs,
        patience=9,
        gradient_clip=0.5,
        state=path,
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


def test_a_state_of_another_model_is_refused_and_changes_nothing(tmp_path):
    path = tmp_path / "state.npz"
    state.save(path, {"model": [np.zeros([2, 3])]}, {"epoch": 1})
    variable = tf.Variable(tf.ones([2, 2]), name="kernel")
    with pytest.raises(InputError, match=r"kernel:?0? is \(2, 3\) there and \(2, 2\)"):
        state.restore(path, {"model": [variable]})
    with pytest.raises(InputError, match="1 model variables, this run has 2"):
        state.restore(path, {"model": [variable, variable]})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="state.npz is not a state of training"):
        state.restore(path, {"model": [variable]})
    with pytest.raises(InputError, match="nowhere.npz does not exist"):
        state.restore(tmp_path / "nowhere.npz", {})
    np.testing.assert_array_equal(variable, np.ones([2, 2]))


def test_a_crash_while_the_state_is_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    state.save(path, {"model": [np.ones(3)]}, {"epoch": 1})
    monkeypatch.setattr(np, "savez", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        state.save(path, {"model": [np.zeros(3)]}, {"epoch": 2})
    variable = tf.Variable(tf.zeros(3))
    assert state.restore(path, {"model": [variable]}) == {"epoch": 1}
    np.testing.assert_array_equal(variable, np.ones(3))
    assert [p.name for p in tmp_path.iterdir()] == ["state.npz"]
