"""MUSDB18 and MUSDB18-HQ: their layouts, their lists of songs, their mistakes."""

import av
import numpy as np
import pytest
import soundfile as sf
import tensorflow_datasets as tfds

import Config
import Datasets
import Prepare
from Datasets import media, reading
from Datasets.inventory import split_ids
from Datasets.musdb18 import layout
from Datasets.musdb18.musdb18_dataset_builder import SPLITS
from Datasets.options import Options
from Schema import InputError

RATE = 16000  # Hz
SECONDS = 0.6
HERTZ = {"drums": 300, "bass": 500, "other": 800, "vocals": 1300}
OPTIONS = Options(sample_rate=RATE, channels=2)
TRAIN = "Actions - Devil's Words"
VALIDATION = "Johnny Lokke - Promises & Lies"
TEST = "Angels In Amplifiers - I'm Alright"


def stems_of(silent=()):
    """float32 [5, T, 2]: half of the sum, then a tone a stem, right half as loud."""
    time = np.arange(round(SECONDS * RATE)) / RATE
    ramp = np.minimum(1, 20 * np.minimum(time, SECONDS - time))  # AAC rings at clicks
    tones = [
        0.2 * (stem not in silent) * ramp * np.sin(2 * np.pi * hertz * time)
        for stem, hertz in HERTZ.items()
    ]
    stems = np.stack(tones)[..., np.newaxis] * np.array([1, 0.5])
    return np.concatenate([stems.sum(0, keepdims=True) / 2, stems]).astype(np.float32)


def write_stem_file(folder, name, streams, **options):
    """A file as MUSDB18 has them: [streams, T, 2] as AAC."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.stem.mp4"
    with av.open(str(path), "w", options=options) as container:
        places = [
            container.add_stream("aac", rate=RATE, layout="stereo") for _ in streams
        ]
        for place, audio in zip(places, streams):
            place.bit_rate = 192_000
            media._encode_audio(container, place, audio, RATE, "stereo")
    return path


def write_folder(folder, name, streams):
    """The same as MUSDB18-HQ has it."""
    (folder / name).mkdir(parents=True)
    for stem, audio in zip(("mixture", *HERTZ), streams):
        ints = np.round(audio * 32768).astype(np.int16)
        sf.write(folder / name / f"{stem}.wav", ints, RATE)
    return folder / name


def stock(raw, read, *names, label_map=()):
    return layout.take_stock(raw, {"train": list(names)}, read, label_map)


def hertz_of(audio):
    """The loudest frequency of a channel [T]."""
    return np.argmax(np.abs(np.fft.rfft(audio))) * RATE / len(audio)


# --- Songs ---------------------------------------------------------------------
def test_the_splits_are_the_published_ones():
    of_parser, of_all = split_ids(SPLITS, "parser"), split_ids(SPLITS, "all")
    assert [len(names) for names in of_parser.values()] == [86, 14, 50]
    assert [len(names) for names in of_all.values()] == [100, 50]
    assert of_parser["test"] == of_all["test"]
    assert set(of_parser["train"] + of_parser["validation"]) == set(of_all["train"])


def test_the_streams_of_a_stem_file_are_its_stems_and_its_mixture(tmp_path):
    streams = stems_of()
    write_stem_file(tmp_path / "train", TRAIN, streams)
    (track,) = stock(tmp_path, layout.read_stem_file, TRAIN).tracks["train"]
    assert abs(track.seconds - SECONDS) < 0.05
    read = reading.read_track(track, OPTIONS)
    assert read["labels"] == list(HERTZ)
    for audio, hertz in zip(read["sources"], HERTZ.values()):
        assert abs(hertz_of(audio[:, 0]) - hertz) < 2 / SECONDS
    # Nothing is late by the encoder's delay, and the mixture is no sum.
    found = np.concatenate([read["mix"][np.newaxis], read["sources"]]) / 32768
    n_time = min(found.shape[1], streams.shape[1])
    error = (found[:, :n_time] - streams[:, :n_time]).std(axis=(1, 2))
    assert (error < 0.05 * streams.std(axis=(1, 2))).all()


def test_a_folder_of_wav_gives_its_own_samples(tmp_path):
    streams = stems_of()
    write_folder(tmp_path / "test", TEST, streams)
    found = layout.take_stock(tmp_path, {"test": [TEST]}, layout.read_folder)
    read = reading.read_track(found.tracks["test"][0], OPTIONS)
    ints = np.round(streams * 32768)
    np.testing.assert_array_equal(read["mix"], ints[0])
    np.testing.assert_array_equal(read["sources"], ints[1:])


def test_a_song_without_vocals_is_no_mistake(tmp_path):
    write_folder(tmp_path / "train", TRAIN, stems_of(silent=["vocals"]))
    (track,) = stock(tmp_path, layout.read_folder, TRAIN).tracks["train"]
    read = reading.read_track(track, OPTIONS)
    assert not read["sources"][-1].any() and read["sources"][0].any()


def test_a_label_map_joins_stems(tmp_path):
    streams = stems_of()
    write_folder(tmp_path / "train", TRAIN, streams)
    label_map = ["Vocals=vocals", "*=accompaniment"]
    found = stock(tmp_path, layout.read_folder, TRAIN, label_map=label_map)
    read = reading.read_track(found.tracks["train"][0], OPTIONS)
    assert read["labels"] == ["accompaniment", "vocals"]
    sums = np.round(streams[1:4] * 32768).sum(axis=0)
    np.testing.assert_array_equal(read["sources"][0], sums)
    assert layout.labels_of(label_map) == ("accompaniment", "vocals")
    with pytest.raises(InputError, match="gives 'drums' no label"):
        stock(tmp_path, layout.read_folder, TRAIN, label_map=["vocals=vocals"])
    names = {Options(label_map=m).name for m in ([], label_map, label_map[::-1])}
    assert len(names) == 3


# --- What may be wrong ------------------------------------------------------------
@pytest.mark.parametrize("kept", [0.5, 0.95, 0])
def test_a_truncated_stem_file_is_refused_by_name(tmp_path, kept):
    path = write_stem_file(tmp_path / "train", TRAIN, stems_of())
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(InputError, match="Devil's Words.stem.mp4 cannot be read"):
        stock(tmp_path, layout.read_stem_file, TRAIN)


def test_a_truncated_stem_file_whose_header_comes_first_is_refused_too(tmp_path):
    streams = np.tile(stems_of(), (1, 5, 1))
    folder = tmp_path / "train"
    path = write_stem_file(folder, TRAIN, streams, movflags="+faststart")
    data = path.read_bytes()
    path.write_bytes(data[: int(0.8 * len(data))])
    with pytest.raises(InputError, match="Devil's Words.stem.mp4 "):
        (track,) = stock(tmp_path, layout.read_stem_file, TRAIN).tracks["train"]
        reading.read_track(track, OPTIONS)


def test_a_video_is_no_stem_file(tmp_path):
    write_stem_file(tmp_path / "train", TRAIN, stems_of()[:2])
    with pytest.raises(InputError, match="stem.mp4 has 2 streams of audio, and no num"):
        stock(tmp_path, layout.read_stem_file, TRAIN)


def test_streams_of_another_length_are_refused(tmp_path):
    streams = list(stems_of())
    streams[3] = streams[3][: RATE // 3]
    write_stem_file(tmp_path / "train", TRAIN, streams)
    with pytest.raises(InputError, match="stream 3 has .* samples at 16000 Hz, but"):
        stock(tmp_path, layout.read_stem_file, TRAIN)


@pytest.mark.parametrize("rate, share", [(8000, 1), (16000, 0.8)])
def test_a_wav_of_another_rate_or_length_is_refused_beside_its_mate(
    tmp_path, rate, share
):
    folder = write_folder(tmp_path / "train", TRAIN, stems_of())
    audio, _ = sf.read(folder / "bass.wav")
    sf.write(folder / "bass.wav", audio[: int(share * len(audio))], rate)
    with pytest.raises(InputError, match="bass.wav has .*, but .*mixture.wav has 9600"):
        stock(tmp_path, layout.read_folder, TRAIN)


def test_songs_that_are_absent_or_of_the_other_data_set_are_told(tmp_path):
    write_folder(tmp_path / "train", TRAIN, stems_of())
    folder = write_folder(tmp_path / "train", VALIDATION, stems_of())
    (folder / "other.wav").unlink()
    write_folder(tmp_path / "train", "Nobody - A Stranger", stems_of())
    found = stock(tmp_path, layout.read_folder, TRAIN, VALIDATION, "Zeno - Signs")
    assert [t.id for t in found.tracks["train"]] == [TRAIN]
    assert found.problems[VALIDATION] == f"no train/{VALIDATION}/other.wav"
    assert "mixture.wav, drums.wav" in found.problems["Zeno - Signs"]
    assert any("in no list of songs: Nobody" in line for line in found.report())
    with pytest.raises(InputError, match="as of data.name=musdb18_hq"):
        stock(tmp_path, layout.read_stem_file, TRAIN)


# --- Records -----------------------------------------------------------------------
def test_vocals_and_accompaniment_go_from_stem_files_to_batches(tmp_path):
    raw, homes = tmp_path / "raw «ü» it's", {TRAIN: "train", VALIDATION: "train"}
    for name, half in {**homes, TEST: "test"}.items():
        write_stem_file(raw / half, name, stems_of())
    words = ["musdb_vocals", "baseline_stereo", f"data.sample_rate={RATE}"]
    words += ["data.partial=True", f"data.records={tmp_path}/records"]
    argv = ["Prepare.py", "with", *words, f'data.raw="{raw}"']
    folder = Config.command_line(Prepare.ex, argv=argv).result
    assert "parser-16000hz-stereo-sum" in folder
    data = dict(name="musdb18", splits="parser", sample_rate=RATE, channels=2)
    data["label_map"] = ["vocals=vocals", "*=accompaniment"]
    records = Datasets.open_records(records=tmp_path / "records", **data)
    assert {s: [t.id for t in records.tracks(s)] for s in records.splits} == {
        "train": [TRAIN],
        "validation": [VALIDATION],
        "test": [TEST],
    }
    whole = records.whole_track(TEST)
    assert whole["labels"] == ["accompaniment", "vocals"]
    assert abs(hertz_of(whole["sources"][1][:, 0]) - HERTZ["vocals"]) < 2 / SECONDS


def test_tfds_loads_musdb18_hq_by_its_name_alone(tmp_path):
    for half, name in (("train", TRAIN), ("train", VALIDATION), ("test", TEST)):
        write_folder(tmp_path / "raw" / half, name, stems_of())
    config = tfds.download.DownloadConfig(manual_dir=str(tmp_path / "raw"))
    how = {"download_dir": str(tmp_path / "d"), "download_config": config}
    found = tfds.load(
        "musdb18_hq",
        split="test",
        data_dir=str(tmp_path / "records"),
        download_and_prepare_kwargs=how,
    )
    (record,) = found
    assert record["id"].numpy().decode() == TEST
    assert record["sample_rate"] == 44100 and record["sources"].shape[0::2] == (4, 2)


def test_the_real_song_sums_to_its_mixture(shared, tmp_path):
    name = "Music Delta - 80s Rock"
    (tmp_path / "train").mkdir()
    path = shared / "musdb18" / f"{name}.stem.mp4"
    (tmp_path / "train" / path.name).symlink_to(path)
    (track,) = stock(tmp_path, layout.read_stem_file, name).tracks["train"]
    assert (track.sample_rate, track.n_time) == (44100, 299880)
    read = reading.read_track(track, Options(sample_rate=44100, channels=2))
    stems = read["sources"].astype(np.float64)
    error = read["mix"] - stems.sum(axis=0)
    ratio = 20 * np.log10(read["mix"].std() / error.std())
    assert 31.3 < ratio < 31.9  # dB, as the manifest has measured
    levels = 20 * np.log10(stems.std(axis=(1, 2)) / 32768)
    np.testing.assert_allclose(levels, [-21.2, -23.2, -24.1, -19.5], atol=0.1)
