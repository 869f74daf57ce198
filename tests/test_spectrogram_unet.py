"""The spectrogram U-Net: its masks, its lengths, its loss, how it learns."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

import Models
import Predict
import Test
from Learning import optimizers
from Learning.step import Step
from Models import checkpoints, losses, tf1
from Schema import InputError
from tests.tf1_made import written

SMALL = dict(
    source_names=["a", "b", "c"],
    sample_rate=8000,
    channels=1,
    num_layers=2,
    num_initial_filters=2,
    frame_length=64,
    frame_step=48,
    num_frames=200,
)


def build(seed=0, **options):
    keras.utils.set_random_seed(seed)
    return Models.build("spectrogram_unet", **{**SMALL, **options})


def noise(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return 0.3 * rng.normal(size=shape).astype(np.float32)


# --- The model ---------------------------------------------------------------------
def test_dropout_thins_the_first_three_maps_of_the_way_up_in_training_only():
    network = build(num_layers=5, frame_length=128).networks[0]
    assert [d.name for d in network.dropouts] == [f"dropout_up_{i}" for i in (3, 2, 1)]
    x = abs(noise(1, 32, 64, 1))
    np.testing.assert_array_equal(network(x), network(x))
    twice = [network(x, training=True).numpy() for _ in range(2)]
    assert not np.allclose(*twice, atol=1e-3)


def test_a_mask_of_one_half_halves_the_mixture():
    model = build(channels=2)
    for network in model.networks:
        network.last.kernel.assign(tf.zeros_like(network.last.kernel))
    mix = noise(2, model.n_in, 2)
    outputs = model({"mix": mix})
    fade = slice(16, -16)
    for source in range(3):
        half = outputs["sources"][:, source, fade]
        np.testing.assert_allclose(half, mix[:, fade] / 2, atol=1e-6)
    np.testing.assert_allclose(
        outputs["magnitudes"][:, 0], model.magnitudes(mix[:, None])[:, 0] / 2, rtol=1e-5
    )


@pytest.mark.parametrize(  # bias: masks of 1/2; of 1 below the topmost bin
    "length, step, bias", [(64, 48, 0), (64, 48, 30), (64, 16, 30), (64, 56, 30)]
)
def test_no_join_of_a_recording_can_be_told_from_its_middle(length, step, bias):
    # A mask of 1 below 1/2 moves with a recording by whole steps, by no other shifts.
    sizes = dict(frame_length=length, frame_step=step, num_frames=300)
    model = build(source_names=["a"], **sizes)
    assert (model.edge, model.grain) == (length - step, step)
    for network in model.networks:
        network.last.kernel.assign(tf.zeros_like(network.last.kernel))
        network.last.bias.assign([bias])
    mix = noise(1500, 1)
    n = model.n_out + step * 4 * 200  # in one piece: frames at multiples of a step
    longer = model.lengths(n).n_in
    ahead = -(-length // step) * step
    whole = np.pad(mix, [(ahead, longer - ahead - len(mix)), (0, 0)])
    wanted = model({"mix": whole[None]})["sources"][0, 0, ahead:][: len(mix)]
    if bias == 0:
        np.testing.assert_allclose(wanted, mix / 2, atol=1e-6)
    for overlap, batch_size in [(0, 1), (0.01, 3), (0.25, 2), (0.5, 1)]:
        predictor = Predict.Predictor(model, None, batch_size, overlap)
        found = predictor.separate(mix, SMALL["sample_rate"])["a"]
        np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-6)


def test_as_the_ancestor_lays_them_segments_keep_their_edges():
    model = build()
    for network in model.networks:
        network.last.kernel.assign(tf.zeros_like(network.last.kernel))
    mix = noise(1000, 1)
    found = Predict.Predictor(model, hop="ancestor").separate(mix, 8000)["a"]
    assert abs(found[0, 0]) < 1e-6 < abs(mix[0, 0])
    first = model({"mix": mix[None, : model.n_in]})["sources"][0, 0]
    np.testing.assert_allclose(found[: model.n_out], first, atol=1e-6)


def test_each_channel_is_separated_on_its_own():
    stereo, mono = build(channels=2), build(channels=1)
    mix = noise(2, stereo.n_in, 2)
    for key, found in stereo({"mix": mix}).items():
        for c in range(2):
            alone = mono({"mix": mix[..., c : c + 1]})[key]
            np.testing.assert_allclose(found[..., c], alone[..., 0], atol=2e-6)


def test_masks_lie_between_0_and_1_and_keep_the_phase():
    model = build()
    mix = noise(1, model.n_in, 1)
    mixture = model.magnitudes(mix[:, None]).numpy()  # [1, 1, F, K + 1, 1]
    masked = model({"mix": mix})["magnitudes"].numpy()
    assert masked.shape == (1, 3, 4, 33, 1)
    assert np.all(masked <= mixture) and np.all(masked >= 0)
    np.testing.assert_allclose(
        masked[:, :, :, -1], 0.5 * mixture[:, :, :, -1].repeat(3, 1)
    )


def test_magnitudes_of_targets_are_those_of_each_waveform():
    model = build(channels=2)
    audio = noise(2, 3, model.n_out, 2)
    found = model.magnitudes(audio).numpy()
    assert found.shape == (2, 3, 4, 33, 2)
    one = np.abs(model.spectrogram(audio[1, 2, :, 1][None]))[0]
    np.testing.assert_allclose(found[1, 2, :, :, 1], one, atol=1e-6)
    graph = tf.function(
        model.magnitudes, input_signature=[tf.TensorSpec([None, None, None, 2])]
    )
    np.testing.assert_allclose(graph(audio), found, atol=1e-6)


@pytest.mark.parametrize(
    "n, options, expected",
    [
        (98560, {}, (98560, 98560, 98304)),
        (98561, {}, (147712, 147712, 147456)),
        (1, {}, (49408, 49408, 49152)),
        (6400, {"num_layers": 3}, (6400, 6400, 6144)),
        (16384, {"num_layers": 3}, (18688, 18688, 18432)),
    ],
)
def test_windows_hold_whole_frames_that_halve_as_often_as_the_network(
    n, options, expected
):
    model = build(num_initial_filters=1, frame_length=1024, frame_step=768,
                  **{"num_layers": 6, **options})  # fmt: skip
    assert model.lengths(n) == expected


def test_a_mixture_of_another_length_is_refused():
    model = build()
    assert model.n_in == 64 + 3 * 48
    with pytest.raises(
        InputError, match="207 samples does not fit.* takes 208 .* 192 "
    ):
        model({"mix": noise(1, 207, 1)})
    assert model({"mix": noise(1, 400, 1)})["sources"].shape == (1, 3, 400, 1)


def test_memory_grows_with_the_window_and_all_that_is_in_it():
    small = build().inference_bytes(208)
    assert build().inference_bytes(209) == build().inference_bytes(400) == 2 * small
    assert build(channels=2).inference_bytes(208) == 2 * small
    assert small > 4 * (208 + 4 * 32 * 3 * 2 + 3 * 208)  # no less than what it shows


@pytest.mark.parametrize(
    "options, message",
    [
        ({"frame_length": 100}, "frame_length=100 must be a multiple of 8"),
        ({"frame_step": 64}, "frame_step=64 must be less than frame_length=64"),
        ({"num_layers": 0}, "num_layers must be a whole number of at least 1, not 0"),
        ({"frame_length": 96, "legacy_fft": True}, "96 must be a power of 2"),
        ({"legacy_fft": 1}, "legacy_fft must be True or False, not 1"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        build(**options)


def count(n_layers, n_filters, n_sources):
    """Weights of the published network, summed by hand."""
    filters = [n_filters * 2**i for i in range(n_layers)]
    total, before = 0, 1
    for n in filters:  # kernel, bias, offset and two moving statistics
        total, before = total + 25 * before * n + 4 * n, n
    for n in filters[-2::-1]:
        total, before = total + 25 * before * n + 4 * n, 2 * n
    return n_sources * (total + 25 * before + 1)


def test_the_published_network_has_the_weights_of_its_description():
    published = inspect.signature(Models.model_class("spectrogram_unet")).parameters
    defaults = {k: p.default for k, p in published.items()}
    assert (defaults["num_layers"], defaults["num_initial_filters"]) == (6, 16)
    assert (defaults["frame_length"], defaults["frame_step"]) == (1024, 768)
    model = Models.build(
        "spectrogram_unet", source_names=["a", "v"], sample_rate=8192, channels=1
    )
    assert model.n_in == model.n_out == 98560
    assert model.count_params() == count(6, 16, 2)
    assert build().count_params() == count(2, 2, 3)


# --- Training ------------------------------------------------------------------------
def of_training(model, n_batch=2):
    sources = noise(n_batch, len(model.source_names), model.n_out, model.channels)
    return {"mix": sources.sum(axis=1), "sources": sources}


@pytest.mark.parametrize(
    "loss, dtype",
    [("magnitude_absolute", "mixed_bfloat16"), ("mean_square", "float32")],
)
def test_it_learns_one_batch_with_either_loss(loss, dtype):
    model = build(source_names=["a", "b"], num_initial_filters=4, dtype=dtype)
    batch = {k: tf.constant(v) for k, v in of_training(model).items()}
    step = Step(model, optimizers.optimizer("adam", 3e-3), Test.batch_loss(loss, model))
    values = []
    for _ in range(30):
        before = float(step.total.numpy())
        step.run(batch)
        values.append(float(step.total.numpy()) - before)
    assert np.mean(values[-5:]) < 0.9 * values[0]
    assert all(v.dtype == "float32" for v in model.weights)
    mean, variance = (
        getattr(model.networks[0].norms_down[0], k).numpy()
        for k in ("moving_mean", "moving_variance")
    )
    assert np.any(mean) and np.all(variance != 1)


def test_compiled_by_xla_it_is_the_same_function():
    model = build()
    mix = noise(2, model.n_in, 1)
    compiled = tf.function(lambda x: model({"mix": x}), jit_compile=True)
    for key, found in compiled(tf.constant(mix)).items():
        np.testing.assert_allclose(found, model({"mix": mix})[key], atol=1e-5)


def test_frames_beyond_a_track_do_not_count_and_others_do():
    model = build()
    batch = of_training(model, n_batch=4)
    n_valid = np.array([model.n_out, 97, 1, 0], np.int32)
    for row, n in enumerate(n_valid):
        for key in batch:
            batch[key][row, ..., n:, :] = 0
    outputs = model({"mix": batch["mix"]})
    parts = losses.Loss("magnitude_absolute", model).parts
    sums, counts = parts(outputs, {**batch, "n_valid": tf.constant(n_valid)})
    np.testing.assert_array_equal(counts[0], np.array([4, 3, 1, 0]) * 3 * 33)
    errors = np.abs(outputs["magnitudes"] - model.magnitudes(batch["sources"]))
    # Nothing is lost: where mixture and sources are silent, no magnitude is wrong.
    np.testing.assert_allclose(
        sums[0], errors.sum(axis=(1, 2, 3, 4)), rtol=1e-5, atol=1e-4
    )
    of_batch = Test.batch_loss("magnitude_absolute", model)
    whole = of_batch(outputs, {**batch, "n_valid": tf.constant(n_valid)})
    assert float(whole) == pytest.approx(errors.mean(), rel=1e-5)


def test_its_adam_comes_out_of_a_tensorflow_1_checkpoint(tmp_path):
    model = build(frame_length=1024, frame_step=768, num_frames=6400)
    rng = np.random.default_rng(0)
    found = {"beta2_power": np.float32(0.999), "beta1_power": np.float32(0.9)}
    for name, variable in tf1.tf1_variables(model):
        found[name] = rng.uniform(0.5, 1.5, variable.shape).astype(np.float32)
        if variable.trainable:  # moving statistics have no slots
            found[f"{name}/Adam"] = 2 * found[name]
            found[f"{name}/Adam_1"] = np.full_like(found[name], 3)
    changes = {"network": "unet_spectrogram", "source_names": list("abc")}
    paths = written(tmp_path, found, **{**changes, "num_frames": 6400})
    report = checkpoints.import_tf1(*paths, tmp_path / "out")
    assert report.left == [] and len(report.taken) == len(model.weights)
    again, adam = checkpoints.load(tmp_path / "out"), keras.optimizers.Adam()
    assert checkpoints.restore_optimizer(tmp_path / "out", again, adam)
    slots = {v.path.rpartition("/")[2]: v for v in adam.variables}
    for name, variable in tf1.tf1_variables(again):
        np.testing.assert_array_equal(variable, found[name])
        if variable.trainable:
            place = variable.path.replace("/", "_")
            np.testing.assert_array_equal(
                slots[f"{place}_momentum"], found[f"{name}/Adam"]
            )
            assert np.all(slots[f"{place}_velocity"] == 3)
