"""What is given to devices: shapes that stay, numbers alone, and from anywhere."""

import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf

import Datasets
import Remote
from Datasets import mapping, pipeline
from Datasets.frames import Frames
from Datasets.mixtures import Mixtures
from Datasets.windows import Windows
from Schema import InputError
from tests.sighted_made import (
    FRAMES,
    N_IN,
    N_OUT,
    SOURCES,
    Pictures,
    prepared,
    records_of,
)

EFFECTS = {"equalizer": 6.0, "reverb": 0.1, "pitch": 1.0, "tempo": 0.1, "effects": 1.0}
EFFECTS |= {"remix": 0.3, "silence": 0.1, "polarity": 0.5, "balance": 0.5}
KINDS = {  # name: (slots, score, players seen, mixtures)
    "as recorded": (None, False, None, {}),
    "slots that follow conditions": (4, True, None, {}),
    "players": (3, False, "features", {}),
    "pictures": (None, False, "pictures", {}),
    "mixtures with effects": (None, False, None, EFFECTS),
    "mixtures of who is seen": (3, True, "features", EFFECTS),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    homes = (("features", {}), ("pictures", {"watcher": Pictures}))
    return {
        name: prepared(
            tmp_path_factory.mktemp(name), "apart", window_seconds=0.3, **told
        )
        for name, told in homes
    }


def windows(made, kind, split="train"):
    slots, score, seen, mixtures = KINDS[kind]
    options = {**made[seen or "features"][2]}
    records = Datasets.open_records("urmp", made[seen or "features"][1], **options)
    told = slots, Frames(25.0, 0) if score else None, FRAMES if seen else None
    mixed = Mixtures(**mixtures)
    return Windows(records, split, N_IN, N_OUT, SOURCES, *told, mixed)


def nodes(batches):
    """Names of all operations of a pipeline, those of its functions included."""
    graph = tf.compat.v1.GraphDef.FromString(
        batches._as_serialized_graph(
            external_state_policy=tf.data.experimental.ExternalStatePolicy.IGNORE
        ).numpy()
    )
    found = {node.op for node in graph.node}
    for function in graph.library.function:
        found |= {node.op for node in function.node_def}
    return found


@pytest.mark.parametrize(
    "kind, is_mapped",
    # With who is seen, the mapped mixtures are those with effects and more.
    [(kind, True) for kind in KINDS if kind != "mixtures with effects"]
    + [("as recorded", False), ("mixtures with effects", False)],
)
def test_batches_are_numbers_of_one_shape_made_without_python(
    made, kind, is_mapped, monkeypatch
):
    if not is_mapped:
        monkeypatch.setattr(mapping, "mapped", lambda *_: None)
    monkeypatch.setattr(pipeline, "check_training", lambda *_: None)  # no Notes files
    train = windows(made, kind)
    assert (train.mapped is not None) == is_mapped
    both = [pipeline.training_batches(train, 4, part=(1, 2))]
    if not KINDS[kind][3]:
        both.append(pipeline.evaluation_batches(windows(made, kind, "test"), 4))
    for batches, size in zip(both, (2, 4)):
        for key, spec in batches.element_spec.items():
            assert spec.shape.is_fully_defined() and spec.shape[0] == size, key
            assert spec.dtype.is_floating or spec.dtype.is_integer, key
        operations = nodes(batches)
        assert "RangeDataset" in operations or "TensorSliceDataset" in operations
        assert not [name for name in operations if "PyFunc" in name]


def test_python_in_a_pipeline_would_be_seen():
    given = tf.data.Dataset.range(3).map(
        lambda i: tf.numpy_function(lambda x: x, [i], tf.int64)
    )
    assert [name for name in nodes(given) if "PyFunc" in name]


def test_parts_of_a_batch_are_its_rows_in_order(made):
    train, test = windows(made, "as recorded"), windows(made, "as recorded", "test")

    def both(part=(0, 1)):
        yield from pipeline.training_batches(train, 6, 3, 12, part=part).take(3)
        yield from pipeline.evaluation_batches(test, 6, part=part)

    for whole, *parts in zip(both(), *(both((k, 2)) for k in range(2)), strict=True):
        for key in whole:
            joined = np.concatenate([part[key] for part in parts])
            np.testing.assert_array_equal(joined, whole[key])


def test_the_remainder_of_a_split_is_filled_with_windows_of_no_weight(made):
    test = windows(made, "as recorded", "test")
    counts = [b["n_valid"] for b in pipeline.evaluation_batches(test, 4)]
    assert np.sum(counts) == sum(track.n_time for track in test.tracks)
    assert any(not count for count in counts[-1])


def test_a_batch_that_processes_cannot_share_is_refused(made):
    with pytest.raises(InputError, match="batch_size=4 .* 3 processes: choose 6"):
        pipeline.training_batches(windows(made, "as recorded"), 4, part=(0, 3))


# --- Other file systems: TensorFlow's own in memory stands in for gs:// -----------
@pytest.fixture(scope="module")
def far(made):
    """A folder of records of which no disk knows."""
    home = made["features"][1]
    for path in home.glob("**/*"):
        if path.is_file():
            with tf.io.gfile.GFile(f"ram://far/{path.relative_to(home)}", "wb") as file:
                file.write(path.read_bytes())
    return "ram://far"


def test_records_of_another_file_system_give_the_same_batches(made, far):
    (_, near, options), found = made["features"], []
    for home in (near, far):
        records = Datasets.open_records("urmp", home, **options)
        seen = Windows(records, "train", N_IN, N_OUT, SOURCES, visual=FRAMES)
        found.append(next(iter(pipeline.training_batches(seen, 8, 1))))
    assert str(records.folder).startswith("ram://far/urmp/")
    for key in found[0]:
        np.testing.assert_array_equal(found[1][key], found[0][key])
    track = records.tracks("test")[0].id
    near = records_of(made["features"]).whole_track(track)["mix"]
    np.testing.assert_array_equal(records.whole_track(track)["mix"], near)


def test_what_another_file_system_lacks_is_told_as_of_a_disk(made, far):
    options = {**made["features"][2], "sample_rate": 8000}
    with pytest.raises(InputError, match="ram://far/urmp holds .*, but not "):
        Datasets.open_records("urmp", far, **options)
    with pytest.raises(InputError, match="ram://nowhere holds no records of urmp"):
        Datasets.open_records("urmp", "ram://nowhere", **options)
    with pytest.raises(InputError, match="no://where/urmp/.* cannot be read"):
        Datasets.open_records("urmp", "no://where", **options)


def test_paths_of_another_file_system_are_taken_apart_as_those_of_a_disk():
    path = Remote.path("gs://bucket/records/") / "urmp" / "metadata.json"
    assert os.fspath(path) == "gs://bucket/records/urmp/metadata.json"
    assert [one.name for one in path.parents[:3]] == ["urmp", "records", "bucket"]
    assert Remote.path("C:/records") == pathlib.Path("C:/records")


def test_records_are_made_on_a_disk():
    with pytest.raises(InputError, match="gs://bucket/records: records are made on a"):
        Datasets.make_builder("urmp", "gs://bucket/records")
