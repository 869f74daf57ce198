"""A video's own pictures with another sound: each picture and sample at its time."""

import resource
import tracemalloc

import av
import numpy as np
import pytest
import soundfile as sf

from Datasets import media, muxing
from Schema import InputError
from tests import video_made
from tests.films_made import RATE, TENTHS, film, seen, wav


def loudest(path):
    """When a file's sound is loudest, s on the clock of its pictures."""
    found = []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            level = np.abs(frame.to_ndarray()[0])
            at = frame.pts * frame.time_base + int(level.argmax()) / frame.sample_rate
            found.append((level.max(), float(at)))
    return max(found)[1]


@pytest.mark.parametrize(
    ("pictures_at", "sound_at", "offset"),
    [(0, 0, 0), (0.7, 0, 0), (0, 0.5, 0), (2, 1.5, 0), (0, 0, 0.4), (0, 0, -0.4)],
)
def test_a_blink_and_a_click_that_belong_together_stay_together(
    tmp_path, pictures_at, sound_at, offset
):
    levels, times = [30] * 24, pictures_at + np.arange(24) / 10
    levels[10] = 220
    pictures = [video_made.grey(level) for level in levels]
    old = np.zeros(8000, np.float32)
    film = video_made.write(
        tmp_path / "x.mkv", pictures, times, old, audio_start=sound_at
    )
    click = times[10] - sound_at - offset  # by the clock of the new sound
    sf.write(tmp_path / "a.wav", video_made.clicks([click], 3, RATE), RATE)
    muxing.mux(film, tmp_path / "a.wav", tmp_path / "o.mp4", offset)
    with av.open(str(tmp_path / "o.mp4")) as container:
        shown = [
            (frame.time, frame.to_ndarray(format="gray").mean())
            for frame in container.decode(video=0)
        ]
    [blink] = [time for time, level in shown if level > 120]
    assert len(shown) == 24
    assert loudest(tmp_path / "o.mp4") == pytest.approx(blink, abs=0.002)
    late = max(0, sound_at + offset - pictures_at)  # silence goes before the sound
    length = len(media.read_audio(tmp_path / "o.mp4")[0])
    assert length == pytest.approx((3 + late) * RATE, abs=1)


@pytest.mark.parametrize(
    ("rate", "channels", "rate_out", "channels_out"),
    [
        (44100, 2, 44100, 2),
        (8000, 1, 8000, 1),
        (22255, 1, 24000, 1),
        (96000, 2, 48000, 2),
        (192000, 1, 48000, 1),
        (48000, 6, 48000, 1),
        (48000, 8, 48000, 1),
    ],
)
def test_sound_keeps_its_length_at_any_rate_and_number_of_channels(
    tmp_path, rate, channels, rate_out, channels_out
):
    time = np.arange(round(1.01 * rate))[:, None] / rate
    audio = np.sin(2 * np.pi * 300 * time) * np.linspace(0.1, 0.5, channels)
    sf.write(tmp_path / "a.wav", audio, rate, subtype="FLOAT")
    path = film(tmp_path / "x.mp4", times=TENTHS[:10])
    muxing.mux(path, tmp_path / "a.wav", tmp_path / "o.mp4")
    found, found_rate = media.read_audio(tmp_path / "o.mp4")
    length = -(-len(audio) * rate_out // rate)
    assert (found.shape, found_rate) == ((length, channels_out), rate_out)
    time = np.arange(length)[:, None] / rate_out
    gain = np.linspace(0.1, 0.5, channels) if channels < 3 else 0.3
    error = found - np.sin(2 * np.pi * 300 * time) * gain
    assert np.abs(error[2000:-2000]).max() < 0.03


@pytest.mark.parametrize("seconds", [0.5, 0.001, 12.0])
def test_pictures_and_sound_of_different_lengths_are_both_kept_whole(tmp_path, seconds):
    path = film(tmp_path / "x.mkv")
    muxing.mux(path, wav(tmp_path / "a.wav", seconds, 8000), tmp_path / "o.mp4")
    assert len(seen(tmp_path / "o.mp4")[0]) == 30
    assert len(media.read_audio(tmp_path / "o.mp4")[0]) == round(seconds * 8000)


def damaged(folder, kind):
    """A file that holds no video that can be used, by its name."""
    path = folder / kind
    whole = film(folder / "whole.mp4").read_bytes()
    if kind == "text.mp4":
        path.write_text("no video at all")
    elif kind == "half.mp4":  # the table of packets, at the end, is gone
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "half.mkv":
        part = film(folder / "whole.mkv").read_bytes()
        path.write_bytes(part[: len(part) // 2])
    elif kind == "noise.mp4":  # the table is there, the pictures are not
        start, end = whole.index(b"mdat") + 4, whole.index(b"moov") - 4
        path.write_bytes(whole[:start] + b"\xa5" * (end - start) + whole[end:])
    elif kind == "sound.wav":
        wav(path)
    elif kind == "song.mp3":
        song_with_a_cover(path)
    return path


def song_with_a_cover(path):
    with av.open(str(path), "w") as container:
        sound = container.add_stream("libmp3lame", rate=44100, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(video_made.grey(90), "rgb24")
        container.mux(cover.encode(picture) + cover.encode(None))
        media._encode_audio(container, sound, np.zeros((44100, 1)), 44100, "mono", 1152)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("absent.mp4", "absent.mp4 does not exist"),
        ("text.mp4", "text.mp4 cannot be read as video .*complete media file"),
        ("half.mp4", "half.mp4 cannot be read as video .*complete media file"),
        ("half.mkv", "half.mkv: the video is damaged or cut short at .*copy it anew"),
        ("noise.mp4", "noise.mp4 holds no picture that can be decoded"),
        ("sound.wav", "sound.wav has no video stream; name a file with pictures"),
        ("song.mp3", "song.mp3 has no video stream; name a file with pictures"),
    ],
)
def test_a_file_without_usable_pictures_is_refused_by_name(tmp_path, kind, message):
    path, audio = damaged(tmp_path, kind), wav(tmp_path / "a.wav")
    with pytest.raises(InputError, match=message):
        muxing.mux(path, audio, tmp_path / "out" / "o.mp4")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["absent", "empty", "nan", "text"])
def test_sound_that_cannot_be_used_is_refused_by_name(tmp_path, kind):
    path, audio = film(tmp_path / "x.mp4"), tmp_path / "a.wav"
    if kind == "text":
        audio.write_text("no sound")
    elif kind != "absent":
        samples = np.zeros(0 if kind == "empty" else 90_000)
        samples[80_000:] = np.nan
        sf.write(audio, samples, RATE, subtype="FLOAT")
    with pytest.raises(InputError, match="a.wav"):
        muxing.mux(path, audio, tmp_path / "out" / "o.mp4")
    assert not (tmp_path / "out").exists()


def test_a_disk_that_fills_up_at_any_moment_leaves_nothing(tmp_path):
    path, audio = film(tmp_path / "x.mp4"), wav(tmp_path / "a.wav")
    muxing.mux(path, audio, tmp_path / "o.mp4")
    size = (tmp_path / "o.mp4").stat().st_size
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (0, size // 2, size - 3000, size - 1):  # the last in the table
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, old[1]))
        try:
            with pytest.raises(
                InputError, match="out/o.mp4 cannot be written .* is the disk full.$"
            ):
                muxing.mux(path, audio, tmp_path / "out" / "o.mp4")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)
        assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path):
    path, audio = film(tmp_path / "x.mp4"), wav(tmp_path / "a.wav")
    before = path.read_bytes()
    (tmp_path / "folder.mp4").mkdir()
    for target, message in [
        (audio / "o.mp4", "a.wav cannot be written to .* choose another folder"),
        (tmp_path / "folder.mp4", "folder.mp4 is a folder; move it away"),
        (tmp_path / "o.avi", "o.avi: what is written is MP4"),
        (path, "x.mp4 would be replaced; choose another output"),
    ]:
        with pytest.raises(InputError, match=message):
            muxing.mux(path, audio, target)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["x.mkv", "x.webm"])
def test_every_source_gets_a_video_or_none_does(name, tmp_path):
    codec = {"x.mkv": "libx264", "x.webm": "libvpx"}[name]
    path, out = film(tmp_path / name, codec), tmp_path / "out"
    files = {key: wav(tmp_path / f"{key}.wav", k + 1) for k, key in enumerate("ab")}
    paths = muxing.write_videos(path, files, out)
    assert paths == {key: out / f"{key}.mp4" for key in "ab"}
    assert sorted(out.iterdir()) == sorted(paths.values())  # and nothing else
    for k, one in enumerate(paths.values()):
        assert len(seen(one)[0]) == 30
        assert len(media.read_audio(one)[0]) == (k + 1) * RATE
    before = [one.read_bytes() for one in paths.values()]
    files["b"].write_text("no sound")
    with pytest.raises(InputError, match="b.wav"):
        muxing.write_videos(path, files, out)
    assert [one.read_bytes() for one in paths.values()] == before
    assert sorted(out.iterdir()) == sorted(paths.values())


def test_memory_does_not_grow_with_the_sound(tmp_path):
    path, peaks = film(tmp_path / "x.mp4"), []
    for seconds in (30, 180):
        wav(tmp_path / "a.wav", seconds, 8000, subtype="PCM_16")
        tracemalloc.start()
        try:
            muxing.mux(path, tmp_path / "a.wav", tmp_path / "o.mp4")
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1e6  # the longer sound is 6 MB as float32
