"""What training starts from, in which precision, and with which model."""

import inspect
import pathlib
import re
import shutil

import h5py
import keras
import numpy as np
import pytest

import Utils
from Learning import optimizers, state
from Learning.folder import RunFolder
from Models import checkpoints, devices, slots
from Schema import InputError
from tests.training_made import arrays, rows, test_, train, written

ROOT = pathlib.Path(__file__).parents[1]
SEEN = ("visual_size", "visual_rate", "front_end", "frame_weights")  # of the data


@pytest.fixture(scope="module")
def trained(options, tmp_path_factory):
    """A run of one epoch."""
    home = tmp_path_factory.mktemp("trained")
    train(options, "training.max_epochs=1", "-F", str(home))
    return home / "1"


def refusal(capsys, *words):
    """The sentence with which training is refused; nothing is left behind."""
    before = sorted(pathlib.Path.cwd().rglob("*"))
    with pytest.raises(SystemExit):
        train(*words)
    assert sorted(pathlib.Path.cwd().rglob("*")) == before
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    return text


# --- Precision ----------------------------------------------------------------
def test_a_precision_is_a_policy_of_keras_with_weights_in_float32():
    for precision, compute in (("float32", "float32"), ("bfloat16", "bfloat16")):
        policy = keras.DTypePolicy(devices.dtype_of(precision))
        assert (policy.compute_dtype, policy.variable_dtype) == (compute, "float32")


@pytest.mark.parametrize("word", ["float16", "mixed_bfloat16", "", None, ["float32"]])
def test_another_precision_is_refused(word):
    with pytest.raises(InputError, match="the precisions are float32 and bfloat16"):
        devices.dtype_of(word)


@pytest.mark.parametrize("form", ["plain", "fast"])
def test_bfloat16_has_nearly_the_losses_of_float32(form, options, here):
    words = [options, f"model.form={form}", "training.max_epochs=1"]
    train(*words, "training.precision=bfloat16")
    train(*words)
    (half,), (full,) = rows("runs/1"), rows("runs/2")
    for key in ("train_loss", "validation_loss"):
        there, expected = float(half[key]), float(full[key])
        assert there != expected  # so bfloat16 was at work
        assert there == pytest.approx(expected, rel=0.01), key


def test_bfloat16_keeps_weights_slots_and_losses_in_float32(options, here, capsys):
    half = "training.precision=bfloat16"
    result = train(options, half).result
    assert "parameters, mixed_bfloat16; reads" in capsys.readouterr().out
    kept = {"loop": "float64", "optimizer": "float32"}
    kept |= {"model": "float32", "best": "float32"}
    for key, value in arrays("runs/1").items():
        counter = np.issubdtype(value.dtype, np.integer)
        assert counter or value.dtype == kept[key.split("/")[0]], key
    with h5py.File(RunFolder("runs/1").checkpoint / "best.weights.h5") as file:
        stored = []
        file.visititems(lambda _, x: stored.append(getattr(x, "dtype", None)))
    assert {d.name for d in stored if d and d.kind == "f"} == {"float32"}
    # The checkpoint knows it, and Test computes as training did.
    told = checkpoints.describe("runs/1")
    assert told["extra"]["precision"] == "bfloat16"
    model = checkpoints.load("runs/1")
    assert model.compute_dtype == "bfloat16"
    assert {weight.dtype for weight in model.weights} == {"float32"}
    mix = np.zeros([1, model.n_in, 1], np.float32)
    assert model({"mix": mix}, training=True)["sources"].dtype == "float32"
    found = test_("run=runs/1", "evaluation.split=validation")
    assert found == pytest.approx(result, rel=1e-12)
    # A resumed run inherits it, and goes on to the bit.
    train("resume=runs/1", "training.max_epochs=3")
    train(options, half, "training.max_epochs=3")
    assert rows("runs/2") == rows("runs/3")
    resumed, whole = arrays("runs/2"), arrays("runs/3")
    assert set(resumed) == set(whole)
    assert all(np.array_equal(resumed[key], whole[key]) for key in whole)


# --- The other models ---------------------------------------------------------
def test_cexp_trains_and_its_labels_matter(options, here, capsys):
    result = train(options, "cexp_labels", "training.max_epochs=1").result
    assert test_("evaluation.split=validation") == pytest.approx(result, rel=1e-12)
    model = checkpoints.load("runs/1")
    mix = np.random.default_rng(0).normal(size=[1, model.n_in, 1]).astype("float32")
    vn_vc, fl = np.float32([[0, 0, 1, 1]]), np.float32([[0, 1, 0, 0]])
    one, two = (model({"mix": mix, "labels": x})["sources"] for x in (vn_vc, fl))
    assert np.abs(one - two).max() > 1e-4


@pytest.mark.parametrize("loss", ["magnitude_absolute", "mean_square"])
def test_the_spectrogram_unet_trains(loss, options, here):
    sections = Utils.read_json(options)
    sections["model"] = {
        "name": "spectrogram_unet",
        "num_layers": 2,
        "num_initial_filters": 2,
        "frame_length": 64,
        "frame_step": 48,
        "num_frames": 500,
    }
    small = written(here / "small", sections)
    told = f"training.loss={loss}", "training.max_epochs=1"
    result = train(small, *told).result
    assert float(rows("runs/1")[-1]["train_loss"]) > 0
    assert test_("evaluation.split=validation") == pytest.approx(result, rel=1e-6)


# --- A warm start -------------------------------------------------------------
def test_a_warm_start_begins_with_the_weights_at_step_0(options, here, capsys, trained):
    words = ["training.learning_rate=1e-12", "training.max_epochs=1"]
    train(options, f"training.warm_start={trained}", *words)
    said = capsys.readouterr().out
    assert re.search(rf"warm    [\d,]+ weights of {trained}; Adam begins at st", said)
    source, model = checkpoints.load(trained), checkpoints.load("runs/1")
    for there, here_ in zip(source.weights, model.weights):
        np.testing.assert_allclose(here_, there, rtol=0, atol=1e-10)
    (before,), (row,) = rows(trained), rows("runs/1")
    assert row["step"] == "4"
    assert float(row["validation_loss"]) == pytest.approx(
        float(before["validation_loss"]), rel=1e-5
    )
    told = checkpoints.describe("runs/1")["extra"]
    assert told["warm_start"] == str(trained)
    train(options, *words)  # the same from random weights
    assert rows("runs/2")[0]["validation_loss"] != row["validation_loss"]


def test_a_warm_start_may_have_other_sources_and_says_so(
    options, here, capsys, trained
):
    sources = "data.sources=['vn','vc','fl','cl']"
    checkpoint = trained / "checkpoint"
    words = [sources, "training.max_epochs=1"]
    train(options, f"training.warm_start={checkpoint}", *words)
    assert f"weights of {checkpoint}, trained for cl fl vc vn; Adam begins" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    "words, message",
    [
        (["model.num_initial_filters=5"], r"down_0/kernel has shape \[15, 1, 4\] the"),
        (["model.num_layers=3"], r"has shape \[.*\] there and \[.*\] here"),
        (["cexp_labels"], "outer_product_labels_bottleneck widens the map"),
        (["model.upsampling=learned"], "has shape .* there and"),
        (["model.output_type=difference"], r"holds \d+ weights .* this model has \d+"),
    ],
)
def test_weights_that_do_not_fit_are_refused_before_a_folder_exists(
    words, message, options, here, capsys, trained
):
    said = refusal(capsys, options, f"training.warm_start={trained}", *words)
    assert re.search(message, said), said


def test_a_folder_without_weights_is_refused(options, here, capsys):
    said = refusal(capsys, options, "training.warm_start=nowhere")
    assert "nowhere does not exist" in said


def test_a_warm_run_is_resumed_without_its_first_weights(
    options, here, capsys, trained
):
    first = here / "first"
    shutil.copytree(trained, first)
    warm = f"training.warm_start={first}"
    train(options, warm, "training.max_epochs=2")
    train(options, warm, "training.max_epochs=1")
    shutil.rmtree(first)
    train("resume=runs/2", "training.max_epochs=2")
    assert rows("runs/3") == rows("runs/1")
    said = refusal(capsys, "resume=runs/2", f"training.warm_start={trained}", "seed=3")
    assert "and resume=runs/2 exclude each other" in said


def with_slots(trained, folder):
    """A copy of a run's checkpoint that holds its Adam, as an imported one does."""
    shutil.copytree(trained / "checkpoint", folder)
    model, adam = checkpoints.load(trained), optimizers.optimizer("adam", 1e-4)
    adam.build(model.trainable_variables)
    state.restore(RunFolder(trained).state, {"optimizer": adam.variables})
    pairs = zip(model.trainable_variables, adam._momentums, adam._velocities)
    both = {
        slots.path_of(model, variable): {"momentum": m.numpy(), "velocity": v.numpy()}
        for variable, m, v in pairs
    }
    digest = checkpoints.describe(folder)["weights_sha256"]
    slots.write(folder / "optimizer.npz", adam.iterations.numpy(), both, digest)
    return folder


def test_adam_goes_on_where_it_stood_and_so_does_its_rate(
    options, here, capsys, trained
):
    decay = ["training.learning_rate_decay=0.5", "training.decay_steps=4"]
    source = with_slots(trained, here / "source")
    words = [f"training.warm_start={source}", "training.max_epochs=1"]
    train(options, *words, *decay)
    assert f"weights of {source}; Adam goes on at its step 4" in capsys.readouterr().out
    # A resumed run takes the same weights, slots, step and examples by another way.
    train(f"resume={trained}", *decay, "training.max_epochs=2")
    (row,), (_, other) = rows("runs/1"), rows("runs/2")
    assert row["step"] == other["step"] == "8"
    assert row["validation_loss"] == other["validation_loss"]
    assert float(row["train_loss"]) == pytest.approx(float(other["train_loss"]))
    assert float(row["learning_rate"]) == pytest.approx(1e-4 * 0.5 ** (8 / 4))
    here_, there = arrays("runs/1"), arrays("runs/2")
    assert here_.pop("loop/0") < there.pop("loop/0")  # losses of 4 and of 8 steps
    assert set(here_) == set(there)
    assert all(np.array_equal(here_[key], there[key]) for key in there)
    train("resume=runs/1", "training.max_epochs=2")  # such a run as any other
    assert [row["step"] for row in rows("runs/3")] == ["8", "12"]


def test_a_cosine_that_a_warm_adam_has_left_behind_is_refused_too(
    options, here, capsys, trained
):
    warm = f"training.warm_start={with_slots(trained, here / 'source')}"
    cosine = ["training.schedule=cosine", "training.steps_per_epoch=2"]
    said = refusal(capsys, options, warm, *cosine)
    assert f"and the Adam of {warm} goes on at step 4: choose another" in said


def test_the_slots_of_adam_are_no_use_to_muon(options, here, capsys, trained):
    source = with_slots(trained, here / "source")
    words = ["training.optimizer=muon", "training.max_epochs=1"]
    train(options, f"training.warm_start={source}", *words)
    assert "Muon begins at step 0" in capsys.readouterr().out
    assert rows("runs/1")[0]["step"] == "4"


@pytest.mark.parametrize("fault", ["damaged", "belongs to other weights"])
def test_slots_that_adam_cannot_take_are_refused_before_a_folder_exists(
    fault, options, here, capsys, trained
):
    source = with_slots(trained, here / "source")
    path = source / "optimizer.npz"
    if fault == "damaged":
        path.write_bytes(path.read_bytes()[:500])
    else:
        slots.write(path, 4, {}, "of others")
    warm = f"training.warm_start={source}"
    said = refusal(capsys, options, warm)
    assert str(path) in said and fault in said
    if fault == "damaged":  # Muon does not look at them
        train(options, warm, "training.optimizer=muon", "training.max_epochs=1")


@pytest.mark.parametrize("name", ["VIMSS_uncond13", "VIMSS_cond13"])
def test_an_imported_checkpoint_is_a_warm_start(name, options, here, capsys):
    folder = ROOT.parent / "shared" / "parity" / name
    if not folder.is_dir():
        pytest.skip("the parity fixtures (../shared/parity) are absent")
    checkpoints.import_tf1(folder / f"{name}-1000", folder / "config.json", "imported")
    source, sections = checkpoints.load("imported"), Utils.read_json(options)
    knobs = set(inspect.signature(type(source)).parameters) - {"kwargs"}
    knobs -= {"source_names", "sample_rate", "channels", *SEEN}
    config = source.get_config()
    sections["model"] = {knob: config[knob] for knob in knobs}
    sections["data"]["sources"] = source.source_names
    words = ["training.learning_rate=1e-12", "training.max_epochs=1"]
    train(written(here / "same", sections), "training.warm_start=imported", *words)
    # No step of Adam had been taken when this checkpoint was written.
    said = capsys.readouterr().out
    assert "weights of imported; Adam goes on at its step 0" in said
    for there, found in zip(source.weights, checkpoints.load("runs/1").weights):
        np.testing.assert_allclose(found, there, rtol=0, atol=1e-9)
