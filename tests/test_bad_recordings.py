"""What users have on their disks: cut, empty, odd, badly named; and full disks."""

import contextlib
import importlib.util
import os
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile as sf

import Datasets
import Prepare
import Utils
from Datasets import builder, media, reading, video
from Datasets.options import Options
from Datasets.track import Source, Track
from Preparing import trust
from Schema import InputError
from tests.conftest import write_piece
from tests.films_made import TENTHS, film
from tests.test_records import OPTIONS, section

PIECE, OTHER = "01_Jupiter_vn_vc", "03_Dance_fl_cl"
ALL = {**OPTIONS, "splits": "all_test"}
LOOK = {"front_end": "players_motion", "frame_rate": 10.0, "weights": None}


def made(home, visual=None, **changes):
    """Makes records of the pieces in home/raw; returns their folder."""
    told = section(home / "raw", home / "records", splits="all_test")
    return Prepare.prepare({**told, **changes}, visual)


def nothing_made(home):
    """Whether no record, finished or not, lies in home/records."""
    left = [path for path in (home / "records").rglob("*") if path.is_file()]
    return not [path for path in left if path.parent.name != ".config"]


def piece_with_a_film(home, *cut, **options):
    """Writes a piece with a video, of which only some bytes are kept."""
    write_piece(home / "raw", PIECE, seconds=1.0)
    path = home / "raw" / PIECE / f"Vid_{PIECE}.mp4"
    film(path, **options)
    path.write_bytes(path.read_bytes()[slice(*cut)])
    return path


def test_an_mp4_without_its_end_stops_the_build_by_name(tmp_path):
    piece_with_a_film(tmp_path, -400)  # its table of contents stands there
    with pytest.raises(InputError, match=f"Vid_{PIECE}.mp4 cannot be read"):
        made(tmp_path, LOOK)
    assert nothing_made(tmp_path)


def test_an_mp4_without_its_end_gives_no_audio_either(tmp_path):
    path = tmp_path / "film.mp4"
    frames = [np.zeros((48, 64, 3), np.uint8)] * 10
    media.write_video(path, frames, 10, np.zeros((8000, 1)), 8000)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(InputError, match="film.mp4 cannot be read as audio"):
        media.read_audio(path)


def test_a_stem_that_breaks_off_within_a_readable_file_is_refused(tmp_path):
    path = tmp_path / "stem.flac"
    noise = np.random.default_rng(1).normal(0, 0.1, 32000)
    sf.write(path, noise, 16000)
    path.write_bytes(path.read_bytes()[:20000])
    track = Track("a", (Source("vn", str(path)),), 16000, 32000)
    with pytest.raises(InputError, match="stem.flac (ends|cannot be read)"):
        reading.read_track(track, Options(sample_rate=16000))


def test_a_video_of_one_frame_is_seen_where_it_is(tmp_path):
    piece_with_a_film(tmp_path, None, times=TENTHS[:1])
    folder = made(tmp_path, LOOK)
    track = Datasets.records.Records(folder).whole_track(PIECE)
    assert track["visual"].shape[1] == track["boxes"].shape[1] == 1
    assert np.isfinite(track["visual"]).all() and len(track["mix"]) == 16000


@pytest.mark.parametrize("suffix", [".flac", ".wav", ".mp4", ".m4a", ".ogg"])
def test_a_file_of_zero_bytes_is_refused_by_name(tmp_path, suffix):
    path = tmp_path / f"nothing{suffix}"
    path.touch()
    for read in (media.read_audio, media.probe_audio):
        with pytest.raises(InputError, match=f"nothing{suffix} cannot be read"):
            read(path)
    with pytest.raises(InputError, match=f"nothing{suffix} (cannot be|has no video)"):
        video.probe(path)


def test_a_stem_of_another_rate_than_its_mates_is_refused_with_both(tmp_path):
    write_piece(tmp_path / "raw", PIECE, seconds=1.0)
    path = tmp_path / "raw" / PIECE / "AuSep_2_vc_01_Jupiter.wav"
    sf.write(path, np.full(22050, 0.1), 22050)
    with pytest.raises(InputError, match="AuSep_1_vn.*rates: 16000, 22050 Hz"):
        made(tmp_path)
    assert nothing_made(tmp_path)


def surround(home):
    """A piece with stems of 5.1 channels; returns the stems [P, T, 6]."""
    write_piece(home / "raw", PIECE, seconds=1.0, mix=False)
    stems = np.random.default_rng(5).integers(-9000, 9000, (2, 16000, 6))
    for path, stem in zip(sorted((home / "raw" / PIECE).glob("AuSep*")), stems):
        sf.write(path, stem.astype(np.int16), 16000, subtype="PCM_16")
    return stems / 32768


def test_stems_in_5_1_become_the_mean_of_their_channels(tmp_path):
    stems = surround(tmp_path)
    made(tmp_path)
    track = Datasets.whole_track(PIECE, "urmp", tmp_path / "records", **ALL)
    np.testing.assert_allclose(
        track["sources"][..., 0], stems.mean(axis=2), atol=0.51 / 32768
    )


def test_stems_in_5_1_do_not_become_stereo(tmp_path):
    surround(tmp_path)
    with pytest.raises(InputError, match="AuSep_1.*6 channels cannot become 2"):
        made(tmp_path, channels=2)
    assert nothing_made(tmp_path)


NAMES = [
    "with  spaces",
    "'single' and \"double\"",
    "日本語 Ελληνικά é",
    "100% [a-b]*?#@2",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_a_folder_is_as_good_as_another(tmp_path, name):
    home = tmp_path / name
    stems = write_piece(home / "raw", PIECE, seconds=1.0)
    folder = made(home)
    assert folder.is_relative_to(home)
    track = Datasets.whole_track(PIECE, "urmp", home / "records", **ALL)
    np.testing.assert_array_equal(track["sources"], stems)
    load = dict(n_in=4000, n_out=4000, batch_size=4, source_names=["vn", "vc"])
    batches = Datasets.load("urmp", home / "records", "test", **load, **ALL)
    assert sum((batch["track"].numpy() >= 0).sum() for batch in batches) == 4


@pytest.mark.parametrize("stem", [False, True])
def test_a_symbolic_link_to_itself_counts_as_absent(tmp_path, stem):
    write_piece(tmp_path / "raw", PIECE, seconds=1.0)
    loop = tmp_path / "raw" / OTHER
    if stem:
        write_piece(tmp_path / "raw", OTHER, seconds=1.0)
        loop = loop / "AuSep_1_fl_03_Dance.wav"
        loop.unlink()
    loop.symlink_to(loop)
    made(tmp_path)
    records = Datasets.open_records("urmp", tmp_path / "records", **ALL)
    told = "no AuSep_1_fl_03_Dance.wav or .flac" if stem else "no such folder"
    assert records.failures[OTHER] == told


def test_a_folder_that_is_a_link_to_itself_is_refused(tmp_path):
    (tmp_path / "raw").symlink_to(tmp_path / "raw")
    with pytest.raises(InputError, match="raw is not a folder"):
        made(tmp_path)


@contextlib.contextmanager
def files_of_at_most(n_bytes):
    """No file may grow beyond, as on a full disk."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    least, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (least, most))
        signal.signal(signal.SIGXFSZ, handler)


# Of 2 s, the records have 190 kB; of 0.02 s, less than what tells of them.
@pytest.mark.parametrize("seconds, n_bytes", [(2.0, 100_000), (0.02, 3500)])
def test_a_full_disk_is_told_and_what_was_there_survives(
    tmp_path, capsys, seconds, n_bytes
):
    # capsys: else pytest keeps what is printed in a file, too
    stems = write_piece(tmp_path / "raw", PIECE, seconds=seconds)
    made(tmp_path)
    with files_of_at_most(n_bytes):
        with pytest.raises(InputError, match="cannot be written.*is the disk full"):
            made(tmp_path, same_instrument="apart")
    assert len(list((tmp_path / "records").rglob("*.tfrecord*"))) == 1
    assert len(list((tmp_path / "records").rglob("dataset_info.json"))) == 1
    track = Datasets.whole_track(PIECE, "urmp", tmp_path / "records", **ALL)
    np.testing.assert_array_equal(track["sources"], stems)
    made(tmp_path, same_instrument="apart")  # with space again


def test_a_full_disk_is_told_by_statistics_too(tmp_path, capsys):
    write_piece(tmp_path / "raw", PIECE)
    records, home = Datasets.records.Records(made(tmp_path)), tmp_path / "told"
    with files_of_at_most(5000), pytest.raises(InputError, match="told cannot be wri"):
        trust.measure(records, str(home))
    assert not (home / "statistics.html").exists()


def test_of_two_builds_at_once_one_is_refused_and_the_other_whole(
    tmp_path, monkeypatch
):
    stems, records_of, tried = write_piece(tmp_path / "raw", PIECE), [], []

    def meanwhile(*args, **options):
        with pytest.raises(InputError, match="another Prepare.py is at work"):
            made(tmp_path)
        tried.append(True)
        yield from records_of[0](*args, **options)

    records_of.append(builder.records_of)
    monkeypatch.setattr(builder, "records_of", meanwhile)
    made(tmp_path)
    assert tried
    track = Datasets.whole_track(PIECE, "urmp", tmp_path / "records", **ALL)
    np.testing.assert_array_equal(track["sources"], stems)


def test_a_build_that_comes_just_after_its_like_keeps_what_that_made(
    tmp_path, monkeypatch
):
    stems, alone, others = write_piece(tmp_path / "raw", PIECE), Utils.alone, []

    def late(*told):
        monkeypatch.setattr(Utils, "alone", alone)
        others.append(made(tmp_path))  # since this one looked whether there are any
        return alone(*told)

    monkeypatch.setattr(Utils, "alone", late)
    assert [made(tmp_path)] == others
    track = Datasets.whole_track(PIECE, "urmp", tmp_path / "records", **ALL)
    np.testing.assert_array_equal(track["sources"], stems)


KILLED = """
import os, pathlib, signal, sys
import Prepare
from Datasets import builder
from tests.test_records import section

records_of = builder.records_of

def killed(row, track, **options):
    if row == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    yield from records_of(row, track, **options)

builder.records_of = killed
for home in map(pathlib.Path, sys.argv[1:]):
    runner = {"alone": None}.get(home.name, home.name)
    told = section(home / "raw", home / "records", splits="all_test")
    if not os.fork():  # before TensorFlow has threads
        Prepare.prepare({**told, "beam_runner": runner})
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == -signal.SIGKILL
"""
RUNNERS = ["alone"]
if importlib.util.find_spec("apache_beam"):
    RUNNERS.append("DirectRunner")


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Folder of killed builds by each runner, and the stems of their pieces."""
    top, pieces = tmp_path_factory.mktemp("killed"), (PIECE, OTHER)
    for runner in RUNNERS:
        raw = top / runner / "raw"
        stems = {piece: write_piece(raw, piece, seconds=1.0) for piece in pieces}
    program = [sys.executable, "-c", KILLED, *(str(top / name) for name in RUNNERS)]
    places = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(program, env=places, capture_output=True)
    assert done.returncode == 0, done.stderr
    return top, stems


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_killed_build_is_never_taken_for_a_finished_one(killed, runner):
    tmp_path, stems = killed[0] / runner, killed[1]
    assert list((tmp_path / "records").rglob("*incomplete*"))
    with pytest.raises(InputError, match="holds no records of urmp"):
        Datasets.open_records("urmp", tmp_path / "records", **ALL)
    made(tmp_path)  # begins anew
    assert not list((tmp_path / "records").rglob("*incomplete*"))
    for piece, parts in stems.items():
        track = Datasets.whole_track(piece, "urmp", tmp_path / "records", **ALL)
        np.testing.assert_array_equal(track["sources"], parts)
