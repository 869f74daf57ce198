"""What becomes of the Adam in a TensorFlow 1 checkpoint."""

import os
import re
import shutil

import keras
import numpy as np
import pytest

from Learning import optimizers
from Models import checkpoints, tf1, tf1_adam
from Schema import InputError
from tests.tf1_made import (
    BETA1,
    BETA2,
    RATE,
    NumpyAdam,
    batch,
    fresh,
    gradients,
    keras_adam,
    product,
    tensors,
    written,
)


@pytest.fixture(scope="module")
def trained():
    """An Adam after seven steps."""
    adam = NumpyAdam(fresh())
    for seed in range(7):
        adam.step(batch(adam.model, seed))
    assert min(np.abs(m).max() for m in adam.m) > 1e-6
    return adam


def training_adam():
    """The Adam that training takes."""
    return optimizers.optimizer("adam", RATE)


@pytest.mark.parametrize(
    "scope, adam_of",
    [
        ("separator_solver/", keras_adam),
        *((scope, training_adam) for scope in ("separator_solver/", "")),
        *((scope, training_adam) for scope in ("separator/", "a/b/")),
    ],
)
def test_training_goes_on_as_if_it_had_never_stopped(scope, adam_of, trained, tmp_path):
    report = checkpoints.import_tf1(
        *written(tmp_path, tensors(trained, scope)), tmp_path / "out"
    )
    assert (report.iterations, report.step) == (7, 1007)
    assert report.left == [] and len(report.adam) == 2 * len(report.taken) + 2
    model, adam = checkpoints.load(tmp_path / "out", form="plain"), adam_of()
    assert checkpoints.restore_optimizer(tmp_path / "out", model, adam)
    assert adam.iterations.numpy() == 7
    other = NumpyAdam(trained.model)  # goes on from the same place
    other.t, other.weights = trained.t, [w.copy() for w in trained.weights]
    other.m, other.v = [x.copy() for x in trained.m], [x.copy() for x in trained.v]
    before = [w.copy() for w in other.weights]
    try:
        for seed in (20, 21):
            other.step(batch(model, seed))
            given = gradients(model, batch(model, seed))
            adam.apply_gradients(zip(given, model.trainable_variables))
    finally:
        for variable, weight in zip(trained.model.trainable_variables, trained.weights):
            variable.assign(weight)
    for found, old, new in zip(model.trainable_variables, before, other.weights):
        step = np.abs(new - old).max()
        assert np.abs(found - new).max() < 1e-3 * step, found.path
    # Without its slots Adam would have gone elsewhere.
    amnesiac, lost = checkpoints.load(tmp_path / "out", form="plain"), adam_of()
    for seed in (20, 21):
        lost.apply_gradients(
            zip(gradients(amnesiac, batch(model, seed)), amnesiac.trainable_variables)
        )
    wrong = [
        np.abs(found - new).max() / np.abs(new - old).max()
        for found, old, new in zip(amnesiac.trainable_variables, before, other.weights)
    ]
    assert min(wrong) > 0.05


# --- Counting steps ----------------------------------------------------------------
@pytest.mark.parametrize("t", [0, 1, 7, 100, 829, 5000, 50_000, 87_000])
def test_the_steps_are_read_off_the_product_of_betas_exactly(t):
    assert tf1_adam.steps_of(float(product(BETA2, t)), BETA2) == t
    if t < 829:
        assert tf1_adam.steps_of(float(product(BETA1, t)), BETA1) == t


def with_powers(trained, first, second, step=1000):
    found = tensors(trained)
    found["separator_solver/beta1_power"] = np.float32(first)
    found["separator_solver/beta2_power"] = np.float32(second)
    return {**found, "global_step": np.int64(step)}


@pytest.mark.parametrize(
    "first, second, iterations",
    [
        (0.0, product(BETA2, 4000), 4000),  # the first product is lost
        (1e-40, product(BETA2, 4000), 4000),  # or about to be
        (0.0, 0.0, 200_000),  # both are: the count of steps
    ],
)
def test_lost_products_are_made_up_for(first, second, iterations, trained, tmp_path):
    found = with_powers(trained, first, second, 200_000)
    report = checkpoints.import_tf1(*written(tmp_path, found), tmp_path / "out")
    assert report.iterations == iterations
    adam = keras_adam()
    model = checkpoints.load(tmp_path / "out")
    checkpoints.restore_optimizer(tmp_path / "out", model, adam)
    assert adam.iterations.numpy() == iterations


def test_an_adam_with_other_betas_is_left_and_the_report_says_so(trained, tmp_path):
    found = with_powers(trained, product(0.5, 7), product(BETA2, 7))
    report = checkpoints.import_tf1(*written(tmp_path, found), tmp_path / "out")
    assert "tell no number of steps of an Adam with betas 0.9" in report.text()
    assert not (tmp_path / "out" / "optimizer.npz").exists()
    assert len(report.left) == 2 * len(report.taken) + 2


# --- Parts of a checkpoint ---------------------------------------------------------
def test_a_checkpoint_of_weights_alone_is_enough(trained, tmp_path):
    found = dict(tf1.tf1_variables(trained.model))
    found = {name: variable.numpy() for name, variable in found.items()}
    report = checkpoints.import_tf1(*written(tmp_path, found), tmp_path / "out")
    assert report.text().splitlines()[1:] == [
        "took no optimizer: the checkpoint holds none",
        "left nothing",
    ]
    model = checkpoints.load(tmp_path / "out")
    assert not checkpoints.restore_optimizer(tmp_path / "out", model, keras_adam())
    given = batch(model)
    np.testing.assert_allclose(
        model(given)["sources"], trained.model(given)["sources"], atol=1e-6
    )


def test_an_incomplete_adam_is_left_and_named(trained, tmp_path):
    found = tensors(trained)
    del found["separator_solver/separator/interp_1/Adam_1"]
    report = checkpoints.import_tf1(*written(tmp_path, found), tmp_path / "out")
    assert report.why == (
        "the checkpoint has no separator_solver/separator/interp_1/Adam_1"
    )
    text = report.text()
    assert "\nleft separator_solver/separator/interp_1/Adam" in text
    assert "\nleft separator_solver/beta1_power\n" in text
    assert not (tmp_path / "out" / "optimizer.npz").exists()


def test_of_two_adams_the_ancestors_own_is_taken(trained, tmp_path):
    found = {f"other/{k}": 0 * v for k, v in tensors(trained, "").items() if "Ad" in k}
    found |= {"z/beta2_power": np.float32(0), "learning_rate": np.float32(1)}
    found |= tensors(trained)
    report = checkpoints.import_tf1(*written(tmp_path, found), tmp_path / "out")
    assert report.iterations == 7
    assert report.left == sorted(set(found) - set(tensors(trained)))
    with np.load(tmp_path / "out" / "optimizer.npz") as archive:
        assert np.any(archive["down_0/kernel/momentum"])


def test_powers_that_lie_elsewhere_are_found_if_there_is_no_doubt(trained, tmp_path):
    found = tensors(trained)
    for power in ("beta1_power", "beta2_power"):
        found[f"training/{power}_1"] = found.pop(f"separator_solver/{power}")
    report = checkpoints.import_tf1(*written(tmp_path, found), tmp_path / "out")
    assert (report.iterations, report.left) == (7, [])


# --- Slots beside weights ------------------------------------------------------------
@pytest.fixture
def imported(trained, tmp_path):
    checkpoints.import_tf1(*written(tmp_path, tensors(trained)), tmp_path / "out")
    return tmp_path / "out"


def test_the_slots_are_named_by_our_variables(imported):
    with np.load(imported / "optimizer.npz", allow_pickle=False) as archive:
        names = set(archive.files)
    model = checkpoints.load(imported)
    inside = {v.path.partition("/")[2] for v in model.trainable_variables}
    slots = {f"{name}/{slot}" for name in inside for slot in ("momentum", "velocity")}
    assert names == slots | {"iterations", "weights_sha256"}


def test_saving_other_weights_forgets_the_slots(imported):
    checkpoints.save(imported, fresh(seed=5))
    assert not checkpoints.restore_optimizer(imported, fresh(seed=5), keras_adam())


class Killed(BaseException):
    pass


@pytest.mark.parametrize("n_renames", range(5))  # the last: no kill
def test_a_kill_never_leaves_slots_beside_other_weights(
    n_renames, imported, tmp_path, monkeypatch
):
    (tmp_path / "b").mkdir()
    other = NumpyAdam(fresh(seed=3))
    other.step(batch(other.model))
    again = written(tmp_path / "b", tensors(other))
    rename, done = os.replace, []

    def renaming(*paths):
        if len(done) == n_renames:
            raise Killed
        done.append(rename(*paths))

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", renaming)
        try:
            checkpoints.import_tf1(*again, imported)
        except Killed:
            pass
        assert len(done) == n_renames
    model, adam = checkpoints.load(imported), keras_adam()
    restored = checkpoints.restore_optimizer(imported, model, adam)
    if restored:
        new = np.allclose(model.down[0].kernel, other.model.down[0].kernel)
        assert adam.iterations.numpy() == (1 if new else 7)
    assert restored == (n_renames in (0, 4))


def refusal(folder, model=None, optimizer=None):
    model = model or checkpoints.load(folder)
    adam = optimizer or keras_adam()
    with pytest.raises(InputError, match=str(folder / "optimizer.npz")) as error:
        checkpoints.restore_optimizer(folder, model, adam)
    assert optimizer is not None or not adam.built or adam.iterations.numpy() == 0
    return str(error.value)


def test_slots_that_do_not_fit_are_refused(imported, tmp_path):
    assert "down_0/kernel (5, 1, 3)" not in refusal(imported, fresh(filter_size=3))
    told = refusal(imported, fresh(num_initial_filters=3))
    assert "has shape (5, 1, 2) for down_0/kernel/momentum (5, 1, 3)" in told
    assert "has nothing for down_2/kernel/m" in refusal(imported, fresh(num_layers=3))
    assert "which the model lacks" in refusal(imported, fresh(source_names=["a"]))
    assert "SGD has no use for" in refusal(imported, optimizer=keras.optimizers.SGD())
    other = checkpoints.save(tmp_path / "other", fresh(seed=9))
    shutil.copy(imported / "optimizer.npz", other)
    assert "belongs to other weights" in refusal(other)


def foreign(path, **changes):
    """Writes the archive again with some arrays changed."""
    with np.load(path) as archive:
        arrays = {**archive, **changes}
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    "key, value, message",
    [
        ("iterations", np.zeros(2, int), "iterations is not one value"),
        ("iterations", 1.5, "iterations is of type float64"),
        ("down_0/bias/velocity", list("abc"), "down_0/bias/velocity is of type <U1"),
        ("down_0/bias/velocity", np.zeros(9), r"has shape \(9,\) for down_0/bias/vel"),
    ],
)
def test_slots_of_something_else_are_refused(imported, key, value, message):
    foreign(imported / "optimizer.npz", **{key: value})
    assert re.search(message, refusal(imported))


def test_a_lone_array_in_place_of_slots_is_refused(imported):
    with open(imported / "optimizer.npz", "wb") as file:
        np.save(file, np.zeros(3))
    assert "is damaged" in refusal(imported)


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_damaged_slots_are_refused(imported, kept):
    path = imported / "optimizer.npz"
    data = path.read_bytes()
    path.write_bytes(data[: kept if kept >= 1 else int(len(data) * kept)])
    assert "is damaged" in refusal(imported)
    checkpoints.load(imported)  # the weights are as good as before
