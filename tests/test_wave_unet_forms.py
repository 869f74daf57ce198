"""The fast form of the Wave-U-Net is the plain one: outputs and every gradient."""

import json
import pathlib
import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from Models.wave_unet import MEASURED, WaveUNet
from Schema import INSTRUMENTS

CEXP = ["outer_product@bottleneck"]
FULL = dict(context=True, output_type="difference")  # the rest is the default


def network(n_sources, dtype="float64", seed=0, **knobs):
    keras.utils.set_random_seed(seed)
    names = list(INSTRUMENTS)[:n_sources]
    model = WaveUNet(names, 22050, **{"channels": 1, **knobs}, dtype=dtype)
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        if len(weight.shape) == 1:  # kernels stay as training finds them
            weight.assign(0.02 * generator.normal(size=weight.shape))
    return model


def batch_for(model, n_batch, n=None, seed=1):
    generator = np.random.default_rng(seed)
    n_in = model.n_in if n is None else model.lengths(n).n_in
    dtype = model.variable_dtype
    mix = generator.normal(size=(n_batch, n_in, model.channels), scale=0.3)
    labels = generator.uniform(size=(n_batch, len(model.source_names)))
    return {"mix": tf.cast(mix, dtype), "labels": tf.cast(labels, dtype)}


def computed(model, form, batch):
    """(sources, gradients of the weights and of the mixture) of one random loss."""
    model.form = form
    assert model.is_fast == (form == "fast")
    with tf.GradientTape() as tape:
        tape.watch(batch["mix"])
        sources = model(batch, training=True)["sources"]
        random_target = np.random.default_rng(2).normal(size=sources.shape)
        loss = tf.reduce_mean(
            tf.square(sources - tf.cast(random_target, sources.dtype))
        )
    gradients = tape.gradient(loss, [*model.trainable_variables, batch["mix"]])
    return sources.numpy(), [np.asarray(gradient) for gradient in gradients]


def differences(model, batch):
    """Greatest absolute one of the sources; greatest relative one of a gradient."""
    (plain, plain_gradients), (fast, fast_gradients) = (
        computed(model, form, batch) for form in ("plain", "fast")
    )
    assert plain.shape == fast.shape and plain.std() > 0.05
    rows = zip(plain_gradients, fast_gradients)
    relative = [np.abs(a - b).max() / np.abs(a).max() for a, b in rows]
    return np.abs(plain - fast).max(), max(relative)


def drawn(seed):
    """Sizes of a small network, and of a window for it."""
    choose = random.Random(seed)
    context = choose.random() < 0.6
    odd = 1 if context else 0  # with context, sizes must be odd to leave even margins
    sizes = {
        "filter_size": choose.randint(1, 16) | odd,
        "merge_filter_size": choose.randint(1, 8) | odd,
        "output_filter_size": choose.choice([1, 1, 3]),
    }
    return choose.choice([None, 1, 300]), {
        **sizes,
        "input_filter_size": sizes["filter_size"] + choose.choice([0, 0, 2, 10]),
        "context": context,
        "channels": choose.choice([1, 2]),
        "num_layers": choose.randint(1, 5),
        "num_initial_filters": choose.randint(1, 4),
        "num_frames": choose.randint(1, 150),
        "upsampling": choose.choice(["linear", "learned"]),
        "output_type": choose.choice(["direct", "difference"]),
        "output_activation": choose.choice(["tanh", "linear"]),
        "fusers": choose.choice([[], CEXP]),
    }


@pytest.mark.parametrize("seed", range(28))
def test_any_network_is_the_same_in_float64(seed):
    n, knobs = drawn(seed)
    model = network(3, seed=seed, **knobs)
    of_sources, of_gradients = differences(model, batch_for(model, 2, n))
    assert of_sources <= 1e-10 and of_gradients <= 1e-10, knobs


def test_the_drawn_networks_are_of_every_kind():
    drawings = [drawn(seed)[1] for seed in range(28)]
    for knob in ("context", "channels", "upsampling", "output_type", "fusers"):
        assert len({str(knobs[knob]) for knobs in drawings}) == 2, knob
    deep = [k for k in drawings if not k["context"] and k["num_layers"] == 5]
    assert deep  # so that maps are long enough for polyphase kernels between the ends


@pytest.mark.parametrize("knobs", [{"context": True}, {"num_layers": 5}], ids=str)
def test_the_length_may_be_unknown_when_a_graph_is_made(knobs):
    sizes = dict(num_layers=3, num_initial_filters=2, num_frames=64)
    model = network(2, dtype="float32", **{**sizes, **knobs, "form": "fast"})
    graph = tf.function(
        lambda mix: model({"mix": mix})["sources"],
        input_signature=[tf.TensorSpec([None, None, 1])],
    )
    for n in (1, 64, 200):
        mix = batch_for(model, 1, n)["mix"]
        eager = model({"mix": mix})["sources"]
        np.testing.assert_allclose(graph(mix), eager, atol=1e-6)
        assert eager.shape[2] == model.lengths(n).n_out


@pytest.mark.parametrize("form", ["plain", "fast"])
@pytest.mark.parametrize("context", [True, False])
def test_both_forms_compile_to_one_program_of_fixed_shapes(form, context):
    sizes = dict(num_layers=2, num_initial_filters=2, num_frames=32)
    model = network(2, dtype="float32", context=context, form=form, **sizes)
    batch = batch_for(model, 2)

    def gradients():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(model(batch, training=True)["sources"]))
        return tape.gradient(loss, [w.value for w in model.trainable_variables])

    compiled = tf.function(gradients, jit_compile=True)()
    for found, expected in zip(compiled, gradients()):
        assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize(
    "n_sources, knobs",
    [(13, {**FULL, "fusers": CEXP}), (2, {"upsampling": "learned"})],
    ids=["CExp", "same, learned"],
)
def test_networks_of_full_size_are_the_same_in_float32(n_sources, knobs):
    model = network(n_sources, dtype="float32", **knobs)
    of_sources, of_gradients = differences(model, batch_for(model, 1))
    assert of_sources <= 2e-6
    assert of_gradients <= 1e-4


def test_a_network_of_full_size_is_nearly_the_same_in_bfloat16():
    exact = network(4, dtype="float32", **FULL)
    rough = network(4, dtype="mixed_bfloat16", **FULL)
    batch = batch_for(exact, 1)
    expected, gradients = computed(exact, "plain", batch)
    for form in ("plain", "fast"):
        found, found_gradients = computed(rough, form, batch)
        assert found.dtype == np.float32
        assert 0 < np.abs(found - expected).max() <= 2e-2
        assert all(gradient.dtype == np.float32 for gradient in found_gradients)
        whole, error = (
            np.concatenate([np.ravel(g) for g in group])
            for group in (
                gradients[:-1],
                [a - b for a, b in zip(gradients[:-1], found_gradients[:-1])],
            )
        )
        assert 0 < np.linalg.norm(error) <= 1e-2 * np.linalg.norm(whole)


@pytest.mark.parametrize("seed", range(5))
def test_small_networks_of_unknown_length_are_nearly_the_same_in_bfloat16(seed):
    n, knobs = drawn(seed)
    exact = network(3, dtype="float32", seed=seed, **knobs)
    rough = network(3, dtype="mixed_bfloat16", seed=seed, **knobs)
    batch = batch_for(exact, 2, n)
    expected = exact(batch)["sources"].numpy()
    spec = {k: tf.TensorSpec([None, None, v.shape[-1]]) for k, v in batch.items()}
    spec["labels"] = tf.TensorSpec([None, 3])
    for rough.form in ("plain", "fast"):
        graph = tf.function(lambda x: rough(x)["sources"], input_signature=[spec])
        error = np.abs(graph(batch) - expected).max()
        assert 0 < error <= 0.03 * max(1, np.abs(expected).max()), (rough.form, knobs)


@pytest.mark.parametrize("devices, fast", [([], True), (["GPU"], False)])
def test_auto_is_the_form_that_was_measured_best(devices, fast, monkeypatch):
    monkeypatch.setattr(tf.config, "list_logical_devices", devices.count)
    model = network(2, num_layers=2, num_initial_filters=2, num_frames=8)
    assert model.form == "auto" and model.is_fast == fast


def test_what_auto_takes_on_cpus_is_the_result_of_the_benchmark():
    path = pathlib.Path(__file__).parents[1] / "benchmarks" / "results.json"
    measured = json.loads(path.read_text("utf-8"))["auto"]
    assert MEASURED == {measured["device"]: measured["form"]}
