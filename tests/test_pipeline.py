"""Windows: true context, every sample, and example i by (seed, i) alone."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

import Datasets
import Prepare
import Schema
from Datasets import mixing, pipeline
from Schema import InputError
from tests.conftest import write_piece
from tests.test_records import OPTIONS, section

SOURCES = ["fl", "vc", "vn", "cl"]
N_IN, N_OUT, CROP = 1200, 500, 350
PIECES = {"12_Spring_vn_vn_vc": 1.3, "14_Waltz_fl_fl_cl": 2.9, "01_Jupiter_vn_vc": 2.0}


@pytest.fixture(scope="module", params=["sum", "apart"])
def made(request, tmp_path_factory):
    """(float32 [P, T, 1] of each piece, folder of records, options)."""
    home = tmp_path_factory.mktemp("urmp")
    stems = {p: write_piece(home / "raw", p, seconds=s) for p, s in PIECES.items()}
    options = {**OPTIONS, "same_instrument": request.param}
    Prepare.prepare(section(home / "raw", home / "records", **options))
    return stems, home / "records", options


# Of what does not depend on whose parts are summed, one kind of records is enough.
one_kind = pytest.mark.parametrize("made", ["apart"], indirect=True)


def load(made, split, **changes):
    options = dict(n_in=N_IN, n_out=N_OUT, batch_size=4, source_names=SOURCES)
    return Datasets.load("urmp", made[1], split, **{**made[2], **options, **changes})


def expected_slots(stems, piece):
    slots = np.zeros([len(SOURCES), *stems.shape[1:]], np.float32)
    for stem, code in zip(stems, piece.split("_")[2:]):
        slots[SOURCES.index(code)] += stem
    return slots


def window(audio, start, n_time):
    """[.., n_time, C] from `start` on; silence outside: the plain reference."""
    padded = np.pad(audio, [(0, 0)] * (audio.ndim - 2) + [(5000, 5000), (0, 0)])
    return padded[..., 5000 + start : 5000 + start + n_time, :]


def test_test_windows_tile_each_track_exactly_with_true_context(made):
    stems = made[0]["01_Jupiter_vn_vc"]
    slots = expected_slots(stems, "01_Jupiter_vn_vc")
    seen = []
    for batch in load(made, "test"):
        Schema.check_batch(batch, N_IN, N_OUT, len(SOURCES), 1)
        for k in range(4):
            start, n_valid = int(batch["start"][k]), int(batch["n_valid"][k])
            seen += range(start, start + n_valid)
            np.testing.assert_array_equal(
                batch["mix"][k], window(stems.sum(axis=0), start - CROP, N_IN)
            )
            np.testing.assert_array_equal(
                batch["sources"][k], window(slots, start, N_OUT)
            )
            assert batch["active"][k].numpy().tolist() == [0, 1, 1, 0]
    assert seen == list(range(stems.shape[1]))


def test_training_windows_hold_the_gained_stems_and_their_sum(made):
    pieces = [p for p in PIECES if not p.startswith("01")]
    rows = {t.row: t.id for t in Datasets.open_records(
        "urmp", made[1], **made[2]).tracks("train")}  # fmt: skip
    assert sorted(rows.values()) == sorted(pieces)
    gains = []
    for batch in load(made, "train", training=True, seed=3).take(20):
        Schema.check_batch(batch, N_IN, N_OUT, len(SOURCES), 1)
        mix, sources = batch["mix"].numpy(), batch["sources"].numpy()
        centre = mix[:, CROP : CROP + N_OUT]
        np.testing.assert_allclose(sources.sum(axis=1), centre, atol=2e-6)
        for k in range(4):
            piece = rows[int(batch["track"][k])]
            stems = made[0][piece]
            start = int(batch["start"][k])
            parts = window(stems, start, N_OUT)[..., 0]
            if np.abs(parts).max(axis=1).min() > 0:
                gains.append(np.linalg.lstsq(parts.T, centre[k, :, 0])[0])
    gains = np.concatenate(gains)
    assert 0.7 - 1e-4 <= gains.min() < 0.75 and 0.95 < gains.max() <= 1.0001


@one_kind
def test_example_i_is_a_function_of_the_seed_and_i_alone(made):
    whole = list(load(made, "train", training=True, seed=5, batch_size=1).take(12))
    later = load(made, "train", training=True, seed=5, batch_size=3, first=6).take(2)
    later = list(later)
    for i, key in itertools.product(range(6), ("mix", "sources", "start", "track")):
        batch = later[i // 3]
        np.testing.assert_array_equal(whole[6 + i][key][0], batch[key][i % 3])
    other = next(iter(load(made, "train", training=True, seed=6, batch_size=1)))
    assert np.any(other["mix"] != whole[0]["mix"])


@one_kind
def test_every_sample_is_a_target_equally_often(made):
    records = Datasets.open_records("urmp", made[1], **made[2])
    windows = pipeline.Windows(records, "train", N_IN, N_OUT, SOURCES)
    draws = tf.data.Dataset.range(60000).map(lambda i: windows.draw(1, i)).batch(60000)
    track, start = next(iter(draws))
    for k, row in enumerate(windows.tracks):
        starts = start.numpy()[track.numpy() == k]
        assert starts.min() >= 1 - N_OUT and starts.max() <= row.n_time - 1
        # How often each sample is covered, by counting in bins of 1000 samples.
        edges = np.zeros(row.n_time + 1, int)
        np.add.at(edges, np.maximum(starts, 0), 1)
        np.add.at(edges, np.minimum(starts + N_OUT, row.n_time), -1)
        covered = np.cumsum(edges)[:-1]
        total = sum(t.n_time + N_OUT - 1 for t in windows.tracks)
        expected = 60000 * N_OUT / total
        bins = [b.mean() for b in np.array_split(covered, row.n_time // 1000)]
        # Neighbouring samples share windows: the deviation is that of the counts.
        assert np.abs(np.array(bins) - expected).max() < 5 * np.sqrt(expected)


@pytest.mark.parametrize("start", [-700, -30, 0, 17, 95, 100, 300])
def test_cutting_fills_with_silence_outside(start):
    audio = np.arange(1, 301, dtype=np.int16).reshape(3, 100, 1)
    reference = np.pad(audio, [(0, 0), (1000, 1000), (0, 0)])
    np.testing.assert_array_equal(
        mixing.cut(tf.constant(audio), tf.constant(start, tf.int64), 60),
        reference[:, 1000 + start : 1060 + start],
    )


def test_an_instrument_without_a_slot_is_refused_by_name(made):
    with pytest.raises(InputError, match="14_Waltz.*'cl'.*data.sources"):
        load(made, "train", source_names=["fl", "vc", "vn"])


def test_a_source_that_is_no_instrument_is_refused_with_the_nearest(made):
    with pytest.raises(InputError, match="'tbt'.*did you mean 't"):
        load(made, "train", source_names=[*SOURCES, "tbt"])


def test_a_window_longer_than_the_records_hold_is_refused(made):
    with pytest.raises(InputError, match="data.window_seconds"):
        load(made, "train", n_in=20000, n_out=1000)


def test_an_unknown_split_is_refused(made):
    with pytest.raises(InputError, match="no split 'valid', only train, test"):
        load(made, "valid")


@one_kind
def test_no_thread_that_sleeps_stands_behind_a_stream(made):
    for split in ("train", "test"):  # or whoever drops an iterator waits for it to wake
        assert load(made, split).options().autotune.enabled is False
