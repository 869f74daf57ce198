"""Fusers in a network: named, on time at every level, the identity at first."""

import itertools
import json

import numpy as np
import pytest
import tensorflow as tf

from Models import fusers, wave_unet_fast, wave_unet_plain
from Schema import InputError
from tests.fusers_made import (
    PLACES,
    batch_for,
    network,
    outputs_and_gradients,
    sources,
)


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
        (["film@"], "fusers='film@' is not KIND@PLACE"),
        (["film:@input"], "fusers='film:@input' is not KIND@PLACE"),
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
        (["film@input"], {"score_rate": 1e9}, "score_rate must be at most 10000"),
        (["film:visual@input"], {"visual_size": -2}, "visual_size must be a whole"),
        (["film:visual@input"], {"visual_rate": -5}, "visual_rate must be a number"),
        (["film@input"], {"legacy_label_order": True}, "labels of the mixture by an"),
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
