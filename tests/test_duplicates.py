"""Duplicates: copies are found in every disguise, other performances are not."""

import csv
import functools

import numpy as np
import pytest
import soxr

from Datasets import duplicates, media
from Datasets.duplicates import Take
from Datasets.inventory import Inventory
from Datasets.track import Source, Track

RATE = 16000


def note(hertz, seconds, rng=None):
    """A plucked note; with a generator, another of the same pitch."""
    t = np.arange(round(seconds * RATE)) / RATE
    phases = np.zeros(8) if rng is None else rng.uniform(0, 2 * np.pi, 8)
    partials = (
        np.sin(2 * np.pi * k * hertz * t + phase) / k
        for k, phase in enumerate(phases, 1)
    )
    return sum(partials) * np.minimum(t / 0.01, 1) * np.exp(-3 * t)


MELODY = np.array([0, 4, 7, 5, 2, 9, 7, 12, 11, 7, 4, 5, 2, 0, 7, 4, 9, 5, 2, 0])


def performance(seed, transposed=0, same_notes=False):
    """A melody of 8 s, played with its own timing: float32 [T, 1]."""
    rng, audio = np.random.default_rng(seed), np.zeros(9 * RATE)
    for k, step in enumerate(MELODY):
        start = round((0.4 * k + rng.uniform(0, 0.06)) * RATE)
        hertz = 330 * 2 ** ((step + transposed) / 12)
        sound = note(hertz, 0.6, None if same_notes else rng)
        audio[start : start + len(sound)] += 0.1 * sound
    return audio[: 8 * RATE, np.newaxis].astype(np.float32)


def track(split, name, *sounds):
    takes = [Take(split, name, k, "vn") for k, _ in enumerate(sounds, 1)]
    return takes, lambda: [s if isinstance(s, tuple) else (s, RATE) for s in sounds]


def found(a, b):
    """What is found of two takes in two splits."""
    return duplicates.find([track("train", "a", a), track("test", "b", b)]).pairs


def coded(audio, tmp_path):
    path = tmp_path / "x.m4a"
    frames = np.zeros((2, 16, 16, 3), np.uint8)
    media.write_video(path.with_suffix(".mp4"), frames, 1, audio, RATE)
    return media.read_audio(path.with_suffix(".mp4"))


@functools.cache
def take():
    return performance(1)


def quieter(audio):
    return np.round(audio * 0.21 * 32768).astype(np.float32) / 32768


NEAR = {  # disguise: (what it makes of a take, lag s, gain dB, s alike at least)
    "quieter, 16 bits": (quieter, 0, 20 * np.log10(0.21), 7.9),
    "inverted": (lambda x: -x, 0, 0, 7.9),
    "begins later": (lambda x: x[round(1.2345 * RATE) :], 1.2345, 0, 6),
    "begins earlier": (lambda x: np.pad(x, [(30011, 0), (0, 0)]), -30011 / RATE, 0, 6),
    "its second half": (lambda x: x[len(x) // 2 :], 4, 0, 3.5),
    "stereo": (lambda x: np.repeat(x, 2, axis=1), 0, 0, 7.9),
}


@pytest.mark.parametrize("disguise", NEAR)
def test_a_copy_is_found_with_its_lag_and_gain(disguise):
    change, lag, gain, seconds = NEAR[disguise]
    (pair,) = found(take(), change(take()))
    assert pair.kind == "near" and pair.leaks
    assert pair.lag == pytest.approx(lag, abs=2e-4)
    assert pair.gain == pytest.approx(gain, abs=0.2)
    assert abs(pair.correlation) > 0.97 and pair.seconds >= seconds
    assert (pair.correlation < 0) == (disguise == "inverted")


def test_a_copy_is_found_at_another_rate_and_after_a_lossy_codec(tmp_path):
    slower = soxr.resample(take(), RATE, 11025).astype(np.float32), 11025
    for copy in (slower, coded(take(), tmp_path)):
        (pair,) = found(take(), copy)
        assert pair.correlation > 0.95 and abs(pair.lag) < 0.1


def test_half_of_a_take_amid_another_is_found():
    other, half = performance(7, 3), take()[4 * RATE :]
    inside = np.concatenate([other[: 2 * RATE], half, other[2 * RATE :]])
    (pair,) = found(take(), inside)
    assert pair.lag == pytest.approx(2.0, abs=1e-3) and pair.seconds > 3


def test_equal_samples_are_identical_and_silence_is_told_apart():
    silence = np.zeros_like(take())
    told = duplicates.find(
        [track("train", "a", take(), silence), track("test", "b", silence, take())]
    )
    (pair,) = told.pairs
    assert (pair.kind, str(pair.b)) == ("identical", "test b 2 vn")
    assert len(told.silent) == 2 and told.takes == 2


@pytest.mark.parametrize("same_notes", [False, True])
def test_another_performance_of_the_same_melody_is_no_duplicate(same_notes):
    """Even of an instrument that plays each pitch the same to the last sample."""
    of = functools.partial(performance, same_notes=same_notes)
    assert not found(of(1), of(2))
    assert not found(of(1), of(1, transposed=1))


def test_many_takes_are_searched_in_proportion_to_their_number():
    """Each has a copy: all are found, and no pair of strangers is compared."""
    takes = [performance(seed, 2 * seed) for seed in range(6)]
    tracks = [track("train", f"a{k}", x) for k, x in enumerate(takes)]
    tracks += [track("train", f"b{k}", x[999:] * 0.5) for k, x in enumerate(takes)]
    told = duplicates.find(tracks)
    assert [(p.a.track, p.b.track) for p in told.pairs] == [
        (f"a{k}", f"b{k}") for k in range(6)
    ]
    assert not told.leaks


def test_takes_reused_between_pieces_are_leaks_in_table_and_file(tmp_path):
    """As URMP's 24 and 25: one take of a viola in two arrangements, in two splits."""
    files = {}
    for name, audio in {"vn": performance(3, 5), "va": take()}.items():
        files[name] = str(tmp_path / f"{name}.wav")
        media.write_audio(files[name], audio, RATE)
    sax = str(tmp_path / 'a "sax" 日本.wav')
    media.write_audio(sax, performance(4, -4), RATE)

    def piece(name, *codes):
        paths = {**files, "sax": sax}
        sources = tuple(Source(code, paths[code]) for code in codes)
        return Track(name, sources, RATE, 8 * RATE)

    broken = Track("99", (Source("vn", str(tmp_path / "no.wav")),), RATE, RATE)
    tracks = {
        "train": [piece("25_Pirates", "sax", "va"), broken],
        "test": [piece("24_Pirates", "vn", "va")],
    }
    told = duplicates.find(list(duplicates.of_raw(Inventory(tracks))))
    lines = "\n".join(duplicates.report(told, "raw"))
    assert "LEAK identical: train 25_Pirates 2 va <-> test 24_Pirates 2 va" in lines
    assert "LEAKAGE: 1 of 1 pairs are in two splits (test and train)" in lines
    assert "not read: 99" in lines and "no.wav does not exist" in lines
    duplicates.write_csv(tmp_path / "duplicates.csv", {"raw": told})
    with open(tmp_path / "duplicates.csv", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["leak"] == "1" and row["track a"] == "25_Pirates"
    assert float(row["seconds"]) == 8.0


def test_real_stems_hold_no_duplicate_and_a_coded_half_of_one_is_found(
    shared, tmp_path
):
    paths = sorted((shared / "urmp").glob("*/AuSep*.flac"))
    sounds = [media.read_audio(path, RATE) for path in paths]
    tracks = [track("train", p.stem, s) for p, s in zip(paths, sounds)]
    assert not duplicates.find(tracks).pairs
    for k in (0, 7):  # a violin, a viola
        half = coded(sounds[k][0][round(6.3 * RATE) :] * 0.4, tmp_path)
        (pair,) = duplicates.find([*tracks, track("test", "copy", half)]).pairs
        assert pair.a.track == paths[k].stem and pair.lag == pytest.approx(6.3, abs=0.1)


def test_a_screen_tells_of_leaks_first_and_how_many_pairs_there_are_besides():
    one = take()
    tracks = [track("train", f"a{k}", one) for k in range(70)]
    told = duplicates.find([*tracks, track("test", "b", one)])
    first, *lines, last = duplicates.report(told, "raw")
    assert "71 takes compared" in first and "LEAK identical" in lines[0]
    assert lines[-1] == "  and 10 pairs more; duplicates.csv has all"
    assert len(lines) == 61 and "1 of 70 pairs" in last


URMP_TWICE = {  # reported of URMP: piece, piece, parts of both that are one take
    "viola of Pirates": ("24_Pirates_vn_vn_va_vc", "25_Pirates_vn_vn_va_sax", 3),
    "viola of King": ("26_King_vn_vn_va_vc", "27_King_vn_vn_va_sax", 3),
}


@pytest.mark.parametrize("which", URMP_TWICE)
def test_the_takes_that_urmp_holds_twice_are_found(which, shared):
    *pieces, part = URMP_TWICE[which]
    tracks = []
    for piece in pieces:
        paths = sorted((shared / "urmp" / piece).glob("AuSep_*"))
        if not paths:
            pytest.skip(f"{piece} of URMP is not in {shared / 'urmp'}")
        tracks.append(track("train", piece, *map(media.read_audio, paths)))
    pairs = duplicates.find(tracks).pairs
    assert (part, part) in {(pair.a.part, pair.b.part) for pair in pairs}
