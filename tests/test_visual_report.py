"""Prepare.py visual_report: files that can be looked at, and mistakes in one line."""

import pathlib
import subprocess
import sys

import cv2
import numpy as np
import pytest

import Config
import Prepare
import Utils
from Datasets import media, video
from Models.vision import reports
from Preparing import visual_report
from tests import video_made

ROOT = pathlib.Path(__file__).parents[1]


def film(path, sound=True):
    rng = np.random.default_rng(0)
    frames = rng.integers(60, 200, (20, 90, 160, 3), np.uint8)
    audio = 0.1 * np.ones((2 * 8000, 2), np.float32) if sound else None
    media.write_video(path, frames, 10, audio, 8000 if sound else None)
    return path


@pytest.mark.parametrize("sound", [True, False])
def test_a_report_is_a_picture_a_video_and_figures(sound, tmp_path):
    path = film(tmp_path / "x.mp4", sound)
    told = visual_report.report_on(path, tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        *("overlay.mp4", "report.json", "report.png")
    ]
    assert told["fallback"] == "scene" and told["n_frames"] == 20
    stored = Utils.read_json(tmp_path / "out" / "report.json")
    assert stored["front_end"].startswith("players_motion-")
    assert len(stored["players"][0]["boxes"]) == len(stored["box_times"])
    picture = cv2.imread(str(tmp_path / "out" / "report.png"))
    assert picture.shape[1] > 1000 and picture.std() > 10
    info = video.probe(tmp_path / "out" / "overlay.mp4")
    assert (info.n_frames, info.rate, info.has_audio) == (20, 10.0, sound)
    if sound:
        assert media.read_audio(tmp_path / "out" / "overlay.mp4")[0].shape == (16000, 2)


def test_seats_are_named_in_the_figures_and_the_sentence(tmp_path):
    told = visual_report.report_on(film(tmp_path / "x.mp4"), tmp_path / "out", 3)
    assert [p["how"] for p in told["players"]] == ["seat"] * 3
    assert "fallback: seats" in reports.summary(told)


def test_the_level_is_that_of_a_sine_and_silence_follows_the_end():
    time = np.arange(8000) / 8000
    audio = 0.5 * np.sin(2 * np.pi * 100 * time)[:, np.newaxis]
    levels = reports.loudness(audio, 8000, 10, 15)
    np.testing.assert_allclose(levels[:10], 20 * np.log10(0.5 / 2**0.5), atol=1e-6)
    np.testing.assert_allclose(levels[10:], -120)


def test_a_damaged_video_leaves_nothing_behind(tmp_path):
    path = tmp_path / "x.mkv"
    rng = np.random.default_rng(0)
    media.write_video(path, rng.integers(0, 256, (40, 48, 64, 3), np.uint8), 10)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Prepare.InputError, match="cut short"):
        visual_report.report_on(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


REFUSED = {
    "visual_report": "name a video: python Prepare.py visual_report with input=VIDEO",
    "visual_report with input=y.mp4": "y.mp4 does not exist",
    "visual_report with input=x.mkv players=0": "players=0: expected a whole number",
    "visual_report with input=x.mkv players=two": "players=two: expected a whole",
    "visual_report with input=x.wav": "x.wav has no video stream",
    "with input=x.mkv": "input=x.mkv: only visual_report reads a video",
    "with players=2": "players=2: only visual_report reads a video",
}


@pytest.mark.parametrize("line", REFUSED)
def test_a_mistake_is_one_sentence(line, here, capsys):
    video_made.write("x.mkv", [video_made.grey(9)] * 3, [0, 0.1, 0.2])
    media.write_audio("x.wav", np.zeros((800, 1)), 8000)
    with pytest.raises(SystemExit) as error:
        Config.command_line(
            Prepare.ex, argv=["Prepare.py", *line.split()], check=Prepare.check
        )
    text = capsys.readouterr().err
    assert error.value.code == 1
    assert text.startswith("Prepare.py: ") and REFUSED[line] in text
    assert text.count("\n") == 1


def test_the_verb_says_what_it_found_and_where_it_is(here):
    film("x.mp4")
    command = [sys.executable, str(ROOT / "Prepare.py"), "visual_report"]
    done = subprocess.run(
        [*command, "with", "input=x.mp4", "output=out"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "x.mp4: no player found; fallback: scene" in done.stdout
    assert "report.png" in done.stdout and (here / "out" / "report.png").exists()
    assert not done.stderr, done.stderr
