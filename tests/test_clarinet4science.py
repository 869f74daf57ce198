"""C4S: any layout, told by a pattern; nobody is trained on and tested on."""

import numpy as np
import pytest
import soundfile as sf

import Datasets
import Prepare
from Datasets.clarinet4science import layout
from Schema import InputError
from tests.test_music import RATE, film, sound
from tests.test_records import section

PLAYERS = [f"{k}" for k in range(1, 10)]


def write(raw, *names):
    for k, name in enumerate(names):
        path = raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sf.write(path, sound(k, 0.5), RATE)


def builder(records, **options):
    told = {"splits": "by_player", **options}
    return Datasets.make_builder("clarinet4science", records, **told)


@pytest.mark.parametrize(
    "pattern, path, player",
    [
        ("{player}_{piece}.mp4", "3_k_622.mp4", "3"),
        ("{player}/{piece}.*", "Änne O'Neil/walzer 1.mkv", "Änne O'Neil"),
        ("**/P{player}-{piece}*.wav", "a/b/P7-1-take.wav", "7"),
        ("**/P{player}-{piece}*.wav", "P7-1.wav", "7"),
        (r"re:(?P<player>\d+)(?P<piece>\w)\.wav", "12a.wav", "12"),
        ("{player}?{piece}(1).wav", "x+y(1).wav", "x"),
    ],
)
def test_a_pattern_tells_the_player(pattern, path, player):
    assert layout.expression(pattern).fullmatch(path)["player"] == player


@pytest.mark.parametrize(
    "pattern, message",
    [
        ("{who}_{piece}.mp4", "does not say where the player"),
        ("{player}_{player}.mp4", "is no pattern"),
        ("re:(?P<player>", "is no pattern"),
        ("{1}_{player}.wav", r"\{1\} is no name"),
    ],
)
def test_a_pattern_that_tells_no_player_is_refused(pattern, message):
    with pytest.raises(InputError, match=message):
        layout.expression(pattern)


def test_no_player_is_in_two_splits(tmp_path):
    write(tmp_path, *(f"{p}_{k}.wav" for p in PLAYERS for k in "ab"))
    made = builder(tmp_path / "records", pattern="{player}_{piece}.wav")
    found = made.inventory(tmp_path)
    home = [
        (track.id.partition("_")[0], split)
        for split, tracks in found.tracks.items()
        for track in tracks
    ]
    assert len(home) == 18 and len(set(home)) == 9
    assert all(t.sources[0].label == "cl" for t in found.all_tracks())
    assert any("players of train: " in line for line in found.report())


def test_files_that_are_not_used_are_told_unless_they_are_hidden(tmp_path):
    write(tmp_path, "1_a.wav", "2_a.wav", "3.wav", "more/4.wav")
    (tmp_path / "._1_a.wav").write_bytes(b"of macOS")
    made = builder(tmp_path / "records", pattern="{player}_{piece}.wav")
    found = made.inventory(tmp_path)
    assert sorted(track.id for track in found.all_tracks()) == ["1_a", "2_a"]
    assert "does not fit: 3.wav and 1 more" in found.remarks[-1]


def test_splits_of_ones_own_are_lists_of_players(tmp_path):
    write(tmp_path, "1/a.wav", "2/a.wav", "3/a.wav")
    folder = tmp_path / "splits" / "mine"
    folder.mkdir(parents=True)
    (folder / "train.txt").write_text("1\n")
    (folder / "test.txt").write_text("2\n9\n")
    made = builder(tmp_path / "r", splits="mine", pattern="{player}/{piece}.*")
    found = made.inventory(tmp_path)
    assert {s: [t.id for t in ts] for s, ts in found.tracks.items()} == {
        "train": ["1-a"],
        "test": ["2-a"],
    }
    assert "no file of this player" in found.problems["9"]
    assert "in no split: 3" in found.remarks


def test_a_pattern_that_fits_no_file_shows_one(tmp_path):
    write(tmp_path, "P1/walzer.wav")
    with pytest.raises(InputError, match="fits no file, as 'P1/walzer.wav'"):
        builder(tmp_path / "records").inventory(tmp_path)


def test_two_files_of_one_recording_are_refused(tmp_path):
    write(tmp_path, "1_a.wav", "1_a.flac")
    made = builder(tmp_path / "records", pattern="{player}_{piece}.*")
    with pytest.raises(InputError, match="are one recording"):
        made.inventory(tmp_path)


def test_links_in_a_circle_are_not_followed(tmp_path):
    write(tmp_path, "1_a.wav")
    (tmp_path / "again").symlink_to(tmp_path)
    made = builder(tmp_path / "records", pattern="**/{player}_{piece}.wav")
    assert [t.id for t in made.inventory(tmp_path).all_tracks()] == ["1_a"]


def test_a_named_configuration_makes_records_of_videos(tmp_path):
    from Console.corpora import CORPORA

    raw = tmp_path / "raw"
    for k, player in enumerate(PLAYERS[:3]):
        film(raw / f"{player}_x.mp4", k)
    film(raw / "9_x.mp4", 9, audio=False)
    told = section(raw, tmp_path / "records") | CORPORA["clarinet4science"]["data"]
    told |= {"sample_rate": RATE, "pattern": "", "partial": True}
    Prepare.prepare(told)
    options = Datasets.options_of(told)
    made = Datasets.open_records("clarinet4science", tmp_path / "records", **options)
    tracks = [track for split in made.splits for track in made.tracks(split)]
    assert {t.id for t in tracks} == {"1_x", "2_x", "3_x"}
    assert all(t.has_video and t.labels == ("cl",) for t in tracks)
    assert "no audio stream" in made.failures["9_x"]
    found = made.whole_track("2_x")
    np.testing.assert_allclose(found["mix"][:, 0], sound(1), atol=1e-4)
