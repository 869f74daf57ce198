"""AudioSet's released VGGish features as TFDS records: one a clip."""

import numpy as np
import tensorflow_datasets as tfds

from Datasets import feature_examples as examples
from Datasets.feature_sets import FeatureBuilder, FeatureOptions
from Schema import InputError

SIZE = 128  # numbers of a frame
# Splits, and the folders of the release.
FOLDERS = {"train": "bal_train", "unbalanced": "unbal_train", "test": "eval"}


def parse(payload):
    """A SequenceExample of the release -> a record.

    Raises:
      InputError: If it lacks something, or a frame has another size.
    """
    context, lists = examples.sequence(payload)
    start = examples.number(context, "start_time_seconds")
    stop = examples.number(context, "end_time_seconds")
    if not 0 <= start < stop:
        raise InputError(f"a clip from {start} s to {stop} s is none")
    return {
        "id": examples.text(context, "video_id"),
        "labels": examples.labels(context),
        "start": start,
        "stop": stop,
        "audio": examples.frames(lists, "audio_embedding", SIZE),
    }


class Builder(FeatureBuilder):
    """Reads the release's folders; README.md shows them."""

    homepage = "https://research.google.com/audioset/"
    licence = "CC BY 4.0"
    LEVELS = {
        "clip": (
            {
                "start": np.float32,
                "stop": np.float32,
                "audio": tfds.features.Tensor(
                    shape=(None, SIZE), dtype=np.uint8, encoding="bytes"
                ),
            },
            parse,
        )
    }
    BUILDER_CONFIGS = [FeatureOptions(level="clip")]

    def files_of(self, raw):
        """{split: [path]}, by folder."""
        return {
            split: sorted(raw.glob(f"**/{folder}/*.tfrecord"))
            for split, folder in FOLDERS.items()
        }
