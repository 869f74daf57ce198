"""What the classes of AudioSet's clips become, and the records that hold them."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

import Datasets
from Datasets import media, reading
from Datasets.audioset import audioset_dataset_builder
from Datasets.options import Options
from Schema import InputError
from tests.audioset_made import (
    CELLO,
    RATE,
    SILENT,
    VIOLIN,
    builder,
    clip,
    write_sound,
    write_table,
)
from tests.test_config import configuration


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
