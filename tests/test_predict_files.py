"""Predict on files: any kind, any length; what cannot be separated leaves nothing."""

import tracemalloc
import warnings

import numpy as np
import pytest
import soundfile as sf
import tensorflow as tf

import Predict
from Datasets import media
from Schema import InputError
from tests.echoes import Echo, chord, encode, noise, rest, write


@pytest.mark.parametrize("rate, own", [(8000, 8000), (44100, 22050)])
@pytest.mark.parametrize("context", [0, 33])
def test_a_file_and_an_array_are_separated_bit_for_bit_alike(
    tmp_path, rate, own, context
):
    mix = noise(150_001, 2)
    predictor = Predict.Predictor(Echo(1000, context, rate=own), segment=10_000)
    files = predictor.separate_file(
        write(tmp_path / "mix.wav", mix, rate), tmp_path / "new" / "out"
    )
    sources = predictor.separate(mix, rate)
    assert rest(tmp_path / "new" / "out") == ["all.wav", "half.wav"]
    for name, path in files.items():
        found, found_rate = sf.read(path, dtype="float32")
        assert found_rate == rate
        np.testing.assert_array_equal(found, sources[name])


@pytest.mark.parametrize("kind", ["mp3", "m4a", "mp4"])
def test_compressed_files_and_videos_keep_the_length_they_decode_to(tmp_path, kind):
    path = encode(tmp_path / f"mix.{kind}", chord(100_000, 44100), 44100)
    decoded, rate = media.read_audio(path)
    assert len(decoded) >= 100_000 and np.abs(decoded).max() > 0.1
    predictor = Predict.Predictor(Echo(1000, 33, rate=22050), segment=30_000)
    files = predictor.separate_file(path, tmp_path / "out")
    found, found_rate = sf.read(files["all"], dtype="float32")
    assert (found.shape, found_rate) == (decoded.shape, rate)
    np.testing.assert_array_equal(
        found, predictor.separate(decoded, rate)["all"], strict=True
    )


@pytest.mark.parametrize("pattern", ["video/*drums*.mp4", "urmp_page/*/20_mix.flac"])
def test_real_recordings_come_back(tmp_path, shared, pattern):
    path = next(shared.glob(pattern))
    decoded, rate = media.read_audio(path)
    predictor = Predict.Predictor(Echo(1000, 33, rate=rate), segment=100_000)
    files = predictor.separate_file(path, tmp_path)
    np.testing.assert_array_equal(sf.read(files["all"], always_2d=True)[0], decoded)


def test_memory_does_not_depend_on_the_length(tmp_path):
    peaks, minute = [], noise(11025 * 60, 2)
    predictor = Predict.Predictor(Echo(4000, 500, rate=8000), segment=40_000)
    for minutes in (2, 20):
        with sf.SoundFile(tmp_path / "long.wav", "w", 11025, 2, "PCM_16") as file:
            for _ in range(minutes):
                file.write(minute)
        tracemalloc.start()
        files = predictor.separate_file(tmp_path / "long.wav", tmp_path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert sf.info(files["half"]).frames == minutes * 60 * 11025
    assert peaks[1] < 1.1 * peaks[0]
    assert peaks[1] < 20e6  # 20 minutes are 106 MB


def bad_inputs(folder):
    """{kind: (file, what is said about it)}."""
    (folder / "text.wav").write_text("do re mi\n" * 100)
    (folder / "text.mp3").write_text("do re mi\n" * 100)
    media.write_video(folder / "mute.mp4", [np.zeros((32, 32, 3), np.uint8)] * 5, 25)
    holed = noise(40_000, 2)
    holed[30_000, 1] = np.nan
    return {
        "text": (folder / "text.wav", "text.wav cannot be read"),
        "other text": (folder / "text.mp3", "text.mp3 cannot be read"),
        "mute": (folder / "mute.mp4", "no audio"),
        "absent": (folder / "absent.flac", "absent.flac does not exist"),
        "nan": (write(folder / "nan.wav", holed, 8000), "sample 30000 .at 3.750 s"),
        "short": (write(folder / "short.wav", noise(800), 8000), "0.100 s; .* 0.25 s"),
        "empty": (write(folder / "empty.wav", noise(0), 8000), "holds no samples"),
        "folder": (folder, "cannot be read|does not exist"),
    }


def test_what_cannot_be_separated_is_named_in_one_sentence_and_leaves_nothing(tmp_path):
    predictor = Predict.Predictor(Echo(1000))
    for kind, (path, words) in bad_inputs(tmp_path).items():
        with pytest.raises(InputError, match=words) as caught:
            predictor.separate_file(path, tmp_path / "a" / "b")
        assert "\n" not in str(caught.value), kind
        assert not (tmp_path / "a").exists(), kind


def test_older_results_stay_until_newer_ones_are_complete(tmp_path):
    predictor = Predict.Predictor(Echo(1000))
    good = write(tmp_path / "good.wav", noise(9000), 8000)
    out = tmp_path / "out"
    predictor.separate_file(good, out)
    before = (out / "all.wav").read_bytes()
    with pytest.raises(InputError):
        predictor.separate_file(bad_inputs(tmp_path)["nan"][0], out)
    assert rest(out) == ["all.wav", "half.wav"]
    assert (out / "all.wav").read_bytes() == before
    louder = write(tmp_path / "louder.wav", noise(9000) * 2, 8000)
    predictor.separate_file(louder, out)
    assert (out / "all.wav").read_bytes() != before


def test_an_output_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    class Untouched(Echo):
        called = -1  # once, on silence

        def __call__(self, batch, training):
            def count(_):
                self.called += 1

            tf.py_function(count, [batch["mix"]], [])
            return super().__call__(batch, training)

    model = Untouched(1000)
    predictor = Predict.Predictor(model)
    good = write(tmp_path / "good.wav", noise(9000), 8000)
    (tmp_path / "taken" / "all.wav").mkdir(parents=True)
    for output, words in [
        (good, "cannot be written to"),
        (good / "under", "cannot be written to"),
        ("/proc/nowhere", "cannot be written to"),
        (tmp_path / "taken", "is a folder"),
    ]:
        with pytest.raises(InputError, match=words):
            predictor.separate_file(good, output)
    assert model.called == 0
    assert rest(tmp_path / "taken") == ["all.wav"]
    with pytest.raises(InputError, match="no subtype 'MP3'"):
        predictor.separate_file(good, tmp_path / "out", subtype="MP3")
    assert not (tmp_path / "out").exists()


def test_the_input_is_never_replaced_by_one_of_its_sources(tmp_path):
    own = write(tmp_path / "all.wav", noise(9000), 8000)
    with pytest.raises(InputError, match="choose another output"):
        Predict.Predictor(Echo(1000)).separate_file(own, tmp_path)
    assert rest(tmp_path) == ["all.wav"]


def test_pcm_clips_with_a_warning_and_float_does_not(tmp_path):
    predictor = Predict.Predictor(Echo(1000))
    loud = write(tmp_path / "loud.wav", np.full((8000, 1), 1.5, np.float32), 8000)
    with pytest.warns(UserWarning, match="all: 8000 samples beyond .* subtype=FLOAT"):
        files = predictor.separate_file(loud, tmp_path / "out", subtype="PCM_16")
    assert sf.read(files["all"])[0].max() < 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        files = predictor.separate_file(loud, tmp_path / "out")
    assert sf.read(files["all"])[0].min() == 1.5
