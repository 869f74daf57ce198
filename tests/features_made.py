"""Released features as their makers write them, and what our builders make of them."""

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

import Datasets
from Datasets import feature_sets
from Datasets.feature_sets import FeatureOptions
from Utils import read_json

RNG = np.random.default_rng(8)


def feature(values):
    if isinstance(values, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[values]))
    if isinstance(values, list):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    values = np.atleast_1d(values).astype(np.float32)
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def features(**values):
    return tf.train.Features(feature={k: feature(v) for k, v in values.items()})


def sequence(lists, **context):
    """A SequenceExample; lists: {name: uint8 [F, D], or a list of such vectors}."""
    lists = {
        name: tf.train.FeatureList(feature=[feature(bytes(f)) for f in frames])
        for name, frames in lists.items()
    }
    return tf.train.SequenceExample(
        context=features(**context),
        feature_lists=tf.train.FeatureLists(feature_list=lists),
    )


def frames(count, size):
    return RNG.integers(0, 256, (count, size), np.uint8)


def video_example(name=b"ab12", key="id", **changes):
    told = {"labels": [3, 7], "mean_rgb": RNG.normal(size=1024)}
    told |= {"mean_audio": RNG.normal(size=128), key: name, **changes}
    told = {k: v for k, v in told.items() if v is not None}
    return tf.train.Example(features=features(**told))


def frame_example(name=b"ab12", count=5, key="id", **lists):
    told = {"rgb": frames(count, 1024), "audio": frames(count, 128), **lists}
    return sequence(told, labels=[3, 7], **{key: name})


def clip_example(name=b"--aB3dEfG7i", labels=(137, 191), start=30.0, **lists):
    told = {"audio_embedding": frames(10, 128), **lists}
    context = {"start_time_seconds": start, "end_time_seconds": start + 10}
    return sequence(told, video_id=name, labels=list(labels), **context)


def write(path, *examples):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as file:
        for example in examples:
            file.write(example.SerializeToString())


def builder(tmp_path, name="youtube8m", keep_going=False, **options):
    options = {"level": "clip" if name != "youtube8m" else "video"} | options
    config = FeatureOptions(**options)
    listed = [c.name for c in Datasets.FEATURE_SETS[name].BUILDER_CONFIGS]
    made = Datasets.FEATURE_SETS[name](
        data_dir=str(tmp_path / "records"),
        config=config.name if config.name in listed else config,
    )
    made.keep_going = keep_going
    return made


def prepare(tmp_path, name="youtube8m", beam=None, **options):
    """{split: [record]} of the raw folder, and the metadata."""
    made = builder(tmp_path, name, **options)
    told = tfds.download.DownloadConfig(
        manual_dir=str(tmp_path / "raw"), beam_runner=beam
    )
    made.download_and_prepare(download_config=told)
    found = {
        split: list(tfds.as_numpy(made.as_dataset(split=split)))
        for split in made.info.splits
    }
    return found, read_json(made.data_path / "metadata.json")


def examples(tmp_path, example, level="video", name="youtube8m"):
    """What is made of one example, by the builder's own function."""
    write(tmp_path / "train00.tfrecord", example)
    path = tmp_path / "train00.tfrecord"
    file = feature_sets.RawFile(path.name, str(path), *feature_sets.scan(path))
    _, parse = Datasets.FEATURE_SETS[name].LEVELS[level]
    return [record for _, record in feature_sets.examples_of(0, file, parse)]
