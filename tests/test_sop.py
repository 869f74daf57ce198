"""The home-made Sound-of-Pixels set: its classes, its segments, its splits."""

import json
import pickle

import numpy as np
import pytest
import soundfile as sf

import Datasets
from Config import NAMED
from Datasets import inventory, media, reading
from Datasets.options import Options
from Datasets.sop import layout, sop_dataset_builder
from Schema import INSTRUMENTS, InputError
from tests.test_safe_unpickling import Runs

RATE = 8000


def ramp(k, seconds):
    """Sample t of recording k is t - 10000 - k: it tells where it is from."""
    n_time = round(seconds * RATE)
    return (np.arange(n_time) % 20000 - 10000 - k).astype(np.int16)


def write(raw, train=(), test=(), seconds=1.5, times=None):
    """Writes recordings of names in `train` and `test`, and their segments, if told."""
    for folder, names in (("train", train), ("test", test)):
        (raw / "wav" / folder).mkdir(parents=True, exist_ok=True)
        for k, name in enumerate(names):
            path = raw / "wav" / folder / f"{name}.wav"
            sf.write(path, ramp(k, seconds), RATE, subtype="PCM_16")
    if times is not None:
        entries = np.empty(len(times), object)
        entries[:] = [dict(zip(("file", "to", "tf"), entry)) for entry in times]
        np.save(raw / layout.TIMES, entries, allow_pickle=True)
    return raw


def stock(raw, scheme="folders", **options):
    told = dict(splits=scheme, sample_rate=RATE)
    builder = Datasets.make_builder("sop", raw / "records", **told)
    builder.keep_going = options.get("keep_going", False)
    return builder.inventory(raw)


# --- Classes ------------------------------------------------------------------
def test_a_class_and_its_number_tell_each_other():
    for bits in range(256):
        names = layout.classes_of(bits)
        assert layout.bits_of(names) == bits
        # Most significant bit first, as Python writes numbers.
        vector = [str(int(name in names)) for name in layout.VECTOR]
        assert "".join(vector) == f"{bits:08b}"


def test_bits_and_vector_are_as_in_2018():
    assert layout.BITS == dict(
        cello=1, clarinet=2, erhu=4, flute=8, trumpet=16, tuba=32, violin=64,
        xylophone=128,
    )  # fmt: skip
    assert layout.VECTOR == (
        *("xylophone", "violin", "tuba", "trumpet"),
        *("flute", "erhu", "clarinet", "cello"),
    )


@pytest.mark.parametrize(
    "name, bits",
    dict(
        cf=9, clc=3, clf=10, clt=18, cltu=34, clv=66, ct=17, tf=24, tut=48, tuv=96,
        vc=65, vf=72, vt=80, xf=136, cello=1, xylophone=128,
    ).items(),
)  # fmt: skip
def test_the_letters_of_a_duet_are_its_instruments(name, bits):
    assert layout.class_of(f"{name}007") == bits


@pytest.mark.parametrize(
    "stem, message",
    [
        ("violinn3", "did you mean 'violin'"),
        ("violin", "'violin' is not a class and a number"),
        ("vcx1", "'vcx1' is not"),
        ("12", "'12' is not"),
    ],
)
def test_a_name_of_no_class_is_refused(tmp_path, stem, message):
    raw = write(tmp_path, [stem], ["cello1"])
    with pytest.raises(InputError, match=message):
        stock(raw)
    assert set(stock(raw, keep_going=True).problems) == {stem}


def test_numbers_and_names_of_no_class_are_refused():
    with pytest.raises(InputError, match="256 is no class"):
        layout.classes_of(256)
    with pytest.raises(InputError, match="'vc' is none of .*"):
        layout.bits_of(["vc"])


def test_no_label_is_a_code_of_urmp():
    assert not set(sop_dataset_builder.Builder.labels) & set(INSTRUMENTS)
    assert NAMED["sop"]["data"]["sources"] == list(layout.VECTOR)


# --- Segments -----------------------------------------------------------------
def test_a_solo_is_used_from_its_first_start_to_its_last_end(tmp_path):
    times = [("tuba1.wav", [0.25, 0.75], [0.5, 1.125])]
    raw = write(tmp_path / "a 'q' 琴", ["tuba1"], times=times)
    (track,) = stock(raw).tracks["train"]
    assert (track.id, track.start, track.n_time) == ("tuba1", 0.25, 7000)
    read = reading.read_track(track, Options(sample_rate=RATE))
    assert read["labels"] == ["tuba"]
    np.testing.assert_array_equal(read["sources"][0, :, 0], ramp(0, 1.5)[2000:9000])
    np.testing.assert_array_equal(read["mix"], read["sources"][0])


def test_what_is_left_out_is_told(tmp_path):
    names = ["cello1", "erhu2", "vc1", "vc2", "xf9"]
    times = [("cello1", [0.0], [1.0]), ("erhu2.wav", [], [])]
    found = stock(write(tmp_path, names, ["flute1"], times=times))
    assert [t.id for t in found.all_tracks()] == ["cello1", "flute1"]
    assert not found.problems
    told = "\n".join(found.report())
    assert "1 of 2 solos have a segment; the others are used from end to end" in told
    assert "left out: 1 solos of which" in told and "erhu2" in told
    assert "left out: 3 duets, of which there are no stems: 2 vc, 1 xf" in told


def test_without_segments_recordings_are_used_from_end_to_end(tmp_path):
    found = stock(write(tmp_path, ["cello1"]))
    (track,) = found.all_tracks()
    assert (track.start, track.n_time) == (0.0, 12000)
    assert any("no segment_times.npy" in line for line in found.report())


def test_an_end_is_rounded_to_the_end_of_its_file(tmp_path):
    raw = write(tmp_path, ["cello1"], times=[("cello1.wav", [0.5], [1.55])])
    assert stock(raw).all_tracks()[0].n_time == 8000


@pytest.mark.parametrize(
    "entry, message",
    [
        (("cello1.wav", [0.5], [2.0]), "cello1.wav of 1.50 s has no segment"),
        (("cello1.wav", [1.0], [0.5]), "no segment from 1.0 s to 0.5 s"),
        (("cello1.wav", [-1.0], [0.5]), "no segment from -1.0 s"),
        (("cello1.wav", [float("nan")], [0.5]), "no segment from nan s"),
        (("cello1.wav", ["soon"], ["late"]), "entry 0 is not"),
        (("cello1.wav", [0.5, 0.7], [0.6]), "entry 0 is not"),
        (("cello1.wav", 0.5, 0.6), "entry 0 is not"),
        ((7, [0.5], [0.6]), "entry 0 is not"),
        (("cello1.wav", [0.5]), "entry 0 is not"),
    ],
)
def test_a_segment_that_cannot_be_is_refused(tmp_path, entry, message):
    with pytest.raises(InputError, match=message):
        stock(write(tmp_path, ["cello1"], times=[entry]))


def test_two_entries_of_one_recording_are_refused(tmp_path):
    times = [("cello1.wav", [0.1], [0.5]), ("a/cello1.wav", [0.2], [0.5])]
    with pytest.raises(InputError, match="two entries of cello1"):
        stock(write(tmp_path, ["cello1"], times=times))


def test_a_malicious_file_of_segments_runs_nothing(tmp_path):
    raw = write(tmp_path, ["cello1"], times=[("cello1.wav", [0.1], [0.5])])
    mark, path = tmp_path / "mark", raw / layout.TIMES
    with open(path, "r+b") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        file.write(pickle.dumps(Runs(eval, f"open({str(mark)!r}, 'w')")))
    with pytest.raises(InputError, match=r"segment_times\.npy is refused.*eval"):
        stock(raw)
    assert not mark.exists()


def test_a_cut_file_of_segments_is_refused(tmp_path):
    raw = write(tmp_path, ["cello1"], times=[("cello1.wav", [0.1], [0.5])])
    path = raw / layout.TIMES
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"segment_times\.npy is no whole .npy"):
        stock(raw)


def test_another_segment_is_another_fingerprint(tmp_path):
    def told(stop):
        raw = write(tmp_path, ["cello1"], times=[("cello1.wav", [0.0], [stop])])
        builder = Datasets.make_builder("sop", raw / "records", splits="folders")
        return builder.fingerprint(builder.inventory(raw))

    assert told(1.0) == told(1.0) != told(1.25)


# --- Splits -------------------------------------------------------------------
NAMES = [f"{name}{k}" for name in layout.BITS for k in range(20)]


def test_the_folders_are_the_splits_and_validation_is_a_tenth_of_train(tmp_path):
    raw = write(tmp_path, NAMES, ["tuba77"], seconds=0.01)
    found = {split: len(x) for split, x in stock(raw).tracks.items()}
    assert found == {"train": 160, "test": 1}
    splits = {s: {t.id for t in x} for s, x in stock(raw, "validated").tracks.items()}
    assert splits["test"] == {"tuba77"}
    assert splits["train"] | splits["validation"] == set(NAMES)
    assert 8 <= len(splits["validation"]) <= 26
    shares = (("train", 90), ("validation", 10))
    half = inventory.by_hash(NAMES[::2], shares)  # fewer names: the same places
    assert set(half["validation"]) == splits["validation"] & set(NAMES[::2])


def test_text_files_override_the_folders(tmp_path):
    raw = write(tmp_path, ["cello1", "cello2"], ["tuba1"])
    (raw / "splits" / "mine").mkdir(parents=True)
    for split, names in (("train", "tuba1\n"), ("test", "cello2\nerhu9\n")):
        (raw / "splits" / "mine" / f"{split}.txt").write_text(names)
    found = stock(raw, "mine")
    assert {s: [t.id for t in x] for s, x in found.tracks.items()} == {
        "train": ["tuba1"],
        "test": ["cello2"],
    }
    assert found.problems == {"erhu9": "no erhu9.wav in train/ or test/"}
    with pytest.raises(InputError, match="data.splits='min' is neither of folders"):
        stock(raw, "min")


def test_two_formats_of_a_recording_are_refused_and_hidden_files_are_none(tmp_path):
    raw = write(tmp_path, ["cello1"], ["tuba7"])
    (raw / "wav" / "train" / "._cello1.wav").write_bytes(b"of macOS")
    assert [track.id for track in stock(raw).all_tracks()] == ["cello1", "tuba7"]
    sf.write(raw / "wav" / "test" / "tuba7.flac", ramp(0, 1.0), RATE)
    with pytest.raises(InputError, match=r"tuba7.flac and .*tuba7.wav have one name"):
        stock(raw)


def test_one_name_in_both_folders_is_refused(tmp_path):
    with pytest.raises(InputError, match="train/cello1.wav and .*test/cello1.wav"):
        stock(write(tmp_path, ["cello1"], ["cello1"]))


@pytest.mark.parametrize("raw", ["absent", "empty"])
def test_an_absent_or_empty_folder_is_refused(tmp_path, raw):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=raw):
        stock(tmp_path / raw)


# --- Records ------------------------------------------------------------------
def test_the_named_configuration_makes_records(tmp_path, capsys):
    import Prepare
    from tests.test_config import configuration

    raw = write(tmp_path, ["violin1"], ["erhu1"], 1.0, [("violin1", [0.25], [0.75])])
    data = configuration("sop")["data"]
    data |= {"raw": str(raw), "records": str(tmp_path / "records")}
    folder = Prepare.prepare(data)
    table = json.loads((folder / "metadata.json").read_text())
    lines = [line for lines in table["tracks"].values() for line in lines]
    assert [(x["id"], x["n_time"]) for x in lines] == [
        ("violin1", 11025),
        ("erhu1", 22050),
    ]
    assert table["labels"] == data["sources"]
    assert "found 2 tracks" in capsys.readouterr().out
    # The named configuration's records are those of tfds.load("sop") alone.
    assert folder.parent.name == Datasets.DATASETS["sop"].BUILDER_CONFIGS[0].name


def test_real_solos_are_cut_where_their_segments_say(tmp_path, shared):
    numbers = {"clarinet1": 0, "flute1": 3, "trumpet1": 6, "violin1": 7}
    times = [(name, [0.2, 1.0], [0.7, 2.0]) for name in numbers]
    raw = write(tmp_path, test=["tuba1"], times=times)
    whole = {}
    for name, number in numbers.items():
        path = next((shared / "medley_solos").glob(f"*training-{number}_*.flac"))
        (raw / "wav" / "train" / f"{name}.flac").write_bytes(path.read_bytes())
        whole[name], _ = media.read_audio(path, 22050, 1)
    for track in stock(raw).tracks["train"]:
        read = reading.read_track(track, Options())
        assert read["labels"] == [track.id.removesuffix("1")]
        cut = whole[track.id][round(0.2 * 22050) : round(2.0 * 22050)]
        # The filter of the resampler sees nothing beyond a cut: its ends differ.
        error = (read["sources"][0] * (read["scale"] / 32768) - cut)[500:-500]
        assert np.abs(error).max() < 2 / 32768
