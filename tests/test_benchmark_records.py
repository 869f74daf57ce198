"""The records of the 2018 VIMSS are rebuilt as they were, and compared fairly."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import records, records_2018, records_pieces
from Schema import INSTRUMENTS

N_TIME = 147443 + 16384  # samples of a piece of two segments


def piece():
    """A mixture that counts its samples, a flute that does, and 12 who are silent."""
    mix = np.arange(N_TIME, dtype=np.float32)
    sources = np.zeros([13, N_TIME], np.float32)
    sources[list(INSTRUMENTS).index("fl")] = mix
    return mix, sources


def test_urmps_pieces_are_counted_by_their_players():
    kinds = records_pieces.ensembles()
    assert sum(kinds.values()) == 44
    players = {n: sum(c for k, c in kinds.items() if k[0] == n) for n in (2, 3, 4, 5)}
    assert players == {2: 11, 3: 12, 4: 14, 5: 7}
    assert sum(k[0] * count for k, count in kinds.items()) == 149
    # The 2018 VIMSS dropped the four of one instrument, and kept 12, 20 and 8.
    parts = {n: sum(c for k, c in kinds.items() if k[1] == n) for n in (1, 2, 3, 4)}
    assert parts == {1: 4, 2: 12, 3: 20, 4: 8}


@pytest.mark.parametrize(
    "n_time, count", [(147442, 0), (147443, 1), (N_TIME - 1, 1), (N_TIME, 2)]
)
def test_only_whole_segments_are_records(n_time, count):
    assert records_2018.count(n_time) == count


def test_a_record_of_2018_has_its_fields_and_floats():
    floats = records_2018.segment(*piece(), 1)
    labels = [int(code == "fl") for code in INSTRUMENTS]
    record = records_2018.example(7, 1, floats, labels)
    found = tf.train.Example.FromString(record).features.feature
    keys = "file_basename sample_rate sample_idx num_samples channels num_sources"
    keys = f"{keys} labels source_names encoded".split()
    assert set(found) == {f"audio/{key}" for key in keys}
    assert found["audio/labels"].int64_list.value == labels
    assert found["audio/source_names"].bytes_list.value == [b"fl"]
    told = found["audio/encoded"].float_list.value
    assert len(told) == 147443 + 13 * 16384 == 360435
    # The first target lies after the context, which is not quite symmetric.
    flute = np.float32(told[147443:]).reshape(13, 16384)[3]
    assert told[0] == 16384 and flute[0] == 16384 + 65529
    assert flute[-1] - told[0] == 65529 + 16383
    assert 0 < len(record) - 4 * 360435 < 500


def test_the_reader_of_2018_gives_what_was_written(tmp_path):
    assert records_2018.write(tmp_path / "there", [piece()]) == 2
    (given, targets) = next(
        iter(records_2018.batches(tmp_path / "there", 2, 1, shuffle=1))
    )
    assert given["mix"].shape == [2, 147443, 1] and targets.shape == [2, 13, 16384, 1]
    first = given["sample_id"].numpy() * 16384
    np.testing.assert_array_equal(given["mix"][:, 0, 0], first)
    np.testing.assert_array_equal(given["mix"][:, -1, 0], first + 147442)
    np.testing.assert_array_equal(targets[:, 3, 0, 0], first + 65529)
    assert not np.any(np.delete(targets, 3, axis=1))
    np.testing.assert_array_equal(given["labels"][0], np.eye(13)[3])


def test_a_sample_of_the_segments_is_as_large_as_its_share(tmp_path):
    written = records_2018.write(tmp_path / "there", [piece()] * 4, every=4)
    assert written == 2
    size = records_pieces.size_of(tmp_path / "there")
    assert size == pytest.approx(2 * 4 * 360435, rel=1e-3)
    records_2018.write(tmp_path / "packed", [piece()] * 4, 4, "GZIP")
    assert records_pieces.size_of(tmp_path / "packed") < 0.7 * size


@pytest.mark.parametrize("summed, mean", [(False, 4.25), (True, 2.75)])
def test_the_mean_is_that_of_all_pieces(summed, mean):
    kinds = {(2, 1): 1, (5, 2): 2, (5, 6): 1}
    taken = {1: 1.0, 2: 2.0, 5: 5.0, 6: 6.0}
    assert records.mean_rate(taken, kinds, summed) == mean


def test_waiting_is_the_time_in_which_no_step_is_taken(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(records.time, "perf_counter", lambda: clock[0])

    def slow():
        for k in itertools.count():
            clock[0] += 3
            yield k

    turns = records.Turns(slow(), steps=records.SETTLE + 2, rounds=2)
    seen = []
    for batch in turns:
        clock[0] += 20
        seen.append(batch)
    assert len(seen) == len(turns) == 4 * (records.SETTLE + 2)
    assert seen[: records.SETTLE + 3] == [*range(1, records.SETTLE + 3), 0]
    assert turns.read == [(3, 23)] * 4 and turns.same == [(0, 20)] * 4


def test_a_misspelt_row_of_records_is_told(capsys):
    with pytest.raises(SystemExit):
        records.main(["records_size"])
    assert (
        "no row 'records_size'; the rows are records_bytes" in capsys.readouterr().err
    )
