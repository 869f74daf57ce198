"""Steps of several batches, averages of weights, two stages, and guards of all."""

import math

import numpy as np
import pytest
import tensorflow as tf

from Learning import guards, loop, optimizers, schedules, state
from Learning.step import Step
from Schema import InputError
from tests.test_learning import TRUE, Linear, batches, kernel, mean_square, train


def large(first):
    return batches(first, batch_size=12, noise=0.3)


@pytest.mark.parametrize("name", ["adam", "muon"])
def test_accumulated_batches_are_one_larger_batch(name):
    found = []
    for parts in (1, 3):
        optimizer = optimizers.optimizer(name, 0.05)
        told = dict(optimizer=optimizer, batches=large, gradient_clip=0.5)
        rows, model = train(**told, accumulate=parts)
        keys = ("train_loss", "gradient_norm", "step")
        found.append([[row[k] for k in keys] for row in rows] + kernel(model).tolist())
    for one, other in zip(*found):
        np.testing.assert_allclose(one, other, rtol=2e-6)


def test_parts_of_a_batch_are_seen_one_after_the_other():
    sizes = []

    def loss(outputs, batch):
        sizes.append(batch["mix"].shape[0])
        return mean_square(outputs, batch)

    train(batches=large, accumulate=4, loss=loss, max_epochs=1)
    assert set(sizes) == {3}


@pytest.mark.parametrize("name", ["adam", "muon"])
def test_the_average_of_the_weights_is_what_is_validated_and_kept(name):
    seen, raw, expected = [], [], 0
    model = Linear()
    optimizer = optimizers.optimizer(name, 0.1, ema=0.6)
    step = Step(model, optimizer, mean_square)
    for batch in batches(0).take(6):
        step.run(batch)
        raw.append(kernel(model).copy())
        expected = raw[0] if len(raw) == 1 else 0.6 * expected + 0.4 * raw[-1]
        with step.averaged():
            seen.append(kernel(model).copy())
        np.testing.assert_array_equal(kernel(model), raw[-1])
        np.testing.assert_allclose(seen[-1], expected, rtol=1e-5)
    plain = Step(Linear(), optimizers.optimizer(name, 0.1), mean_square)
    for batch in batches(0).take(6):
        plain.run(batch)
    np.testing.assert_array_equal(kernel(plain.model), raw[-1])  # training is as ever


def test_a_training_validates_and_keeps_averages_and_goes_on_with_the_weights():
    inside = {"validated": [], "kept": []}
    model = Linear()

    def validate():
        inside["validated"].append(kernel(model).copy())
        return -len(inside["validated"])  # each epoch is the best

    told = dict(validate=validate, steps_per_epoch=3, max_epochs=2, patience=9)
    told["save_best"] = lambda best: inside["kept"].append(kernel(best).copy())
    optimizer = optimizers.optimizer("adam", 0.1, ema=0.6)
    loop.fit(model, optimizer, mean_square, batches, **told)
    plain, averages, average = Linear(), [], 0
    step = Step(plain, optimizers.optimizer("adam", 0.1), mean_square)
    for taken, batch in enumerate(batches(0).take(6), start=1):
        step.run(batch)
        new = kernel(plain).copy()
        average = new if taken == 1 else 0.6 * average + 0.4 * new
        averages.append(average)
    for found in inside.values():
        np.testing.assert_allclose(found, [averages[2], averages[5]], rtol=1e-5)
    np.testing.assert_array_equal(kernel(model), kernel(plain))


def test_an_average_begins_with_the_weights_where_the_optimizer_is_warm():
    model = Linear()
    model.dense.kernel.assign(TRUE)
    optimizer = optimizers.optimizer("adam", 1e-9, ema=0.99)
    optimizer.build(model.trainable_variables)
    optimizer.iterations.assign(1000)
    step = Step(model, optimizer, mean_square)
    step.run(next(iter(batches(0))))
    with step.averaged():
        np.testing.assert_allclose(kernel(model), TRUE, rtol=1e-5)


def test_the_second_stage_goes_on_from_the_best_with_twice_the_batch(capsys):
    values = iter([3.0, 2.0, 5.0, 5.0, 2.0, 1.5, 4.0, 4.0, 9.0])
    kept, asked = [], []

    def feed(first, begun=None):
        asked.append((first, begun))
        return batches(first, 4 if begun is None else 8)

    rate = schedules.Rate(0.05, second=1e-12)
    rows, model = train(
        batches=feed,
        validate=lambda: next(values),
        save_best=lambda model: kept.append(kernel(model).copy()),
        rate=rate,
        patience=2,
        max_epochs=20,
        second_stage=True,
    )
    assert [row["stage"] for row in rows] == [1] * 4 + [2] * 4
    assert [row["best"] for row in rows] == [1, 1, 0, 0, 0, 1, 0, 0]
    assert asked == [(0, None), (20, 20)]
    # So slow that the weights stay those of the best of the first stage.
    np.testing.assert_allclose(kernel(model), kept[1], atol=1e-9)
    assert "stage   2, from the best, of epoch 2" in capsys.readouterr().out


def one(step, **changed):
    """Batches of which that of one step is another."""

    def feed(first):
        for taken, batch in enumerate(batches(first), start=first + 1):
            ids = {"track": tf.range(4) + taken, "start": tf.range(4) * 100}
            new = {k: v * tf.ones_like(batch[k]) for k, v in changed.items()}
            yield {**batch, **ids, **(new if taken == step else {})}

    return feed


def told(track, start):
    return f"tracks {track} from {start}"


def steep(outputs, batch):
    """The mean square, whose gradient is no number in step 7."""
    nothing = tf.reduce_sum(outputs["sources"]) * 0.0
    bad = batch["track"][0] == 7
    root = tf.cond(bad, lambda: tf.sqrt(nothing), lambda: 0.0)
    return mean_square(outputs, batch) + root


@pytest.mark.parametrize(
    "what, loss, changed",
    [
        ("training loss is nan", mean_square, {"sources": math.nan}),
        ("training loss is inf", mean_square, {"sources": math.inf}),
        ("norm of the gradient is nan", steep, {}),
    ],
)
def test_a_bad_step_names_its_batch_and_leaves_the_weights_before_it(
    tmp_path, what, loss, changed
):
    path = tmp_path / "state.npz"
    feed = {"batches": one(7, **changed), "tell": told}
    with pytest.raises(guards.StoppedError) as error:
        train(**feed, state=path, loss=loss, steps_per_epoch=30)
    said = str(error.value)
    assert f"{what} at step 7, tracks [7, 8, 9, 10] from [0, 100, 200, 300]" in said
    assert "no checkpoint yet" in said
    _, good = train(steps_per_epoch=6, max_epochs=1)
    np.testing.assert_array_equal(state.read(path).groups["model"][0], kernel(good))
    assert state.read(path).progress["first"] == 0
    # With other data the same run goes on from there.
    rows, _ = train(state=path, steps_per_epoch=30, max_epochs=1)
    whole, _ = train(steps_per_epoch=30, max_epochs=1)
    assert rows[0]["train_loss"] == whole[0]["train_loss"]


@pytest.mark.parametrize(
    "silent, words",
    [
        (["mix", "sources"], "mixtures of the first 20 steps are silence.*data.raw"),
        (["sources"], "loss of each of the first 20 steps is exactly 0.*data.sources"),
    ],
)
def test_silence_and_a_loss_of_zero_are_refused(silent, words):
    def feed(first):
        for batch in one(0)(first):
            yield {**batch, **{key: tf.zeros_like(batch[key]) for key in silent}}

    with pytest.raises(guards.StoppedError, match=words) as error:
        train(batches=feed, tell=told, max_epochs=9)
    assert "tracks [20, 21, 22, 23]" in str(error.value)


def test_some_silence_at_the_beginning_is_no_silence():
    rows, _ = train(batches=one(1, mix=0.0, sources=0.0), steps_per_epoch=25)
    assert len(rows) == 4


TRAINING = {"batch_size": 8, "accumulate": 1, "precision": "float32"}


@pytest.mark.parametrize(
    "error", [MemoryError(), tf.errors.ResourceExhaustedError(None, None, "OOM when")]
)
def test_exhausted_memory_names_what_to_lower(error):
    with pytest.raises(InputError) as said:
        with guards.memory_for(TRAINING, {"num_frames": 16384}):
            raise error
    for words in (
        "training.batch_size=8",
        "training.batch_size=4 training.accumulate=2",
        "model.num_frames=16384",
        "training.precision=bfloat16",
    ):
        assert words in str(said.value)
    assert "batch_size" not in str(memory_of(batch_size=1))


def memory_of(**training):
    try:
        with guards.memory_for({**TRAINING, **training}, {"num_frames": 1}):
            raise MemoryError
    except InputError as error:
        return error
