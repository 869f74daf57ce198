"""Equal to the ancestors: outputs, losses, gradients and optimizer steps.

The fixtures were made by the ancestors' own code in TensorFlow 1.15; see the README
beside them.  Weights come straight from the TensorFlow 1 checkpoints.
"""

import functools
import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import Models
import Test
from Learning import optimizers
from Models import checkpoints, tf1
from Schema import InputError

PARITY = pathlib.Path(__file__).parents[1].parent / "shared" / "parity"
pytestmark = pytest.mark.skipif(
    not PARITY.is_dir(), reason="the parity fixtures (../shared/parity) are absent"
)
FIXTURES = (
    "M1 M2 M3 M4 M5 M6 X1_same_learned X2_context_direct_linear_act VIMSS_uncond13 "
    "VIMSS_cond13"
).split()
every_fixture = pytest.mark.parametrize("name", FIXTURES)
ADAMS = {
    "ours": lambda rate: optimizers.optimizer("adam", rate),  # as training takes it
    "keras": lambda rate: keras.optimizers.Adam(rate, epsilon=1e-8),
}
# Keras's own with a learned upsampling, and with labels.
every_adam = pytest.mark.parametrize(
    "name, adam",
    [(name, "ours") for name in FIXTURES]
    + [(name, "keras") for name in ("M5", "VIMSS_cond13")],
)
both_forms = pytest.mark.parametrize("form", ["plain", "fast"])


def paths(name):
    return PARITY / name / f"{name}-1000", PARITY / name / "config.json"


def ancestor(name, **changes):
    """(our model with the ancestor's weights, {TF 1 name: variable}, io.npz)."""
    prefix, config = paths(name)
    kind, options = tf1.options_of(config)
    if name == "VIMSS_cond13":
        options["legacy_label_order"] = True  # what its code did, though not its paper
    model = Models.build(kind, **{**options, **changes})
    variables = dict(tf1.tf1_variables(model))
    reader = tf.train.load_checkpoint(str(prefix))
    for key, variable in variables.items():
        variable.assign(reader.get_tensor(key))
    return model, variables, np.load(PARITY / name / "io.npz")


@functools.cache
def unchanged(name):
    """`ancestor`, for tests that change no weight."""
    return ancestor(name)


def batch_of(io):
    return {key: io[key] for key in ("mix", "labels") if key in io}


def close(found, expected):
    """Whether a separation is the ancestor's."""
    assert found.shape == expected.shape
    difference = np.abs(np.asarray(found) - expected).max()
    assert difference <= 2e-6 * max(1, np.abs(expected).max())


def step(model, io, name):
    """Output, loss and gradients of one training batch."""
    # What the 2018 VIMSS sums over a batch, `sum_square` averages over its windows.
    vimss = name.startswith("VIMSS")
    loss = Test.batch_loss("sum_square" if vimss else "mean_square", model)
    batch = {**batch_of(io), "sources": io["targets"]}
    with tf.GradientTape() as tape:
        outputs = model(batch, training=True)
        value = loss(outputs, batch) * (len(io["mix"]) if vimss else 1)
    return outputs["sources"], value, tape.gradient(value, model.trainable_variables)


def assert_relative(found, expected, tolerance, what=""):
    difference = np.abs(np.asarray(found) - expected).max()
    assert difference <= tolerance * np.abs(expected).max(), (what, difference)


@every_fixture
def test_lengths_and_variables_are_the_ancestors(name):
    config = json.loads(paths(name)[1].read_text())
    model, variables, _ = unchanged(name)
    assert [None, model.n_in, model.channels][1:] == config["input_shape"][1:]
    assert [None, model.n_out, model.channels][1:] == config["output_shape"][1:]
    assert list(variables) == config["trainable_order"]
    trainable = [v.path for v in model.trainable_variables]
    assert [v.path for v in variables.values()] == trainable
    shapes = {key: shape for key, shape, _ in config["variables"]}
    assert {k: list(v.shape) for k, v in variables.items()} == {
        key: shapes[key] for key in variables
    }


@every_fixture
@both_forms
@pytest.mark.parametrize("training", [False, True], ids=["infer", "train"])
def test_outputs_are_the_ancestors(name, training, form):
    model, _, io = unchanged(name)
    model.form = form
    expected = io["output_train" if training else "output_infer"]
    close(model(batch_of(io), training=training)["sources"], expected)


@every_fixture
@both_forms
def test_loss_and_gradients_are_the_ancestors(name, form):
    model, variables, io = unchanged(name)
    model.form = form
    _, value, gradients = step(model, io, name)
    assert_relative(value, io["loss"], 1e-6)
    for key, gradient in zip(variables, gradients):
        assert_relative(gradient, io[f"grad/{key}"], 1e-5, key)


@every_adam
def test_adam_steps_are_the_ancestors(name, adam):
    # Adam's first step magnifies the rounding of gradients that are nearly zero.
    model, variables, io = ancestor(name, form="plain")
    before = {key: variable.numpy() for key, variable in variables.items()}
    adam = ADAMS[adam](1e-4)
    for k in range(5):
        gradients = step(model, io, name)[2]
        adam.apply_gradients(zip(gradients, model.trainable_variables))
        for key in variables if k == 0 else ():
            expected, found = io[f"after_1_adam_step/{key}"], variables[key].numpy()
            assert_relative(found, expected, 1e-5, key)
            # A step of 1e-4 on a weight of 0.5 is known to 5e-4 of itself.
            assert_relative(found - before[key], expected - before[key], 3e-3, key)
    assert_relative(step(model, io, name)[1], io["loss_after_5_steps"], 1e-6)


@every_fixture
def test_an_imported_checkpoint_gives_the_ancestors_output(name, tmp_path):
    prefix, config = paths(name)
    report = checkpoints.import_tf1(prefix, config, tmp_path)
    assert len(report.adam) == 2 * len(report.taken) + 2  # Adam's slots and powers
    assert (report.iterations, report.left, report.why) == (0, [], "")
    assert report.step == checkpoints.describe(tmp_path)["extra"]["step"] == 1000
    io = np.load(PARITY / name / "io.npz")
    model = checkpoints.load(tmp_path)
    if name == "VIMSS_cond13":
        close(model(batch_of(io))["sources"], io["output_infer_each_item_alone"])
        model = checkpoints.load(tmp_path, legacy_label_order=True)
    close(model(batch_of(io))["sources"], io["output_infer"])


def test_labels_act_as_if_each_example_were_alone_unless_parity_is_asked_for():
    model, _, io = ancestor("VIMSS_cond13")
    model.legacy_label_order = False
    close(model(batch_of(io))["sources"], io["output_infer_each_item_alone"])
    assert np.abs(io["output_infer_each_item_alone"] - io["output_infer"]).max() > 0.1


@every_adam
def test_an_imported_optimizer_takes_the_ancestors_next_step(name, adam, tmp_path):
    prefix, config = paths(name)
    checkpoints.import_tf1(prefix, config, tmp_path)
    legacy = {"legacy_label_order": True} if name == "VIMSS_cond13" else {}
    model = checkpoints.load(tmp_path, **legacy)
    adam = ADAMS[adam](1e-4)
    assert checkpoints.restore_optimizer(tmp_path, model, adam)
    io = np.load(PARITY / name / "io.npz")
    gradients = step(model, io, name)[2]
    adam.apply_gradients(zip(gradients, model.trainable_variables))
    for key, variable in tf1.tf1_variables(model):
        assert_relative(variable, io[f"after_1_adam_step/{key}"], 1e-5, key)


# --- The spectrogram U-Net -------------------------------------------------------
def test_the_spectrogram_unets_variables_are_the_ancestors():
    model, variables, _ = ancestor("U7")
    described = json.loads(paths("U7")[1].read_text())
    expected = [(n, shape) for n, shape, _ in described["variables"]]
    found = [(n, list(v.shape)) for n, v in variables.items()]
    assert found == expected[:-1] and expected[-1][0] == "global_step"
    assert len({v.path for v in variables.values()}) == len(model.weights) == len(found)
    assert [None, model.n_in, 1][1:] == described["input_shape"][1:]


def test_the_spectrogram_unet_is_the_ancestors_with_its_fourier_transform():
    model, _, io = ancestor("U7")
    assert model.legacy_fft
    outputs = model({"mix": io["mix"]})
    close(outputs["sources"], io["output_infer"])
    close(outputs["magnitudes"][..., 0], io["output_spectrogram"])


def test_a_modern_fourier_transform_is_off_by_the_ancestors_own_error(tmp_path):
    checkpoints.import_tf1(*paths("U7"), tmp_path)
    io = np.load(PARITY / "U7" / "io.npz")
    outputs = checkpoints.load(tmp_path, legacy_fft=False)({"mix": io["mix"]})
    magnitudes = io["output_spectrogram"]
    error = np.abs(outputs["magnitudes"][..., 0] - magnitudes).max() / magnitudes.max()
    assert 2e-6 < error < 1e-5


def test_an_imported_spectrogram_unet_gives_the_ancestors_output(tmp_path):
    report = checkpoints.import_tf1(*paths("U7"), tmp_path)
    assert len(report.taken) == 54 and sum("moving" in n for n in report.taken) == 20
    assert (report.left, report.adam) == ([], [])
    assert report.text().splitlines()[1:] == [
        "took no optimizer: the checkpoint holds none",
        "left nothing",
    ]
    model, io = checkpoints.load(tmp_path), np.load(PARITY / "U7" / "io.npz")
    assert not checkpoints.restore_optimizer(tmp_path, model, keras.optimizers.Adam())
    close(model({"mix": io["mix"]})["sources"], io["output_infer"])


# --- Refusals and reports -----------------------------------------------------------
@pytest.mark.parametrize(
    "checkpoint, config, message",
    [
        ("M1", "M4", r"^separator/conv1d/kernel has shape \[15, 1, 4\] in "),
        ("M2", "M1", r"M2-1000 has no separator/conv1d_10/kernel, which "),
        ("M1", "M2", r"M1-1000 has separator/conv1d_10/bias \[1\], for which "),
        ("M5", "M4", r"M5-1000 has separator/interp_0 \[24\], for which "),
        ("VIMSS_cond13", "VIMSS_uncond13", r"^separator/conv1d_5/kernel has shape "),
        ("U7", "M1", r"U7-1000 has no separator/conv1d/kernel, which "),
        ("M1", "U7", "M1-1000 has no separator/conv2d/kernel, which "),
        ("VIMSS_uncond13", "VIMSS_cond13", r"^separator/conv1d_5/kernel has shape "),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(
    checkpoint, config, message, tmp_path
):
    out = tmp_path / "out"
    with pytest.raises(InputError, match=message):
        checkpoints.import_tf1(paths(checkpoint)[0], paths(config)[1], out)
    assert not out.exists()


def changed(name, folder, **changes):
    config = {**json.loads(paths(name)[1].read_text()), **changes}
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return path


@pytest.mark.parametrize(
    "name, changes, message",
    [
        ("U7", {"num_layers": 4}, r"^separator/conv2d_3/kernel has shape "),
        ("U7", {"source_names": list("abc")}, "U7-1000 has no separator/conv2d_6/kern"),
        ("U7", {"num_initial_filters": 5}, r"^separator/conv2d/kernel has shape "),
        ("U7", {"source_names": ["a"]}, r"U7-1000 has separator/conv2d_3/bias \[4\]"),
        ("U7", {"num_channels": 0}, "channels must be a whole number"),
        ("M1", {"network": "resnet"}, "network 'resnet'; .* unet and unet_spectrogram"),
        ("VIMSS_cond13", {"vimss_model": "uncond"}, "^separator/conv1d_5/kernel has"),
    ],
)
def test_a_configuration_with_one_wrong_value_is_refused(
    name, changes, message, tmp_path
):
    config = changed(name, tmp_path, **changes)
    with pytest.raises(InputError, match=message):
        checkpoints.import_tf1(paths(name)[0], config, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_line_says_what_it_took_and_what_it_left(tmp_path, capsys):
    prefix, config = map(str, paths("M5"))
    checkpoints.main(["import", "--config", config, prefix, str(tmp_path)])
    printed = capsys.readouterr().out
    described = json.loads(paths("M5")[1].read_text())
    shapes = {key: shape for key, shape, _ in described["variables"]}
    count = sum(int(np.prod(shapes[key])) for key in described["trainable_order"])
    assert f"took 29 variables ({count} weights)" in printed
    assert (
        "of step 1000\ntook 60 variables of the optimizer, an Adam after 0" in printed
    )
    assert str(tmp_path) in printed


def test_the_command_line_ends_in_one_sentence(tmp_path):
    config = str(paths("M1")[1])
    with pytest.raises(SystemExit, match="^absent.index does not exist"):
        checkpoints.main(["import", "--config", config, "absent", str(tmp_path)])
