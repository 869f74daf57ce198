"""What is known of a recording: window by window, however it is cut; its errors."""

import keras
import numpy as np
import pytest

import Models
import Predict
from Learning import optimizers
from Models import checkpoints, memory, warm_start
from Models.given import Given
from Schema import InputError
from tests.echoes import noise

RATE, NAMES = 1000, ["fl", "vc", "vn"]
NOTES = {  # onset s, Hz, duration s
    "fl": [[0.0, 440, 0.5], [1.2, 440, 0.31]],
    "vn": [[0.4, 440, 0.9], [2.9, 440, 1.0]],
}


def network(*fusers, spread=0.3, **knobs):
    keras.utils.set_random_seed(0)
    sizes = dict(num_layers=3, num_initial_filters=4, num_frames=64, score_rate=25.0)
    sizes |= {"context": True, "fusers": list(fusers), **knobs}
    model = Models.build(
        "wave_unet", source_names=NAMES, sample_rate=RATE, channels=1, **sizes
    )
    random = np.random.default_rng(0)
    for weight in model.conditioning.trainable_variables:
        weight.assign(weight + spread * random.normal(size=weight.shape))
    return model


@pytest.fixture(autouse=True)
def plenty(monkeypatch):
    """Memory that no test of these needs, unless it says otherwise."""
    monkeypatch.setattr(memory, "at_hand", lambda: 1 << 40)


SCORED = {
    "vocabulary": network("film:score@decoder", "additive_attention:score@encoder_1"),
    "conditioned": network(
        *("film:score@input", "multiplicative_attention:score@bottleneck"),
        slots="conditioned",
    ),
    "without context": network("film:score@decoder", context=False),
}


def in_one_piece(model, mix, notes):
    """{name: float32 [T, C]}: one call of the model, silence around, a plain score."""
    n_in, n_out, _ = model.lengths(len(mix))
    early, n_frames = (n_in - n_out) // 2, 400
    padded = np.zeros((1, n_in, 1), np.float32)
    padded[0, early:][: len(mix)] = mix
    names = NAMES if model.slots == "vocabulary" else list(notes)
    fine = np.zeros((1, len(names), n_frames, 1000))  # a thousandth of a frame
    edges = (np.arange(n_frames * 1000) + 0.5) / 25_000 - 4.0  # from 4 s before on
    for row, name in zip(fine[0], names):
        for onset, _, lasting in notes.get(name, []):
            row.ravel()[(edges >= onset) & (edges < onset + lasting)] = 1
    score = fine.mean(axis=-1).astype(np.float32)
    batch = {"mix": padded, "score": score, "score_start": np.array([-4.0])}
    found = model(batch)["sources"].numpy()[0, :, : len(mix)]
    return dict(zip(names, found))


@pytest.mark.parametrize("segment", [None, 64, 200])
@pytest.mark.parametrize("name", SCORED)
def test_a_score_follows_a_recording_however_it_is_cut(name, segment):
    model, mix = SCORED[name], noise(3000)
    predictor = Predict.Predictor(model, segment=segment, batch_size=3, overlap=0)
    found = predictor.separate(mix, RATE, notes=NOTES)
    assert list(found) == ["fl", "vn"]
    if not model.has_context:  # segments see zeros around them
        predictor = Predict.Predictor(model, segment=3000, overlap=0)
        whole = predictor.separate(mix, RATE, notes=NOTES)
        wanted = in_one_piece(model, mix, NOTES)
        np.testing.assert_allclose(whole["vn"], wanted["vn"], atol=2e-5)
        return
    for source, wanted in in_one_piece(model, mix, NOTES).items():
        if source in found:
            np.testing.assert_allclose(found[source], wanted, atol=2e-5)
    later = {k: [[on + 0.2, f, d] for on, f, d in v] for k, v in NOTES.items()}
    moved = predictor.separate(mix, RATE, notes=later)
    assert np.abs(moved["vn"] - found["vn"]).max() > 1e-3


def test_a_score_follows_a_recording_of_another_rate_and_two_channels():
    predictor = Predict.Predictor(SCORED["vocabulary"])
    time = np.arange(6000)[:, None] / 2000
    mix = 0.5 * np.sin(2 * np.pi * 40 * time)  # well below both rates
    found = predictor.separate(np.tile(mix, 2), 2000, notes=NOTES)["fl"]
    wanted = predictor.separate(mix[::2], RATE, notes=NOTES)["fl"]
    later = {k: [[on + 0.04, f, d] for on, f, d in v] for k, v in NOTES.items()}
    a_frame_off = predictor.separate(mix[::2], RATE, notes=later)["fl"]
    error = np.abs(found[::2, :1] - wanted).mean()  # rings where the score changes
    assert error < 2e-3 and error < 0.1 * np.abs(a_frame_off - wanted).mean()
    np.testing.assert_array_equal(found[:, 0], found[:, 1])


BOTH = ("film@decoder", "film:score@bottleneck")


@pytest.mark.parametrize(
    "fusers, knobs, given, told",
    [
        (["film@input"], {}, {}, "give labels, of fl, vc, vn"),
        (["film@input"], {}, {"labels": ["ob"]}, "'ob'; there are fl, vc, vn"),
        (["film@input"], {}, {"labels": "vn", "score": {}}, "on score; omit notes"),
        (["film@input"], {}, {"labels": []}, "labels name no source; omit them"),
        (["film:score@input"], {}, {"score": {}}, "notes name no source; omit them"),
        (BOTH, {}, {"labels": "vc", "score": {"vn": np.ones(3)}}, "notes of vn only"),
        (["film:score@input"], {}, {}, "told the score of each source: give notes"),
        (["film:score@input"], {}, {"score": {"ob": [0]}}, "'ob'; there are fl"),
        (
            BOTH,
            {"slots": "conditioned"},
            {"labels": "vn,vc", "score": {"vn": np.ones(3)}},
            "labels name vn, vc, but there are notes of vn only",
        ),
        (
            BOTH,
            {"slots": "conditioned", "null_conditions": True},
            {},
            "separates what is named: give labels, of fl, vc, vn",
        ),
    ],
)
def test_a_condition_that_does_not_fit_is_refused(fusers, knobs, given, told):
    with pytest.raises(InputError, match=told):
        Given(network(*fusers, **knobs), **given)


WRONG = [{"vn": [1.0, 2.0]}, {"vn": [[0, np.nan, 1]]}, 3, {"vn": [[0, 440, 1], [1]]}]
WRONG += [{"vn": "abc"}]


@pytest.mark.parametrize("notes", WRONG, ids=str)
def test_notes_that_are_none_are_refused(notes):
    predictor = Predict.Predictor(SCORED["vocabulary"])
    told = "of 'vn' must be|must be {source|of 'vn': a frequency of nan"
    with pytest.raises(InputError, match=told):
        predictor.separate(noise(100), RATE, notes=notes)


def test_slots_that_are_known_by_their_notes_alone_need_no_labels():
    model = network(*BOTH, slots="conditioned", null_conditions=True)
    predictor, mix = Predict.Predictor(model), noise(500)
    assert list(predictor.separate(mix, RATE, notes=NOTES)) == ["fl", "vn"]
    assert list(predictor.separate(mix, RATE, labels="vn")) == ["vn"]
    assert list(predictor.separate(mix, RATE, labels="vn", notes=NOTES)) == ["vn"]


def test_a_network_that_is_given_fusers_begins_where_it_was(tmp_path):
    bare = network()
    folder = checkpoints.save(tmp_path / "bare", bare)
    model = network("film@encoder", "additive_attention:score@output", spread=0)
    for weight in model.weights[:4]:
        weight.assign(weight + 1)
    said = warm_start.take(folder, model, optimizers.optimizer("adam", 1e-3))
    more = model.count_params() - bare.count_params()
    assert f"weights of {folder}; {more:,} more are new" in said
    mix = noise(500)
    found = Predict.Predictor(model).separate(mix, RATE, "fl,vn", notes=NOTES)
    wanted = Predict.Predictor(bare).separate(mix, RATE)
    for name in found:
        np.testing.assert_array_equal(found[name], wanted[name])
    with pytest.raises(InputError, match="other conditions .film_labels_encoder_0"):
        warm_start.check(checkpoints.save(tmp_path / "fused", model), bare)


@pytest.mark.parametrize(
    "there, here, told",
    [
        (["additive_gating@decoder"], ["multiplicative_gating@decoder"], "other cond"),
        (["film@decoder"], ["film:score@decoder"], "has other conditions"),
        ([], ["concatenation@decoder"], "concatenation_labels_decoder_2 widens"),
    ],
)
def test_weights_of_other_fusers_are_refused(there, here, told, tmp_path):
    folder = checkpoints.save(tmp_path / "there", network(*there))
    with pytest.raises(InputError, match=told):
        warm_start.check(folder, network(*here))
