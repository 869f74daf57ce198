"""Predict: however a recording is cut, the seams cannot be heard."""

import numpy as np
import pytest
import tensorflow as tf

import Predict
from Schema import InputError
from tests.echoes import Echo, EdgeSick, Heard, Heavy, Told, noise, rest, write


@pytest.mark.parametrize("n_time", [1, 99, 100, 101, 1003])
@pytest.mark.parametrize("model", [Echo(), Echo(96, 7), Echo(96, 250, hop=32)])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_an_echo_is_returned_sample_for_sample(n_time, model, batch_size):
    predictor = Predict.Predictor(model, segment=96, batch_size=batch_size)
    mix = noise(n_time)
    sources = predictor.separate(mix, model.sample_rate)
    assert list(sources) == ["all", "half"]
    np.testing.assert_array_equal(sources["all"], mix)
    np.testing.assert_array_equal(sources["half"], mix / 2)
    assert sources["all"].dtype == np.float32


@pytest.mark.parametrize("n_out", [100, 103])
@pytest.mark.parametrize("overlap", [0, 0.01, 0.25, 1 / 3, 0.5])
def test_fading_weights_sum_to_one_at_any_overlap(overlap, n_out):
    mix = noise(777)
    predictor = Predict.Predictor(Echo(n_out), overlap=overlap)
    np.testing.assert_array_equal(predictor.separate(mix, 8000)["all"], mix)


def test_fading_hides_what_a_model_gets_wrong_at_the_edges_of_its_segments():
    worst = {}
    for overlap in (0, 0.25):
        sources = Predict.Predictor(EdgeSick(), overlap=overlap).separate(
            np.zeros((1000, 1), np.float32), 8000
        )
        worst[overlap] = np.abs(sources["all"]).max()
    assert worst[0] == 1
    assert worst[0.25] < 0.01


def test_a_model_is_compiled_once_for_all_lengths_and_batches():
    for model in (Heard(100, 20), Heard(100)):
        predictor = Predict.Predictor(model, segment=300, batch_size=2)
        for n_time, channels in [(5, 1), (1000, 2), (4321, 3)]:
            predictor.separate(noise(n_time, channels), 8000)
        assert len(model.shapes) == 1 and len(set(model.batches)) > 1


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
@pytest.mark.parametrize("width", [1, 2])
def test_every_channel_comes_back_whatever_the_model_is_trained_on(channels, width):
    mix = noise(321, channels)
    predictor = Predict.Predictor(Echo(channels=width), batch_size=4)
    np.testing.assert_array_equal(predictor.separate(mix, 8000)["all"], mix)


def test_a_stereo_model_hears_both_channels_of_a_stereo_recording():
    class Sides(Echo):
        def process(self, middle, batch):
            return tf.stack([middle, middle[:, :, ::-1]], axis=1)

    mix = noise(321, 2)
    swapped = Predict.Predictor(Sides(channels=2)).separate(mix, 8000)["half"]
    np.testing.assert_array_equal(swapped, mix[:, ::-1])


def test_an_estimate_follows_its_labels_and_no_others(tmp_path):
    predictor = Predict.Predictor(Told(), batch_size=2)
    mix = noise(500, 2)
    for labels in (["half"], ("half",), "half", " half "):
        sources = predictor.separate(mix, 8000, labels=labels)
        assert list(sources) == ["half"]
        np.testing.assert_array_equal(sources["half"], mix)
    for source in predictor.separate(mix, 8000).values():
        np.testing.assert_array_equal(source, mix)
    with pytest.raises(InputError, match="'oboe'; there are all, half"):
        predictor.separate(mix, 8000, labels=["oboe"])
    with pytest.raises(InputError, match="name 'half' twice"):
        predictor.separate(mix, 8000, labels="half,half")
    both = predictor.separate(mix, 8000, labels="half, all")
    assert list(both) == ["half", "all"]
    np.testing.assert_array_equal(both["all"], mix)
    np.testing.assert_array_equal(both["half"], mix)


@pytest.mark.parametrize("labels", [5, True, False, {"half": 1}, ["half", 5]])
@pytest.mark.parametrize("model", [Echo(), Told()])
def test_labels_that_are_neither_text_nor_names_are_refused(labels, model):
    with pytest.raises(InputError) as refused:
        Predict.Predictor(model).separate(noise(100), 8000, labels)
    assert "labels must be" in str(refused.value)
    assert str(refused.value).endswith(f"not {labels!r}")


@pytest.mark.parametrize("condition", ["labels", "video"])
def test_a_condition_that_the_model_does_not_read_is_refused(tmp_path, condition):
    predictor = Predict.Predictor(Echo())
    with pytest.raises(InputError, match=f"not conditioned on {condition}"):
        predictor.separate(noise(100), 8000, **{condition: "half"})
    with pytest.raises(InputError, match=f"not conditioned on {condition}"):
        predictor.separate_file(
            write(tmp_path / "mix.wav", noise(8000), 8000),
            tmp_path / "out",
            **{condition: "half"},
        )
    assert rest(tmp_path) == ["mix.wav"]


@pytest.mark.parametrize(
    "mix, rate",
    [
        (np.zeros((0, 2)), 8000),
        (np.zeros(5), 8000),
        (np.zeros((1, 5, 2)), 8000),
        (np.zeros((5, 2), np.int16), 8000),
        (np.full((5, 1), np.nan), 8000),
        (np.zeros((5, 1)), 0),
        (np.zeros((5, 1)), 44100.5),
    ],
)
def test_anything_but_audio_at_a_whole_rate_is_refused(mix, rate):
    with pytest.raises(InputError, match="^mix"):
        Predict.Predictor(Echo()).separate(mix, rate)


@pytest.mark.parametrize(
    "options",
    [
        {"segment": 0},
        {"segment": 1.5},
        {"segment": True},
        {"batch_size": 0},
        {"batch_size": True},
        {"overlap": 1},
    ],
)
def test_impossible_options_are_refused(options):
    name = next(iter(options))
    with pytest.raises(InputError, match=name):
        Predict.Predictor(Echo(), **options)
    with pytest.raises(InputError, match=str(options[name])):
        Predict.Predictor(Echo(), **options)


@pytest.mark.parametrize("segment", [None, 2000])
def test_segments_are_shortened_until_they_fit_into_memory(segment):
    predictor = Predict.Predictor(Heavy(100, 20), segment, batch_size=3)
    mix = noise(5000)
    np.testing.assert_array_equal(predictor.separate(mix, 8000)["all"], mix)
    assert 400 < predictor.segment <= 960
    for model in (Heavy(100, 600), Heavy(1001)):
        with pytest.raises(InputError, match="smaller segment or a smaller model"):
            Predict.Predictor(model)


def test_batches_are_made_smaller_until_they_fit_into_memory():
    model, mix = Heavy(400), noise(5000)
    sources = Predict.Predictor(model, batch_size=8, overlap=0).separate(mix, 8000)
    np.testing.assert_array_equal(sources["all"], mix)
    assert max(model.batches) == (2, 400, 1)


def test_estimates_that_are_not_finite_are_refused(tmp_path):
    class Broken(Echo):
        def process(self, middle, batch):
            return super().process(middle / middle, batch)

    with pytest.raises(InputError, match="not finite"):
        Predict.Predictor(Broken())


@pytest.fixture(scope="module")
def wave_unet():
    import Models

    tf.keras.utils.set_random_seed(1)
    options = dict(num_layers=4, num_initial_filters=5, num_frames=500)
    options |= dict(source_names=["fl", "vn"], sample_rate=8000, channels=1)
    return {c: Models.build("wave_unet", context=c, **options) for c in (True, False)}


def test_a_wave_unet_separates_alike_in_segments_of_any_length(wave_unet):
    model, mix, rate = wave_unet[True], noise(9000, 2), 11025
    wanted = Predict.Predictor(model, segment=20_000).separate(mix, rate)
    for segment, batch_size in [(1, 5), (500, 1), (2000, 2), (None, 1)]:
        predictor = Predict.Predictor(model, segment, batch_size)
        for name, source in predictor.separate(mix, rate).items():
            assert np.abs(source).max() > 1e-3
            np.testing.assert_allclose(source, wanted[name], atol=1e-5)


def test_a_wave_unet_without_context_does_not_depend_on_the_batch(wave_unet):
    mix = noise(5000)
    one, four = (
        Predict.Predictor(wave_unet[False], batch_size=n).separate(mix, 8000)["vn"]
        for n in (1, 4)
    )
    np.testing.assert_allclose(one, four, atol=1e-6)


def test_a_predictor_takes_a_run_a_checkpoint_and_a_folder_of_runs(tmp_path, wave_unet):
    from Models import checkpoints

    for context in (False, True):
        folder = tmp_path / "runs" / str(9 + context) / "checkpoint"
        checkpoints.save(folder, wave_unet[context])
    for place in (tmp_path / "runs", tmp_path / "runs" / "10", folder):
        model = Predict.Predictor(place).model
        assert model.n_in == wave_unet[True].n_in  # 10 is newer than 9


def test_precision_and_form_are_chosen_when_a_folder_is_loaded(tmp_path, wave_unet):
    from Models import checkpoints

    checkpoints.save(tmp_path, wave_unet[True])
    mix, loaded = noise(4000), Predict.Predictor(tmp_path)
    assert loaded.model.compute_dtype == "float32" and loaded.model.form == "auto"
    wanted = loaded.separate(mix, 8000)["vn"]
    for form in ("plain", "fast"):
        predictor = Predict.Predictor(tmp_path, form=form)
        assert predictor.model.form == form
        found = predictor.separate(mix, 8000)["vn"]
        np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-6)
    predictor = Predict.Predictor(tmp_path, precision="bfloat16")
    error = np.abs(predictor.separate(mix, 8000)["vn"] - wanted).max()
    assert 1e-6 < error < 2e-2
    # A model that was trained in bfloat16 is separated with in float32 all the same.
    checkpoints.save(tmp_path, predictor.model)
    found = Predict.Predictor(tmp_path).separate(mix, 8000)["vn"]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-6)
    for options in ({"precision": "float32"}, {"form": "plain"}):
        with pytest.raises(InputError, match="in memory has its own"):
            Predict.Predictor(wave_unet[True], **options)
    with pytest.raises(InputError, match="float32 or bfloat16, not 'float16'"):
        Predict.Predictor(tmp_path, precision="float16")
    with pytest.raises(InputError, match="form must be .*, not 'quick'"):
        Predict.Predictor(tmp_path, form="quick")


def test_a_model_that_must_be_told_who_plays_says_so():
    class MustBeTold(Echo):
        batch_keys = ("mix", "labels")

        def process(self, middle, batch):
            return middle[:, None] * batch["labels"][:, :, None, None]

    predictor, mix = Predict.Predictor(MustBeTold()), noise(500)
    np.testing.assert_array_equal(predictor.separate(mix, 8000, "half")["half"], mix)
    with pytest.raises(InputError, match="give labels, of all, half"):
        predictor.separate(mix, 8000)
