"""AudioSet's tables, the names that downloaders give its clips, and their records."""

import numpy as np
import pytest
import soundfile as sf
import tensorflow_datasets as tfds

import Datasets
from Datasets import media, reading
from Datasets.audioset import audioset_dataset_builder, layout, segments
from Datasets.audioset.segments import Segment
from Datasets.options import Options
from Schema import InputError
from tests.test_config import configuration

RATE = 8000
VIOLIN, CELLO, SILENT = "/m/07y_7", "/m/01xqw", "/m/028v0c"
HEADER = "# Segments csv created Sun Mar  5 10:54:31 2017\n# num_ytids=2\n"
HEADER += "# YTID, start_seconds, end_seconds, positive_labels\n"


def write_table(raw, rows, name="balanced_train_segments.csv"):
    lines = [f'{v}, {a:.3f}, {b:.3f}, "{",".join(c)}"' for v, a, b, *c in rows]
    raw.mkdir(exist_ok=True)
    (raw / name).write_text(HEADER + "\n".join(lines) + "\n", "utf-8")


def ramp(seconds):
    """A sound whose every sample tells its time."""
    return np.arange(round(seconds * RATE)) / (20 * RATE) + 0.01


def write_sound(path, seconds=2.0, audio=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, ramp(seconds) if audio is None else audio, RATE)


def builder(tmp_path, **options):
    options = {"splits": "balanced", "sample_rate": RATE, **options}
    return Datasets.make_builder("audioset", tmp_path / "records", **options)


def clip(raw, start, stop, video="-_aB3dEfG7i", classes=(VIOLIN,)):
    segment = Segment(video, start, stop, classes)
    return layout.read_clip(segment, "sound", layout.index(raw))


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


# --- Labels -------------------------------------------------------------------
def corpus(raw):
    """Three clips with sound, one without, and a silent one; their classes."""
    write_table(
        raw,
        [
            ("violin", 0, 2, VIOLIN, "/m/04rlf"),
            ("cello", 0, 2, "/m/04rlf", CELLO),
            ("both", 0, 2, VIOLIN, CELLO),
            ("gone", 0, 2, VIOLIN),
        ],
    )
    write_table(raw, [("silent", 0, 2, SILENT)], "eval_segments.csv")
    for name in ("violin", "cello", "both"):
        write_sound(raw / f"{name}_0.wav")
    write_sound(raw / "silent_0.wav", audio=np.zeros(2 * RATE))
    (raw / "class_labels_indices.csv").write_text(
        f'index,mid,display_name\n0,{SILENT},"Silence"\n1,{VIOLIN},"Violin, fiddle"\n'
        f'2,{CELLO},"Cello"\n3,/m/04rlf,"Music"\n'
    )


def labels(tmp_path, **options):
    found = builder(tmp_path, **options).inventory(tmp_path / "raw")
    return found, {t.id: t.sources[0].label for t in found.all_tracks()}


def test_without_a_map_every_clip_is_a_sound_with_all_of_its_classes(tmp_path):
    corpus(tmp_path / "raw")
    found, of = labels(tmp_path)
    assert len(of) == 4 and set(of.values()) == {"sound"}
    assert found.classes["both_0_2000"] == [VIOLIN, CELLO]
    assert list(found.problems) == ["gone_0_2000"]
    told = "\n".join(found.report())
    assert "missing: gone_0_2000: there is no file of this clip" in told


def test_a_map_chooses_clips_of_one_label_by_class_or_by_its_name(tmp_path):
    corpus(tmp_path / "raw")
    found, of = labels(tmp_path, label_map=["Violin, fiddle=vn", f"{CELLO}=vc"])
    assert of == {"violin_0_2000": "vn", "cello_0_2000": "vc"}
    assert "left out: 1 clips of several of the labels" in found.remarks
    assert builder(tmp_path, label_map=["Cello=vc"]).labels == ("vc",)
    _, of = labels(tmp_path, label_map=["Violin, fiddle=string", "Cello=string"])
    assert len(of) == 3 and set(of.values()) == {"string"}


@pytest.mark.parametrize(
    "label_map, message",
    [
        (["Celo=vc"], "'Celo'.*did you mean 'Cello'"),
        (["Cello"], "'Cello': expected CLASS=LABEL"),
    ],
)
def test_a_map_of_unknown_classes_is_refused(tmp_path, label_map, message):
    corpus(tmp_path / "raw")
    with pytest.raises(InputError, match=message):
        labels(tmp_path, label_map=label_map)


def test_without_names_a_map_must_give_classes(tmp_path):
    corpus(tmp_path / "raw")
    (tmp_path / "raw" / "class_labels_indices.csv").unlink()
    with pytest.raises(InputError, match="'Cello': without class_labels_indices.csv"):
        labels(tmp_path, label_map=["Cello=vc"])
    assert labels(tmp_path, label_map=[f"{CELLO}=vc"])[1]["cello_0_2000"] == "vc"


def test_many_absent_clips_are_counted_and_only_a_few_named(tmp_path):
    rows = [(f"gone{k}", 0, 2, VIOLIN) for k in range(9)]
    write_table(tmp_path / "raw", [*rows, ("there", 0, 2, VIOLIN)])
    write_sound(tmp_path / "raw" / "there.wav")
    told = list(builder(tmp_path).inventory(tmp_path / "raw").report())
    (line,) = [line for line in told if "gone" in line]
    assert "gone4_0_2000" in told[-1] and "and 4 more: there is no file" in told[-1]
    counts = builder(tmp_path).availability(tmp_path / "raw")[-1]
    assert (counts["wanted"], counts["found"], counts["missing"]) == (10, 1, 9)
    assert counts["no pictures"] == 1


def test_other_classes_of_the_same_files_make_another_fingerprint(tmp_path):
    corpus(tmp_path / "raw")
    made = builder(tmp_path)

    def fingerprint():
        return made.fingerprint(made.inventory(tmp_path / "raw"))

    before = fingerprint()
    assert fingerprint() == before
    write_table(tmp_path / "raw", [("silent", 0, 2, CELLO)], "eval_segments.csv")
    assert fingerprint() != before


def test_only_clips_of_the_class_silence_may_be_silent(tmp_path):
    write_sound(tmp_path / "abc_0.wav", audio=np.zeros(2 * RATE))
    options = Options(sample_rate=RATE)
    silent = clip(tmp_path, 0.0, 2.0, "abc", (SILENT, "/m/04rlf"))
    assert not reading.read_track(silent, options)["mix"].any()
    with pytest.raises(InputError, match="abc_0.wav is silent from end to end"):
        reading.read_track(clip(tmp_path, 0.0, 2.0, "abc"), options)


# --- Records ------------------------------------------------------------------
def test_tfds_load_makes_records_whose_targets_are_all_classes(tmp_path):
    corpus(tmp_path / "raw")
    told = tfds.download.DownloadConfig(manual_dir=str(tmp_path / "raw"))
    loaded = tfds.load(
        "audioset",
        data_dir=str(tmp_path / "records"),
        download_and_prepare_kwargs={"download_config": told},
    )
    lengths = {
        record["id"].decode(): len(record["mix"])
        for split in loaded.values()
        for record in tfds.as_numpy(split)
    }
    names = ["violin_0_2000", "cello_0_2000", "both_0_2000", "silent_0_2000"]
    assert lengths == dict.fromkeys(names, 2 * 22050)
    records = Datasets.open_records("audioset", tmp_path / "records", splits="balanced")
    classes, targets = audioset_dataset_builder.targets(records)
    assert classes == [SILENT, VIOLIN, CELLO, "/m/04rlf"] and not records.failures
    rows = {t.id: t.row for split in records.splits for t in records.tracks(split)}
    wanted = [[0, 1, 0, 1], [0, 0, 1, 1], [0, 1, 1, 0], [1, 0, 0, 0]]
    np.testing.assert_array_equal([targets[rows[name]] for name in names], wanted)


def test_the_named_configuration_is_the_builder_s_own_default():
    data = configuration("audioset")["data"]
    told = Datasets.options_of(data)
    own = audioset_dataset_builder.Builder.BUILDER_CONFIGS[0]
    assert told == {key: getattr(own, key) for key in told}
    assert data["sources"] == [audioset_dataset_builder.SOUND]


def test_real_clips_and_a_stretch_of_a_real_video_are_read(tmp_path, shared):
    raw, films = tmp_path / "raw", shared / "video"
    write_table(raw, [("-Qowmc0P9ic", 30, 40, "/m/026t6"), ("ukulele", 3, 13, VIOLIN)])
    drums = films / "vggsound_drums_-Qowmc0P9ic.mp4"
    (raw / "-Qowmc0P9ic_30000_40000.mp4").symlink_to(drums)
    two = films / "musicavqa_ukuleles_00003491_20-35s.mp4"
    (raw / "ukulele.mp4").symlink_to(two)
    found = builder(tmp_path).inventory(raw)
    tracks = {t.id.split("_")[0]: t for t in found.all_tracks()}
    for name, film, start in (("-Qowmc0P9ic", drums, 0), ("ukulele", two, 3)):
        track = tracks[name]
        assert track.video and track.seconds == 10.0 and track.start == start
        read = reading.read_track(track, Options(sample_rate=16000))
        whole, _ = media.read_audio(film, 16000, 1)
        wanted = whole[start * 16000 :][:160000]
        error = read["mix"][: len(wanted)] / np.float32(32768) * read["scale"] - wanted
        # But for the resampler's first and last milliseconds.
        assert np.abs(error[800:-800]).max() < 1e-3
        assert -40 < 10 * np.log10(np.mean(wanted**2)) < 0  # dB re full scale
