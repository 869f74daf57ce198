"""Fusers in a network: named, on time at every level, identity at first, per slot."""

import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import Models
from Models import fusers, wave_unet_fast, wave_unet_plain
from Schema import InputError

SIZES = dict(source_names=["a", "b", "c"], sample_rate=1000, channels=1, num_layers=3)
SIZES |= dict(num_initial_filters=3, filter_size=5, input_filter_size=5, num_frames=20)
SIZES |= dict(score_rate=200.0, visual_size=4, visual_rate=100.0, dtype="float64")
PLACES = ("input", "encoder", "bottleneck", "decoder", "output")
N_FRAMES, N_PLAYERS = 9, 2


def network(*names, spread=0.0, seed=1, **knobs):
    keras.utils.set_random_seed(seed)
    model = Models.build("wave_unet", **{**SIZES, "fusers": list(names), **knobs})
    random = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        weight.assign(weight + spread * random.normal(size=weight.shape))
    return model


def batch_for(model, n_batch=3, n_slots=2, seed=2):
    random, n_names = np.random.default_rng(seed), len(model.source_names)
    per_slot = model.slots == "conditioned"
    rows, players = (n_slots, n_slots) if per_slot else (n_names, N_PLAYERS)
    labels = random.integers(0, 2, (n_batch, n_names))
    if per_slot:
        labels = np.eye(n_names)[random.integers(0, n_names, (n_batch, n_slots))]
    found = {
        "mix": random.normal(size=(n_batch, model.n_in, 1)),
        "labels": labels.astype(float),
        "score": random.random((n_batch, rows, N_FRAMES)),
        "visual": random.normal(size=(n_batch, players, N_FRAMES, 4)),
        "score_start": random.normal(size=n_batch) * 0.01 - 0.01,
        "visual_start": random.normal(size=n_batch) * 0.01 - 0.01,
        "has_labels": np.ones(n_batch),
        "has_score": np.ones(n_batch),
        "has_visual": np.ones((n_batch, players)),
    }
    return {key: tf.constant(found[key], tf.float64) for key in model.batch_keys}


def sources(model, batch):
    return model(batch)["sources"].numpy()


# --- Names ----------------------------------------------------------------------------
def test_a_name_says_kind_condition_and_place():
    found = fusers.read(["film:score@decoder_1", "concatenation@input"], 2)
    assert found == [
        ("concatenation", "labels", "input"),
        ("film", "score", "decoder_1"),
    ]


def test_encoder_and_decoder_are_all_of_their_levels_in_the_order_of_the_network():
    found = fusers.read(["film@decoder", "film@encoder"], 2)
    expected = ["encoder_0", "encoder_1", "decoder_1", "decoder_0"]
    assert [named.place for named in found] == expected


@pytest.mark.parametrize(
    "names, told",
    [
        (["film"], "fusers='film' is not KIND@PLACE"),
        ([3], "fusers=3 is not KIND@PLACE"),
        (["flim@bottleneck"], "'flim' .*did you mean 'film'"),
        (["film:label@bottleneck"], "'label' .*did you mean 'labels'"),
        (["film@botleneck"], "'botleneck' .*did you mean 'bottleneck'"),
        (["film@encoder_3"], "not 'encoder_3'"),
        (["film@encoder", "film@encoder_1"], "act twice at encoder_1"),
    ],
)
def test_a_name_that_is_none_is_refused(names, told):
    with pytest.raises(InputError, match=told):
        network(*names)


@pytest.mark.parametrize(
    "names, knobs, told",
    [
        ([], {"slots": "conditioned"}, "need a condition to follow"),
        ([], {"null_conditions": True}, "null_conditions=True needs fusers"),
        (["film@input"], {"slots": "named"}, "slots must be .* not 'named'"),
        (["film@input"], {"score_rate": 0}, "score_rate must be a number above 0"),
        (["film:visual@input"], {"visual_size": None}, "listen to 'visual', which"),
        (
            ["film@input"],
            {"slots": "conditioned", "output_type": "difference"},
            "needs output_type='direct'",
        ),
        (
            ["film@input"],
            {"slots": "conditioned", "null_conditions": True},
            "only condition",
        ),
    ],
)
def test_impossible_conditioning_is_refused(names, knobs, told):
    with pytest.raises(InputError, match=told):
        network(*names, **knobs)


def test_the_configuration_is_plain_and_complete():
    model = network("film@decoder", "film:score@input", null_conditions=True)
    config = json.loads(json.dumps(model.get_config()))
    assert config["fusers"] == ["film@decoder", "film:score@input"]
    paths = [weight.path for weight in model.weights]
    assert len(set(paths)) == len(paths)
    again = type(model).from_config(config)
    assert [w.path for w in again.weights] == [w.path for w in model.weights]


# --- Clocks ---------------------------------------------------------------------------
class Recorder:
    """Stands for `Known`; keeps every map and its clock, and changes nothing."""

    def __init__(self):
        self.maps = {}

    def acts(self, place):
        return True

    def fuse(self, place, x, clock):
        self.maps.setdefault(place, []).append((x.numpy()[0, :, -1], clock))
        return x

    def beside(self, made, x, now):
        return x


@pytest.mark.parametrize("form", [wave_unet_plain, wave_unet_fast])
@pytest.mark.parametrize(
    "knobs",
    [
        {"context": True},
        {"context": True, "filter_size": 3, "input_filter_size": 3},
        {"context": True, "merge_filter_size": 7, "upsampling": "learned"},
        {"context": True, "input_filter_size": 13, "output_filter_size": 3},
        {"num_layers": 2},
    ],
    ids=str,
)
def test_every_map_is_on_the_clock_that_fusers_are_told(form, knobs):
    """A ramp stays a ramp through filters that average: a step's value is its time."""
    model = network(**{**knobs, "num_frames": 200})
    for layer in (*model.down, model.bottom, *model.up):
        layer.kernel.assign(
            tf.ones_like(layer.kernel) / np.prod(layer.kernel.shape[:2])
        )
    for layer in model.upsamplings:
        for weight in layer.weights:
            weight.assign(tf.zeros_like(weight))  # one half of each neighbour
    early, above = (model.n_in - model.n_out) / 2, 1000.0  # so that none is negative
    ramp = np.arange(model.n_in) + 0.5 - early + above
    known = Recorder()
    form.raw(model, tf.constant(ramp[None, :, None]), known)
    assert set(known.maps) == set(fusers.places(model.num_layers))
    margin = 0 if model.context else 60  # samples that zeros around a map reach
    for place, found in known.maps.items():
        for x, clock in found:
            times = clock.first + clock.step * np.arange(len(x))
            inside = (times > margin - early) & (times < model.n_out - margin)
            assert inside.sum() >= 5, place
            np.testing.assert_allclose(x[inside] - above, times[inside], atol=1e-9)


@pytest.mark.parametrize("context", [False, True])
def test_the_last_map_is_on_the_clock_of_the_target(context):
    model = network(context=context)
    assert model.clocks()["output"] == (0.5, 1.0, 1000)
    deep = network(context=context, num_layers=5, num_frames=3000)
    assert deep.clocks()["output"] == (0.5, 1.0, 1000)


# --- Forms and the start --------------------------------------------------------------
def outputs_and_gradients(model, form, batch):
    model.form = form
    with tf.GradientTape() as tape:
        y = model(batch)["sources"]
        loss = tf.reduce_sum(tf.sin(3 * y))
    return y, tape.gradient(loss, [w.value for w in model.trainable_variables])


WAYS = list(itertools.product(fusers.CONDITIONS, ["vocabulary", "conditioned"]))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", sorted(fusers.KINDS))
def test_both_forms_are_one_function(kind, place):
    number = sorted(fusers.KINDS).index(kind) + PLACES.index(place)
    condition, slots = WAYS[number % len(WAYS)]
    model = network(
        f"{kind}:{condition}@{place}",
        spread=0.3,
        context=bool(number % 2),
        slots=slots,
        upsampling=["linear", "learned"][number // 2 % 2],
    )
    batch = batch_for(model)
    (plain, slopes), (fast, others) = (
        outputs_and_gradients(model, form, batch) for form in ("plain", "fast")
    )
    np.testing.assert_allclose(plain, fast, rtol=0, atol=1e-10)
    scale = max(np.abs(slope).max() for slope in slopes)
    for weight, a, b in zip(model.trainable_variables, slopes, others):
        assert a is not None and np.abs(a).max() > 0, weight.path
        assert np.abs(a - b).max() <= 1e-10 * scale, weight.path


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("condition", fusers.CONDITIONS)
def test_a_new_fuser_leaves_the_network_as_it_was(condition, place):
    kinds = set(fusers.KINDS) - {"outer_product", "concatenation"}
    names = [f"{kind}:{condition}@{place}" for kind in sorted(kinds)]
    model, bare = network(*names), network(seed=5)
    weights = {w.path.partition("/")[2]: w for w in model.weights}
    for weight in bare.weights:
        weight.assign(weights[weight.path.partition("/")[2]])
    batch = batch_for(model)
    np.testing.assert_array_equal(sources(model, batch), sources(bare, batch))


@pytest.mark.parametrize("place", PLACES)
def test_what_is_concatenated_says_nothing_at_first(place):
    model = network(f"concatenation@{place}")
    batch = batch_for(model)
    other = {**batch, "labels": 1 - batch["labels"]}
    np.testing.assert_array_equal(sources(model, batch), sources(model, other))
    for fuser in model.conditioning.fusers:
        fuser.projection.kernel.assign(tf.ones_like(fuser.projection.kernel))
    assert np.abs(sources(model, batch) - sources(model, other)).max() > 1e-4


def test_fusers_at_many_places_and_of_many_conditions_act_together():
    model = network(
        *(
            "film@encoder",
            "film:score@decoder",
            "multiplicative_attention:visual@input",
        ),
        *("concatenation:score@bottleneck", "outer_product@bottleneck"),
        spread=0.2,
        null_conditions=True,
    )
    batch = batch_for(model)
    before = sources(model, batch)
    for key in ("labels", "score", "visual"):
        changed = sources(model, {**batch, key: batch[key] * 0.5})
        assert np.abs(changed - before).max() > 1e-5, key


# --- Slots ----------------------------------------------------------------------------
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("condition", fusers.CONDITIONS)
def test_a_slot_follows_its_own_condition_alone(condition, place):
    model = network(f"film:{condition}@{place}", spread=0.3, slots="conditioned")
    batch = batch_for(model, n_slots=3)
    found = sources(model, batch)
    assert found.shape == (3, 3, model.n_out, 1)
    order = [2, 0, 1]
    swapped = {**batch, condition: tf.gather(batch[condition], order, axis=1)}
    np.testing.assert_allclose(sources(model, swapped), found[:, order], atol=1e-12)
    alone = {**batch, condition: batch[condition][:, 1:2]}
    np.testing.assert_allclose(sources(model, alone), found[:, 1:2], atol=1e-12)


# --- Missing conditions ---------------------------------------------------------------
def test_one_network_separates_with_any_of_its_conditions_or_none():
    names = "film@decoder", "film:score@bottleneck", "additive_attention:score@output"
    model = network(*names, spread=0.3, null_conditions=True)
    batch, found = batch_for(model), {}
    for labels, score in itertools.product([0.0, 1.0], repeat=2):
        told = {"has_labels": labels * tf.ones([3], "float64")}
        told["has_score"] = score * tf.ones([3], "float64")
        now = {**batch, **told}
        found[labels, score] = sources(model, now)
        for key, known in (("labels", labels), ("score", score)):
            other = sources(model, {**now, key: 1 - now[key]})
            same = np.abs(other - found[labels, score]).max() < 1e-12
            assert same == (not known), key  # the value counts if it is known
    for a, b in itertools.combinations(found.values(), 2):
        assert np.abs(a - b).max() > 1e-4


def test_the_vectors_for_missing_conditions_are_trained():
    names = "film@decoder", "concatenation:score@input", "film:visual@bottleneck"
    model = network(*names, spread=0.3, null_conditions=True)
    batch = batch_for(model)
    for key in ("has_labels", "has_score", "has_visual"):
        batch[key] = tf.zeros_like(batch[key])
    _, slopes = outputs_and_gradients(model, "fast", batch)
    found = {
        weight.path.split("/")[-2]: np.abs(slope).max()
        for weight, slope in zip(model.trainable_variables, slopes)
        if weight.name == "null"
    }
    assert set(found) == {f"condition_{name}" for name in fusers.CONDITIONS}
    assert min(found.values()) > 0


def test_attention_alone_needs_no_vector_for_what_is_missing():
    model = network("additive_attention@bottleneck", null_conditions=True)
    assert not [weight for weight in model.weights if weight.name == "null"]


# --- After a short fit ----------------------------------------------------------------
def tones(random, n_batch, n_time):
    """float32 [B, 2, T, 1]: a low and a high tone of random phase."""
    phase = random.uniform(0, 2 * np.pi, (n_batch, 2, 1, 1))
    time = np.arange(n_time)[:, None] / 1000
    pitch = np.array([31.0, 200.0])[:, None, None]
    return 0.4 * np.sin(2 * np.pi * pitch * time + phase).astype(np.float32)


def test_a_wrong_label_gives_the_wrong_source():
    model = network(
        "film@bottleneck",
        "film@decoder",
        slots="conditioned",
        dtype="float32",
        num_initial_filters=8,
        num_frames=64,
        output_activation="linear",
    )
    random, optimizer = np.random.default_rng(0), keras.optimizers.Adam(1e-2)
    labels = tf.constant(np.eye(2, 3, dtype=np.float32)[None])  # slots: low, high

    @tf.function
    def step(mix, targets):
        with tf.GradientTape() as tape:
            told = tf.repeat(labels, tf.shape(mix)[0], axis=0)
            found = model({"mix": mix, "labels": told}, training=True)["sources"]
            loss = tf.reduce_mean(tf.square(found - targets))
        weights = model.trainable_variables
        slopes = tape.gradient(loss, [w.value for w in weights])
        optimizer.apply_gradients(zip(slopes, weights))
        return loss

    for _ in range(150):
        targets = tones(random, 8, model.n_in)
        step(targets.sum(axis=1), targets)
    targets = tones(random, 4, model.n_in)
    batch = {"mix": targets.sum(axis=1), "labels": tf.repeat(labels, 4, axis=0)}
    right = sources(model, batch)
    wrong = sources(model, {**batch, "labels": batch["labels"][:, ::-1]})
    power = np.square(targets).mean()
    assert np.square(right - targets).mean() < 0.1 * power
    assert np.square(wrong - targets[:, ::-1]).mean() < 0.1 * power
    assert np.square(wrong - targets).mean() > power
