"""Sound and sight that belong together: losses, the model, what others take of it."""

import numpy as np
import pytest
import tensorflow as tf

import Models
from Learning import optimizers
from Models import checkpoints, losses, transfer, warm_start
from Models.losses import matching
from Schema import InputError

SMALL = dict(source_names=["a"], sample_rate=800, channels=1, num_layers=3)
SMALL |= dict(num_initial_filters=4, filter_size=5)
EYES = dict(visual_size=2, visual_rate=20.0, visual_channels=8, visual_layers=1)


def network(**options):
    told = {**SMALL, **EYES, "num_frames": 320, "moments": 4, "embedding_size": 8}
    return Models.build("correspondence", **{**told, **options})


def separator(**options):
    told = {**SMALL, **EYES, "num_frames": 64, "context": True}
    told["fusers"] = ["film:visual@decoder"]
    return Models.build("wave_unet", **{**told, **options})


# --- Losses ---------------------------------------------------------------------------
def embedded(n=6, players=3, moments=4, size=5):
    """Unit vectors, some players absent, and what a batch tells of them."""
    random = np.random.default_rng(0)
    audio = random.normal(size=[n, moments, size])
    visual = random.normal(size=[n, players, moments, size])
    audio /= np.linalg.norm(audio, axis=-1, keepdims=True)
    visual /= np.linalg.norm(visual, axis=-1, keepdims=True)
    visual[1, 2] = visual[4, 1:] = visual[3] = 0  # in 3 nobody is seen
    batch = {"track": np.array([7, 7, 8, 9, 9, 8]), "n_valid": np.full(n, 9, np.int32)}
    batch["n_valid"][5] = 0  # and 5 lies outside of its track
    outputs = {"audio": audio.astype("f"), "visual": visual.astype("f")}
    return outputs, batch


def similarity(audio, visual):
    """Of one window's sound [M, E] and another's players [P, M, E], by hand."""
    there = [p for p in visual if np.any(p)]
    return max(np.mean([a @ v for a, v in zip(audio, p)]) for p in there)


def share(true, others, temperature):
    values = np.exp(np.array([true, *others]) / temperature)
    return -np.log(values[0] / values.sum())


def test_a_window_is_told_from_those_of_other_recordings_as_by_hand():
    outputs, batch = embedded()
    audio, visual = outputs["audio"], outputs["visual"]
    sums, weights = matching.correspondence(outputs, batch, 0.2)
    np.testing.assert_array_equal(weights, [1, 1, 1, 0, 1, 0])
    counted, track = [0, 1, 2, 4], batch["track"]
    for i in counted:
        others = [j for j in counted if track[j] != track[i]]
        true = similarity(audio[i], visual[i])
        seen = share(true, [similarity(audio[i], visual[j]) for j in others], 0.2)
        heard = share(true, [similarity(audio[j], visual[i]) for j in others], 0.2)
        assert float(sums[i]) == pytest.approx((seen + heard) / 2, rel=1e-5)
    np.testing.assert_array_equal(sums.numpy()[[3, 5]], [0, 0])


def test_a_window_is_told_from_itself_at_other_times_as_by_hand():
    outputs, batch = embedded()
    audio, visual = outputs["audio"], outputs["visual"]
    sums, weights = matching.synchrony(outputs, batch, 0.2)
    np.testing.assert_array_equal(weights, [1, 1, 1, 0, 1, 0])
    for i in (0, 1, 2, 4):
        moved = [np.roll(audio[i], k, axis=0) for k in range(4)]
        found = [similarity(a, visual[i]) for a in moved]
        expected = share(found[0], found[1:], 0.2)
        assert float(sums[i]) == pytest.approx(expected, rel=1e-5)


def test_synchrony_does_not_depend_on_who_else_is_in_the_batch():
    outputs, batch = embedded()
    half = [{k: v[:3] for k, v in each.items()} for each in (outputs, batch)]
    whole = matching.synchrony(outputs, batch, 0.1)[0][:3]
    np.testing.assert_allclose(matching.synchrony(*half, 0.1)[0], whole, rtol=1e-6)


def test_a_batch_of_one_recording_has_nothing_to_compare():
    outputs, batch = embedded()
    sums, weights = matching.correspondence(outputs, {"track": np.zeros(6)}, 0.1)
    assert not weights.numpy().any() and np.isfinite(sums).all()


@pytest.mark.parametrize(
    "text, model, options, said",
    [
        ("mean_square", network, {}, "loss='mean_square' is of separated sources"),
        ("snr + synchrony", network, {}, "choose correspondence or synchrony"),
        ("synchrony", separator, {}, "use it with model.name=correspondence"),
        ("synchrony", network, {"moments": 1}, "model.moments=1 leaves nothing"),
        ("synchony", network, {}, "did you mean 'synchrony'"),
    ],
)
def test_a_loss_of_another_kind_of_model_is_refused(text, model, options, said):
    with pytest.raises(InputError, match=said):
        losses.Loss(text, model(**options))
    with pytest.raises(InputError, match="is of separated sources"):
        losses.Loss("correspondence", network(), source_order="best")


# --- The model ------------------------------------------------------------------------
def flashes(model, n, seed):
    """Windows that are as bright as they are loud, from moment to moment."""
    random = np.random.default_rng(seed)
    level = random.uniform(0, 1, size=[n, model.moments])
    samples = np.repeat(level, model.n_in // model.moments, axis=1)
    mix = (samples * random.normal(size=samples.shape))[..., np.newaxis]
    shown = np.repeat(level, 2, axis=1)  # 8 frames of 0.05 s
    visual = np.stack([shown, np.ones_like(shown)], axis=-1)[:, np.newaxis]
    given = {"mix": mix, "visual": visual, "has_visual": np.ones([n, 1])}
    given["visual_start"] = np.zeros(n)
    return {k: tf.constant(v, tf.float32) for k, v in given.items()} | {
        "track": tf.range(n)
    }


def found_again(model, batch):
    """Share of windows whose sound has its own picture nearest, of all."""
    outputs = model(batch)
    pairs = matching.similarities(outputs["audio"], outputs["visual"])
    return float(np.mean(np.argmax(pairs, axis=1) == np.arange(len(pairs))))


def test_it_learns_which_picture_a_sound_belongs_to():
    tf.keras.utils.set_random_seed(1)
    model, held_back = network(), None
    judged = losses.Loss("correspondence + synchrony", model)
    adam = tf.keras.optimizers.Adam(0.01)
    held_back = flashes(model, 16, 0)
    assert found_again(model, held_back) <= 0.25

    @tf.function
    def step(batch):
        with tf.GradientTape() as tape:
            sums, weights = judged.parts(model(batch, training=True), batch)
            loss = judged.mean(tf.reduce_sum(sums, 1), tf.reduce_sum(weights, 1))
        weights = model.trainable_variables
        adam.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return loss

    said = [float(step(flashes(model, 16, 1 + k))) for k in range(60)]
    assert np.mean(said[-5:]) < 0.6 * np.mean(said[:5])
    assert found_again(model, held_back) >= 0.5  # chance: 1 / 16


def test_what_is_seen_counts_in_the_moment_in_which_it_is_seen():
    model = network()
    batch = flashes(model, 1, 0)
    before = model(batch)["visual"].numpy()
    visual = batch["visual"].numpy()
    visual[:, :, 7] += 5  # frame 7 of 8, in the last of 4 moments; the encoder looks
    after = model({**batch, "visual": visual})["visual"].numpy()  # 2 frames around
    changed = np.abs(after - before).max(axis=(0, 1, 3)) > 1e-6
    np.testing.assert_array_equal(changed, [False, False, True, True])


def test_without_anything_to_see_it_is_refused():
    with pytest.raises(InputError, match="prepare them with visual.front_end"):
        network(visual_size=None)


# --- What a separator takes -----------------------------------------------------------
@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    tf.keras.utils.set_random_seed(5)
    return checkpoints.save(tmp_path_factory.mktemp("pretrained"), network())


def test_a_separator_takes_exactly_what_the_patterns_name(folder):
    source, model = checkpoints.load(folder), separator(num_initial_filters=4)
    before = {name: weight.numpy() for name, weight in transfer.named(model).items()}
    patterns = ["encoder/*", "down_[01]/kernel", "*_projection/*"]
    adam = optimizers.optimizer("adam", 1e-3)
    said = warm_start.take(folder, model, adam, patterns)
    there, here = transfer.named(source), transfer.named(model)
    eyes = [f"encoder/{name}" for name in ("self/kernel", "self/bias", "others/kernel")]
    eyes += ["encoder/time_0/kernel", "encoder/time_0/bias"]
    taken = {*eyes, "down_0/kernel", "down_1/kernel"}
    for name, weight in here.items():
        expected = there[name] if name in taken else before[name]
        np.testing.assert_array_equal(weight, expected, err_msg=name)
    first, *rest = said.splitlines()
    assert first.startswith("7 weights (") and f"of {folder}, by encoder/* " in first
    assert rest == [
        "        taken   down_0 down_1 encoder/self encoder/others encoder/time_0",
        "        left    audio_projection/kernel: this model has none",
        "        left    visual_projection/kernel: this model has none",
    ]


def test_what_a_separator_takes_sees_a_player_in_company_as_alone(folder):
    model = separator()
    eyes = np.random.default_rng(0).normal(size=[1, 2, 7, 2]).astype("f")
    encoder = model.conditioning.encoder
    strange = encoder(eyes).numpy()[:, :1] - encoder(eyes[:, :1])
    assert np.abs(strange).max() > 1e-2
    warm_start.take(folder, model, None, ["encoder/*"])
    alone = encoder(eyes[:, :1]).numpy()
    np.testing.assert_array_equal(encoder(eyes).numpy()[:, :1], alone)
    assert np.abs(alone).max() > 1e-2


def test_what_has_another_shape_is_left_and_told(folder):
    model = separator(num_layers=4, filter_size=5, visual_layers=2)
    said = warm_start.take(folder, model, None, ["bottom/*", "encoder/*"])
    assert "left    bottom/kernel: [5, 12, 16] there, [5, 16, 20] here" in said
    assert "new     encoder/time_1" in said


@pytest.mark.parametrize("eyes", ["frames_cnn", "frames_mobilenet"])
def test_networks_of_pictures_have_the_same_names_everywhere(eyes):
    sees = dict(visual_size=[32, 32, 3], frame_network=eyes)
    one, two = (transfer.named(make(**sees)) for make in (network, separator))
    assert len(one) == len(network(**sees).weights)
    inside = [name for name in one if name.split("/")[0] in transfer.PARTS]
    assert len(inside) > 5 and {"frames", "encoder"} == {
        n.split("/")[0] for n in inside
    }
    assert all(one[name].shape == two[name].shape for name in inside)


@pytest.mark.parametrize(
    "patterns, said",
    [
        (["encodr/*"], "has 'encodr/\\*', and no weight of .* did you mean 'encoder/"),
        (["down_*", "frames/*"], "has 'frames/\\*', and no weight .*there are down_0/"),
        (
            ["audio_*"],
            "nothing that they name in .* \\(audio_projection/kernel: this m",
        ),
        ([], "is a Correspondence, this model a WaveUNet; say which weights to take"),
    ],
)
def test_patterns_that_name_nothing_of_use_are_refused(folder, patterns, said):
    with pytest.raises(InputError, match=said):
        warm_start.check(folder, separator(), True, patterns)


def test_patterns_without_a_folder_are_refused():
    with pytest.raises(InputError, match="patterns=\\['down_\\*'\\] say which .* name"):
        warm_start.check(None, separator(), True, ["down_*"])
