"""The loop: what it learns, when it stops, and that a resumed run is the same run."""

import json
import math
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow as tf

import Config
from Learning import (
    folder,
    guards,
    history,
    loop,
    optimizers,
    schedules,
    state,
    summaries,
)
from Learning.step import Step
from Schema import InputError

TRUE = np.array([[2.0, -1.0], [0.5, 3.0]], np.float32)  # the mixing to be found


class Linear(tf.keras.Model):
    """sources[b, s, t, 0] = mix[b, t, :] @ kernel[:, s]: a convex problem."""

    def __init__(self):
        super().__init__()
        self.dense = tf.keras.layers.Dense(
            2, use_bias=False, kernel_initializer="zeros"
        )
        self.dense.build((None, None, 2))
        self.built = True

    def call(self, batch, training=False):
        out = self.dense(batch["mix"])
        return {"sources": tf.transpose(out, [0, 2, 1])[..., tf.newaxis]}


def batches(first, batch_size=4, noise=0.0):
    """Example i is a pure function of i."""

    def example(i):
        mix = tf.random.stateless_normal([8, 2], tf.stack([tf.constant(3, i.dtype), i]))
        sources = tf.transpose(mix @ TRUE)[..., tf.newaxis]
        other = tf.stack([tf.constant(4, i.dtype), i])
        return {
            "mix": mix,
            "sources": sources
            + noise * tf.random.stateless_normal(tf.shape(sources), other),
        }

    count = tf.data.Dataset.range(first * batch_size, 1 << 40)
    return count.map(example).batch(batch_size, drop_remainder=True)


def mean_square(outputs, batch):
    return tf.reduce_mean(tf.square(outputs["sources"] - batch["sources"]))


def train(**options):
    """A short training; returns (history, model)."""
    tf.keras.utils.set_random_seed(0)
    model = Linear()
    given = dict(steps_per_epoch=5, max_epochs=4, patience=9) | options
    rate = given.pop("rate", 0.05)
    if isinstance(rate, schedules.Rate):
        given["rate"] = rate
    optimizer = given.pop("optimizer", None) or optimizers.optimizer("adam", rate)
    feed = given.pop("batches", batches)
    loss, check = given.pop("loss", mean_square), given.pop("validate", None)
    return loop.fit(model, optimizer, loss, feed, check, **given), model


def kernel(model):
    return model.dense.kernel.numpy()


def test_it_finds_the_mixing_of_a_linear_problem():
    rows, model = train(rate=0.1, steps_per_epoch=100, max_epochs=5)
    np.testing.assert_allclose(kernel(model), TRUE, atol=1e-3)
    assert [row["step"] for row in rows] == [100, 200, 300, 400, 500]
    losses = [row["train_loss"] for row in rows]
    assert losses == sorted(losses, reverse=True) and losses[-1] < 1e-5


def test_the_train_loss_of_an_epoch_is_the_mean_over_its_steps():
    rows, _ = train(rate=1e-30, steps_per_epoch=3, max_epochs=2)
    steps = [np.mean(batch["sources"].numpy() ** 2) for batch in batches(0).take(6)]
    expected = [np.mean(steps[:3]), np.mean(steps[3:])]
    np.testing.assert_allclose([r["train_loss"] for r in rows], expected, rtol=1e-6)


def sgd(rate):
    return tf.keras.optimizers.SGD(rate)


def test_a_step_follows_the_gradient_that_numpy_computes_and_clipping_shortens_it():
    batch = next(iter(batches(0)))
    mix, sources = batch["mix"].numpy(), batch["sources"].numpy()[..., 0]
    flat, target = mix.reshape(-1, 2), sources.transpose(0, 2, 1).reshape(-1, 2)
    gradient = -2 * flat.T @ target / target.size
    norm = np.linalg.norm(gradient)
    for clip, factor in ((None, 1.0), (norm / 4, 0.25), (norm * 4, 1.0)):
        rows, model = train(
            optimizer=sgd(1.0), gradient_clip=clip, steps_per_epoch=1, max_epochs=1
        )
        np.testing.assert_allclose(kernel(model), -factor * gradient, rtol=1e-5)
        np.testing.assert_allclose(rows[0]["gradient_norm"], norm, rtol=1e-5)


def test_it_stops_after_patience_epochs_that_are_not_better_and_keeps_the_best():
    values = iter([5.0, 3.0, 4.0, 3.0, 2.5, 2.6, 2.7, 2.8, 1.0])
    kept = []
    rows, _ = train(
        validate=lambda: next(values),
        patience=3,
        max_epochs=50,
        save_best=lambda model: kept.append(kernel(model)),
    )
    assert [row["validation_loss"] for row in rows] == [5, 3, 4, 3, 2.5, 2.6, 2.7, 2.8]
    assert [row["best"] for row in rows] == [True, True, 0, 0, True, 0, 0, 0]
    _, at_five = train(max_epochs=5)
    assert len(kept) == 3
    np.testing.assert_array_equal(kept[-1], kernel(at_five))


def test_without_validation_every_epoch_is_kept():
    kept = []
    rows, _ = train(save_best=kept.append, patience=1)
    assert len(kept) == len(rows) == 4 and all(row["best"] for row in rows)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_names_its_step_and_keeps_the_state(tmp_path, value):
    def poisoned(first):
        for taken, batch in enumerate(batches(first), start=first + 1):
            yield (
                batch if taken != 13 else {**batch, "sources": batch["sources"] * value}
            )

    path = tmp_path / "state.npz"
    with pytest.raises(InputError, match="at step 13; .* epoch 2, is kept"):
        train(batches=poisoned, state=path, max_epochs=9)
    rows, model = train(state=path, max_epochs=4)
    assert [row["step"] for row in rows] == [5, 10, 15, 20]
    assert np.isfinite(kernel(model)).all()


def test_an_interruption_does_not_save_weights_that_are_no_numbers(tmp_path):
    def poisoned(first):
        for taken, batch in enumerate(batches(first)):
            if taken == 8:
                raise KeyboardInterrupt
            yield {**batch, "sources": batch["sources"] * math.nan} if taken else batch

    path = tmp_path / "state.npz"
    with pytest.raises(InputError, match="at step 2"):
        train(batches=poisoned, state=path, steps_per_epoch=20)
    assert all(np.isfinite(array).all() for array in state.read(path).groups["model"])
    _, once = train(steps_per_epoch=1, max_epochs=1)  # the step before that was good
    np.testing.assert_array_equal(state.read(path).groups["model"][0], kernel(once))


def test_a_validation_loss_that_is_no_number_stops_too():
    with pytest.raises(InputError, match="validation loss is nan at step 5"):
        train(validate=lambda: math.nan)


def test_finite_batches_that_end_are_an_error_and_not_an_endless_wait():
    with pytest.raises(InputError, match="end at step 7"):
        train(batches=lambda first: batches(first).take(7))


@pytest.mark.parametrize("knob", ["steps_per_epoch", "max_epochs", "patience"])
def test_impossible_counts_are_refused_by_name(knob):
    with pytest.raises(InputError, match=f"training.{knob}=0"):
        train(**{knob: 0})
    with pytest.raises(InputError, match="training.gradient_clip=0"):
        train(gradient_clip=0)


def test_the_step_is_compiled_once():
    model = Linear()
    step = Step(model, optimizers.optimizer("adam", 0.1), mean_square)
    for batch in batches(0).take(5):
        step.run(batch)
    assert step.run.experimental_get_tracing_count() == 1
    assert step.taken == 5


MIRRORED = """
    import tensorflow as tf
    cpus = tf.config.list_physical_devices("CPU")
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpus[0], two)
    import json
    from Learning import loop, optimizers
    from tests.test_learning import Linear, batches, kernel, mean_square
    found = []
    strategies = [None, tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])]
    for strategy in strategies:
        with (strategy or tf.distribute.get_strategy()).scope():
            model = Linear()
            optimizer = optimizers.optimizer("adam", 0.05, 0.9, 10, ema=0.8)
        means = []
        rows = loop.fit(model, optimizer, mean_square, batches, steps_per_epoch=6,
                        max_epochs=3, patience=9, gradient_clip=0.5, strategy=strategy,
                        save_best=lambda m: means.extend(kernel(m).tolist()),
                        accumulate=2)
        assert rows[0]["gradient_norm"] > 0.5
        losses = [[r["train_loss"], r["gradient_norm"]] for r in rows]
        found.append([losses, kernel(model).tolist() + means])
    print("FOUND" + json.dumps(found))
"""


def test_two_devices_learn_what_one_device_learns():
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(MIRRORED)],
        cwd=folder.pathlib.Path(Config.__file__).parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    one, two = json.loads(done.stdout.partition("FOUND")[2])
    np.testing.assert_allclose(two[0], one[0], rtol=1e-6)
    np.testing.assert_allclose(two[1], one[1], rtol=1e-5, atol=1e-6)


def test_a_tie_is_not_better():
    guard = guards.EarlyStopping(2).updated(1, 1.0).updated(2, 1.0)
    assert (guard.best_epoch, guard.stale, guard.exhausted) == (1, 1, False)
    assert guard.updated(3, 1.0).exhausted


def test_scalars_of_both_losses_can_be_read_back_by_tensorboard(tmp_path):
    from tensorboard.backend.event_processing import event_accumulator

    rows, _ = train(
        log=summaries.Summaries(tmp_path), validate=lambda: 2.0, steps_per_epoch=20
    )
    events = event_accumulator.EventAccumulator(
        str(tmp_path), size_guidance={event_accumulator.TENSORS: 0}
    )
    events.Reload()
    tags = set(events.Tags()["tensors"])
    assert tags == {
        "training/loss",
        "training/gradient_norm",
        "training/learning_rate",
        "training/steps_per_second",
        "training/input_wait",
        "training/memory_gib",
        "validation/loss",
    }
    losses = [tf.make_ndarray(e.tensor_proto) for e in events.Tensors("training/loss")]
    np.testing.assert_allclose(losses, [r["train_loss"] for r in rows], rtol=1e-5)
    assert [e.step for e in events.Tensors("validation/loss")] == [20, 40, 60, 80]


def test_the_history_is_a_table_with_a_line_for_each_epoch(tmp_path):
    rows, _ = train(validate=lambda: 2.0, max_epochs=2)
    history.write(tmp_path / "history.csv", rows)
    lines = (tmp_path / "history.csv").read_text("utf-8").splitlines()
    assert lines[0] == ",".join(history.COLUMNS) and len(lines) == 3
    assert "validation 2.000e+00" in history.line(rows[0], 2)


def test_the_commit_is_read_from_the_files_of_git(tmp_path):
    assert folder.commit(tmp_path) is None
    git = tmp_path / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert folder.commit(tmp_path) is None
    (git / "packed-refs").write_text("# pack-refs\nabc123 refs/heads/main\n")
    assert folder.commit(tmp_path) == "abc123"
    (git / "refs/heads/main").write_text("def456\n")
    assert folder.commit(tmp_path) == "def456"
    (git / "HEAD").write_text("0123456789\n")
    assert folder.commit(tmp_path) == "0123456789"
