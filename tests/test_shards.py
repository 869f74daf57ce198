"""Files of records: which tracks share one, and what they cost to write."""

import tracemalloc

import pytest
import tensorflow as tf

import Datasets
import Prepare
from Datasets import shards
from tests.conftest import write_piece
from tests.test_records import OPTIONS, section

DUOS = ["01_Jupiter_vn_vc", "02_Sonata_vn_vn", "03_Dance_fl_cl", "04_Allegro_fl_fl"]
DUOS += ["05_Entertainer_tpt_tpt", "06_Entertainer_sax_sax", "07_GString_tpt_tbn"]
DUOS += ["08_Spring_fl_vn", "09_Jesus_tpt_vn", "10_March_tpt_sax", "11_Maria_ob_vc"]


def made(home, pieces, seconds=None, **changes):
    """Makes records of pieces, which are written before if `seconds` is told."""
    for piece in pieces if seconds else ():
        write_piece(home / "raw", piece, seconds=seconds)
    told = section(home / "raw", home / "records", splits="all_test", **changes)
    return Prepare.prepare(told)


@pytest.mark.parametrize(
    "sizes, groups",
    [
        ([10, 20, 30], [[0, 1, 2]]),
        ([40, 30, 30, 1], [[0, 1], [2, 3]]),
        ([500, 1, 500], [[0], [1], [2]]),
        ([64], [[0]]),
        ([], []),
    ],
)
def test_tracks_share_a_file_while_they_are_small(monkeypatch, sizes, groups):
    monkeypatch.setattr(shards, "SIZE", 70)
    jobs = [(k, f"track {k}") for k in range(len(sizes))]
    found = shards.shards_of("folder", "train", jobs, None, sizes)
    assert [[row for row, _ in shard.jobs] for shard in found] == groups
    assert len({shard.path for shard in found}) == len(groups)


def test_records_of_many_files_are_those_of_one(tmp_path, monkeypatch):
    for size in (1, 1 << 30):
        monkeypatch.setattr(shards, "SIZE", size)
        made(tmp_path / str(size), DUOS[:3], 1.3)
    options = {**OPTIONS, "splits": "all_test"}
    many, one = (
        Datasets.open_records("urmp", tmp_path / str(size) / "records", **options)
        for size in (1, 1 << 30)
    )
    assert len({place.path for place in many.places("test")}) == 3
    assert len({place.path for place in one.places("test")}) == 1
    for a, b in zip(many.places("test"), one.places("test"), strict=True):
        assert Datasets.records._payload(a) == Datasets.records._payload(b)


def test_a_record_is_the_same_bytes_whoever_writes_it(tmp_path):
    """Processes differ in the order of a message's map, unless that is prescribed."""
    records = Datasets.records.Records(made(tmp_path, DUOS[:2], 1.3))
    for place in records.places("test"):
        payload = Datasets.records._payload(place)
        features = tf.train.Example.FromString(payload)
        assert payload == features.SerializeToString(deterministic=True)


def test_memory_is_that_of_a_track_whatever_the_corpus(tmp_path):
    changes = dict(excerpt_seconds=4.0, window_seconds=1.0)
    made(tmp_path / "first", DUOS[:1], 1.0, **changes)  # loads what is loaded once
    peaks = []
    for count in (2, 11):
        for piece in DUOS[:count]:
            write_piece(tmp_path / str(count) / "raw", piece, seconds=10.0)
        tracemalloc.start()
        made(tmp_path / str(count), DUOS[:count], **changes)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The records of nine more tracks take 9 MB: if they were held, they would show.
    assert peaks[1] < peaks[0] + 4e6
