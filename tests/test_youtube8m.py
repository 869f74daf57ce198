"""Data sets that are released as features: eight bits, and YouTube-8M."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import Datasets
from Datasets import shards
from Datasets.feature_sets import FeatureOptions, dequantise
from Schema import InputError
from tests.features_made import (
    builder,
    examples,
    frame_example,
    frames,
    prepare,
    video_example,
    write,
)


# --- Eight bits ---------------------------------------------------------------
def test_dequantising_is_what_the_public_reader_of_youtube8m_does():
    every = np.arange(256, dtype=np.uint8)
    # Dequantize(x, 2, -2): x * (4 / 255) + (4 / 512 - 2), in double precision.
    wanted = every * (4.0 / 255.0) + (4.0 / 512.0 - 2.0)
    np.testing.assert_allclose(dequantise(every), wanted, atol=1e-6)
    assert dequantise(every).dtype == np.float32
    np.testing.assert_array_equal(dequantise(tf.constant(every)), dequantise(every))


@pytest.mark.parametrize("whole, error", [(np.floor, 0.0079), (np.round, 0.0157)])
def test_dequantising_undoes_the_quantisation_within_half_a_step_or_one(whole, error):
    values = np.linspace(-2, 2, 100_001)
    bits = whole((values + 2) * (255 / 4)).astype(np.uint8)
    found = np.abs(dequantise(bits) - values).max()
    assert error - 1e-4 < found <= error


# --- YouTube-8M ---------------------------------------------------------------
def test_tfds_load_gives_the_video_level_as_it_was_released(tmp_path):
    made = [video_example(), video_example(b"cd34", "video_id")]
    write(tmp_path / "raw" / "video" / "train00.tfrecord", *made)
    unlabelled = video_example(labels=None)
    write(tmp_path / "raw" / "video" / "test" / "0a.tfrecord", unlabelled)
    write(tmp_path / "raw" / "frame" / "train00.tfrecord", frame_example())
    told = tfds.download.DownloadConfig(manual_dir=str(tmp_path / "raw"))
    loaded = tfds.load(
        "youtube8m",
        data_dir=str(tmp_path / "records"),
        download_and_prepare_kwargs={"download_config": told},
    )
    found = list(tfds.as_numpy(loaded["train"]))
    assert set(loaded) == {"train", "test"}
    assert [record["id"] for record in found] == [b"ab12", b"cd34"]
    for record, example in zip(found, made):
        raw = example.features.feature
        np.testing.assert_array_equal(record["labels"], [3, 7])
        np.testing.assert_array_equal(
            record["rgb"], np.float32(raw["mean_rgb"].float_list.value)
        )
        assert record["audio"].shape == (128,)
    (record,) = tfds.as_numpy(loaded["test"])
    assert record["labels"].size == 0


def test_the_frame_level_keeps_its_eight_bits_and_its_frames(tmp_path):
    rgb = frames(300, 1024)
    write(tmp_path / "raw" / "validate3f.tfrecord", frame_example(count=300, rgb=rgb))
    write(tmp_path / "raw" / "train3f.tfrecord", frame_example(count=1))
    found, told = prepare(tmp_path, level="frame")
    assert [len(found[split]) for split in ("train", "validation")] == [1, 1]
    (record,) = found["validation"]
    assert record["rgb"].dtype == record["audio"].dtype == np.uint8
    np.testing.assert_array_equal(record["rgb"], rgb)
    assert record["audio"].shape == (300, 128)
    assert told["level"] == "frame" and told["record_version"] == "1.0.0"
    assert told["tracks"]["train"][0]["id"] == "train3f.tfrecord"


def test_only_videos_with_one_of_the_labels_are_kept_with_all_of_theirs(tmp_path):
    others = [video_example(b"%d" % k, labels=[k, 100]) for k in range(6)]
    write(tmp_path / "raw" / "train00.tfrecord", *others)
    write(tmp_path / "raw" / "test00.tfrecord", video_example(labels=None))
    found, told = prepare(tmp_path, labels=(4, 2))
    assert [list(record["labels"]) for record in found["train"]] == [[2, 100], [4, 100]]
    assert set(found) == {"train"} and told["labels"] == [2, 4]
    with pytest.raises(InputError, match=r"no example has one of labels=\[9\]"):
        prepare(tmp_path, labels=(9,))


def test_apache_beam_makes_the_same_records(tmp_path):
    pytest.importorskip("apache_beam")
    for k in range(3):
        write(tmp_path / "raw" / f"train{k}.tfrecord", video_example(b"%d" % k))
    here = prepare(tmp_path)[0]["train"]
    there = builder(tmp_path / "beam")
    config = tfds.download.DownloadConfig(
        manual_dir=str(tmp_path / "raw"), beam_runner="DirectRunner"
    )
    there.download_and_prepare(download_config=config)
    for one, other in zip(here, tfds.as_numpy(there.as_dataset(split="train"))):
        assert one["id"] == other["id"]
        np.testing.assert_array_equal(one["rgb"], other["rgb"])


@pytest.mark.parametrize(
    "example, level, message",
    [
        (
            video_example(mean_rgb=None),
            "video",
            "no mean_rgb, but id, labels, mean_aud",
        ),
        (video_example(key="name"), "video", "no id or video_id, but labels"),
        (frame_example(), "video", "no mean_rgb, but id, labels; is the file of anoth"),
        (video_example(), "frame", "no list rgb, but nothing; is the file of another"),
        (
            video_example(mean_audio=np.ones(64)),
            "video",
            "mean_audio is no vector of 12",
        ),
        (
            video_example(mean_rgb=np.full(1024, np.nan)),
            "video",
            "mean_rgb is no vector",
        ),
        (frame_example(rgb=frames(5, 512)), "frame", "frame 0 of rgb has 512 bytes"),
        (
            frame_example(audio=frames(4, 128)),
            "frame",
            "5 frames of rgb and 4 of audio",
        ),
        (frame_example(audio=[]), "frame", "no list audio"),
    ],
)
def test_an_example_of_another_kind_is_named_with_its_file(
    tmp_path, example, level, message
):
    with pytest.raises(InputError, match=f"train00.tfrecord, example 0: .*{message}"):
        examples(tmp_path, example, level)


def broken(tmp_path):
    """A raw folder with a whole file, one cut short and one with a bad byte."""
    raw = tmp_path / "raw"
    for k in range(3):
        write(raw / f"train{k}.tfrecord", *(video_example(b"%d" % k) for _ in range(3)))
    whole = (raw / "train1.tfrecord").read_bytes()
    (raw / "train1.tfrecord").write_bytes(whole[:-100])
    spoilt = bytearray((raw / "train2.tfrecord").read_bytes())
    spoilt[-50] ^= 1
    (raw / "train2.tfrecord").write_bytes(spoilt)
    return raw


def test_a_file_that_is_cut_short_stops_a_build_before_it_begins(tmp_path):
    broken(tmp_path)
    with pytest.raises(InputError, match="train1.tfrecord is cut short in example 2"):
        prepare(tmp_path)
    assert not list((tmp_path / "records").rglob("*.tfrecord*"))


def test_damaged_files_are_left_out_from_their_damage_on_if_asked(tmp_path):
    broken(tmp_path)
    found, told = prepare(tmp_path, keep_going=True)
    assert [record["id"] for record in found["train"]] == [b"0"] * 3 + [b"2"] * 2
    assert set(told["failures"]) == {"train1.tfrecord", "train2.tfrecord"}
    assert "train2.tfrecord, example 2: damaged" in told["failures"]["train2.tfrecord"]


@pytest.mark.parametrize(
    "content, message", [(b"", "holds nothing"), (b"no record" * 9, "no TFRecord file")]
)
def test_a_file_that_is_none_is_refused(tmp_path, content, message):
    (tmp_path / "raw" / "train").mkdir(parents=True)
    write(tmp_path / "raw" / "train" / "0.tfrecord", video_example())
    (tmp_path / "raw" / "train" / "._0.tfrecord").write_bytes(content)  # of macOS
    builder(tmp_path).inventory(tmp_path / "raw")
    (tmp_path / "raw" / "train0.tfrecord").write_bytes(content)
    with pytest.raises(InputError, match=f"train0.tfrecord.*{message}"):
        builder(tmp_path).inventory(tmp_path / "raw")


@pytest.mark.parametrize("name", Datasets.FEATURE_SETS)
def test_a_folder_that_is_absent_or_empty_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="absent is not a folder"):
        builder(tmp_path, name).inventory(tmp_path / "absent")
    with pytest.raises(InputError, match=f"holds no whole TFRecord file of {name}"):
        builder(tmp_path, name).inventory(tmp_path)


def test_another_example_is_another_fingerprint_and_another_folder_is_not(tmp_path):
    example = video_example()
    write(tmp_path / "a" / "train0.tfrecord", example)
    write(tmp_path / "b" / "train0.tfrecord", example)
    made = builder(tmp_path)
    first = made.fingerprint(made.inventory(tmp_path / "a"))
    assert first == made.fingerprint(made.inventory(tmp_path / "b"))
    write(tmp_path / "b" / "train0.tfrecord", video_example())  # of the same length
    assert first != made.fingerprint(made.inventory(tmp_path / "b"))


def test_wrong_options_are_refused(tmp_path):
    with pytest.raises(InputError, match="level='frames': youtube8m has video, frame"):
        builder(tmp_path, level="frames")
    with pytest.raises(InputError, match="'4' numbers no class"):
        FeatureOptions(level="video", labels=("4",))


def test_a_file_of_records_holds_about_as_much_as_files_of_recordings(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(shards, "SIZE", 10_000)  # an example of 5 kB
    for k in range(4):
        write(tmp_path / "raw" / f"train{k}.tfrecord", video_example(b"%d" % k))
    found, _ = prepare(tmp_path)
    assert [record["id"] for record in found["train"]] == [b"0", b"1", b"2", b"3"]
    assert len(list((tmp_path / "records").rglob("*.tfrecord-*"))) == 2
