"""URMP's layout, its traps, and its splits."""

import pathlib
import re

import numpy as np
import pytest
import soundfile as sf

from Datasets import inventory, media, reading
from Datasets.options import Options
from Datasets.urmp import layout
from Schema import INSTRUMENTS, InputError
from tests.conftest import write_piece

SPLITS = pathlib.Path(layout.__file__).parent / "splits"


def stock(raw, *pieces):
    return layout.take_stock(raw, {"test": list(pieces)})


def test_a_piece_in_urmp_layout_is_read_with_all_that_is_there(tmp_path):
    write_piece(tmp_path, "01_Jupiter_vn_vc", rate=48000)
    folder = tmp_path / "01_Jupiter_vn_vc"
    (folder / "Notes_1_vn_01_Jupiter.txt").write_text("0.1 440 0.5\n")
    (track,) = stock(tmp_path, "01_Jupiter_vn_vc").tracks["test"]
    assert [s.label for s in track.sources] == ["vn", "vc"]
    assert track.sources[0].notes and not track.sources[1].notes
    assert track.mix.endswith("AuMix_01_Jupiter_vn_vc.wav") and track.video is None
    assert (track.sample_rate, track.n_time) == (48000, 96000)
    assert track.n_time_at(22050) == 44100


@pytest.mark.parametrize(
    "options", [dict(format="FLAC"), dict(subtype="PCM_24"), dict(subtype="FLOAT")]
)
def test_every_sample_format_gives_the_same_samples(tmp_path, options):
    stems = write_piece(tmp_path, "01_Jupiter_vn_vc", **options)
    (track,) = stock(tmp_path, "01_Jupiter_vn_vc").tracks["test"]
    read = reading.read_track(track, Options(sample_rate=16000))
    np.testing.assert_array_equal(read["sources"], np.round(stems * 32768))


def test_a_missing_mixture_is_the_sum_and_the_report_says_so(tmp_path):
    stems = write_piece(tmp_path, "01_Jupiter_vn_vc", mix=False)
    found = stock(tmp_path, "01_Jupiter_vn_vc")
    assert any("0 of 1" in x and "is the sum" in x for x in found.report())
    read = reading.read_track(found.tracks["test"][0], Options(sample_rate=16000))
    np.testing.assert_array_equal(read["mix"], np.round(stems.sum(axis=0) * 32768))


def test_parts_of_one_instrument_are_summed_or_kept_apart(tmp_path):
    stems = write_piece(tmp_path, "12_Spring_vn_vn_vc")
    (track,) = stock(tmp_path, "12_Spring_vn_vn_vc").tracks["test"]
    ints = np.round(stems * 32768)
    apart = reading.read_track(
        track, Options(sample_rate=16000, same_instrument="apart")
    )
    assert apart["labels"] == ["vn", "vn", "vc"]
    np.testing.assert_array_equal(apart["sources"], ints)
    both = reading.read_track(track, Options(sample_rate=16000))
    assert both["labels"] == ["vn", "vc"]
    np.testing.assert_array_equal(both["sources"], [ints[0] + ints[1], ints[2]])


def test_audio_beyond_full_scale_keeps_its_shape_by_a_scale(tmp_path):
    write_piece(tmp_path, "01_Jupiter_vn_vc", mix=False, subtype="FLOAT")
    loud = tmp_path / "01_Jupiter_vn_vc" / "AuSep_1_vn_01_Jupiter.wav"
    audio, rate = sf.read(loud, dtype="float32")
    sf.write(loud, audio * 40, rate, subtype="FLOAT")
    (track,) = stock(tmp_path, "01_Jupiter_vn_vc").tracks["test"]
    read = reading.read_track(track, Options(sample_rate=16000))
    assert read["scale"] > 4
    back = read["sources"][0, :, 0] / np.float32(32768) * read["scale"]
    np.testing.assert_allclose(back, audio * 40, atol=read["scale"] / 32768)


def test_part_3_of_piece_15_is_a_trombone_whatever_its_file_says(tmp_path):
    write_piece(tmp_path, "15_Surprise_tpt_tpt_tbn")
    folder = tmp_path / "15_Surprise_tpt_tpt_tbn"
    right = folder / "AuSep_3_tbn_15_Surprise.wav"
    right.rename(folder / "AuSep_3_tpt_15_Surprise.wav")
    (track,) = stock(tmp_path, folder.name).tracks["test"]
    assert [s.label for s in track.sources] == ["tpt", "tpt", "tbn"]
    assert track.sources[2].audio.endswith("AuSep_3_tpt_15_Surprise.wav")


def test_another_piece_with_a_misnamed_part_is_refused(tmp_path):
    write_piece(tmp_path, "01_Jupiter_vn_vc")
    folder = tmp_path / "01_Jupiter_vn_vc"
    (folder / "AuSep_2_vc_01_Jupiter.wav").rename(folder / "AuSep_2_va_01_Jupiter.wav")
    with pytest.raises(InputError, match="AuSep_2_va.*says that part 2 is 'vc'"):
        stock(tmp_path, "01_Jupiter_vn_vc")


def test_all_absent_pieces_are_listed_at_once(tmp_path):
    write_piece(tmp_path, "01_Jupiter_vn_vc")
    write_piece(tmp_path, "04_Allegro_fl_fl")
    (tmp_path / "04_Allegro_fl_fl" / "AuSep_2_fl_04_Allegro.wav").unlink()
    found = stock(tmp_path, "01_Jupiter_vn_vc", "04_Allegro_fl_fl", "09_Jesus_tpt_vn")
    assert set(found.problems) == {"04_Allegro_fl_fl", "09_Jesus_tpt_vn"}
    assert "AuSep_2_fl_04_Allegro" in found.problems["04_Allegro_fl_fl"]


def break_with(path, case):
    audio, rate = sf.read(path, dtype="float32")
    if case == "text":
        path.write_text("this is no recording")
    elif case == "short":
        sf.write(path, audio[:-2000], rate)
    elif case == "silent":
        sf.write(path, audio * 0, rate)
    else:
        audio[77] = np.nan
        sf.write(path, audio, rate, subtype="FLOAT")


@pytest.mark.parametrize(
    "case, message",
    [
        ("text", "cannot be read as audio"),
        ("short", "0.125 s shorter than its mates"),
        ("silent", "silent from end to end"),
        ("nan", "sample 77 is not a finite number"),
    ],
)
def test_a_bad_stem_is_named_with_what_is_wrong(tmp_path, case, message):
    write_piece(tmp_path, "01_Jupiter_vn_vc")
    path = tmp_path / "01_Jupiter_vn_vc" / "AuSep_2_vc_01_Jupiter.wav"
    break_with(path, case)
    with pytest.raises(InputError, match=f"AuSep_2_vc_01_Jupiter.wav.*{message}"):
        (track,) = stock(tmp_path, "01_Jupiter_vn_vc").tracks["test"]
        reading.read_track(track, Options(sample_rate=16000))


def test_a_mixture_is_checked_like_the_stems(tmp_path):
    write_piece(tmp_path, "01_Jupiter_vn_vc")
    mix = tmp_path / "01_Jupiter_vn_vc" / "AuMix_01_Jupiter_vn_vc.wav"
    sf.write(mix, np.zeros(32000), 16000)
    (track,) = stock(tmp_path, "01_Jupiter_vn_vc").tracks["test"]
    with pytest.raises(InputError, match="AuMix.*silent from end to end"):
        reading.read_track(track, Options(sample_rate=16000))
    sf.write(mix, np.ones(20000), 16000)
    with pytest.raises(InputError, match="AuMix.*0.750 s shorter than its mates"):
        stock(tmp_path, "01_Jupiter_vn_vc")


@pytest.mark.parametrize("raw", ["absent", "empty"])
def test_an_absent_or_empty_folder_is_refused(tmp_path, raw):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=raw):
        stock(tmp_path / raw, "01_Jupiter_vn_vc")


def scheme(name):
    return inventory.split_ids(SPLITS, name)


@pytest.mark.parametrize(
    "name, sizes",
    [("vimss", (29, 11)), ("all_test", (44,)), ("composition", (25, 7, 12))],
)
def test_each_piece_is_in_one_split(name, sizes):
    splits = scheme(name)
    assert tuple(len(ids) for ids in splits.values()) == sizes
    pieces = sum(splits.values(), [])
    assert len(set(pieces)) == len(pieces)
    assert set(pieces) <= set(scheme("all_test")["test"])


def test_there_are_149_parts_of_the_published_instruments():
    codes = [c for p in scheme("all_test")["test"] for c in layout.instruments_of(p)]
    counts = {code: codes.count(code) for code in INSTRUMENTS}
    # Counted by hand from URMP's folder names: 149 parts in all.
    assert counts == dict(
        bn=3, cl=10, db=3, fl=18, hn=5, ob=6, sax=11, tba=5, tbn=9, tpt=21, va=13,
        vc=11, vn=34,
    )  # fmt: skip


def test_no_composition_straddles_two_splits():
    home = {}
    for split, pieces in scheme("composition").items():
        for piece in pieces:
            title = re.fullmatch(r"\d+_([^_]+)_.*", piece)[1]
            assert home.setdefault(title, split) == split, title


def test_every_instrument_is_in_training_and_in_test():
    for split in ("train", "test"):
        pieces = scheme("composition")[split]
        assert {c for p in pieces for c in layout.instruments_of(p)} == set(INSTRUMENTS)


def test_the_real_excerpts_are_read(shared):
    found = layout.take_stock(shared / "urmp", scheme("all_test"))
    assert [t.id for t in found.all_tracks()] == [
        "01_Jupiter_vn_vc",
        "12_Spring_vn_vn_vc",
        "24_Pirates_vn_vn_va_vc",
    ]
    audio, rate = media.read_audio(found.all_tracks()[0].sources[0].audio)
    assert rate == 48000 and audio.shape == (720000, 1)
