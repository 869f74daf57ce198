"""The report: complete, in one file, and its sounds and pictures are the track's."""

import re

import librosa
import numpy as np
import pytest

import Pages
from Datasets import media
from Evaluating import films
from Schema import InputError
from Scores import aggregate, film, listening, report, tables
from Scores.track import Dropped
from tests.browsers import browse
from tests.pages_read import Page
from tests.scores_made import made

RATE = 8000
NASTY = '<script>alert("日本")</script>&'


def tone(hertz, seconds=12, level=0.3, rate=RATE, channels=1):
    t = np.arange(seconds * rate) / rate
    wave = level * np.sin(2 * np.pi * hertz * t)
    return np.repeat(wave[:, np.newaxis], channels, axis=1).astype(np.float32)


def example(track="duo", system="net", video=None, **references):
    references = references or {"vn": tone(880), "vc": tone(110)}
    mix = sum(references.values())
    estimates = {name: 0.5 * audio for name, audio in references.items()}
    return report.Example(track, RATE, mix, references, {system: estimates}, video)


def scored(*tracks, system="net", sources=("vn", "vc")):
    """The scores of two systems of some tracks, each with a dropped frame."""
    nan = float("nan")
    dropped = [Dropped(2, (sources[0],), ())]

    def of(level):
        frames = {name: [level, level + 2, nan] for name in sources}
        one = made([level] * len(sources), dropped=dropped, **frames)
        return dict.fromkeys(tracks, one)

    return {"mixture": of(-3.0), system: of(5.0)}


def page(examples=(), scores=None, **options):
    scores = scores or scored("duo", "other")
    return report.page(aggregate.aggregate(scores), scores, examples, **options)


def test_the_page_says_what_the_tables_say():
    scores = scored("duo", "other")
    summary = aggregate.aggregate(scores)
    read = Page(report.page(summary, scores, about={"checkpoint": "runs/7", "n": [1]}))
    assert tables.caption(summary) in read.text
    for row, cells in tables.shown(summary.rows)[1]:
        assert row.source in read.text and all(cell in read.text for cell in cells)
    assert "checkpoint" in read.text and "runs/7" in read.text
    assert "reference of vn 2" in read.text  # the frame of each of two tracks
    assert "2 of 2 tracks" in read.text
    assert read.tags.count("svg") == 2 + 2  # of colours, of SDR and SI-SDR by source
    assert not read.media and not read.links


def test_every_sound_and_picture_opens_and_shows_the_excerpt():
    one = example()
    text = page([one])
    read = Page(text)
    assert "http" not in text and "<script" not in text and not read.links
    assert len(set(read.ids)) == len(read.ids)
    first, stop = report.excerpt(one.references.values(), RATE)
    assert stop - first == 8 * RATE
    signals = [one.mixture]
    for source, reference in one.references.items():
        signals += [reference, one.estimates["net"][source]]
    assert len(read.sounds()) == len(read.pictures()) == len(signals)
    for (heard, rate), signal in zip(read.sounds(), signals):
        assert rate == RATE
        np.testing.assert_allclose(heard, signal[first:stop], atol=1 / 32768)
    frames = 1 + 8 * RATE // listening.HOP
    assert {p.shape for p in read.pictures()} == {(listening.MELS, frames, 3)}
    assert "vn: net (SDR 6.0, SI-SDR 5.0 dB)" in read.text
    assert "SDR of net" in read.text and "Shaded" in read.text


def test_the_excerpt_is_where_all_play():
    rng = np.random.default_rng(0)
    audio = 0.1 * rng.standard_normal((3, 30 * RATE, 1))
    audio[0, 17 * RATE :] = 0
    audio[1, : 11 * RATE] *= 1e-4  # its bow rests on the string
    audio[2, : 10 * RATE] *= 8
    assert report.excerpt(audio, RATE, 6) == (11 * RATE, 17 * RATE)
    assert report.excerpt(audio[:, : 2 * RATE], RATE, 6) == (0, 2 * RATE)


def test_all_sounds_of_a_track_have_one_gain_and_none_is_clipped():
    loud = example(vn=tone(880, level=1.5), vc=tone(110, level=0.2))
    mixture, violin, _, cello, _ = Page(page([loud])).sounds()
    assert np.abs(mixture[0]).max() == pytest.approx(1, abs=1e-3)
    ratio = np.abs(violin[0]).max() / np.abs(cello[0]).max()
    assert ratio == pytest.approx(1.5 / 0.2, rel=1e-3)


@pytest.mark.parametrize("hertz", [440, 2000])
def test_a_tone_is_brightest_in_its_band_of_the_picture(hertz):
    audio = tone(hertz, 2)
    top = listening.mel(audio, RATE).max()
    payload = [listening.spectrogram(a, RATE, top) for a in (audio, audio / 10)]
    loud, soft = (picture(p).sum(axis=2)[:, 10:-10] for p in payload)
    band = np.abs(librosa.mel_frequencies(98, fmax=RATE / 2)[1:-1] - hertz).argmin()
    assert abs(listening.MELS - 1 - loud.mean(axis=1).argmax() - band) <= 1
    assert soft.max() < loud.max() and loud.min() < 40


def picture(payload):
    address = Pages.embedded("image/png", payload)
    return Page(f'<img src="{address}">').pictures()[0].astype(int)


def test_stereo_at_a_high_rate_stays_stereo_at_a_lower_one():
    stereo = {"vn": tone(880, 3, rate=44100, channels=2)}
    stereo["vn"][:, 1] = 0
    one = report.Example("duo", 44100, stereo["vn"], stereo, {})
    (audio, rate), _ = Page(listening.section(one, {})).sounds()
    assert rate == listening.HIGHEST_RATE and audio.shape == (3 * rate, 2)
    assert np.abs(audio[:, 1]).max() == 0 and audio[:, 0].std() > 0.2


def test_many_sources_are_heard_for_a_shorter_time_to_fit():
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.standard_normal((6, 12 * RATE, 1)).astype(np.float32)
    references = {f"s{k}": audio for k, audio in enumerate(noise)}
    one = example(**references)
    text = listening.section(one, {}, characters=900_000)
    lengths = {len(audio) for audio, _ in Page(text).sounds()}
    assert len(text) < 901_000 and len(lengths) == 1 and RATE < lengths.pop() < 6 * RATE
    begin, end = re.search(r"Heard: ([\d.]+) to ([\d.]+) s", text).groups()
    first, stop = report.excerpt(noise, RATE)
    assert first / RATE <= float(begin) < float(end) <= stop / RATE
    text = listening.section(one, {}, characters=10_000)
    assert "More sources than there is room for" in text and "audio" not in text


def test_the_bounds_of_a_page_leave_it_below_15_mb():
    assert report.EXAMPLES * (listening.CHARACTERS + film.LARGEST * 4 / 3) < 14e6


def test_no_more_examples_are_made_than_are_shown():
    asked = []

    def examples():
        for k in range(9):
            asked.append(k)
            yield example(f"track {k}", vn=tone(440, 1))

    read = Page(page(examples()))
    assert len(read.sounds()) == 3 * report.EXAMPLES and len(asked) <= 4
    assert "track 2" in read.text and "track 3" not in read.text


def test_names_with_markup_are_shown_and_not_obeyed():
    scores = scored(NASTY, system=NASTY, sources=(NASTY, "vc"))
    one = example(NASTY, NASTY, **{NASTY: tone(880, 2), "vc": tone(110, 2)})
    links = {NASTY: {NASTY: "estimates/a b#?.wav"}}
    text = page([one], scores, about={NASTY: NASTY}, title=NASTY, links=links)
    read = Page(text)
    assert "<script" not in text and read.text.count(NASTY) > 10
    assert len(read.sounds()) == 5


def test_files_are_links_from_the_page(tmp_path):
    links = {"duo": {"vn.wav": tmp_path / "estimates" / "a b#.wav"}}
    read = Page(page(links=links, folder=tmp_path))
    assert read.links == ["estimates/a%20b%23.wav"] and "vn.wav" in read.text


def video(path, seconds=1):
    """A video for the page, of noise."""
    path.parent.mkdir(exist_ok=True)
    frames = np.random.default_rng(0).integers(0, 255, (10 * seconds, 64, 64, 3))
    media.write_video(path, frames.astype(np.uint8), 10, tone(440, seconds), RATE)
    return films.film(path)


def test_a_video_is_asked_for_what_is_heard_and_shown_if_there_is_room():
    asked = []

    def cut(*given):
        asked.append(given)
        return b"x" * len(asked) * (film.LARGEST // 2), None

    late = np.concatenate([0 * tone(440, 5), tone(440, 9)])
    one = example(vn=4 * late, video=film.Film("clips/a b.mp4", cut))
    read = [Page(page([one])) for _ in range(3)]
    first, stop = report.excerpt(one.references.values(), RATE)
    begin, end, sound, rate = asked[0]
    assert (begin, end, rate) == (first / RATE, stop / RATE, RATE) and first > 0
    np.testing.assert_allclose(sound, read[0].sounds()[0][0], atol=1 / 32768)
    held = [[m for m in found.media if m[0] == "video"] for found in read]
    assert held[0] == [("video", "video/webm", b"x" * (film.LARGEST // 2))]
    assert len(held[1]) == 1 and not held[2] and "no room for" in read[2].text
    assert all(found.links[0].endswith("clips/a%20b.mp4") for found in read)


def test_a_video_that_cannot_be_shown_is_told_and_takes_nothing_else_away(tmp_path):
    damaged = video(tmp_path / "duo.mp4", 2)
    with open(damaged.path, "r+b") as file:
        file.truncate(len(file.read()) // 3)
    absent, told = films.film(tmp_path / "<absent>.mp4"), "data.raw=<here> is not there"
    for one, reason in (
        (damaged, "duo.mp4 cannot be read as video"),
        (absent, "<absent>.mp4 does not exist"),
        (told, f"No video: {told}."),
    ):
        read = Page(page([example(video=one, vn=tone(440, 1))]))
        assert reason in read.text and "video" not in read.tags
        assert len(read.sounds()) == len(read.pictures()) == 3
    assert "No video" not in page([example(vn=tone(440, 1))])


def test_what_is_lost_of_a_video_is_told_below_it():
    def cut(*_):
        return b"x", "1.0 % of the pictures, from 3.0 s on, could not be decoded"

    text = page([example(vn=tone(440, 1), video=film.Film("a.mp4", cut))])
    assert "<video" in text and "Of the video, 1.0 % of the pictures" in text


def test_what_is_not_whole_is_refused_by_name():
    short = example()
    short.estimates["net"]["vn"] = tone(880, 2)
    with pytest.raises(InputError, match=r"'duo': net of vn is \[T, C\] = \[16000, 1"):
        page([short])
    broken = example()
    broken.references["vc"][7] = np.nan
    with pytest.raises(InputError, match="reference of vc has samples that are not"):
        page([broken])
    empty = report.Example("duo", RATE, tone(440), {}, {})
    with pytest.raises(InputError, match="'duo' has no references"):
        page([empty])


def test_the_file_is_whole_or_not_touched(tmp_path):
    path, scores = tmp_path / "evaluation" / "report.html", scored("duo")
    summary = aggregate.aggregate(scores)
    report.write(path, summary, scores, [example()], links={"duo": {"a": path}})
    text = path.read_text("utf-8")
    assert text.startswith("<!doctype html>") and Page(text).links == ["report.html"]
    empty = report.Example("duo", RATE, tone(440), {}, {})
    with pytest.raises(InputError):
        report.write(path, summary, scores, [empty])
    assert path.read_text("utf-8") == text
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


def test_a_browser_loads_every_player_and_picture_and_complains_of_nothing(tmp_path):
    one = example(video=video(tmp_path / "duo.mp4", 12))
    told, asked, console = browse(page([one]), tmp_path)
    assert not console and not told["faults"]
    assert set(asked) <= {"/page.html", "/favicon.ico"}
    found = {tag: [v for t, v in told["found"] if t == tag] for tag, _ in told["found"]}
    assert found["AUDIO"] == pytest.approx([8.0] * 5, abs=0.01)
    assert found["VIDEO"] == pytest.approx([8.0], abs=0.05)
    assert told["seen"] == [[64, 64]]
    assert found["IMG"] == [1 + 8 * RATE // listening.HOP] * 5
    assert told["wide"] <= 0  # nothing stands out of the page


def test_the_browser_test_finds_a_sound_that_does_not_play(tmp_path):
    text = page([example(vn=tone(440, 1))])
    broken = text.replace("base64,ZkxhQ", "base64,AAAAA", 1)
    assert broken != text
    told, *_ = browse(broken, tmp_path)
    sounds = [value for tag, value in told["found"] if tag == "AUDIO"]
    assert isinstance(sounds[0], str) and sounds[1:] == pytest.approx([1, 1], abs=0.01)
