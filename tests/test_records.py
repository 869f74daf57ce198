"""Records: made by TFDS, found again, and the tracks come back whole."""

import pathlib

import numpy as np
import pytest
import tensorflow_datasets as tfds

import Datasets
import Prepare
import Utils
from Schema import InputError
from tests.conftest import write_piece

PIECES = ["12_Spring_vn_vn_vc", "03_Dance_fl_cl", "01_Jupiter_vn_vc"]
OPTIONS = dict(sample_rate=16000, excerpt_seconds=1.0, window_seconds=0.25)


def section(raw, records, **changes):
    """A data section of the configuration, as Prepare gets it."""
    return {
        "name": "urmp",
        "raw": raw,
        "records": records,
        "splits": "composition",
        "channels": 1,
        "same_instrument": "sum",
        "partial": True,
        "keep_going": False,
        "beam_runner": None,
        "beam_options": [],
        **OPTIONS,
        **changes,
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(stems of each piece, folder of records)."""
    home = tmp_path_factory.mktemp("urmp")
    stems = {
        piece: write_piece(home / "raw", piece, seconds=2.0 + k * 0.6, mix=k != 1)
        for k, piece in enumerate(PIECES)
    }
    Prepare.prepare(section(home / "raw", home / "records"))
    return stems, home / "records"


@pytest.mark.parametrize("piece", PIECES)
def test_a_whole_track_comes_back_sample_for_sample(made, piece):
    stems, records = made
    track = Datasets.whole_track(piece, "urmp", records, **OPTIONS)
    stems = stems[piece]
    if piece.startswith("12"):
        stems = np.stack([stems[0] + stems[1], stems[2]])
    np.testing.assert_array_equal(track["sources"], stems)
    np.testing.assert_array_equal(track["mix"], stems.sum(axis=0))
    assert track["labels"] == list(dict.fromkeys(piece.split("_")[2:]))
    assert track["sample_rate"] == 16000


def test_every_window_up_to_the_stated_length_lies_in_one_record(made):
    records = Datasets.open_records("urmp", made[1], **OPTIONS)
    window, hop = records.options.window, records.options.hop
    for track in records.tracks("train"):
        spans = records.options.excerpts(track.n_time)
        assert spans[0][0] == 0 and spans[-1][1] == track.n_time
        for start in range(0, track.n_time):
            first, last = spans[min(start // hop, len(spans) - 1)]
            assert first <= start and min(start + window, track.n_time) <= last


def test_records_are_at_most_1_4_times_the_pcm16_of_mix_and_present_stems(tmp_path):
    stems = write_piece(tmp_path / "raw", "01_Jupiter_vn_vc", seconds=150.0)
    changes = dict(excerpt_seconds=40.0, window_seconds=8.0)
    folder = Prepare.prepare(section(tmp_path / "raw", tmp_path, **changes))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size <= 1.4 * 2 * stems[0].size * 3


def test_the_records_load_with_tfds_alone(made):
    folder = Datasets.open_records("urmp", made[1], **OPTIONS).folder
    dataset = tfds.builder_from_directory(folder).as_dataset(split="test")
    example = next(iter(dataset))
    assert example["id"] == b"01_Jupiter_vn_vc" and example["sample_rate"] == 16000
    assert example["sources"].shape == (2, 16000, 1)
    assert example["mix"].dtype == "int16"
    assert example["notes"].shape == (0, 4) and not any(example["has_notes"])


def test_tfds_knows_the_data_sets_by_name(made):
    assert tfds.builder_cls("urmp") is Datasets.DATASETS["urmp"]
    assert tfds.builder_cls("chamber") is Datasets.DATASETS["chamber"]


def test_preparing_again_does_nothing_and_says_so(made, capsys):
    _, records = made
    Prepare.prepare(section(records.parent / "raw", records))
    assert "up to date" in capsys.readouterr().out


def test_records_of_other_recordings_are_refused(tmp_path):
    write_piece(tmp_path / "raw", "01_Jupiter_vn_vc")
    Prepare.prepare(section(tmp_path / "raw", tmp_path / "records"))
    write_piece(tmp_path / "raw", "03_Dance_fl_cl")
    with pytest.raises(InputError, match="made from other recordings"):
        Prepare.prepare(section(tmp_path / "raw", tmp_path / "records"))


def test_a_stem_that_changed_in_its_middle_makes_the_records_stale(tmp_path):
    write_piece(tmp_path / "raw", "01_Jupiter_vn_vc", seconds=20.0)
    Prepare.prepare(section(tmp_path / "raw", tmp_path / "records"))
    path = tmp_path / "raw" / "01_Jupiter_vn_vc" / "AuSep_1_vn_01_Jupiter.wav"
    content = bytearray(path.read_bytes())
    content[300000:300002] = b"ab"
    path.write_bytes(content)
    with pytest.raises(InputError, match="made from other recordings"):
        Prepare.prepare(section(tmp_path / "raw", tmp_path / "records"))


def test_a_second_prepare_is_kept_out(tmp_path):
    write_piece(tmp_path / "raw", "01_Jupiter_vn_vc")
    options = Datasets.make_builder("urmp", tmp_path / "records", **OPTIONS)
    with Utils.alone(pathlib.Path(options.data_dir).parent, "Prepare.py"):
        with pytest.raises(InputError, match="another Prepare.py is at work"):
            Prepare.prepare(section(tmp_path / "raw", tmp_path / "records"))


def test_missing_pieces_stop_it_before_any_work(tmp_path, capsys):
    write_piece(tmp_path / "raw", "01_Jupiter_vn_vc")
    with pytest.raises(InputError, match="43 tracks are missing.*data.partial=True"):
        Prepare.prepare(section(tmp_path / "raw", tmp_path / "records", partial=False))
    assert "missing: 44_K515_vn_vn_va_va_vc" in capsys.readouterr().out
    assert not (tmp_path / "records").exists()


def test_a_bad_stem_leaves_nothing_that_looks_finished(tmp_path):
    write_piece(tmp_path / "raw", "01_Jupiter_vn_vc")
    write_piece(tmp_path / "raw", "03_Dance_fl_cl")
    bad = tmp_path / "raw" / "03_Dance_fl_cl" / "AuSep_2_cl_03_Dance.wav"
    bad.write_bytes(bad.read_bytes()[:44] + bytes(64000))
    with pytest.raises(InputError, match="AuSep_2_cl_03_Dance.wav is silent"):
        Prepare.prepare(section(tmp_path / "raw", tmp_path / "records"))
    assert not list((tmp_path / "records").rglob("*.tfrecord*"))
    assert not list((tmp_path / "records").rglob("dataset_info.json"))


def test_records_cut_short_are_refused_by_name(tmp_path):
    write_piece(tmp_path / "raw", "01_Jupiter_vn_vc")
    folder = Prepare.prepare(section(tmp_path / "raw", tmp_path / "records"))
    (path,) = folder.glob("*.tfrecord*")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="tfrecord.*is cut short"):
        Datasets.open_records("urmp", tmp_path / "records", **OPTIONS).places("test")


def test_records_of_another_rate_are_refused_by_saying_which_there_are(made):
    with pytest.raises(
        InputError, match="composition-16000hz.*not composition-22050hz"
    ):
        Datasets.open_records("urmp", made[1], **{**OPTIONS, "sample_rate": 22050})


def test_records_of_another_version_are_refused_with_both_versions(tmp_path):
    write_piece(tmp_path / "raw", "01_Jupiter_vn_vc")
    folder = Prepare.prepare(section(tmp_path / "raw", tmp_path / "records"))
    told = Utils.read_json(folder / "metadata.json")
    Utils.write_json(folder / "metadata.json", {**told, "record_version": "1.0.0"})
    with pytest.raises(InputError, match="of version 1.0.0, this is version 1.1.0"):
        Datasets.open_records("urmp", tmp_path / "records", **OPTIONS)
    folder.rename(folder.with_name("1.0.0"))
    with pytest.raises(InputError, match="of version 1.0.0, this is version 1.1.0"):
        Datasets.open_records("urmp", tmp_path / "records", **OPTIONS)


def test_an_unknown_track_is_refused_with_the_nearest(made):
    with pytest.raises(InputError, match="did you mean '01_Jupiter_vn_vc'"):
        Datasets.whole_track("01_Jupter_vn_vc", "urmp", made[1], **OPTIONS)


def test_no_records_at_all_are_refused_with_the_command(tmp_path):
    with pytest.raises(InputError, match="python Prepare.py with urmp"):
        Datasets.open_records("urmp", tmp_path)
