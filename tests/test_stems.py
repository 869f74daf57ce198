"""Any folder of stems: names to labels, trees, odd files, and records of them."""

import ast
import itertools
import shlex
import unicodedata

import av
import numpy as np
import pytest
import soundfile as sf

import Config
import Datasets
import Prepare
from Datasets import media, reading
from Datasets.options import Options
from Datasets.stems import layout
from Datasets.stems.labels import label_of, pairs_of, sources_of
from Schema import InputError

RATE = 8000  # Hz
BAND = ["mix*=mixture", "*click*=ignore", "*voc*=vocals", "*=band"]


def noise(seed):
    """int16 [T] of 0.5 s."""
    ints = np.random.default_rng(seed).integers(-4000, 4000, RATE // 2)
    return ints.astype(np.int16)


def tone(seconds=0.5, rate=RATE, hertz=400):
    """float32 [T], which swells in its middle, so that any delay shows."""
    time = np.arange(round(seconds * rate)) / rate
    return (np.hanning(len(time)) * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def write(path, audio=None, rate=RATE):
    """Writes wav or flac, and the folders above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, noise(len(path.name)) if audio is None else audio, rate)
    return path


def write_song(folder, *names):
    for name in names:
        write(folder / name)


def stock(raw, label_map=BAND, scheme="folders", channels=1, keep_going=False):
    return layout.take_stock(raw, scheme, label_map, channels, keep_going)


def ids(found):
    return {split: [t.id for t in tracks] for split, tracks in found.tracks.items()}


def read(track, **options):
    return reading.read_track(track, Options(sample_rate=RATE, **options))


# --- Labels -------------------------------------------------------------------
def test_the_first_pattern_that_matches_counts_whatever_the_case():
    pairs = pairs_of(["*Lead Voc*=lead", "*VOC*=vocals", "a=b=c", "[[]x]=y"])
    names = ("01 lead vocals", "Backing Vocals", "a=b", "[X]", "Drums")
    expected = ["lead", "vocals", "c", "y", None]
    assert [label_of(name, pairs) for name in names] == expected
    assert sources_of(BAND) == ["band", "vocals"]


def test_an_accent_is_one_however_it_is_written():
    for one, other in itertools.product(("NFC", "NFD"), repeat=2):
        pairs = pairs_of([unicodedata.normalize(one, "*flö*=fl")])
        assert label_of(unicodedata.normalize(other, "Überflöte"), pairs) == "fl"


@pytest.mark.parametrize("entry", ["*violin*", "=vn", "*vn*=", 3])
def test_an_entry_that_names_nothing_is_refused(entry):
    with pytest.raises(InputError, match="expected PATTERN=LABEL"):
        pairs_of([entry])


def test_another_order_of_a_map_has_other_records():
    order = {"*voc*": "vocals", "*": "band"}
    names = [Options(label_map=m).name for m in (order, BAND[2:], BAND[:1:-1])]
    assert names[0] == names[1] != names[2]


def test_without_a_map_the_error_shows_one_that_works(tmp_path):
    write_song(tmp_path / "a", "Mix 1.wav", "Lead [dry].wav", "it's 小提琴.wav")
    with pytest.raises(InputError, match="data.label_map is not set") as caught:
        stock(tmp_path, label_map=[])
    (word,) = shlex.split(str(caught.value).partition("such as ")[2])
    key, _, value = word.partition("=")
    (track,) = stock(tmp_path, label_map=ast.literal_eval(value)).tracks["train"]
    assert key == "data.label_map" and track.mix.endswith("Mix 1.wav")
    assert {s.label for s in track.sources} == {"lead_dry", "it_s_小提琴"}


# --- Trees ----------------------------------------------------------------------
def test_folders_of_splits_hold_songs_and_solos(tmp_path):
    write_song(tmp_path / "train" / "A Song", "mixdown.wav", "Voc.wav", "drums.flac")
    write(tmp_path / "Valid" / "solo «é».wav")
    odd = tmp_path / "test" / 'it\'s "B"'
    write_song(odd, "bass.wav", "._bass.wav", "notes.txt.wav")
    (odd / "notes.txt").write_text("no audio")
    write(tmp_path / "beside" / "voc.wav")
    (tmp_path / "test" / "empty").mkdir()
    found = stock(tmp_path)
    expected = {"train": ["A Song"], "validation": ["solo «é»"], "test": [odd.name]}
    assert ids(found) == expected
    assert len(found.tracks["test"][0].sources) == 2
    report = "\n".join(found.report())
    assert "beside the folders of splits: beside" in report
    assert "no audio directly in: empty" in report
    assert "stems: 4 band, 1 vocals" in report


def test_without_splits_all_is_to_train_and_the_report_says_so(tmp_path):
    write_song(tmp_path / "one", "voc.wav")
    write(tmp_path / "two.flac")
    found = stock(tmp_path)
    assert ids(found) == {"train": ["one", "two"]}
    assert any("all tracks are in train" in line for line in found.report())


def test_lists_tell_the_splits_of_a_flat_folder(tmp_path):
    for name in ("é 1", "b", "c"):
        write(tmp_path / f"{name}.wav")
    (lists := tmp_path / "splits" / "mine").mkdir(parents=True)
    (lists / "train.txt").write_text(unicodedata.normalize("NFD", "é 1\nabsent\n"))
    (lists / "test.txt").write_text("b\n")
    found = stock(tmp_path, scheme="mine")
    assert ids(found) == {"train": ["é 1"], "test": ["b"]}
    assert set(found.problems) == {"absent"}
    assert any("in no list of the splits: c" in line for line in found.report())
    with pytest.raises(InputError, match="did you mean 'mine'"):
        stock(tmp_path)


def test_two_tracks_of_one_name_are_refused(tmp_path):
    write(tmp_path / "train" / "a.wav")
    write_song(tmp_path / "test" / "a", "voc.wav")
    with pytest.raises(InputError, match="test/a and .*a.wav are two tracks"):
        stock(tmp_path)


def test_links_in_a_circle_end(tmp_path):
    train = tmp_path / "train"
    write(train / "solo.wav")
    write_song(train / "song", "voc.wav")
    (train / "up").symlink_to(tmp_path)
    (train / "self").symlink_to(train)
    (train / "song" / "loop").symlink_to(train / "song")
    (train / "song" / "around").symlink_to("around")
    assert ids(stock(tmp_path)) == {"train": ["solo", "song"]}
    (train / "song" / "x.wav").symlink_to("x.wav")
    with pytest.raises(InputError, match="x.wav does not exist"):
        stock(tmp_path)


# --- What a track is --------------------------------------------------------------
def test_a_file_without_a_label_is_a_problem_with_its_fix(tmp_path):
    write_song(tmp_path / "a", "Voc.wav", "Kazoo solo.wav")
    write_song(tmp_path / "b", "voc.wav")
    found = stock(tmp_path, label_map=["*voc*=vocals"])
    assert ids(found) == {"train": ["b"]}
    told = found.problems["a"]
    assert "Kazoo solo.wav: no pattern" in told and "'Kazoo solo=kazoo_solo'" in told
    both = stock(tmp_path, label_map=["*voc*=vocals", "Kazoo solo=kazoo_solo"])
    assert ids(both) == {"train": ["a", "b"]} and not both.problems


def test_what_is_ignored_is_neither_source_nor_solo(tmp_path):
    write_song(tmp_path / "a", "voc.wav", "click track.wav")
    write_song(tmp_path / "b", "click.wav")
    write(tmp_path / "click.wav")
    found = stock(tmp_path)
    assert [len(t.sources) for t in found.tracks["train"]] == [1]
    assert "names no source" in found.problems["b"]


def test_two_mixtures_or_formats_of_a_stem_are_refused(tmp_path):
    write_song(tmp_path / "a", "mix.wav", "mix 2.wav", "voc.wav")
    with pytest.raises(InputError, match="mix 2.wav.* both a mixture"):
        stock(tmp_path)
    write_song(tmp_path / "a", "voc.flac")  # else it would be heard twice
    with pytest.raises(InputError, match="voc.flac and .*voc.wav are one stem"):
        stock(tmp_path)


def test_files_of_one_label_are_summed_or_kept_apart(tmp_path):
    for k, name in enumerate(("drums", "guitar", "vox voc")):
        write(tmp_path / "a" / f"{name}.wav", noise(k))
    (track,) = stock(tmp_path).tracks["train"]
    both, apart = read(track), read(track, same_instrument="apart")
    assert both["labels"] == ["band", "vocals"]
    ints = [noise(k).astype(int) for k in range(3)]
    np.testing.assert_array_equal(both["sources"][..., 0], [ints[0] + ints[1], ints[2]])
    assert apart["labels"] == ["band", "band", "vocals"]
    np.testing.assert_array_equal(apart["mix"][..., 0], sum(ints))


def test_stems_of_other_rates_are_resampled_if_they_last_as_long(tmp_path):
    write(tmp_path / "a" / "voc.wav", tone(rate=8000))
    write(tmp_path / "a" / "drums.wav", tone(rate=44100), rate=44100)
    (track,) = stock(tmp_path).tracks["train"]
    band, vocals = read(track)["sources"][..., 0].astype(float)
    assert (band - vocals).std() < 0.01 * vocals.std()
    write(tmp_path / "a" / "bass.wav", tone(seconds=0.3, rate=16000), rate=16000)
    told = r"bass.wav \(0.300 s at 16000 Hz\) is shorter than its mate drums.wav"
    with pytest.raises(InputError, match=told + r" \(0.500 s at 44100 Hz\)"):
        stock(tmp_path)


@pytest.mark.parametrize("codec, ending", [("aac", "m4a"), ("libmp3lame", "mp3")])
def test_a_compressed_stem_is_not_late(tmp_path, codec, ending):
    rate = 44100
    audio = 0.5 * tone(rate=rate)[:, np.newaxis]
    write(tmp_path / "a" / "drums.wav", audio, rate)
    path = tmp_path / "a" / f"voc.{ending}"
    with av.open(str(path), "w", format={"m4a": "mp4"}.get(ending)) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        media._encode_audio(container, stream, audio, rate, "mono", block=1024)
    (track,) = stock(tmp_path).tracks["train"]
    sources = reading.read_track(track, Options(sample_rate=rate))["sources"]
    band, vocals = sources[..., 0].astype(float)
    assert (band - vocals).std() < 0.05 * band.std()


def test_surround_sound_becomes_mono_but_not_stereo(tmp_path):
    surround = np.stack([noise(k) for k in range(6)], axis=1)
    write(tmp_path / "solo.wav", surround)
    (track,) = stock(tmp_path).tracks["train"]
    found = read(track)["sources"][0, :, 0]
    np.testing.assert_allclose(found, surround.mean(axis=1), atol=1)
    with pytest.raises(InputError, match="solo.wav has 6 channels.*data.channels=1"):
        stock(tmp_path, channels=2)


def test_a_rest_is_a_stem_but_no_solo(tmp_path):
    write(tmp_path / "duo" / "voc.wav", np.zeros(4000, np.int16))
    write(tmp_path / "duo" / "drums.wav")
    write(tmp_path / "solo.wav", np.zeros(4000, np.int16))
    duo, solo = stock(tmp_path).tracks["train"]
    assert not read(duo)["sources"][1].any()
    with pytest.raises(InputError, match="solo.wav is silent from end to end"):
        read(solo)


def test_an_empty_file_is_refused_or_left_out(tmp_path):
    write_song(tmp_path, "good/voc.wav", "bad/voc.wav")
    (tmp_path / "bad" / "drums.flac").touch()
    with pytest.raises(InputError, match="drums.flac cannot be read as audio"):
        stock(tmp_path)
    found = stock(tmp_path, keep_going=True)
    assert ids(found) == {"train": ["good"]} and "drums.flac" in found.problems["bad"]


@pytest.mark.parametrize("raw, message", [("absent", "not a folder"), ("", "no audio")])
def test_a_folder_without_recordings_is_refused(tmp_path, raw, message):
    for label_map in (BAND, []):
        with pytest.raises(InputError, match=message):
            stock(tmp_path / raw, label_map=label_map)


# --- Records ----------------------------------------------------------------------
def test_names_of_any_kind_go_from_the_command_line_to_batches(tmp_path):
    raw = tmp_path / "raw 'x' 音楽"
    for split, name in (("train", "Straße «1»"), ("test", 'B "2" = ναι')):
        write_song(raw / split / name, "Voc, lead.wav", "[D] it's.wav")
    words = ["stems", f"data.records={tmp_path}/r", f"data.sample_rate={RATE}"]
    words += [f"data.label_map={BAND}", 'data.sources=["band", "vocals"]']
    words += ["data.excerpt_seconds=0.4", "data.window_seconds=0.2"]
    argv = ["Prepare.py", "with", f'data.raw="{raw}"', *words]
    assert Config.command_line(Prepare.ex, argv=argv).result
    options = dict(splits="folders", sample_rate=RATE, label_map=BAND)
    options |= dict(excerpt_seconds=0.4, window_seconds=0.2)
    whole = Datasets.whole_track('B "2" = ναι', "stems", tmp_path / "r", **options)
    assert whole["labels"] == ["vocals", "band"]  # in the order of the files
    ints = np.round(whole["sources"][..., 0] * 32768)
    files = "Voc, lead.wav", "[D] it's.wav"
    np.testing.assert_array_equal(ints, [noise(len(file)) for file in files])
    options |= dict(n_in=800, n_out=800, batch_size=5, source_names=["band", "vocals"])
    (batch, *_) = Datasets.load("stems", tmp_path / "r", "test", **options)
    assert batch["sources"].shape == (5, 2, 800, 1)
    found = batch["sources"][0, :, :, 0] * 32768
    np.testing.assert_array_equal(found, ints[::-1, :800])


def test_real_solos_are_read(shared):
    label_map = ["*-0_*=cl", "*-3_*=fl", "*-5_*=sax", "*-6_*=tpt", "*-7_*=vn"]
    tracks = stock(shared / "medley_solos", label_map).tracks["train"]
    labels = [track.sources[0].label for track in tracks]
    assert sorted(labels) == sorted(5 * ["cl", "fl", "sax", "tpt", "vn"])
    for track in tracks[::5]:
        assert track.sample_rate == 44100 and abs(track.seconds - 2.97) < 0.01
        found = reading.read_track(track, Options(sample_rate=22050))
        np.testing.assert_array_equal(found["mix"], found["sources"][0])
        assert -50 < 20 * np.log10(found["mix"].std() / 32768) < -5  # dB
