"""Every model keeps every promise: one table of models, one test a promise."""

import functools
import inspect
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import Models
from Models import checkpoints

FIXED = dict(source_names=["low", "high"], sample_rate=8000, channels=2)
WAVE = dict(FIXED, num_layers=2, num_initial_filters=3, filter_size=5, num_frames=20)
WAVE["input_filter_size"] = 5
SPECTRAL = dict(
    FIXED, num_layers=2, num_initial_filters=3, frame_length=16, frame_step=12
)
SPECTRAL["num_frames"] = 20
MATCHING = dict(FIXED, num_layers=2, num_initial_filters=3, filter_size=5)
MATCHING |= dict(num_frames=20, moments=2, embedding_size=4, visual_channels=3)
MATCHING |= dict(visual_layers=1, visual_size=3, visual_rate=1000.0)
FUSERS = ["film@encoder", "multiplicative_attention:score@decoder_0"]
FUSERS += ["concatenation@output", "multiplicative_gating:score@bottleneck"]

ROWS = {  # label: (name in Models.MODELS, options of its smallest instance)
    "wave_unet": ("wave_unet", WAVE),
    "wave_unet, learned": ("wave_unet", dict(WAVE, upsampling="learned")),
    "wave_unet, context, difference": (
        "wave_unet",
        dict(WAVE, context=True, output_type="difference", upsampling="learned"),
    ),
    "wave_unet, linear output": (
        "wave_unet",
        dict(WAVE, context=True, output_activation="linear", output_filter_size=3),
    ),
    "wave_unet, labels": (
        "wave_unet",
        dict(WAVE, context=True, fusers=["outer_product@bottleneck"]),
    ),
    "wave_unet, labels and score": (
        "wave_unet",
        dict(WAVE, fusers=FUSERS, score_rate=1000.0, null_conditions=True),
    ),
    "wave_unet, slots that follow players": (
        "wave_unet",
        dict(
            WAVE,
            context=True,
            slots="conditioned",
            fusers=["film:visual@bottleneck", "additive_attention:visual@input"],
            visual_size=3,
            visual_rate=1000.0,
        ),
    ),
    "correspondence": ("correspondence", MATCHING),
    "correspondence, pictures": (
        "correspondence",
        dict(MATCHING, visual_size=[16, 16, 3], visual_layers=0),
    ),
    "spectrogram_unet": ("spectrogram_unet", SPECTRAL),
    "spectrogram_unet, legacy": ("spectrogram_unet", dict(SPECTRAL, legacy_fft=True)),
}
SHAPES = {  # of conditions, for 3 examples, 2 labels or players and 5 frames
    "labels": (3, 2),
    "score": (3, 2, 5),
    "visual": (3, 2, 5, 3),
    "frames": (3, 2, 5, 16, 16, 3),
    "has_visual": (3, 2),
    **dict.fromkeys(["has_labels", "has_score", "score_start", "visual_start"], (3,)),
}
SEPARATORS = {name for name in Models.MODELS if Models.model_class(name).separates}
every_separator = pytest.mark.parametrize(
    "row", sorted(row for row, (name, _) in ROWS.items() if name in SEPARATORS)
)
every_model = pytest.mark.parametrize("row", sorted(ROWS))


@functools.cache
def built(row):
    """(model, values of its variables as they were made)."""
    name, options = ROWS[row]
    keras.utils.set_random_seed(0)
    model = Models.build(name, **options)
    return model, [variable.numpy() for variable in model.variables]


def tiny(row, n_batch=3, n=None):
    model, values = built(row)
    for variable, value in zip(model.variables, values):
        variable.assign(value)  # whatever the test before did
    n_in = model.n_in if n is None else model.lengths(n).n_in
    noise = np.random.default_rng(1).normal(size=(n_batch, n_in, model.channels))
    batch = {"mix": 0.3 * noise.astype(np.float32)}
    random = np.random.default_rng(3)
    for key in set(model.batch_keys) - {"mix"}:
        batch[key] = random.random(SHAPES[key]).astype(np.float32)[:n_batch]
    if hasattr(model, "conditioning"):  # what acts on nothing at first
        for weight in model.conditioning.trainable_variables:
            weight.assign(weight + 0.3 * random.normal(size=weight.shape))
    return model, batch


def answer(outputs):
    """Sources [B, S, T, C]; of what separates nothing, what it gives, [B, N, 1, 1]."""
    if "sources" in outputs:
        return outputs["sources"]
    rows = tf.shape(outputs["audio"])[0]
    both = [tf.reshape(outputs[key], [rows, -1]) for key in ("audio", "visual")]
    return tf.concat(both, axis=1)[..., tf.newaxis, tf.newaxis]


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=3e-6)


def test_every_model_has_a_row():
    assert {name for name, _ in ROWS.values()} == set(Models.MODELS)


@every_model
def test_a_model_is_built_when_its_constructor_returns(row):
    model, _ = tiny(row)
    assert model.built and model.weights and model.count_params() > 0


@every_separator
def test_the_output_is_float32_sources_by_time_by_channels(row):
    model, batch = tiny(row)
    sources = answer(model(batch))
    n_sources = len(model.source_names)
    assert sources.shape == (3, n_sources, model.n_out, model.channels)
    assert sources.dtype == tf.float32


@every_model
def test_the_keys_a_model_names_are_all_it_reads(row):
    model, batch = tiny(row)
    assert set(model.batch_keys) == set(batch)
    more = dict(batch, track=np.arange(3), active=np.ones((3, 2), np.float32))
    np.testing.assert_array_equal(answer(model(more)), answer(model(batch)))


@every_model
@pytest.mark.parametrize("training", [False, True])
def test_graph_and_eager_agree(row, training):
    model, batch = tiny(row)
    specs = {"mix": tf.TensorSpec([None, None, model.channels])}
    for key in set(batch) - {"mix"}:
        specs[key] = tf.TensorSpec([None, *batch[key].shape[1:]])

    @tf.function(input_signature=[specs])
    def graph(batch):
        return answer(model(batch, training=training))

    before = [variable.numpy() for variable in model.variables]
    found = graph(batch)
    for variable, value in zip(model.variables, before):
        variable.assign(value)  # the seeds of dropout go on from call to call
    close(found, answer(model(batch, training=training)))


@every_model
def test_every_weight_receives_a_gradient(row):
    model, batch = tiny(row)
    with tf.GradientTape() as tape:
        sources = answer(model(batch, training=True))
        # A residual cancels in a plain sum; random signs keep every source.
        signs = np.random.default_rng(2).normal(size=sources.shape)
        loss = tf.reduce_sum(sources * signs.astype(np.float32))
    weights = model.trainable_variables
    for weight, gradient in zip(weights, tape.gradient(loss, weights)):
        assert gradient is not None and np.any(gradient), weight.path


@every_model
def test_permuting_a_batch_permutes_its_outputs_and_nothing_else(row):
    model, batch = tiny(row)
    order = [2, 0, 1]
    permuted = {key: value[order] for key, value in batch.items()}
    before, after = answer(model(batch)).numpy(), answer(model(permuted)).numpy()
    close(after, before[order])
    assert not np.allclose(before[0], before[1], atol=1e-4)
    alone = answer(model({key: value[:1] for key, value in batch.items()}))
    close(alone, before[:1])


@every_model
@pytest.mark.parametrize("n", [1, 19, 20, 21, 64, 100])
def test_a_model_gives_as_many_samples_as_its_lengths_say(row, n):
    model, batch = tiny(row, n_batch=1, n=n)
    n_in, n_out, hop = model.lengths(n)
    assert n_out >= n
    assert not model.separates or model(batch)["sources"].shape[2] == n_out
    assert n_in >= n_out and (n_in - n_out) % 2 == 0
    assert 1 <= hop <= n_out
    assert model.has_context == (n_in > n_out)


@every_model
def test_a_model_is_good_between_its_edges_however_far_a_mixture_moves(row):
    model, _ = tiny(row)
    assert 0 <= 2 * model.edge < model.n_out and model.grain >= 1
    assert model.lengths(1).hop % model.grain == 0
    assert model.edge == 0 or not model.has_context


@every_model
def test_the_attributes_are_the_lengths_of_the_frames_asked_for(row):
    model, _ = tiny(row)
    assert (model.n_in, model.n_out, model.hop) == model.lengths(model.num_frames)
    assert model.source_names == FIXED["source_names"]
    assert (model.sample_rate, model.channels) == (8000, 2)


def constructor(row):
    signature = inspect.signature(Models.model_class(ROWS[row][0]))
    kinds = inspect.Parameter
    return [p for p in signature.parameters.values() if p.kind != kinds.VAR_KEYWORD]


@every_model
def test_the_configuration_is_complete_and_plain(row):
    model, _ = tiny(row)
    config = json.loads(json.dumps(model.get_config()))
    assert {p.name for p in constructor(row)} <= set(config)
    for knob, value in ROWS[row][1].items():
        assert config[knob] == value
    assert type(model).from_config(config).get_config() == model.get_config()


@every_model
def test_every_argument_of_the_constructor_is_documented(row):
    documentation = Models.model_class(ROWS[row][0]).__doc__
    for parameter in constructor(row):
        assert f"\n      {parameter.name}: " in documentation, parameter.name


@every_model
def test_keras_saves_and_loads_it(row, tmp_path):
    model, batch = tiny(row)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(answer(again(batch)), answer(model(batch)))


@every_model
def test_a_checkpoint_folder_saves_and_loads_it(row, tmp_path):
    model, batch = tiny(row)
    again = checkpoints.load(checkpoints.save(tmp_path / "checkpoint", model))
    assert again.get_config() == model.get_config()
    np.testing.assert_array_equal(answer(again(batch)), answer(model(batch)))


@every_model
def test_it_computes_in_bfloat16_and_answers_in_float32(row):
    name, options = ROWS[row]
    model, batch = tiny(row)
    half = Models.build(name, **options, dtype="mixed_bfloat16")
    half.set_weights(model.get_weights())
    rough, exact = answer(half(batch)), answer(model(batch)).numpy()
    assert rough.dtype == tf.float32
    error = np.abs(rough - exact).max()
    assert 0 < error < 0.05 * max(1, np.abs(exact).max())


def test_a_misspelt_model_is_told_the_nearest():
    with pytest.raises(ValueError, match="no model 'wave_net'; did you mean 'wave_un"):
        Models.build("wave_net")
