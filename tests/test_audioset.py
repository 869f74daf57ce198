"""AudioSet's tables, and the names that downloaders give its clips."""

import numpy as np
import pytest

from Datasets import media, reading
from Datasets.audioset import layout, segments
from Datasets.audioset.segments import Segment
from Datasets.options import Options
from Schema import InputError
from tests.audioset_made import (
    CELLO,
    HEADER,
    RATE,
    VIOLIN,
    clip,
    ramp,
    write_sound,
    write_table,
)


# --- Tables -------------------------------------------------------------------
def test_a_table_is_read_past_its_header_with_all_classes(tmp_path):
    write_table(tmp_path, [("--aB3dEfG7i", 30, 40, VIOLIN, "/t/dd00088")])
    (found,) = segments.read_segments(tmp_path / "balanced_train_segments.csv")
    assert found == Segment("--aB3dEfG7i", 30.0, 40.0, (VIOLIN, "/t/dd00088"))
    assert found.id == "--aB3dEfG7i_30000_40000"


@pytest.mark.parametrize(
    "line, message",
    [
        ("abc, 0.0, 10.0", "line 4.*not YTID, start_seconds"),
        ('abc, zero, 10.0, "/m/07y_7"', "line 4.*'abc, zero, 10.0"),
        ('abc, 10.0, 10.0, "/m/07y_7"', "line 4.*no stretch of a video"),
        ('abc, 0.0, 10.0, "violin"', "line 4.*'violin' is no class"),
        ("", "holds no clip"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, message):
    path = tmp_path / "eval_segments.csv"
    path.write_text(HEADER + line + "\n")
    with pytest.raises(InputError, match=f"eval_segments.csv.*{message}"):
        segments.read_segments(path)


def test_the_tables_are_the_splits_and_no_video_is_in_two(tmp_path):
    rows = [(f"video{k:06d}", 0, 10, VIOLIN) for k in range(400)]
    write_table(tmp_path, rows)
    write_table(tmp_path, [("another", 0, 10, CELLO)], "unbalanced_train_segments.csv")
    write_table(tmp_path, [("third", 0, 10, CELLO)], "eval_segments.csv")
    splits, remarks = segments.splits_of(tmp_path, "balanced")
    assert list(splits) == ["train", "validation", "test"] and not remarks
    assert 8 <= len(splits["validation"]) <= 32  # 20 expected, of 400
    assert len(splits["train"]) + len(splits["validation"]) == 400
    assert [s.video for s in splits["test"]] == ["third"]
    every = segments.splits_of(tmp_path, "all")[0]
    assert len(every["train"]) + len(every["validation"]) == 401


def test_a_clip_in_two_tables_is_refused(tmp_path):
    write_table(tmp_path, [("abc", 0, 10, VIOLIN)])
    write_table(tmp_path, [("abc", 0, 10, VIOLIN)], "eval_segments.csv")
    with pytest.raises(InputError, match="eval_segments.csv: abc_0_10000 stands in"):
        segments.splits_of(tmp_path, "balanced")


def test_a_table_that_is_absent_is_told_and_none_is_refused(tmp_path):
    write_table(tmp_path, [("abc", 0, 10, VIOLIN)])
    assert "no eval*.csv" in segments.splits_of(tmp_path, "balanced")[1][0]
    with pytest.raises(InputError, match="holds no table of AudioSet's clips"):
        segments.splits_of(tmp_path / "empty", "balanced")
    with pytest.raises(InputError, match="did you mean 'balanced'"):
        segments.splits_of(tmp_path, "balance")


# --- Files --------------------------------------------------------------------
@pytest.mark.parametrize(
    "name",
    [
        *("{}_30000_32000", "{}_30_32", "{}_30.0-32.0", "{}_30.000_32.000", "{}_30"),
        *("{}_30.0", "{}_000030", "{}.00030", "{}", "Y{}"),
    ],
)
def test_a_file_of_a_clip_is_the_clip_whoever_named_it(tmp_path, name):
    path = tmp_path / "Müsik 'x'" / (name.format("-_aB3dEfG7i") + ".wav")
    write_sound(path)
    track = clip(tmp_path, 30.0, 32.0)
    assert track.sources[0].audio == str(path)
    assert (track.id, track.start, track.n_time) == (
        *("-_aB3dEfG7i_30000_32000", 0.0),
        2 * RATE,
    )


def test_a_file_of_a_whole_video_gives_the_stretch_of_its_clip(tmp_path):
    write_sound(tmp_path / "-_aB3dEfG7i.flac", 9.0)
    track = clip(tmp_path, 5.5, 7.5)
    read = reading.read_track(track, Options(sample_rate=RATE))
    wanted = np.round(ramp(9.0)[round(5.5 * RATE) : round(7.5 * RATE)] * 32768)
    assert np.abs(read["mix"][:, 0] - wanted).max() <= 1
    np.testing.assert_array_equal(read["sources"][0], read["mix"])


def test_two_clips_of_one_video_do_not_take_each_others_file(tmp_path):
    write_sound(tmp_path / "abc_30000_32000.wav")
    with pytest.raises(FileNotFoundError, match="no file of this clip"):
        clip(tmp_path, 50.0, 52.0, "abc")


@pytest.mark.parametrize(
    "name, seconds", [("abc_30", 0.5), ("abc", 31.0), ("abc", 7.0)]
)
def test_a_file_that_cannot_hold_the_clip_is_refused(tmp_path, name, seconds):
    write_sound(tmp_path / f"{name}.wav", seconds)
    with pytest.raises(InputError, match=f"{name}.wav lasts {seconds:.2f} s.*from 30"):
        clip(tmp_path, 30.0, 34.0, "abc")


def write_film(path, audio):
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = [np.full((32, 32, 3), 20 * k, np.uint8) for k in range(10)]
    media.write_video(path, frames, 10, audio, RATE if audio is not None else None)


def test_sound_and_pictures_are_found_in_one_file_or_in_two(tmp_path):
    audio = 0.1 * np.ones((RATE, 1), np.float32)
    write_film(tmp_path / "one" / "abc_0_1000.mp4", audio)
    track = clip(tmp_path / "one", 0.0, 1.0, "abc")
    assert track.video == track.sources[0].audio
    write_film(tmp_path / "two" / "video" / "abc_0_1000.mp4", None)
    write_sound(tmp_path / "two" / "audio" / "abc_0_1000.flac", 1.0)
    track = clip(tmp_path / "two", 0.0, 1.0, "abc")
    assert track.video.endswith(".mp4") and track.sources[0].audio.endswith(".flac")


def test_a_film_without_sound_or_cut_short_is_named(tmp_path):
    write_film(tmp_path / "abc_0_1000.mp4", None)
    with pytest.raises(InputError, match="abc_0_1000.mp4 has no audio stream"):
        clip(tmp_path, 0.0, 1.0, "abc")
    whole = (tmp_path / "abc_0_1000.mp4").read_bytes()
    (tmp_path / "def_0_1000.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="def_0_1000.mp4 cannot be"):
        clip(tmp_path, 0.0, 1.0, "def")


def test_links_that_lead_in_circles_are_followed_once(tmp_path):
    write_sound(tmp_path / "elsewhere" / "abc.wav")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "clips").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "raw")
    (paths,) = layout.index(tmp_path / "raw").values()
    assert paths == [str(tmp_path / "raw" / "clips" / "abc.wav")]
