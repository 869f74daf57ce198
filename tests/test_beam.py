"""Records from Apache Beam: the very files of this process, also when it goes wrong."""

import filecmp
import pathlib
import pickle
import shutil

import pytest

import Datasets
import Prepare
from Datasets import making, shards
from Schema import InputError
from tests.conftest import write_piece
from tests.films_made import TENTHS, film
from tests.test_records import OPTIONS, PIECES, section

FEW = dict(splits="all_test", beam_options=["direct_num_workers=1"])


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Three pieces, one of them with a video."""
    pytest.importorskip("apache_beam", reason="Apache Beam is not installed")
    home = tmp_path_factory.mktemp("beam") / "raw"
    for k, piece in enumerate(PIECES):
        write_piece(home, piece, seconds=2.0 + k * 0.6)
    film(home / PIECES[0] / f"Vid_{PIECES[0]}.mp4", times=TENTHS[:8])
    return home


def both(raw, home, visual=None, **changes):
    """Folders of the same records, made here and on Beam."""
    here = {**changes, "beam_options": []}
    beam = {**changes, "beam_runner": "DirectRunner"}
    return (
        Prepare.prepare(section(raw, home / "here", **here), visual),
        Prepare.prepare(section(raw, home / "beam", **beam), visual),
    )


def assert_equal(a, b):
    names = sorted(path.name for path in a.iterdir())
    assert names == sorted(path.name for path in b.iterdir())
    assert filecmp.cmpfiles(a, b, names, shallow=False)[0] == names
    assert not [name for name in names if shards.PART in name]


def test_beam_makes_the_very_files_that_this_process_makes(raw, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "SIZE", 500_000)  # bytes: one track, then two
    a, b = both(raw, tmp_path, **FEW)
    assert_equal(a, b)
    assert len(list(b.glob("*.tfrecord*"))) == 2
    records = Datasets.open_records(
        "urmp", tmp_path / "beam", **OPTIONS, splits="all_test"
    )
    assert [t.id for t in records.tracks("test")] == sorted(PIECES)
    assert len(records.places("test")) > len(PIECES)


def test_beam_leaves_out_the_same_bad_tracks(raw, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "SIZE", 1)
    pieces = _with_a_silent_stem(raw, tmp_path / "raw")
    a, b = both(pieces, tmp_path, keep_going=True, **FEW)
    assert_equal(a, b)
    records = Datasets.open_records(
        "urmp", tmp_path / "beam", **OPTIONS, splits="all_test"
    )
    assert "silent from end to end" in records.failures["03_Dance_fl_cl"]
    assert [t.row for t in records.tracks("test")] == [0, 2]


def test_beam_watches_the_videos_in_its_workers(raw, tmp_path):
    visual = {"front_end": "players_motion", "frame_rate": 10.0, "weights": None}
    a, b = both(raw, tmp_path, visual, **FEW)
    assert_equal(a, b)
    seen = Datasets.records.Records(b).whole_track(PIECES[0])
    assert seen["visual"].shape[:2] == (3, 8) and seen["visual"].any()


def test_a_watcher_travels_with_its_front_end():
    visual = {"front_end": "players_motion", "frame_rate": 10.0, "weights": None}
    watcher = Prepare.watcher_of(visual)
    there = pickle.loads(pickle.dumps(watcher))
    assert there.front_end.name == watcher.front_end.name
    assert there.open is watcher.open and there.size == watcher.size


def test_a_bad_track_stops_beam_with_one_sentence_and_leaves_nothing(
    raw, tmp_path, capfd
):
    pieces = _with_a_silent_stem(raw, tmp_path / "raw")
    told = section(pieces, tmp_path / "records", beam_runner="DirectRunner", **FEW)
    with pytest.raises(InputError) as error:
        Prepare.prepare(told)
    assert str(error.value).endswith(
        "03_Dance.wav is silent from end to end; remove it"
    )
    assert "Traceback" not in capfd.readouterr().err
    left = [path for path in (tmp_path / "records").rglob("*") if path.is_file()]
    assert not [path for path in left if ".config" not in str(path)]


@pytest.mark.parametrize(
    "runner, options, message",
    [
        (None, ["region=R"], "data.beam_runner is not set"),
        ("DirectRuner", [], "data.beam_runner=DirectRuner: .*DirectRunner"),
        ("away.Runner", [], "data.beam_runner=away.Runner: .*No module"),
    ],
)
def test_a_runner_that_there_is_not_is_refused(raw, runner, options, message):
    with pytest.raises(InputError, match=message):
        making.beam_of({"beam_runner": runner, "beam_options": options})


def test_a_runner_that_lacks_an_option_says_which(raw, tmp_path):
    told = section(raw, tmp_path, beam_runner="DataflowRunner", **FEW)
    with pytest.raises(InputError, match="(?s)cannot begin: .*option: region"):
        Prepare.prepare(told)


CLOUDS = {
    "DataflowRunner": ["project=P", "region=R", "temp_location=gs://b/t"],
    "FlinkRunner": ["flink_master=localhost:8081", "environment_type=LOOPBACK"],
    "SparkRunner": ["spark_master_url=spark://h:7077", "environment_type=LOOPBACK"],
}


@pytest.mark.parametrize("runner", CLOUDS)
def test_the_options_of_the_clouds_are_understood(raw, runner):
    told = making.beam_of({"beam_runner": runner, "beam_options": CLOUDS[runner]})
    known = told["beam_options"].get_all_options(drop_default=True)
    assert known == dict(option.split("=") for option in CLOUDS[runner])


def _with_a_silent_stem(raw, folder):
    """A copy of the raw folder in which one stem is zeros."""
    shutil.copytree(raw, folder)
    bad = pathlib.Path(folder) / "03_Dance_fl_cl" / "AuSep_2_cl_03_Dance.wav"
    bad.write_bytes(bad.read_bytes()[:44] + bytes(bad.stat().st_size - 44))
    return folder
