"""Tracks that cannot be read: they stop a build, or are left out and told of."""

import numpy as np
import pytest
import soundfile as sf

import Datasets
import Prepare
from Schema import InputError
from tests.conftest import write_piece
from tests.test_records import OPTIONS, section

ALL = {**OPTIONS, "splits": "all_test"}
GOOD = ["01_Jupiter_vn_vc", "06_Entertainer_sax_sax", "11_Maria_ob_vc"]
BAD = {
    "02_Sonata_vn_vn": ("nan", "sample 77 is not a finite number"),
    "03_Dance_fl_cl": ("cut", "ends .* s before it should .*truncated|cannot be read"),
    "04_Allegro_fl_fl": ("silent", "is silent from end to end; remove it"),
    "05_Entertainer_tpt_tpt": ("empty", "cannot be read as audio"),
    "08_Spring_fl_vn": ("text", "Notes_1_fl_08_Spring.txt, line 1"),
}


def damage(raw, piece, kind):
    """Spoils the first stem of a piece in FLAC; "text": its list of notes."""
    code = piece.split("_")[2]
    path = raw / piece / f"AuSep_1_{code}_{'_'.join(piece.split('_')[:2])}.flac"
    audio, rate = sf.read(path, dtype="float32")
    if kind == "nan":
        path.unlink()
        audio[77] = np.nan
        sf.write(path.with_suffix(".wav"), audio, rate, subtype="FLOAT")
    elif kind == "silent":
        sf.write(path, audio * 0, rate)
    elif kind == "text":
        name = path.name.replace("AuSep", "Notes").replace(".flac", ".txt")
        path.with_name(name).write_text("neither here nor there\n")
    else:
        path.write_bytes(path.read_bytes()[: 20_000 if kind == "cut" else 0])


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """(folder of good and bad pieces, {good piece: stems})."""
    folder, stems = tmp_path_factory.mktemp("urmp") / "raw", {}
    for piece in [*GOOD, *BAD]:
        stems[piece] = write_piece(folder, piece, seconds=1.4, format="FLAC")
    for piece, (kind, _) in BAD.items():
        damage(folder, piece, kind)
    return folder, stems


@pytest.fixture(scope="module")
def kept(raw, tmp_path_factory):
    """Folder of the records of what is good."""
    home = tmp_path_factory.mktemp("records")
    Prepare.prepare(section(raw[0], home, splits="all_test", keep_going=True))
    return home


@pytest.mark.parametrize("piece", BAD)
def test_a_bad_track_is_told_in_the_metadata(kept, piece):
    records = Datasets.open_records("urmp", kept, **ALL)
    assert [track.id for track in records.tracks("test")] == GOOD
    with pytest.raises(InputError, match=BAD[piece][1]):
        raise InputError(records.failures[piece])


@pytest.mark.parametrize("piece", GOOD)
def test_the_other_tracks_are_whole(kept, raw, piece):
    track = Datasets.whole_track(piece, "urmp", kept, **ALL)
    stems = raw[1][piece]
    stems = stems if len(track["labels"]) == 2 else stems.sum(axis=0, keepdims=True)
    np.testing.assert_array_equal(track["sources"], stems)


@pytest.mark.parametrize("training", [False, True])
def test_windows_of_all_that_was_kept_reach_a_model(kept, training):
    records = Datasets.open_records("urmp", kept, **ALL)
    rows = {track.row for track in records.tracks("test")}
    assert rows != set(range(len(rows)))  # there are gaps
    batches = Datasets.load(
        *("urmp", kept, "test"),
        **dict(n_in=4000, n_out=4000, batch_size=4, training=training),
        **dict(source_names=["vn", "vc", "sax", "ob"], **ALL),
    )
    seen = set()
    for batch in batches.take(30):
        seen |= set(batch["track"].numpy().tolist()) - {-1}
        assert np.isfinite(batch["mix"]).all()
    assert seen == rows


def test_prepare_says_what_was_left_out_and_why(raw, tmp_path, capsys):
    Prepare.prepare(section(raw[0], tmp_path, splits="all_test", keep_going=True))
    told = capsys.readouterr().out
    for piece in ("02_Sonata_vn_vn", "03_Dance_fl_cl", "04_Allegro_fl_fl"):
        assert f"left out: {piece}: {raw[0]}" in told  # found while reading
    for piece in ("05_Entertainer_tpt_tpt", "08_Spring_fl_vn"):
        assert f"missing: {piece}: {raw[0]}" in told  # found before
    assert "wrote 3 tracks" in told


def some(raw, pieces, folder):
    """A folder of some of the pieces."""
    folder.mkdir()
    for piece in pieces:
        (folder / piece).symlink_to(raw[0] / piece)
    return folder


@pytest.mark.parametrize("piece", BAD)
def test_else_a_bad_track_stops_the_build_and_leaves_nothing(raw, tmp_path, piece):
    pieces = some(raw, [GOOD[0], piece], tmp_path / "raw")
    with pytest.raises(InputError, match=BAD[piece][1]):
        Prepare.prepare(section(pieces, tmp_path / "here", splits="all_test"))
    left = [path.name for path in (tmp_path / "here").rglob("*") if path.is_file()]
    assert set(left) <= {"metadata.json"}  # TFDS's, of which options are the default


def test_a_split_of_which_nothing_is_left_is_left_out(raw, tmp_path):
    # of a test split, a training split and a validation split
    pieces = some(raw, [*GOOD[:2], "03_Dance_fl_cl"], tmp_path / "raw")
    Prepare.prepare(section(pieces, tmp_path, keep_going=True))
    records = Datasets.open_records("urmp", tmp_path, **OPTIONS)
    assert "03_Dance_fl_cl" in records.failures
    with pytest.raises(InputError, match="no split 'validation', only train, test"):
        records.tracks("validation")


def test_if_all_tracks_are_bad_nothing_is_made(raw, tmp_path):
    pieces = some(raw, ["02_Sonata_vn_vn", "04_Allegro_fl_fl"], tmp_path / "raw")
    told = section(pieces, tmp_path / "here", splits="all_test", keep_going=True)
    with pytest.raises(InputError, match="no track could be read; 02_Sonata.*finite"):
        Prepare.prepare(told)
    assert not list((tmp_path / "here").rglob("*.tfrecord*"))
