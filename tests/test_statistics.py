"""Statistics of records: the standard's loudness, true sums, a page that stands."""

import csv
import re

import numpy as np
import pytest

import Datasets
import Prepare
import Utils
from Datasets import loudness, media, statistics, statistics_page
from tests.conftest import write_piece
from tests.pages_read import Page
from tests.test_records import section

RATE = 48000


def sine(level, seconds, rate=RATE, hertz=1000, channels=2):
    """float64 [T, C] with its peaks at a level in dBFS."""
    t = np.arange(round(seconds * rate)) / rate
    wave = 10 ** (level / 20) * np.sin(2 * np.pi * hertz * t)
    return np.repeat(wave[:, np.newaxis], channels, axis=1)


def test_the_filters_at_48_khz_are_those_of_the_standard():
    """ITU-R BS.1770-4, tables 1 and 2."""
    shelf, low_cut = loudness.k_weighting(48000)
    np.testing.assert_allclose(
        shelf,
        [1.53512485958697, -2.69169618940638, 1.19839281085285]
        + [1, -1.69065929318241, 0.73248077421585],
        atol=1e-8,
    )
    np.testing.assert_allclose(
        low_cut, [1, -2, 1, 1, -1.99004745483398, 0.99007225036621], atol=1e-8
    )


EBU = {  # EBU Tech 3341, table 1: (dBFS, s) of stereo sines; LUFS
    "case 1": ([(-23, 20)], -23.0),
    "case 2": ([(-33, 20)], -33.0),
    "case 3": ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
    "case 4": ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),
    "case 5": ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
}


@pytest.mark.parametrize("case", EBU)
def test_loudness_meets_the_cases_of_the_ebu(case):
    parts, expected = EBU[case]
    audio = np.concatenate([sine(*part, rate=16000) for part in parts])
    assert loudness.integrated(audio, 16000) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_a_full_scale_sine_in_one_channel_has_minus_3_lufs_at_any_rate(rate):
    """BS.1770-4: 0 dBFS at 997 Hz in one front channel reads -3.01 LKFS."""
    audio = sine(0, 2, rate, 997, 1)
    assert loudness.integrated(audio, rate) == pytest.approx(-3.01, abs=0.05)


def test_what_cannot_be_measured_has_no_loudness():
    assert loudness.integrated(sine(-20, 0.3), RATE) is None
    assert loudness.integrated(sine(-90, 1), RATE) is None
    assert loudness.integrated(sine(-20, 1, 2000, 100), 2000) is None


def test_levels_silence_and_clipped_samples_are_those_of_a_made_sound():
    audio = sine(-6, 2, 8000, 100, 1)
    audio[8000:] = 0
    audio[10], audio[20] = 1.0, -1.2
    told = loudness.measure(audio.astype(np.float32), 8000)
    assert told["clipped"] == 2 and told["silence"] == 0.5
    assert told["peak"] == pytest.approx(20 * np.log10(1.2), abs=1e-3)
    assert told["rms"] == pytest.approx(-6 - 3.01 - 3.01, abs=0.05)
    silent = loudness.measure(np.zeros((8000, 2), np.float32), 8000)
    assert silent["rms"] is silent["peak"] is silent["loudness"] is None
    assert silent["silence"] == 1


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder of raw pieces and of their records."""
    home = tmp_path_factory.mktemp("statistics")
    write_piece(home / "raw", "01_Jupiter_vn_vc", 1.0)
    write_piece(home / "raw", "03_Dance_fl_cl", 2.0)
    write_piece(home / "raw", "12_Spring_vn_vn_vc", 1.5)
    Prepare.prepare(told(home))
    return home


def told(home):
    return section(home / "raw", home / "records", keep_going=True)


@pytest.fixture(scope="module")
def records(home):
    return Datasets.open_records(
        "urmp", home / "records", **Datasets.options_of(told(home))
    )


def test_counts_hours_and_instruments_are_those_of_the_raw_pieces(records):
    found = statistics.survey(records)
    splits = found["splits"].values()
    assert sum(of["tracks"] for of in splits) == 3
    assert sum(of["parts"] for of in splits) == 6  # two violins are one source
    assert sum(of["hours"] for of in splits) == pytest.approx(4.5 / 3600)
    seconds = {}
    for of in splits:
        assert of["video_share"] == of["score_share"] == of["clipped"] == 0
        for label, row in of["instruments"].items():
            seconds[label] = seconds.get(label, 0) + row["seconds"]
    assert seconds == pytest.approx({"vn": 2.5, "vc": 2.5, "fl": 2.0, "cl": 2.0})
    by_track = {(x.track, x.label): x for x in found["sounds"]}
    whole = records.whole_track("03_Dance_fl_cl")
    flute = whole["sources"][whole["labels"].index("fl")]
    expected = 20 * np.log10(np.sqrt(np.mean(flute.astype(float) ** 2)))
    assert by_track["03_Dance_fl_cl", "fl"].rms == pytest.approx(expected)


def test_a_screen_tells_some_of_what_is_odd_and_how_many_more_there_are(records):
    sounds = [
        statistics.Sound("train", f"song {k}", 0, "mixture", 1.0, *[None] * 3, 1.0, k)
        for k in range(1, 31)
    ]
    odd = {"sounds": sounds, "failures": {f"bad {k}": "cut" for k in range(12)}}
    lines = list(statistics.report(statistics.survey(records) | odd))
    assert "  clipped: train song 30 0 mixture: 30 samples at full scale" in lines
    assert "  clipped: 20 more; statistics.csv has all" in lines
    assert "  silent: 20 more; statistics.csv has all" in lines
    assert "  left out: 2 more; statistics.json has all" in lines
    assert len(lines) < 50


def test_the_page_nests_refers_to_nothing_and_its_sounds_play(records):
    gallery = statistics_page.Gallery(records)
    found = statistics.survey(records, gallery.look)
    text = statistics_page.page(found, gallery.shown)
    page = Page(text)
    assert not page.links and "http" not in text
    assert len(page.sounds()) == len(found["sounds"])  # all three tracks are shown
    audio, rate = page.sounds()[0]
    assert rate == records.sample_rate and np.abs(audio).max() > 0.05
    assert text.count('<svg class="wave"') == len(page.sounds())
    assert "Loudness of the mixtures" in text and "prefers-color-scheme: dark" in text


def test_names_with_markup_are_shown_and_not_obeyed(records):
    found = statistics.survey(records)
    nasty = '<script>alert("日本")</script>'
    sounds = [statistics.Sound("train", nasty, 1, nasty, 1.0, *[None] * 3, 1.0, 0)]
    found |= {"sounds": sounds, "failures": {nasty: nasty}, "records": nasty}
    text = statistics_page.page(found, [("train", nasty, "", [])])
    assert "<script" not in text and "&lt;script&gt;" in text
    assert nasty in Page(text).text


def test_sounds_of_many_long_tracks_stay_within_the_room(records):
    gallery, rng = statistics_page.Gallery(records), np.random.default_rng(0)
    noise = rng.uniform(-1, 1, (20, 6 * 44100, 1)).astype(np.float32)
    for split in records.splits:
        whole = {"id": records.tracks(split)[0].id, "mix": noise[0], "sources": noise}
        whole |= {"labels": ["vn"] * 20, "sample_rate": 44100}
        gallery.look(split, whole)
    size = sum(len("".join(lines)) for *_, lines in gallery.shown)
    assert size < 1.5 * statistics_page.BYTES
    assert "More parts than there is room for" in gallery.shown[0][3][-1]


def test_the_excerpt_is_the_loudest_stretch():
    audio = np.full((10 * 8000, 1), 0.01, np.float32)
    audio[5 * 8000 : 9 * 8000] = 0.5
    assert statistics_page._loudest(audio, 8000) == 5 * 8000


def command(*line):
    import Config

    Config.command_line(Prepare.ex, argv=["Prepare.py", *line], check=Prepare.check)


def data(home):
    known = told(home)
    keys = ("splits", "sample_rate", "same_instrument", "excerpt_seconds")
    keys += ("window_seconds", "channels")
    options = [f"data.{key}={known[key]}" for key in keys if key in known]
    return ["with", "urmp", f"data.records={home / 'records'}", *options]


def test_the_command_writes_figures_lines_and_a_page(home, tmp_path, capsys):
    command("statistics", *data(home), f"output={tmp_path}")
    said = capsys.readouterr().out
    assert "loudness LUFS" in said and re.search(r"^train +\d", said, re.MULTILINE)
    stored = Utils.read_json(tmp_path / "statistics.json")
    assert sum(of["tracks"] for of in stored["splits"].values()) == 3
    with open(tmp_path / "statistics.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9 and all(float(row["peak"]) < 0 for row in rows)
    assert (tmp_path / "statistics.html").read_text("utf-8").startswith("<!doctype")


def test_the_command_duplicates_tells_of_leaks_in_records_and_raw(
    home, tmp_path, capsys
):
    command(
        "duplicates",
        *data(home),
        f"data.raw={home / 'raw'}",
        "data.partial=True",
        f"output={tmp_path}",
    )
    said = capsys.readouterr().out
    assert "raw recordings: 7 takes compared" in said
    assert "records" in said and ": 6 takes compared" in said
    assert said.count("no leakage between splits") == 2
    assert len((tmp_path / "duplicates.csv").read_text("utf-8").splitlines()) == 1


def test_the_command_availability_counts_what_there_is_of_a_list(tmp_path, capsys):
    lists = {"videos": {"violin": ["there", "gone"], "flute": ["lost"]}}
    Utils.write_json(tmp_path / "MUSIC_solo_videos.json", lists)
    video = tmp_path / "violin" / "there.mp4"
    video.parent.mkdir()
    frames = np.zeros((5, 16, 16, 3), np.uint8)
    media.write_video(video, frames, 5, np.zeros((8000, 1), np.float32), 8000)
    command("availability", "with", "music", f"data.raw={tmp_path}")
    said = capsys.readouterr().out
    assert re.search(r"^violin +2 +1 +1 ", said, re.MULTILINE)
    assert re.search(r"^flute +1 +0 +1 ", said, re.MULTILINE)


REFUSED = {
    "statistics with urmp data.records=absent": "absent holds no records of urmp",
    "duplicates with urmp data.records=absent": "absent holds no records of urmp",
    "statistics with urmp players=2": "players=2: only visual_report reads a video",
    "with urmp output=x": "output=x: only duplicates, preview, statistics and visual",
}


@pytest.mark.parametrize("line", REFUSED)
def test_a_mistake_is_one_sentence(line, here, capsys):
    with pytest.raises(SystemExit) as error:
        command(*line.split())
    text = capsys.readouterr().err
    assert error.value.code == 1 and REFUSED[line] in text, text
    assert text.count("\n") == 1


def test_real_stems_have_the_levels_of_music(shared):
    path = shared / "urmp" / "01_Jupiter_vn_vc" / "AuSep_1_vn_01_Jupiter.flac"
    audio, rate = media.read_audio(path)
    told = loudness.measure(audio, rate)
    assert -40 < told["loudness"] < -10 and told["peak"] < 0 and not told["clipped"]
    lower, rate = media.read_audio(path, 22050)
    assert loudness.integrated(lower, rate) == pytest.approx(told["loudness"], abs=0.1)
