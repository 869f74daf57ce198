"""Slices of mapped files are what reading whole records gives."""

import numpy as np
import pytest
import tensorflow as tf

from Datasets import mapping, records, shards
from Datasets.windows import Windows
from tests.sighted_made import N_IN, N_OUT, SOURCES, load, prepared, records_of


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Records in several files, some of several parts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SIZE", 100_000)
        return prepared(tmp_path_factory.mktemp("urmp"), "apart")


def whole(made, place):
    """The features of a record as TensorFlow parses them."""
    return records_of(made).deserialize(records._payload(place))


def test_the_features_of_a_record_are_found_where_tensorflow_finds_them(made):
    for place in records_of(made).places("train"):
        payload = records._payload(place)
        parsed = tf.train.Example.FromString(payload).features.feature
        with open(place.path, "rb") as file:
            found = mapping.features_at(file, place.offset)
            for name, feature in parsed.items():
                values = feature.bytes_list.value or feature.float_list.value
                if not values:
                    assert name not in found
                    continue
                _, offset, length = found[name]
                file.seek(offset)
                stored = file.read(length)
                if feature.bytes_list.value:
                    assert stored == values[0]
                else:
                    assert stored == np.array(values, "<f4").tobytes()


@pytest.mark.parametrize(
    "begin, n_time", [(-50, 120), (700, 300), (-9, 40000), (10**6, 8)]
)
def test_slices_are_the_samples_and_zeros_around_them(made, begin, n_time):
    places = records_of(made).places("train")
    assert len({place.path for place in places}) > 1
    found = mapping.mapped(places, 1)
    for k, place in list(enumerate(places))[::5]:
        record = whole(made, place)
        gain = np.float32(record["scale"]) / np.float32(32768)
        for key, got in (
            ("mix", found.mix(k, begin, n_time)[np.newaxis]),
            ("sources", found.parts(k, begin, n_time)),
        ):
            stored = record[key].numpy().reshape(-1, place.stop - place.start, 1)
            padded = np.pad(stored, [(0, 0), (50, 40000), (0, 0)])
            start = min(begin + 50, padded.shape[1] - n_time)
            wanted = padded[:, start : start + n_time].astype(np.float32) * gain
            np.testing.assert_array_equal(got, wanted)
        last = len(record["labels"]) - 1
        np.testing.assert_array_equal(
            found.part(k, last, begin, n_time), found.parts(k, begin, n_time)[last]
        )


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("blind", [True, False])
def test_batches_are_the_same_if_records_are_read_whole(
    made, training, blind, monkeypatch
):
    told = dict(training=training, n_slots=4, seed=2)
    told |= {"visual": None} if blind else {}
    one = [dict(batch) for batch in load(made, "train", **told).take(6)]
    monkeypatch.setattr(mapping, "mapped", lambda places, channels: None)
    other = [dict(batch) for batch in load(made, "train", **told).take(6)]
    for a, b in zip(one, other, strict=True):
        assert set(a) == set(b)
        for key in a:
            np.testing.assert_array_equal(a[key], b[key])


def test_a_record_of_another_layout_is_read_whole(made, tmp_path):
    feature = tf.train.Feature(int64_list=tf.train.Int64List(value=[1]))
    example = tf.train.Example(features=tf.train.Features(feature={"x": feature}))
    path = str(tmp_path / "x.tfrecord")
    with tf.io.TFRecordWriter(path) as file:
        file.write(example.SerializeToString())
        file.write(b"no example at all")
    for place in records._payloads(path):
        assert mapping.mapped([records.Place(*place, 0, 0, 10)], 1) is None
    assert mapping.mapped(records_of(made).places("train"), 2) is None  # it is mono


def test_files_elsewhere_are_not_mapped(made, monkeypatch):
    places = records_of(made).places("train")
    monkeypatch.setattr(mapping, "MOST_FILES", 1)
    assert mapping.mapped(places, 1) is None
    monkeypatch.undo()
    far = [records.Place("gs://far/away.tfrecord", 0, 9, 0, 0, 9)]
    assert mapping.mapped(far, 1) is None


def test_without_score_and_sight_no_record_is_parsed(made, monkeypatch):
    opened = records_of(made)
    windows = Windows(opened, "train", N_IN, N_OUT, SOURCES)
    monkeypatch.setattr(type(opened), "deserialize", None)
    found = windows.fetch(0, np.int64(2000), mix=False)
    assert set(found) == {"parts", "label_of_part"}
