"""Image networks: with their weights or not at all, offline or trained on."""

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.legacy.saving import legacy_h5_format  # what the cached files are in

from Models import vision
from Models.vision.frame_embedding import CACHED, FrameEmbedding
from Schema import InputError
from tests import resnet_made
from tests.video_made import read_frames


@pytest.fixture(scope="module", autouse=True)
def stages():
    """ResNet-50 is small here; the blocks that its stages asked for."""
    with resnet_made.small() as asked:
        yield asked


@pytest.fixture(scope="module")
def embedding():
    return FrameEmbedding()


def test_a_picture_becomes_a_map_and_a_vector(embedding):
    frames = np.random.default_rng(0).integers(0, 256, (2, 90, 160, 3), np.uint8)
    maps, vectors = embedding.maps(frames), embedding.vectors(frames)
    assert maps.shape == (2, 7, 7, 1280) and vectors.shape == (2, embedding.size)
    np.testing.assert_allclose(vectors, maps.mean(axis=(1, 2)), rtol=1e-5, atol=1e-6)
    assert maps.min() == 0 and 0 < vectors.mean() < 6


def test_gradients_reach_every_weight_of_an_online_network(embedding):
    picture = np.random.default_rng(0).uniform(0, 255, (1, 224, 224, 3))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(embedding.network(picture.astype("float32")))
    variables = [v.value for v in embedding.network.trainable_variables]
    gradients = tape.gradient(loss, variables)
    assert len(variables) == 3 * 52  # a kernel, a gain and an offset each
    assert all(g is not None and np.abs(g).max() > 0 for g in gradients)


@pytest.mark.parametrize(
    "name, word",
    [
        ("avsbench_O7xnnBye7RM", "violin"),
        ("vggsound_drums_-Qowmc0P9ic", "drum"),
        ("avsbench_GrqTKuk8x4", "drum"),
    ],
)
def test_instruments_of_real_videos_are_named(name, word, shared, embedding):
    frames = read_frames(shared / "video" / f"{name}.mp4", 1)
    names, logits = embedding.instruments(frames)
    best = [names[i] for i in np.argsort(-logits.mean(axis=0))[:4]]
    assert any(word in name for name in best), best


def test_a_network_of_keras_takes_its_weights_from_a_file(tmp_path):
    keras.utils.set_random_seed(1)
    wanted = keras.applications.MobileNetV3Small(
        include_top=False, weights=None, input_shape=(224, 224, 3)
    )
    path = tmp_path / "x.weights.h5"
    wanted.save_weights(path)
    picture = np.full((1, 224, 224, 3), 99, np.uint8)
    found = FrameEmbedding("MobileNetV3Small", path)
    np.testing.assert_allclose(
        found.maps(picture), wanted(picture.astype("float32")), rtol=1e-3, atol=1e-4
    )
    with pytest.raises(InputError, match="x.weights.h5 does not fit ResNet50"):
        FrameEmbedding("ResNet50", path)
    with pytest.raises(InputError, match="no classifier"):
        found.instruments(picture)


def test_no_network_starts_from_random_weights(tmp_path):
    with pytest.raises(
        InputError, match="EfficientNetB0 has no weights: none are named;"
    ):
        FrameEmbedding("EfficientNetB0")
    with pytest.raises(InputError, match="x.h5 does not exist.*weights of ResNet50"):
        FrameEmbedding("ResNet50", tmp_path / "x.h5")
    with pytest.raises(InputError, match="did you mean ResNet50"):
        FrameEmbedding("Resnet50", __file__)
    np.savez(tmp_path / "x.npz", a=1)
    with pytest.raises(InputError, match="x.npz does not hold the weights"):
        FrameEmbedding(weights=tmp_path / "x.npz")


@pytest.fixture(scope="module")
def resnet(tmp_path_factory, stages):
    """ResNet-50 with random weights, and the folder of a Keras that downloaded it."""
    keras.utils.set_random_seed(1)
    network = keras.applications.ResNet50(include_top=False, weights=None)
    home = tmp_path_factory.mktemp("keras")
    (home / "models").mkdir()
    with h5py.File(home / "models" / CACHED["ResNet50"], "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, network)
    return network, home


def caffe(frames):
    """What the published ResNet-50 sees of RGB 0..255: BGR without its mean."""
    return frames[..., ::-1] - np.float32([103.939, 116.779, 123.68])


def test_resnet_takes_its_weights_from_a_file(resnet, tmp_path, stages):
    network, _ = resnet
    path = tmp_path / "resnet50.weights.h5"
    network.save_weights(path)
    stages.clear()
    found = FrameEmbedding("ResNet50", path)
    assert stages == resnet_made.BLOCKS
    frames = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)
    maps, vectors = found.maps(frames), found.vectors(frames)
    expected = network(caffe(frames.astype(np.float32))).numpy()
    assert maps.shape == (2, 7, 7, resnet_made.SIZE)
    assert vectors.shape == (2, found.size)
    np.testing.assert_allclose(maps, expected, rtol=1e-3, atol=1e-4 * expected.max())
    np.testing.assert_allclose(vectors, maps.mean(axis=(1, 2)), rtol=1e-4, atol=1e-5)
    assert found.name.startswith("ResNet50-")


def test_resnet_takes_its_weights_from_what_keras_has_downloaded(resnet, monkeypatch):
    network, home = resnet
    monkeypatch.setenv("KERAS_HOME", str(home))
    found = FrameEmbedding("ResNet50")
    assert found.path == home / "models" / CACHED["ResNet50"]
    wanted = {w.path: w.numpy() for w in network.weights}
    given = {w.path: w.numpy() for w in found.network.weights}
    assert len(given) == 6 * resnet_made.LAYERS and given.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_array_equal(given[name], value)


def test_without_both_the_file_that_was_looked_for_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    looked = tmp_path / ".keras" / "models" / CACHED["ResNet50"]
    with pytest.raises(InputError) as refused:
        FrameEmbedding("ResNet50")
    assert f"{looked} does not exist; say weights=FILE" in str(refused.value)
    assert "ResNet50(include_top=False).save_weights(FILE)" in str(refused.value)
    assert "http" not in str(refused.value)


def test_a_front_end_may_add_what_the_network_sees():
    front_end = vision.build("players_mobilenet", rate=4)
    assert front_end.name.startswith("players_mobilenet-")
    frames = np.random.default_rng(0).integers(0, 256, (5, 48, 64, 3), np.uint8)
    seen = front_end([frames[:3], frames[3:]], 2)
    assert seen.features.shape == (2, 5, front_end.size) and seen.fallback == "seats"
    assert seen.features.dtype == np.float32 and np.isfinite(seen.features).all()
