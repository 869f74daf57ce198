"""CocoChorales: folders, names and numbers -> tracks with URMP's codes."""

import numpy as np
import pytest
import soundfile as sf
import tensorflow_datasets as tfds

import Datasets
from Config import NAMED
from Datasets import reading
from Datasets.cocochorales import layout
from Datasets.options import Options
from Schema import INSTRUMENTS, InputError

RATE = 16000
PARTS = {
    "string": ["violin", "violin", "viola", "cello"],
    "brass": ["trumpet", "horn", "trombone", "tuba"],
    "woodwind": ["flute", "oboe", "clarinet", "bassoon"],
    "random": ["violin", "saxophone", "horn", "double bass"],
}


def write(place, name, first=1, seconds=0.6, mix=True):
    """A track in the published layout, each stem another noise; int16 [4, T]."""
    ensemble, number = layout.ensemble_of(name)
    folder = place / name
    (folder / "stems_audio").mkdir(parents=True)
    rng = np.random.default_rng(number)
    stems = rng.integers(-4000, 4000, (4, round(seconds * RATE))).astype(np.int16)
    for k, (part, stem) in enumerate(zip(PARTS[ensemble], stems), start=first):
        sf.write(folder / "stems_audio" / f"{k}_{part}.wav", stem, RATE)
    if mix:
        sf.write(folder / "mix.wav", stems.sum(axis=0, dtype=np.int16), RATE)
    (folder / "metadata.yaml").write_text("ensemble: any\n")
    return stems


def stock(raw, scheme="published", keep_going=False):
    told = dict(splits=scheme, sample_rate=RATE)
    builder = Datasets.make_builder("cocochorales", raw / "records", **told)
    builder.keep_going = keep_going
    return builder.inventory(raw)


def ids(found):
    return {split: [track.id for track in x] for split, x in found.tracks.items()}


@pytest.mark.parametrize("first", [0, 1])
def test_a_track_has_four_parts_under_urmp_codes(tmp_path, first):
    stems = write(tmp_path / "train", "random_track144001", first)
    (track,) = stock(tmp_path).tracks["train"]
    assert [source.label for source in track.sources] == ["vn", "sax", "hn", "db"]
    read = reading.read_track(track, Options(sample_rate=RATE))
    np.testing.assert_array_equal(read["sources"][..., 0], stems)
    np.testing.assert_array_equal(read["mix"][:, 0], stems.sum(axis=0))


def test_every_instrument_of_the_set_has_its_code():
    names = {name for parts in PARTS.values() for name in parts}
    assert {layout.CODES[name] for name in names} == set(INSTRUMENTS)
    assert NAMED["cocochorales"]["data"]["sources"] == list(INSTRUMENTS)


def test_the_three_folders_are_the_splits(tmp_path):
    place = tmp_path / "full 'set'" / "main_dataset"
    write(place / "train", "string_track000001")
    write(place / "valid", "brass_track198001")
    write(place / "test", "woodwind_track228001", mix=False)
    found = stock(tmp_path / "full 'set'")
    assert ids(found) == {
        "train": ["string_track000001"],
        "validation": ["brass_track198001"],
        "test": ["woodwind_track228001"],
    }
    told = "\n".join(found.report())
    assert "1 string, 1 brass, 1 woodwind, 0 random" in told
    assert "1 tracks have no mix.wav: their mixture is the sum" in told
    assert ids(stock(tmp_path / "full 'set'", "brass")) == {
        "train": [],
        "validation": ["brass_track198001"],
        "test": [],
    }


@pytest.mark.parametrize(
    "number, split",
    [
        (1, "train"),
        (192_000, "train"),
        (192_001, "validation"),
        (216_000, "validation"),
        (216_001, "test"),
        (240_000, "test"),
    ],
)
def test_tracks_that_stand_together_are_split_by_their_numbers(tmp_path, number, split):
    name = f"string_track{number:06d}"
    write(tmp_path, name, seconds=0.01)
    assert ids(stock(tmp_path))[split] == [name]


def test_a_track_beyond_the_published_ones_is_refused(tmp_path):
    write(tmp_path, "string_track240001", seconds=0.01)
    with pytest.raises(InputError, match="240001 is no track of CocoChorales"):
        stock(tmp_path)


def test_text_files_override_the_folders(tmp_path):
    for name in ("string_track000001", "string_track000002"):
        write(tmp_path / "train", name, seconds=0.01)
    (tmp_path / "splits" / "mine").mkdir(parents=True)
    for split, number in (("train", 2), ("test", 1), ("validation", 3)):
        path = tmp_path / "splits" / "mine" / f"{split}.txt"
        path.write_text(f"string_track{number:06d}\n")
    found = stock(tmp_path, "mine")
    assert ids(found) == {
        "train": ["string_track000002"],
        "validation": [],
        "test": ["string_track000001"],
    }
    assert set(found.problems) == {"string_track000003"}
    with pytest.raises(InputError, match="data.splits='strings' is neither of"):
        stock(tmp_path, "strings")


def harm(folder, case):
    stems = folder / "stems_audio"
    if case == "another":
        (stems / "2_violin.wav").rename(stems / "2_erhu.wav")
    elif case == "twice":
        sf.write(stems / "4_tuba.wav", np.ones(80), RATE)
    elif case == "fifth":
        sf.write(stems / "5_tuba.wav", np.ones(9600), RATE)
    elif case == "rate":
        sf.write(stems / "3_viola.wav", np.ones(9600), 22050)
    elif case == "short":
        sf.write(stems / "3_viola.wav", np.ones(8000), RATE)
    elif case == "zero bytes":
        (stems / "3_viola.wav").write_bytes(b"")
    else:
        folder.rename(folder.parent / "strings_track1")


@pytest.mark.parametrize(
    "case, message",
    [
        ("another", "2_erhu.wav: 'erhu' is none of bassoon"),
        ("twice", "4_tuba.wav is a second stem 4"),
        ("fifth", "5 stems in place of 4"),
        ("rate", "different sample rates: 16000, 22050 Hz"),
        ("short", "3_viola.wav is 0.100 s shorter than its mates"),
        ("zero bytes", "3_viola.wav cannot be read as audio"),
        ("name", "'strings_track1' is not ENSEMBLE_trackNNNNNN"),
    ],
)
def test_a_damaged_track_is_named_with_what_is_wrong(tmp_path, case, message):
    write(tmp_path / "train", "string_track000001")
    harm(tmp_path / "train" / "string_track000001", case)
    with pytest.raises(InputError, match=message):
        stock(tmp_path)


def test_damaged_and_incomplete_tracks_are_problems_if_the_build_goes_on(tmp_path):
    for number in (1, 2, 3):
        write(tmp_path / "train", f"string_track{number:06d}")
    harm(tmp_path / "train" / "string_track000001", "short")
    (tmp_path / "train" / "string_track000002/stems_audio/1_violin.wav").unlink()
    found = stock(tmp_path, keep_going=True)
    assert ids(found)["train"] == ["string_track000003"]
    assert "shorter" in found.problems["string_track000001"]
    assert found.problems["string_track000002"] == "3 of 4 stems in stems_audio/"


def test_the_track_that_was_published_short_is_left_out_and_told(tmp_path):
    write(tmp_path / "train", "string_track001353")
    write(tmp_path / "train", "string_track000001")
    assert len(ids(stock(tmp_path))["train"]) == 2  # as it should be, it is used
    harm(tmp_path / "train" / "string_track001353", "short")
    found = stock(tmp_path)
    assert ids(found)["train"] == ["string_track000001"] and not found.problems
    assert any("too short: string_track001353" in line for line in found.report())


def test_a_track_that_is_there_twice_is_refused(tmp_path):
    write(tmp_path / "train", "string_track000001", seconds=0.01)
    write(tmp_path / "test", "string_track000001", seconds=0.01)
    with pytest.raises(InputError, match="string_track000001 is there twice"):
        stock(tmp_path)


@pytest.mark.parametrize("raw", ["absent", "empty"])
def test_an_absent_or_empty_folder_is_refused(tmp_path, raw):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=raw):
        stock(tmp_path / raw)


def test_tfds_load_works_alone(tmp_path):
    stems = write(tmp_path / "raw" / "train", "string_track000001")
    told = tfds.download.DownloadConfig(manual_dir=str(tmp_path / "raw"))
    data = tfds.load(
        "cocochorales",
        split="train",
        data_dir=str(tmp_path / "records"),
        download_and_prepare_kwargs={"download_config": told},
    )
    (example,) = list(data.as_numpy_iterator())
    assert example["id"] == b"string_track000001" and example["sample_rate"] == RATE
    # Two violins of one track are one source.
    np.testing.assert_array_equal(example["sources"][0, :, 0], stems[0] + stems[1])
    labels = [sorted(INSTRUMENTS)[k] for k in example["labels"]]
    assert labels == ["vn", "va", "vc"]
