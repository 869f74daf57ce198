"""Equal to the ancestors: outputs, losses, gradients and optimizer steps.

The fixtures were made by the ancestors' own code in TensorFlow 1.15; see the README
beside them.  Weights come straight from the TensorFlow 1 checkpoints.
"""

import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import Models
from Models import checkpoints, tf1
from Models.losses import loss
from Schema import InputError

PARITY = pathlib.Path(__file__).parents[1].parent / "shared" / "parity"
pytestmark = pytest.mark.skipif(
    not PARITY.is_dir(), reason="the parity fixtures (../shared/parity) are absent"
)
FIXTURES = (
    "M1 M2 M3 M4 M5 M6 X1_same_learned X2_context_direct_linear_act VIMSS_uncond13"
).split()
every_fixture = pytest.mark.parametrize("name", FIXTURES)


def paths(name):
    return PARITY / name / f"{name}-1000", PARITY / name / "config.json"


def ancestor(name):
    """(our model with the ancestor's weights, {TF 1 name: variable}, io.npz)."""
    prefix, config = paths(name)
    kind, options = tf1.options_of(config)
    model = Models.build(kind, **options)
    variables = dict(tf1.tf1_variables(model))
    reader = tf.train.load_checkpoint(str(prefix))
    for key, variable in variables.items():
        variable.assign(reader.get_tensor(key))
    return model, variables, np.load(PARITY / name / "io.npz")


def loss_of(name):
    return loss("sum_square" if name.startswith("VIMSS") else "mean_square")


def step(model, io, name):
    """Output, loss and gradients of one training batch."""
    with tf.GradientTape() as tape:
        sources = model({"mix": io["mix"]}, training=True)["sources"]
        value = loss_of(name)(sources, io["targets"])
    return sources, value, tape.gradient(value, model.trainable_variables)


def assert_relative(found, expected, tolerance, what=""):
    difference = np.abs(np.asarray(found) - expected).max()
    assert difference <= tolerance * np.abs(expected).max(), (what, difference)


@every_fixture
def test_lengths_and_variables_are_the_ancestors(name):
    config = json.loads(paths(name)[1].read_text())
    model, variables, _ = ancestor(name)
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
@pytest.mark.parametrize("training", [False, True], ids=["infer", "train"])
def test_outputs_are_the_ancestors(name, training):
    model, _, io = ancestor(name)
    expected = io["output_train" if training else "output_infer"]
    found = model({"mix": io["mix"]}, training=training)["sources"].numpy()
    assert found.shape == expected.shape
    difference = np.abs(found - expected).max()
    assert difference <= 2e-6 * max(1, np.abs(expected).max())


@every_fixture
def test_loss_and_gradients_are_the_ancestors(name):
    model, variables, io = ancestor(name)
    _, value, gradients = step(model, io, name)
    assert_relative(value, io["loss"], 1e-6)
    for key, gradient in zip(variables, gradients):
        assert_relative(gradient, io[f"grad/{key}"], 1e-5, key)


@every_fixture
def test_adam_steps_are_the_ancestors(name):
    model, variables, io = ancestor(name)
    before = {key: variable.numpy() for key, variable in variables.items()}
    adam = keras.optimizers.Adam(1e-4, epsilon=1e-8)
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
    assert len(report.left) == 2 * len(report.taken) + 2  # Adam's slots and powers
    assert report.step == checkpoints.describe(tmp_path)["extra"]["step"] == 1000
    io = np.load(PARITY / name / "io.npz")
    found = checkpoints.load(tmp_path)({"mix": io["mix"]})["sources"].numpy()
    expected = io["output_infer"]
    assert np.abs(found - expected).max() <= 2e-6 * max(1, np.abs(expected).max())


@pytest.mark.parametrize(
    "checkpoint, config, message",
    [
        ("M1", "M4", r"^separator/conv1d/kernel has shape \[15, 1, 4\] in "),
        ("M2", "M1", r"M2-1000 has no separator/conv1d_10/kernel, which "),
        ("M1", "M2", r"M1-1000 has separator/conv1d_10/bias \[1\], for which "),
        ("M5", "M4", r"M5-1000 has separator/interp_0 \[24\], for which "),
        ("VIMSS_cond13", "VIMSS_uncond13", r"^separator/conv1d_5/kernel has shape "),
        ("U7", "M1", r"U7-1000 has no separator/conv1d/kernel, which "),
        ("U7", "U7", "'unet_spectrogram', whose checkpoints are not supported yet"),
        ("VIMSS_cond13", "VIMSS_cond13", "conditioned Wave-U-Net, .* not supported"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(
    checkpoint, config, message, tmp_path
):
    out = tmp_path / "out"
    with pytest.raises(InputError, match=message):
        checkpoints.import_tf1(paths(checkpoint)[0], paths(config)[1], out)
    assert not out.exists()


def test_the_command_line_says_what_it_took_and_what_it_left(tmp_path, capsys):
    prefix, config = map(str, paths("M5"))
    checkpoints.main(["import", "--config", config, prefix, str(tmp_path)])
    printed = capsys.readouterr().out
    described = json.loads(paths("M5")[1].read_text())
    shapes = {key: shape for key, shape, _ in described["variables"]}
    count = sum(int(np.prod(shapes[key])) for key in described["trainable_order"])
    assert f"took 29 variables ({count} weights)" in printed
    assert "of step 1000\nleft 60 variables of the optimizer\n" in printed
    assert str(tmp_path) in printed


def test_the_command_line_ends_in_one_sentence(tmp_path):
    config = str(paths("M1")[1])
    with pytest.raises(SystemExit, match="^absent.index does not exist"):
        checkpoints.main(["import", "--config", config, "absent", str(tmp_path)])
