"""AudioSet's released VGGish features, from its three folders."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from Schema import InputError
from tests.features_made import (
    clip_example,
    examples,
    frame_example,
    frames,
    write,
)


def test_tfds_load_gives_the_clips_of_audioset_s_three_folders(tmp_path):
    raw, bits = tmp_path / "raw", frames(10, 128)
    write(raw / "bal_train" / "--.tfrecord", clip_example(audio_embedding=bits))
    write(
        raw / "unbal_train" / "aB.tfrecord", clip_example(b"aB"), clip_example(b"aBc")
    )
    short = clip_example(b"Zz", labels=[0], audio_embedding=frames(7, 128))
    write(raw / "eval" / "Zz.tfrecord", short)
    told = tfds.download.DownloadConfig(manual_dir=str(raw))
    loaded = tfds.load(
        "audioset_features",
        data_dir=str(tmp_path / "records"),
        download_and_prepare_kwargs={"download_config": told},
    )
    found = {split: list(tfds.as_numpy(loaded[split])) for split in loaded}
    counts = {split: len(records) for split, records in found.items()}
    assert counts == {"train": 1, "unbalanced": 2, "test": 1}
    (record,) = found["train"]
    assert record["id"] == b"--aB3dEfG7i" and list(record["labels"]) == [137, 191]
    assert (record["start"], record["stop"]) == (30, 40)
    np.testing.assert_array_equal(record["audio"], bits)
    assert found["test"][0]["audio"].shape == (7, 128)


@pytest.mark.parametrize(
    "example, message",
    [
        (frame_example(), "it has no start_time_seconds, but id, labels"),
        (clip_example(start=-5.0), "a clip from -5.0 s to 5.0 s is none"),
        (
            clip_example(audio_embedding=frames(10, 64)),
            "frame 0 of audio_embedding has",
        ),
    ],
)
def test_an_example_that_is_no_clip_of_audioset_is_refused(tmp_path, example, message):
    with pytest.raises(InputError, match=f"example 0: {message}"):
        examples(tmp_path, example, "clip", "audioset_features")
