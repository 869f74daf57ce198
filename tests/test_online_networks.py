"""Networks that look at pictures of players: they learn, and see each at its time."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import Models
import Predict
import Test
from Datasets import pipeline, watching
from Learning import optimizers
from Models import checkpoints, memory
from Models.given import Given
from Models.vision import pictures
from Schema import InputError
from tests.echoes import noise
from tests.sighted_made import (
    FRAMES,
    RATE,
    SOURCES,
    Pictures,
    prepared,
    read_shot,
    records_of,
    shot,
)

RANDOM = np.random.default_rng(4)
VISUAL_RATE = 40.0


@pytest.fixture(autouse=True)
def plenty(monkeypatch):
    """Memory that no test of these needs."""
    monkeypatch.setattr(memory, "at_hand", lambda: 1 << 40)


def network(*fusers, spread=0.3, **knobs):
    keras.utils.set_random_seed(0)
    sizes = dict(num_layers=3, num_initial_filters=4, num_frames=64, context=True)
    sizes |= dict(visual_size=[16, 16, 3], visual_rate=VISUAL_RATE)
    sizes |= dict(source_names=["a", "b"], sample_rate=1000, channels=1)
    sizes |= dict(visual_channels=4, visual_layers=1)
    model = Models.build("wave_unet", **{**sizes, "fusers": list(fusers), **knobs})
    for fuser in model.conditioning.fusers:  # FiLM begins as the identity
        for weight in fuser.trainable_variables:
            weight.assign(weight + spread * RANDOM.normal(size=weight.shape))
    return model


def batch_for(model, frames=12, players=2):
    size = (2, players, frames, *model.visual_size)
    return {
        "mix": tf.constant(RANDOM.normal(size=(2, model.n_in, 1)), tf.float32),
        "frames": tf.constant(RANDOM.integers(1, 256, size), tf.uint8),
        "visual_start": tf.constant([-0.1, -0.12], tf.float64),
    }


@pytest.mark.parametrize("slots", ["vocabulary", "conditioned"])
@pytest.mark.parametrize("channels", [None, 4])
def test_a_step_of_training_moves_every_weight_of_the_network_that_looks(
    slots, channels
):
    model = network("film:visual@decoder", slots=slots, visual_channels=channels)
    assert model.batch_keys == ("mix", "frames", "visual_start")
    looks, batch = model.conditioning.frames, batch_for(model)
    assert looks.size == (channels or 32) and model.reach == 1 + 2 * bool(channels)
    batch["sources"] = tf.random.normal([2, 2, model.n_out, 1], seed=1)
    loss = Test.batch_loss("mean_square", model)
    with tf.GradientTape() as tape:
        value = loss(model(batch, training=True), batch)
    variables = model.trainable_variables
    slopes = tape.gradient(value, [v.value for v in variables])
    own = [id(v) for v in looks.trainable_variables]
    found = [s for v, s in zip(variables, slopes) if id(v) in own]
    assert len(found) == len(own) == 12
    assert all(np.isfinite(s).all() and np.abs(s).max() > 0 for s in found)
    before = [v.numpy() for v in looks.trainable_variables]
    optimizers.optimizer("adam", 1e-3).apply(slopes, variables)
    for old, new in zip(before, looks.trainable_variables):
        assert np.abs(new.numpy() - old).max() > 1e-4


@pytest.mark.parametrize("name", ["frames_cnn", "frames_mobilenet"])
def test_a_checkpoint_keeps_what_its_network_learnt_to_see(name, tmp_path):
    model = network("film:visual@bottleneck", frame_network=name, front_end="x-0")
    for weight in model.conditioning.frames.trainable_variables[:3]:
        weight.assign(weight * 1.1 + 0.01)
    batch = batch_for(model, frames=3)
    wanted = model(batch)["sources"].numpy()
    assert np.isfinite(wanted).all()
    config = model.get_config()
    assert config["visual_size"] == [16, 16, 3]
    pretrained = name != "frames_cnn"
    assert config["frame_weights"] == ("checkpoint" if pretrained else None)
    folder = checkpoints.save(tmp_path / "x", model)
    again = checkpoints.load(folder)
    np.testing.assert_array_equal(again(batch)["sources"], wanted)
    assert again.front_end == "x-0"


@pytest.mark.parametrize("slots, layers", [("vocabulary", 0), ("conditioned", 2)])
def test_pictures_are_seen_at_their_time_however_a_recording_is_cut(slots, layers):
    fusers = "film:visual@decoder", "additive_attention:visual@encoder_1"
    model = network(*fusers, spread=0.05, slots=slots, visual_layers=layers)
    mix, size = noise(3000), (2, 100, 16, 16, 3)  # the video ends early
    frames = RANDOM.integers(0, 256, size).astype(np.uint8)
    frames[0, 40:60] = 0  # black for a while
    n_in, n_out, _ = model.lengths(len(mix))
    early, before = (n_in - n_out) // 2, 60
    padded = np.zeros((1, n_in, 1), np.float32)
    padded[0, early:][: len(mix)] = mix
    around = [(0, 0), (before, 200), (0, 0), (0, 0), (0, 0)]
    still = np.pad(frames, around, mode="edge")
    start = np.array([-before / VISUAL_RATE])
    batch = {"mix": padded, "frames": still[None], "visual_start": start}
    wanted = model(batch)["sources"].numpy()[0, :, : len(mix)]
    moved = model({**batch, "visual_start": start + 1 / VISUAL_RATE})["sources"]
    assert np.abs(moved.numpy()[0, :, : len(mix)] - wanted).max() > 1e-3
    predictor = Predict.Predictor(model, segment=64, batch_size=3)
    for predictor.segment in (64, 200, len(mix)):
        found = predictor.separate(mix, 1000, video=frames)
        np.testing.assert_allclose(list(found.values()), wanted, atol=2e-5)


def test_a_black_picture_is_seen_as_nobody():
    model = network("film:visual@bottleneck", null_conditions=True)
    batch = batch_for(model) | {"has_visual": tf.ones([2, 2])}
    frames = batch["frames"].numpy()
    frames[:, 1] = 0
    looks, encoder = model.conditioning.frames, model.conditioning.encoder
    features = np.array(looks(frames))
    assert np.abs(features[:, 1]).max() > 0
    features[:, 1] = 0
    known = model.conditioning.known({**batch, "frames": tf.constant(frames)})
    tokens = known._conditions["visual"].tokens  # [B, F, P, E]
    wanted = np.transpose(encoder(features), [0, 2, 1, 3])
    np.testing.assert_allclose(tokens, wanted, atol=1e-6)


JPEG = pictures.encoded(np.zeros((9, 9, 3), np.uint8))


@pytest.mark.parametrize(
    "video, said",
    [
        (np.zeros([2, 5, 3], np.float32), r"float32 \[2, 1, 3\]; expected JPEG"),
        (np.full([2, 5], b"x", object), "player 0, frame 0 is no picture"),
        (np.full([2, 5], JPEG, object), r"is a picture \(64, 64, 3\); .*16 x 16"),
        (np.zeros([2, 5, 9, 9, 3], np.uint8), r"uint8 \[2, 1, 9, 9, 3\]"),
    ],
    ids=["features", "no jpeg", "another size", "another array"],
)
def test_what_is_no_picture_is_refused(video, said):
    model = network("film:visual@bottleneck", slots="conditioned")
    with pytest.raises(InputError, match=said):
        Given(model, visual=video)


@pytest.mark.parametrize(
    "knobs, said",
    [
        ({"frame_network": "frame_cnn"}, "did you mean 'frames_cnn'"),
        ({"visual_size": [16, 16]}, r"visual_size=\[16, 16\]: expected \[H, W, 3\]"),
        ({"visual_size": [8, 8, 3]}, "8 x 8 pixels: expected at least 16"),
        ({"frame_weights": "w.npz"}, "weights=w.npz: frames_cnn begins without"),
    ],
)
def test_impossible_networks_that_look_are_refused(knobs, said):
    with pytest.raises(InputError, match=said):
        network("film:visual@bottleneck", **knobs)


def test_looking_at_more_pictures_takes_more_memory():
    model = network("film:visual@bottleneck")
    blind = network()
    there, here = (m.inference_bytes(100_000) for m in (model, blind))
    pictures_held = 5 * 100 * VISUAL_RATE * 16 * 16 * 4 * 9
    assert there - here > pictures_held
    assert there - model.inference_bytes(50_000) > pictures_held / 2


# --- Given ----------------------------------------------------------------------------
def test_pictures_of_a_recording_may_be_jpeg_or_decoded():
    model = network("film:visual@bottleneck", slots="conditioned")
    jpegs = np.array([[shot(1, p, k) for k in range(7)] for p in range(2)], object)
    plain = pictures.decoded(jpegs, model.visual_size)
    a, b = (Given(model, visual=v).rows([-50, 90], 600) for v in (jpegs, plain))
    np.testing.assert_array_equal(a["frames"], b["frames"])
    for row, start in zip(a["frames"], a["visual_start"] + [-0.05, 0.09]):
        for k, picture in enumerate(row[1]):
            frame = min(max(round(start * VISUAL_RATE) + k, 0), 6)
            assert read_shot(picture) == (1, 1, frame)


def test_a_picture_decodes_to_the_same_levels_in_records_and_in_separating():
    rough = RANDOM.integers(0, 256, (40, 9, 9, 3)).astype(np.uint8)
    jpegs = np.array([[pictures.encoded(one) for one in rough]], object)
    found = watching.decoded(tf.constant(jpegs), [64, 64, 3])
    np.testing.assert_array_equal(found, pictures.decoded(jpegs, [64, 64, 3]))


def test_what_is_read_in_training_is_what_is_read_in_separating(tmp_path):
    model = network(
        "film:visual@decoder",
        source_names=SOURCES,
        sample_rate=RATE,
        visual_rate=FRAMES.frame_rate,
        slots="conditioned",
    )
    records = records_of(prepared(tmp_path, "apart", Pictures))
    windows = Test.windows(records, "train", told(model, records))
    whole = {t.row: records.whole_track(t.id) for t in records.tracks("train")}
    for batch in pipeline.evaluation_batches(windows, 1).take(40):
        track = whole[int(batch["track"][0])]
        there = int(tf.reduce_sum(batch["active"]))
        order = [
            read_shot(one[0])[1] for one in batch["frames"][0].numpy() if one.any()
        ]
        assert len(order) == there
        given = Given(model, visual=track["frames"][order])
        rows = given.rows([int(batch["start"][0])], model.n_in)
        np.testing.assert_array_equal(rows["frames"][0], batch["frames"][0, :there])
        np.testing.assert_allclose(rows["visual_start"], batch["visual_start"])


def told(model, records):
    """The model, as if it had been trained with the front end of some records."""
    model.front_end = records.options.front_end
    return model
