"""MUSIC's lists, the user's files in several layouts, and what is missing of them."""

import json
import shutil

import numpy as np
import pytest
import soundfile as sf

import Datasets
import Prepare
from Datasets import availability, media, reading, watching
from Datasets.music import layout
from Datasets.options import Options
from Schema import InputError
from tests import video_made
from tests.test_records import section

RATE = 8000
SOLOS = {
    "violin": ["WjwOm5pJlI0", "-tY40Ev8IzE", "gone0000000"],
    "acoustic_guitar": ["X4UWEifacwI", "IPsA3sz934M"],
    "tuba": ["AKNt1SF-5VA"],
}


def write_lists(raw, solos=SOLOS, duets=None, name="MUSIC_solo_videos.json"):
    raw.mkdir(parents=True, exist_ok=True)
    (raw / name).write_text(json.dumps({"version": 1.0, "videos": solos}))
    if duets:
        told = json.dumps({"version": 1.0, "videos": duets})
        (raw / "MUSIC_duet_videos.json").write_text(told)


def sound(seed, seconds=1.0):
    noise = np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE))
    return noise.astype(np.float32)


def film(path, seed, audio=True):
    """A video of 1 s."""
    path.parent.mkdir(parents=True, exist_ok=True)
    heard = sound(seed) if audio else None
    pictures = [video_made.grey(20 * k + 20) for k in range(10)]
    aside = path.with_suffix(".mkv")
    video_made.write(aside, pictures, np.arange(10) / 10, heard)
    aside.rename(path)


def music(home):
    """A folder in which each id lacks something else."""
    raw = home / "MUSIC ‘videos’"
    write_lists(raw, duets={"flute violin": ["8DHG_hVSw1o", "XbOYpwFkn7o"]})
    film(raw / "violin" / "WjwOm5pJlI0.mp4", 1)
    film(raw / "-tY40Ev8IzE.mp4", 2, audio=False)  # mute, in the folder itself
    film(raw / "solo" / "acoustic guitar" / "X4UWEifacwI.mp4", 3, audio=False)
    (raw / "audio" / "acoustic_guitar").mkdir(parents=True)
    for name in ("X4UWEifacwI", "IPsA3sz934M"):
        path = raw / "audio" / "acoustic_guitar" / f"{name}.flac"
        sf.write(path, sound(4), RATE)
    film(raw / "tuba" / "AKNt1SF-5VA.mp4", 5)
    sf.write(raw / "tuba" / "AKNt1SF-5VA.wav", sound(6), RATE)
    return raw


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return music(tmp_path_factory.mktemp("music"))


def builder(records, **options):
    return Datasets.make_builder("music", records, **{"splits": "music11", **options})


def test_solos_are_found_in_every_layout_and_are_labelled_with_their_class(
    raw, tmp_path
):
    found = builder(tmp_path).inventory(raw)
    tracks = {track.id: track for track in found.all_tracks()}
    labels = {name: track.sources[0].label for name, track in tracks.items()}
    assert labels == {
        "WjwOm5pJlI0": "violin",
        "X4UWEifacwI": "acoustic_guitar",
        "IPsA3sz934M": "acoustic_guitar",
        "AKNt1SF-5VA": "tuba",
    }
    assert tracks["IPsA3sz934M"].video is None
    assert tracks["X4UWEifacwI"].video.endswith("acoustic guitar/X4UWEifacwI.mp4")
    assert tracks["X4UWEifacwI"].sources[0].audio.endswith("X4UWEifacwI.flac")
    # The video's own sound keeps its time, whatever lies beside it.
    assert tracks["AKNt1SF-5VA"].sources[0].audio.endswith("AKNt1SF-5VA.mp4")


def test_what_is_missing_is_told_by_class_and_by_id(raw, tmp_path):
    found = builder(tmp_path).inventory(raw)
    assert set(found.problems) == {"gone0000000", "-tY40Ev8IzE"}
    assert "no audio stream" in found.problems["-tY40Ev8IzE"]
    lines = "\n".join(found.report())
    assert "missing: gone0000000: violin: there is no such file" in lines
    assert "2 duets are left out" in lines
    rows = {row["label"]: row for row in availability.availability(found.items)}
    assert rows["violin"] == {
        "label": "violin",
        "wanted": 3,
        "found": 1,
        "missing": 1,
        "no sound": 1,
        "no pictures": 0,
    }
    assert rows["acoustic_guitar"]["no pictures"] == 1
    assert (rows["all"]["wanted"], rows["all"]["found"]) == (6, 4)
    told = builder(tmp_path).availability(raw)
    assert {row["label"] for row in told} == {*rows, "flute violin"}
    assert any(line.split() == ["tuba", "1", "1", "0", "0", "0"] for line in
               availability.table(told))  # fmt: skip


def test_of_many_missing_ids_the_report_names_a_few(tmp_path):
    ids = [f"id{k}" for k in range(40)]
    write_lists(tmp_path, {"tuba": [*ids, "AKNt1SF-5VA"]})
    film(tmp_path / "tuba" / "AKNt1SF-5VA.mp4", 5)
    found = builder(tmp_path / "records").inventory(tmp_path)
    assert len(found.problems) == 40 and len(list(found.report())) < 10
    assert any("and 35 more" in line for line in found.report())


def test_a_damaged_file_stops_the_build_or_counts_as_missing(tmp_path):
    write_lists(tmp_path, {"tuba": ["AKNt1SF-5VA", "bad"]})
    film(tmp_path / "tuba" / "AKNt1SF-5VA.mp4", 5)
    (tmp_path / "tuba" / "bad.mp4").write_bytes(b"")
    made = builder(tmp_path / "records")
    with pytest.raises(InputError, match="bad.mp4 cannot be read"):
        made.inventory(tmp_path)
    made.keep_going = True
    assert set(made.inventory(tmp_path).problems) == {"bad"}


def test_splits_are_the_users_or_by_a_hash_that_ignores_what_is_there(raw, tmp_path):
    shutil.copytree(raw, tmp_path / "raw", symlinks=True)
    asked = {t.id: s for s, ts in builder(tmp_path).inventory(raw).tracks.items()
             for t in ts}  # fmt: skip
    from Datasets.inventory import by_hash

    home = {name: split for split, names in by_hash(asked).items() for name in names}
    assert asked == home
    own = tmp_path / "raw" / "splits" / "mine"
    own.mkdir(parents=True)
    (own / "train.txt").write_text("WjwOm5pJlI0\nAKNt1SF-5VA\n")
    (own / "test.txt").write_text("X4UWEifacwI\nnobody\n")
    found = builder(tmp_path, splits="mine").inventory(tmp_path / "raw")
    assert [t.id for t in found.tracks["train"]] == ["WjwOm5pJlI0", "AKNt1SF-5VA"]
    assert "none of MUSIC's lists" in found.problems["nobody"]
    with pytest.raises(InputError, match="did you mean 'music11'"):
        builder(tmp_path, splits="music12").inventory(raw)


@pytest.mark.parametrize(
    "text, message",
    [
        ('{"videos": {"violine": ["a"]}}', "no class 'violine'; did you mean 'violin'"),
        ('{"violin": ["a"]}', "is no list of MUSIC"),
        ('{"videos": {"violin": "abc"}}', "is no list of MUSIC"),
        ('{"videos": {"violin": ["a"], "tuba": ["a"]}}', "a is listed as violin and"),
    ],
)
def test_a_list_that_cannot_be_right_is_refused(tmp_path, text, message):
    (tmp_path / "MUSIC_solo_videos.json").write_text(text)
    with pytest.raises(InputError, match=message):
        builder(tmp_path / "records").inventory(tmp_path)


def test_a_folder_without_lists_is_told_where_they_are(tmp_path):
    with pytest.raises(InputError, match="github.com/roudimit"):
        builder(tmp_path / "records").inventory(tmp_path)


def test_a_named_configuration_makes_records_of_what_there_is(raw, tmp_path):
    from Console.corpora import CORPORA

    assert CORPORA["music21"]["data"]["sources"] == layout.CLASSES
    assert set(CORPORA["music"]["data"]["sources"]) < set(layout.CLASSES)
    told = section(raw, tmp_path / "records") | CORPORA["music"]["data"]
    told |= {"sample_rate": RATE}
    Prepare.prepare(told)
    options = Datasets.options_of(told)
    made = Datasets.open_records("music", tmp_path / "records", **options)
    assert sum(len(made.tracks(split)) for split in made.splits) == 4
    assert set(made.failures) == {"gone0000000", "-tY40Ev8IzE"}
    found = made.whole_track("AKNt1SF-5VA")
    np.testing.assert_allclose(found["mix"][:, 0], sound(5), atol=1e-4)


def test_the_real_clips_pass_through(shared, tmp_path):
    """Two solos of MUSIC: at 1 picture a second, their sound is that of gt.wav."""
    clips = {
        "acoustic_guitar": "acoustic_guitar-X4UWEifacwI+H-2HSizQ0OJHM",
        "violin": "violin-WjwOm5pJlI0+3-O3HG59u1yek",
    }
    write_lists(tmp_path, {k: [v.split("-")[1][:11]] for k, v in clips.items()})
    for label, name in clips.items():
        path = tmp_path / label / f"{name.split('-')[1][:11]}.mp4"
        path.parent.mkdir()
        shutil.copy(shared / "music_clipsep" / name / "av.mp4", path)
    tracks = builder(tmp_path / "records").inventory(tmp_path).all_tracks()
    assert len(tracks) == 2 and all(track.video for track in tracks)
    for track in tracks:
        read = reading.read_track(track, Options(sample_rate=16000))
        folder = shared / "music_clipsep" / clips[track.sources[0].label]
        wanted = media.read_audio(folder / "gt.wav")[0][:, 0]
        heard = read["mix"][: len(wanted), 0] / 32768
        wanted = wanted[: len(heard)]
        lags = np.fft.irfft(np.fft.rfft(heard) * np.fft.rfft(wanted).conj())
        assert np.argmax(lags) in (0, 1, len(lags) - 1)
        assert np.corrcoef(heard, wanted)[0, 1] > 0.98
        assert 0.01 < np.sqrt(np.mean(heard**2)) < 0.5


def test_duets_are_records_of_one_source_and_two_players(raw, tmp_path):
    film(raw / "duet" / "flute violin" / "8DHG_hVSw1o.mp4", 7)
    made = Datasets.make_builder("music", tmp_path, splits="duets", sample_rate=RATE)
    found = made.inventory(raw)
    (track,) = found.tracks["test"]
    assert set(found.problems) == {"XbOYpwFkn7o"}
    assert [s.label for s in track.sources] == ["flute violin"]
    assert watching.jobs([track], "players_motion-0") == [(track.video, 2, None)]
    read = reading.read_track(track, Options(splits="duets", sample_rate=RATE))
    np.testing.assert_array_equal(read["sources"][0], read["mix"])
    assert reading.line(0, track, Options())["n_players"] == 2
    from Console.corpora import DUOS

    assert tuple(DUOS) == layout.DUOS and set(DUOS) <= set(made.labels)


def test_duets_of_other_instruments_are_refused(raw, tmp_path):
    write_lists(raw, duets={"tuba banjo": ["XbOYpwFkn7o"]})
    with pytest.raises(InputError, match="has no duets of 'tuba banjo', but of"):
        builder(tmp_path).inventory(raw)
