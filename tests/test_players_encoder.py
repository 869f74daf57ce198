"""The encoder of players' features: its formula, its reach, who is who."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import Models
import Predict
from Models import memory
from Models.given import Given
from Models.vision.encoder import TAPS, PlayersEncoder
from Schema import InputError
from tests.echoes import noise

RANDOM = np.random.default_rng(4)
FEATURES = RANDOM.normal(size=(2, 3, 60, 5))  # [B, P, F, D]
RATE, VISUAL_RATE = 1000, 40.0


def encoder(size=6, n_layers=3, n_features=5):
    keras.utils.set_random_seed(2)
    layer = PlayersEncoder(size, n_layers, dtype="float64")
    layer.build_for(n_features)
    for weight in layer.trainable_variables:
        weight.assign(weight + 0.3 * RANDOM.normal(size=weight.shape))
    return layer


def leaky(x):
    return np.where(x > 0, x, np.float64(np.float32(0.2)) * x)  # as TensorFlow has it


def plainly(layer, features):
    """The same, player by player and frame by frame."""
    own, bias = (w.numpy() for w in layer.self_.weights)
    others = layer.others.weights[0].numpy()
    found = np.zeros([*features.shape[:3], layer.size])
    for b, players in enumerate(features):
        for p, player in enumerate(players):
            rest = [one for q, one in enumerate(players) if q != p]
            mean = np.mean(rest, axis=0) if rest else np.zeros_like(player)
            x = leaky(player @ own + mean @ others + bias)
            for i, convolution in enumerate(layer.convolutions):
                kernel, bias_of = (w.numpy() for w in convolution.weights)
                y = np.zeros_like(x)
                for k in range(len(x)):
                    for tap in range(TAPS):
                        near = k + (tap - TAPS // 2) * 2**i
                        if 0 <= near < len(x):
                            y[k] += x[near] @ kernel[tap]
                x = x + leaky(y + bias_of)
            found[b, p] = x
    return found


@pytest.mark.parametrize("players", [1, 2, 3])
@pytest.mark.parametrize("n_layers", [0, 3])
def test_an_encoder_is_its_formula(players, n_layers):
    layer, given = encoder(n_layers=n_layers), FEATURES[:, :players]
    np.testing.assert_allclose(layer(given), plainly(layer, given), atol=1e-12)


def test_a_frame_depends_on_its_reach_and_no_more():
    layer, changed = encoder(), FEATURES.copy()
    assert layer.reach == 14
    changed[:, :, 20] += 1
    moved = np.abs(layer(changed).numpy() - layer(FEATURES).numpy()).max(axis=(0, 1, 3))
    there = np.flatnonzero(moved > 1e-12)
    assert there.min() == 20 - 14 and there.max() == 20 + 14


def test_who_is_not_there_changes_nothing_and_stays_zeros():
    layer = encoder()
    padded = np.pad(FEATURES, [(0, 0), (0, 2), (0, 0), (0, 0)])
    found = layer(padded).numpy()
    np.testing.assert_allclose(found[:, :3], layer(FEATURES).numpy(), atol=1e-12)
    assert not found[:, 3:].any()


@pytest.mark.parametrize("name", ["film", "additive_attention", "concatenation"])
def test_a_piece_with_fewer_players_is_seen_alike_in_a_batch_and_alone(name):
    model = network(f"{name}:visual@bottleneck")
    mix, start = noise(model.n_in)[None], np.array([-0.5])
    visual = RANDOM.normal(size=(1, 2, 60, 3)).astype(np.float32)
    outputs = []
    for more in (0, 3):
        seen = np.pad(visual, [(0, 0), (0, more), (0, 0), (0, 0)])
        batch = {"mix": mix, "visual": seen, "visual_start": start}
        outputs.append(model(batch)["sources"].numpy())
    np.testing.assert_allclose(*outputs, atol=1e-6)


def test_players_in_another_order_are_encoded_in_that_order():
    layer = encoder()
    found = layer(FEATURES[:, [2, 0, 1]]).numpy()
    np.testing.assert_allclose(found, layer(FEATURES).numpy()[:, [2, 0, 1]], atol=1e-12)


def test_an_encoder_has_the_parameters_that_its_cost_line_says():
    layer = encoder(size=6, n_layers=3, n_features=5)
    assert layer.count_params() == 2 * 5 * 6 + (TAPS * 6 + 1) * 6 * 3 + 6


def network(*fusers, **knobs):
    keras.utils.set_random_seed(0)
    sizes = dict(num_layers=3, num_initial_filters=4, num_frames=64, context=True)
    sizes |= dict(visual_size=3, visual_rate=VISUAL_RATE, visual_channels=4)
    sizes |= {"fusers": list(fusers), **knobs}
    model = Models.build(
        "wave_unet", source_names=["a", "b"], sample_rate=RATE, channels=1, **sizes
    )
    for weight in model.conditioning.trainable_variables:
        weight.assign(weight + 0.3 * RANDOM.normal(size=weight.shape))
    return model


@pytest.fixture(autouse=True)
def plenty(monkeypatch):
    """Memory that no test of these needs."""
    monkeypatch.setattr(memory, "at_hand", lambda: 1 << 40)


@pytest.mark.parametrize("slots, layers", [("vocabulary", 0), ("conditioned", 2)])
def test_players_are_seen_at_their_time_however_a_recording_is_cut(slots, layers):
    fusers = "film:visual@decoder", "additive_attention:visual@encoder_1"
    model = network(*fusers, slots=slots, visual_layers=layers)
    mix = noise(3000)
    visual = RANDOM.normal(size=(2, 100, 3)).astype(np.float32)  # the video ends early
    n_in, n_out, _ = model.lengths(len(mix))
    early, before = (n_in - n_out) // 2, 60
    padded = np.zeros((1, n_in, 1), np.float32)
    padded[0, early:][: len(mix)] = mix
    still = np.pad(visual, [(0, 0), (before, 200), (0, 0)])
    start = np.array([-before / VISUAL_RATE])
    batch = {"mix": padded, "visual": still[None], "visual_start": start}
    wanted = model(batch)["sources"].numpy()[0, :, : len(mix)]
    predictor = Predict.Predictor(model, segment=64, batch_size=3)
    for predictor.segment in (64, 200, len(mix)):
        found = predictor.separate(mix, RATE, video=visual)
        names = {"vocabulary": ["a", "b"], "conditioned": ["player_1", "player_2"]}
        assert list(found) == names[slots]
        np.testing.assert_allclose(list(found.values()), wanted, atol=2e-5)


def test_a_gradient_reaches_every_weight_of_the_encoder():
    model = network("film:visual@bottleneck", slots="conditioned")
    batch = {
        "mix": tf.constant(RANDOM.normal(size=(2, model.n_in, 1)), tf.float32),
        "visual": tf.constant(RANDOM.normal(size=(2, 2, 30, 3)), tf.float32),
        "visual_start": tf.constant([-0.2, -0.3], tf.float64),
    }
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.sin(model(batch)["sources"]))
    encoder_ = model.conditioning.encoder
    gradients = tape.gradient(loss, [w.value for w in encoder_.trainable_variables])
    assert all(np.abs(g).max() > 0 for g in gradients) and len(gradients) == 9


LOOKS = np.zeros([2, 5, 3], np.float32)


@pytest.mark.parametrize(
    "knobs, options, told",
    [
        ({}, {}, "must see the players: give a video"),
        ({}, {"labels": ["a"]}, "not conditioned on labels"),
        (
            {"labels": True},
            {"labels": ["a"], "visual": LOOKS},
            r"name 1 players, the video shows 2",
        ),
        ({"labels": True, "null": True}, {"labels": ["a", "a"]}, "name 'a' twice"),
        ({"labels": True, "null": True}, {}, "give labels"),
        ({}, {"visual": LOOKS[..., :2]}, r"\[P, F, 3\], not \[2, 5, 2\]"),
        ({}, {"visual": LOOKS + np.float32(np.inf)}, "finite"),
    ],
)
def test_what_players_cannot_be_is_refused(knobs, options, told):
    fusers = ["film:visual@bottleneck"] + ["film@decoder"] * ("labels" in knobs)
    null = "null" in knobs
    model = network(*fusers, slots="conditioned", null_conditions=null)
    with pytest.raises(InputError, match=told):
        Given(model, **options)


def test_two_players_of_one_instrument_have_numbers():
    model = network("film:visual@bottleneck", "film@decoder", slots="conditioned")
    given = Given(model, labels="a,a", visual=LOOKS)
    assert given.names == given.wanted == ["a_1", "a_2"]
    assert given.rows([0], model.n_in)["labels"].tolist() == [[[1, 0], [1, 0]]]


def test_a_model_that_sees_none_refuses_a_video():
    with pytest.raises(InputError, match="not conditioned on video; omit video"):
        Given(network("film@decoder"), labels="a", visual=LOOKS)


def test_a_video_may_be_missing_where_stand_ins_were_learnt():
    model = network("film:visual@bottleneck", null_conditions=True)
    rows = Given(model).rows([0, 64], model.n_in)
    assert rows["has_visual"].tolist() == [[0], [0]] and not rows["visual"].any()
    rows = Given(model, visual=LOOKS).rows([0], model.n_in)
    assert rows["has_visual"].tolist() == [[1, 1]]
