"""YouTube-8M as TFDS records: features of a whole video, or one a second."""

import numpy as np
import tensorflow_datasets as tfds

from Datasets import feature_examples as examples
from Datasets.feature_sets import FeatureBuilder, FeatureOptions
from Schema import InputError

SEEN, HEARD = 1024, 128  # numbers of a frame
# Splits, and how the release calls them: beginnings of files' or folders' names.
NAMES = {"train": "train", "validation": "validate", "test": "test"}


def parse_video(payload):
    """An Example of the release, a whole video -> a record.

    Raises:
      InputError: If it lacks something, or has vectors of another size.
    """
    features = examples.example(payload)
    return {
        "id": examples.text(features, "id", "video_id"),
        "labels": examples.labels(features),
        "rgb": examples.vector(features, "mean_rgb", SEEN),
        "audio": examples.vector(features, "mean_audio", HEARD),
    }


def parse_frames(payload):
    """A SequenceExample of the release, a video's frames -> a record.

    Raises:
      InputError: If it lacks something, has frames of another size, or not as many of
        one kind as of the other.
    """
    context, lists = examples.sequence(payload)
    rgb = examples.frames(lists, "rgb", SEEN)
    audio = examples.frames(lists, "audio", HEARD)
    if len(rgb) != len(audio):
        raise InputError(f"it has {len(rgb)} frames of rgb and {len(audio)} of audio")
    return {
        "id": examples.text(context, "id", "video_id"),
        "labels": examples.labels(context),
        "rgb": rgb,
        "audio": audio,
    }


def _features(shape, dtype):
    return {
        name: tfds.features.Tensor(shape=(*shape, size), dtype=dtype, encoding="bytes")
        for name, size in (("rgb", SEEN), ("audio", HEARD))
    }


class Builder(FeatureBuilder):
    """Reads the release's files; README.md shows where."""

    homepage = "https://research.google.com/youtube8m/"
    licence = "CC BY 4.0"
    LEVELS = {
        "video": (_features((), np.float32), parse_video),
        "frame": (_features((None,), np.uint8), parse_frames),
    }
    BUILDER_CONFIGS = [FeatureOptions(level=level) for level in LEVELS]

    def files_of(self, raw):
        """{split: [path]}, by name of the file, else of its folder."""
        of_level = raw / self.builder_config.level
        found = {split: [] for split in NAMES}
        for path in sorted(
            (of_level if of_level.is_dir() else raw).rglob("*.tfrecord")
        ):
            for split, name in NAMES.items():
                if path.name.startswith(name) or path.parent.name == name:
                    found[split].append(path)
                    break
        return found
