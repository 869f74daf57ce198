"""Trainable front ends: they learn, keep players apart, and never begin at random."""

import functools

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf

from Models.vision import frame_embedding, online, resizing
from Models.wave_unet import WaveUNet
from Schema import InputError
from tests import resnet_made

RNG = np.random.default_rng(0)
FRAMES = RNG.integers(0, 256, (2, 3, 4, 48, 40, 3), np.uint8)
SMALL = {"frames_cnn": {}, "frames_mobilenet": {"side": 32}}


@pytest.fixture(scope="module", autouse=True)
def stages():
    """ResNet-50 is small here; the blocks that its stages asked for."""
    with resnet_made.small() as asked:
        yield asked


@pytest.fixture(scope="module")
def resnet_weights(tmp_path_factory, stages):
    """A file of random weights of ResNet-50, its statistics those of noise."""
    keras.utils.set_random_seed(1)
    network = keras.applications.ResNet50(include_top=False, weights=None)
    path = tmp_path_factory.mktemp("resnet") / "resnet50.weights.h5"
    network.save_weights(path)
    return path


def made(name, size=5, seed=3, **options):
    keras.utils.set_random_seed(seed)
    return online.build(name, size, **{**SMALL.get(name, {}), **options})


@functools.cache
def ready(name):
    """A built layer that nobody changes."""
    layer = made(name)
    layer(FRAMES)
    return layer


def inside(layer, frames=FRAMES):
    """A model that is this layer."""
    given = keras.Input(frames.shape[1:], dtype="uint8")
    return keras.Model(given, layer(given))


def assert_learns(variables, gradients):
    for variable, gradient in zip(variables, gradients, strict=True):
        assert gradient is not None, variable.path
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0, variable.path


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("name", sorted(SMALL))
def test_a_separator_teaches_every_weight_of_its_front_end(name, policy):
    layer = made(name, dtype=policy)
    model = WaveUNet(
        *(["vc", "vn"], 100, 1),
        num_layers=2,
        num_initial_filters=4,
        num_frames=64,
        fusers=["film:visual@bottleneck"],
        visual_size=5,
        visual_rate=4.0,
        dtype=policy,
    )
    for weight in model.conditioning.trainable_variables:  # FiLM begins as the identity
        weight.assign(weight + 0.3 * RNG.normal(size=weight.shape))
    batch = {
        "mix": tf.constant(RNG.normal(size=(2, model.n_in, 1)), tf.float32),
        "visual_start": tf.zeros([2], tf.float64),
    }
    with tf.GradientTape() as tape:
        features = layer(FRAMES)
        found = model({**batch, "visual": features})["sources"]
        loss = tf.reduce_mean(tf.square(found))
    assert features.dtype == tf.float32 and features.shape == (2, 3, 4, 5)
    gradients = tape.gradient(loss, [v.value for v in layer.trainable_variables])
    assert_learns(layer.trainable_variables, gradients)
    assert len(gradients) == {"frames_cnn": 12, "frames_mobilenet": 158}[name]
    paths = [v.path for v in layer.weights]
    assert len(paths) == len(set(paths))


def test_the_small_network_has_the_parameters_that_it_states():
    layer = online.build("frames_cnn", 32)
    layer.build((None, None, None, 64, 64, 3))
    assert layer.count_params() == 33_968


@pytest.mark.parametrize("name", sorted(SMALL))
def test_examples_and_players_are_permuted_with_their_features(name):
    layer = ready(name)
    features = layer(FRAMES).numpy()
    moved = layer(FRAMES[::-1, [2, 0, 1]]).numpy()
    np.testing.assert_allclose(moved, features[::-1, [2, 0, 1]], rtol=1e-4, atol=1e-5)
    assert np.abs(np.diff(features, axis=1)).max() > 1e-3


@pytest.mark.parametrize("name", sorted(SMALL))
def test_a_frame_depends_on_its_reach_and_on_nothing_else(name):
    layer = ready(name)
    frames = np.repeat(FRAMES[:1, :1], 2, axis=2)  # 8 frames
    other = frames.copy()
    other[:, :, 4] = 255 - other[:, :, 4]
    change = np.abs(layer(frames) - layer(other)).max(axis=(0, 1, 3))
    near = np.abs(np.arange(8) - 4) <= layer.reach
    assert (change[near] > 1e-4).all() and change[~near].max() < 1e-6


def square(left, top):
    picture = np.zeros((48, 48, 3), np.uint8)
    picture[top : top + 12, left : left + 12] = 255
    return picture


def test_where_a_square_is_and_which_way_it_moves_can_be_told_apart():
    layer = made("frames_cnn", 32)

    def features(*places):
        return layer(np.stack([square(*place) for place in places])[None, None])[0, 0]

    def distance(a, b):
        return float(tf.norm(a - b) / tf.norm(a))

    # By steps of the strides, so that only the place of the same map changes.
    at = {place: features(place)[0] for place in ((8, 8), (24, 8), (8, 24))}
    assert distance(at[8, 8], at[24, 8]) > 0.1 and distance(at[8, 8], at[8, 24]) > 0.1
    right = features((8, 16), (16, 16), (24, 16))[1]
    left = features((24, 16), (16, 16), (8, 16))[1]
    still = features((16, 16), (16, 16), (16, 16))[1]
    assert min(distance(left, right), distance(still, right)) > 0.1
    alone = features((16, 16))[0]
    np.testing.assert_allclose(alone, still, rtol=1e-4, atol=1e-5)


def test_the_small_network_learns_to_tell_motion_to_the_left_from_motion_to_the_right():
    layer, judge = made("frames_cnn", 8), keras.layers.Dense(1)
    optimizer = keras.optimizers.Adam(0.003)

    def moving(count, rng):
        way = rng.choice([-1, 1], count)
        x, y = rng.integers(10, 26, (2, count))
        frames = [
            [square(i + 4 * k * w, j) for k in (-1, 0, 1)] for i, j, w in zip(x, y, way)
        ]
        return np.array(frames)[:, None], way

    for step in range(40):
        frames, way = moving(16, np.random.default_rng(step))
        with tf.GradientTape() as tape:
            found = judge(layer(frames)[:, 0, 1])[:, 0]
            loss = tf.reduce_mean(tf.nn.softplus(-way * found))
        variables = layer.trainable_variables + judge.trainable_variables
        optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
    frames, way = moving(64, np.random.default_rng(1000))
    found = judge(layer(frames)[:, 0, 1])[:, 0]
    assert np.mean(np.sign(found) == way) > 0.9


@pytest.mark.parametrize("name", sorted(SMALL))
def test_a_front_end_is_rebuilt_from_its_configuration_and_its_weights(name, tmp_path):
    layer = made(name)
    model = inside(layer)
    layer.trainable_weights[0].assign_add(
        0.1 * tf.ones(layer.trainable_weights[0].shape)
    )
    model.save_weights(tmp_path / "x.weights.h5")
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()
    other = inside(again)
    if name != "frames_cnn":
        assert np.isnan(other(FRAMES)).all()  # no weights yet, and it says so
    other.load_weights(tmp_path / "x.weights.h5")
    np.testing.assert_array_equal(other(FRAMES), model(FRAMES))


@pytest.mark.parametrize("shape", [(48, 40), (300, 260), (224, 224)])
def test_a_pretrained_network_sees_online_what_it_sees_offline(shape):
    picture = RNG.integers(0, 256, (*shape, 3), np.uint8)
    rows, cols = (resizing.area_weights(224, n) for n in shape)
    found = resizing.resized(tf.constant(picture[None], tf.float32), rows, cols)
    size = {"dsize": (224, 224), "interpolation": cv2.INTER_AREA}
    expected = cv2.resize(picture.astype(np.float32), **size)
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-2)


def test_the_shipped_weights_are_those_that_training_begins_with():
    layer = made("frames_mobilenet", side=224)
    frames = FRAMES[:1, :1, :1]
    found = layer(frames)[0, 0]
    offline = frame_embedding.FrameEmbedding()
    maps = offline.network(frame_embedding.fitted(frames[0, 0]), training=False)
    expected = tf.reduce_mean(maps, axis=[1, 2]) @ layer.read_out.kernel
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_batch_normalisation_of_a_pretrained_network_stays_as_it_is():
    layer = ready("frames_mobilenet")
    before = [v.numpy() for v in layer.non_trainable_variables]
    assert len(before) == 2 * 52
    trained = layer(FRAMES, training=True)
    np.testing.assert_array_equal(trained, layer(FRAMES, training=False))
    for variable, value in zip(layer.non_trainable_variables, before):
        np.testing.assert_array_equal(variable, value)


def test_resnet_is_trained_from_its_file_and_rebuilt_without_it(
    resnet_weights, tmp_path, stages
):
    stages.clear()
    layer = made("frames_resnet50", weights=resnet_weights, side=32)
    frames = FRAMES[:1, :1, :2]
    model = inside(layer, frames)
    assert stages == resnet_made.BLOCKS
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(layer(frames)))
    gradients = tape.gradient(loss, [v.value for v in layer.trainable_variables])
    biases = [v.path.endswith("conv/bias") for v in layer.trainable_variables]
    assert_learns(layer.trainable_variables, gradients)
    n = resnet_made.LAYERS
    assert len(gradients) == 4 * n + 2 and sum(biases) == n
    config = layer.get_config()
    assert str(resnet_weights) not in repr(config)
    model.save_weights(tmp_path / "x.weights.h5")
    other = inside(online.FrameResNet50.from_config(config), frames)
    assert np.isnan(other(frames)).all()
    other.load_weights(tmp_path / "x.weights.h5")
    np.testing.assert_array_equal(other(frames), model(frames))


def test_no_front_end_begins_at_random_or_with_the_weights_of_another(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(InputError, match="ResNet50 has no weights.*say weights=FILE"):
        online.build("frames_resnet50", 8)
    with pytest.raises(InputError, match="nowhere.h5 does not exist"):
        online.build("frames_resnet50", 8, weights="nowhere.h5")
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    other.save_weights(tmp_path / "other.weights.h5")
    layer = online.build("frames_resnet50", 8, tmp_path / "other.weights.h5", side=32)
    with pytest.raises(InputError, match="other.weights.h5 does not fit ResNet50"):
        layer(FRAMES)
    with pytest.raises(InputError, match="weights=x: frames_cnn begins without"):
        online.build("frames_cnn", 8, weights="x")


def test_what_cannot_be_a_front_end_is_refused():
    with pytest.raises(InputError, match="did you mean frames_cnn"):
        online.build("frame_cnn", 8)
    with pytest.raises(InputError, match="size=0: expected a whole number"):
        online.build("frames_cnn", 0)
    with pytest.raises(InputError, match=r"expected \[B, P, F, H, W, 3\]"):
        online.build("frames_cnn", 8)(FRAMES[0])
    with pytest.raises(InputError, match="8 x 12 pixels: expected at least 16"):
        online.build("frames_cnn", 8)(FRAMES[..., :12, :8, :])


def test_a_front_end_computes_the_same_when_compiled():
    layer = ready("frames_cnn")
    compiled = tf.function(layer, jit_compile=True)
    np.testing.assert_allclose(compiled(FRAMES), layer(FRAMES), rtol=1e-3, atol=1e-3)
    given = keras.Input((None, None, 48, 40, 3), dtype="uint8")
    loose = keras.Model(given, layer(given))
    assert loose.output_shape == (None, None, None, 5)
    np.testing.assert_allclose(loose(FRAMES), layer(FRAMES), rtol=1e-4, atol=1e-5)


def test_numbers_from_0_to_255_and_bytes_are_the_same_pictures():
    layer = ready("frames_cnn")
    np.testing.assert_array_equal(layer(FRAMES), layer(FRAMES.astype(np.float32)))


@pytest.mark.parametrize("name", sorted(SMALL))
def test_features_are_not_rounded_where_the_model_computes_in_bfloat16(name):
    exact = ready(name)
    expected = exact(FRAMES)
    mixed = made(name, dtype="mixed_bfloat16")
    np.testing.assert_array_equal(mixed(FRAMES), expected)
    rough = made(name, dtype="bfloat16")
    assert rough(FRAMES).dtype == tf.float32 and rough.weights[0].dtype == "bfloat16"
    rough.set_weights(exact.get_weights())
    assert tf.norm(rough(FRAMES) - expected) < 0.15 * tf.norm(expected)
