"""Image networks: with their weights or not at all, offline or trained on."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from Models import vision
from Models.vision.frame_embedding import FrameEmbedding
from Schema import InputError
from tests.video_made import read_frames


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
    with pytest.raises(InputError, match="weights of the network ResNet50"):
        FrameEmbedding("ResNet50")
    with pytest.raises(InputError, match="did you mean ResNet50"):
        FrameEmbedding("Resnet50", __file__)
    np.savez(tmp_path / "x.npz", a=1)
    with pytest.raises(InputError, match="x.npz does not hold the weights"):
        FrameEmbedding(weights=tmp_path / "x.npz")


def test_a_front_end_may_add_what_the_network_sees():
    front_end = vision.build("players_mobilenet", rate=4)
    assert front_end.name.startswith("players_mobilenet-")
    frames = np.random.default_rng(0).integers(0, 256, (5, 48, 64, 3), np.uint8)
    seen = front_end([frames[:3], frames[3:]], 2)
    assert seen.features.shape == (2, 5, front_end.size) and seen.fallback == "seats"
    assert seen.features.dtype == np.float32 and np.isfinite(seen.features).all()
