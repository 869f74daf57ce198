"""Frames of a video: what is on screen at their time, or an error; never black."""

import av
import numpy as np
import pytest

from Datasets import media, video
from Schema import InputError
from tests import video_made
from tests.films_made import film
from tests.video_made import read_frames


def levels(path, rate, **options):
    """Mean level of each frame."""
    return read_frames(path, rate, **options).mean(axis=(1, 2, 3))


def steps(rng, count=24):
    """Distinct levels far apart from their neighbours."""
    return 40 + 8 * rng.permutation(count)


TIMES = {
    "constant": np.arange(24) / 10,
    "variable": np.cumsum(np.random.default_rng(1).uniform(0.02, 0.3, 24)).round(3),
    "dropped": np.delete(np.arange(30), [3, 4, 5, 11, 20, 21]) / 12.5,
    "late": 0.7 + np.arange(24) / 10,
}


@pytest.mark.parametrize("kind", TIMES)
@pytest.mark.parametrize("rate", [4, 10, 29.97])
def test_a_frame_is_the_picture_on_screen_in_the_middle_of_its_time(
    kind, rate, tmp_path
):
    times, shown = TIMES[kind], steps(np.random.default_rng(2))
    pictures = [video_made.grey(level) for level in shown]
    sound = np.zeros(8000, np.float32)  # its beginning is time zero
    path = video_made.write(tmp_path / "x.mkv", pictures, times, sound)
    found = levels(path, rate)
    middles = (np.arange(len(found)) + 0.5) / rate
    on_screen = np.searchsorted(times, middles, side="right") - 1
    assert np.abs(found - shown[np.maximum(on_screen, 0)]).max() < 4
    assert middles[-1] + 1 / rate > times[-1] - 1e-6


def test_time_zero_is_the_first_sample_of_the_sound(tmp_path):
    shown = steps(np.random.default_rng(3))
    pictures = [video_made.grey(level) for level in shown]
    sound = np.zeros(8000, np.float32)
    path = video_made.write(
        tmp_path / "x.mkv", pictures, np.arange(24) / 10, sound, audio_start=0.5
    )
    assert np.abs(levels(path, 10)[:18] - shown[5:23]).max() < 4
    assert video.probe(path).start == pytest.approx(-0.5, abs=0.002)


def test_without_sound_time_zero_is_the_first_picture(tmp_path):
    shown = steps(np.random.default_rng(3))
    pictures = [video_made.grey(level) for level in shown]
    path = video_made.write(tmp_path / "x.mkv", pictures, 0.7 + np.arange(24) / 10)
    assert np.abs(levels(path, 10)[:23] - shown[:23]).max() < 4


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_pictures_are_turned_upright_as_the_file_says(quarters, tmp_path):
    picture = video_made.grey(60)
    picture[:16, :16] = 200  # the left upper corner
    path = tmp_path / "x.mp4"
    media.write_video(path, [picture] * 5, 10)
    video_made.turn(path, quarters)
    frame = read_frames(path, 10)[0]
    info = video.probe(path)
    assert frame.shape[:2] == (info.height, info.width)
    assert info.height == (64 if quarters % 2 else 48)
    wanted = np.rot90(picture, -quarters)
    assert np.abs(frame.astype(int) - wanted).mean() < 6


def test_a_size_may_be_asked_for(tmp_path):
    path = tmp_path / "x.mp4"
    media.write_video(path, [video_made.grey(99, (320, 180))] * 5, 10)
    assert read_frames(path, 10, size=(31, 17)).shape == (5, 17, 31, 3)
    assert read_frames(path, 10, longest=100).shape == (5, 56, 100, 3)
    assert read_frames(path, 10, longest=640).shape == (5, 180, 320, 3)


def test_a_reader_gives_small_blocks_and_can_be_read_again(tmp_path):
    path = tmp_path / "x.mp4"
    media.write_video(path, [video_made.grey(5 * k) for k in range(50)], 25)
    reader = video.VideoReader(path, 30, block=8)
    first, again = list(reader), list(reader)
    assert [len(block) for block in first] == [8] * 7 + [4]
    np.testing.assert_array_equal(np.concatenate(first), np.concatenate(again))
    info = reader.info
    assert (info.rate, info.width, info.height, info.n_frames) == (25.0, 64, 48, 50)
    assert info.duration == pytest.approx(2.0) and not info.has_audio


@pytest.mark.parametrize("rate", [12.5, 25, 30, 60])
def test_blinks_and_clicks_meet_within_half_a_frame(rate, tmp_path):
    at = np.array([0.52, 1.24, 2.04])
    pictures = [video_made.grey(30) for _ in range(75)]
    for k in np.rint(at * 25).astype(int):
        for lit in range(k, k + 4):
            pictures[lit] = video_made.grey(220)
    sound = video_made.clicks(at, 3.0, 48000)[:, None]
    media.write_video(tmp_path / "x.mp4", pictures, 25, sound, 48000)
    bright = levels(tmp_path / "x.mp4", rate) > 125
    begins = np.flatnonzero(bright[1:] & ~bright[:-1]) + 1
    audio, sample_rate = media.read_audio(tmp_path / "x.mp4")
    loud = np.flatnonzero(np.abs(audio[:, 0]) > 0.3) / sample_rate
    heard = loud[np.concatenate([[True], np.diff(loud) > 0.1])]
    assert len(begins) == len(heard) == 3
    assert np.abs(begins / rate - heard).max() <= 0.5 / rate + 0.002


def noisy(path, seconds=4.0, rate=25):
    """A video of noise, large enough that damage has somewhere to be."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(90, 250, (round(seconds * rate), 48, 64, 3), np.uint8)
    media.write_video(path, pictures, rate)
    return path


def test_a_video_that_is_cut_short_is_refused_with_the_second(tmp_path):
    path = noisy(tmp_path / "x.mkv")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with pytest.raises(InputError, match=r"x.mkv.* cut short at 2\.\d s of 4\.0 s"):
        read_frames(path, 25)


def test_of_a_video_that_lacks_its_last_moment_the_last_picture_stays(tmp_path):
    path = noisy(tmp_path / "x.mkv", 8.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 95 // 100])
    reader = video.VideoReader(path, 25)
    frames = np.concatenate(list(reader))
    assert len(frames) == 200 and "could not be decoded" in reader.lost
    assert np.array_equal(frames[-1], frames[-5]) and frames.min(axis=0).mean() > 60


def test_damaged_bytes_are_an_error_or_mended_and_never_black(tmp_path):
    path = noisy(tmp_path / "x.mkv")
    whole = path.read_bytes()
    for share in (0.002, 0.4):
        data, start = bytearray(whole), len(whole) // 2
        stop = start + int(share * len(whole))
        rng = np.random.default_rng(1)
        data[start:stop] = rng.integers(0, 256, stop - start, np.uint8).tobytes()
        path.write_bytes(bytes(data))
        reader = video.VideoReader(path, 25)
        try:
            frames = np.concatenate(list(reader))
        except InputError as error:
            assert "damaged or cut short at" in str(error) and share > 0.1
        else:
            assert len(frames) == 100 and share < 0.1
            assert frames.mean(axis=(1, 2, 3)).min() > 60


def test_an_mp4_without_its_index_is_refused(tmp_path):
    path = tmp_path / "x.mp4"
    media.write_video(path, [video_made.grey(9)] * 50, 25)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="x.mp4 cannot be read as video.*complete"):
        read_frames(path)


def test_a_file_without_pictures_is_refused_by_name(tmp_path):
    media.write_audio(tmp_path / "x.wav", np.zeros((800, 1)), 8000)
    with pytest.raises(InputError, match="x.wav has no video stream"):
        video.probe(tmp_path / "x.wav")
    (tmp_path / "x.mp4").write_text("no recording")
    with pytest.raises(InputError, match="x.mp4 cannot be read as video"):
        video.probe(tmp_path / "x.mp4")
    with pytest.raises(InputError, match="y.mp4 does not exist"):
        video.probe(tmp_path / "y.mp4")


def test_real_videos_are_read_whole(shared):
    for path in sorted((shared / "video").glob("avsbench_masked*.mp4")):
        info = video.probe(path)
        frames = read_frames(path, info.rate, longest=64)
        assert len(frames) == info.n_frames and frames.mean() > 5, path.name


# --- Stretches ----------------------------------------------------------------
def stretches(times, shown, rate, start, seconds):
    """Levels of the frames of a stretch, by their time stamps alone."""
    end = min(start + seconds, times[-1] + 0.1)
    count = max(1, int(np.ceil((end - start) * rate - 0.5 - 1e-6)))
    middles = start + (np.arange(count) + 0.5) / rate
    on_screen = np.searchsorted(times, middles, side="right") - 1
    return shown[np.maximum(on_screen, 0)]


@pytest.mark.parametrize("kind", TIMES)
@pytest.mark.parametrize("start, seconds", [(0.0, 0.9), (0.31, 1.0), (1.37, 0.66)])
def test_a_stretch_is_cut_where_its_times_are(kind, start, seconds, tmp_path):
    times, shown = TIMES[kind], steps(np.random.default_rng(2))
    pictures = [video_made.grey(level) for level in shown]
    sound = np.zeros(8000, np.float32)
    path = video_made.write(tmp_path / "x.mkv", pictures, times, sound)
    for rate in (10, 29.97):
        found = levels(path, rate, start=start, seconds=seconds)
        wanted = stretches(times, shown, rate, start, seconds)
        assert len(found) == len(wanted)
        assert np.abs(found - wanted).max() < 4


FORMATS = [
    *(("mp4", "libx264"), ("mkv", "libx264"), ("ts", "libx264"), ("flv", "flv")),
    *(("mkv", "libvpx"), ("avi", "mpeg4"), ("mpg", "mpeg2video"), ("mov", "mjpeg")),
]


@pytest.mark.parametrize("suffix, codec", FORMATS)
def test_a_stretch_of_any_format_is_what_reading_it_all_would_show(
    suffix, codec, tmp_path
):
    times = np.arange(120) / 25 if codec == "mpeg2video" else np.arange(120) / 10
    options = {"x264-params": "open-gop=1"} if codec == "libx264" else {}
    rate = 25 if codec == "mpeg2video" else 10
    path = tmp_path / f"x.{suffix}"
    if codec == "mpeg2video":
        rng = np.random.default_rng(1)
        tiles = [rng.integers(0, 255, (3, 4, 3)) for _ in times]
        write_mpeg(path, [np.kron(t, np.ones((16, 16, 1))) for t in tiles])
    else:
        film(path, codec, times, **options)
    whole = read_frames(path, rate)
    for first, count in ((1, 5), (37, 20), (61, 30), (113, 40)):
        part = read_frames(path, rate, start=first / rate, seconds=count / rate)
        np.testing.assert_array_equal(part, whole[first : first + count])


def test_only_what_a_stretch_needs_is_decoded(tmp_path, monkeypatch):
    path = film(tmp_path / "x.mp4", times=np.arange(600) / 10)
    decoded, reading = [], video.decoded

    def counted(*arguments):
        for picture in reading(*arguments):
            decoded.append(picture)
            yield picture

    reader = video.VideoReader(path, 10, start=50.05, seconds=1.0)
    monkeypatch.setattr(video, "decoded", counted)
    assert sum(len(block) for block in reader) == 10
    assert len(decoded) <= 12 + 10 + 4  # a group of pictures, the stretch, and B-frames


@pytest.mark.parametrize(
    "stretch, message",
    [
        (dict(start=3.5), "ends at 3.00 s, before the stretch that begins at 3.50 s"),
        (dict(start=-1.0), "begins at 0 s or later"),
        (dict(seconds=0.0), "takes more than 0 s"),
    ],
)
def test_a_stretch_that_there_is_not_is_refused(stretch, message, tmp_path):
    path = film(tmp_path / "x.mp4")
    with pytest.raises(InputError, match=message):
        read_frames(path, 10, **stretch)


def test_damage_counts_in_the_stretch_alone(tmp_path):
    path = film(tmp_path / "x.mkv", times=np.arange(200) / 10)
    data = bytearray(path.read_bytes())
    path.write_bytes(data[: len(data) // 2])  # half of it is gone
    with pytest.raises(InputError, match="cut short at"):
        read_frames(path, 10)
    reader = video.VideoReader(path, 10, start=4.0, seconds=3.0)
    assert sum(len(block) for block in reader) == 30 and reader.lost is None
    with pytest.raises(InputError, match="cut short at"):
        read_frames(path, 10, start=8.0, seconds=6.0)


def write_mpeg(path, pictures):
    """A program stream, whose codec wants a rate of films."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture.astype(np.uint8), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_what_is_lost_is_counted_though_the_decoder_held_pictures_back(tmp_path):
    path = film(tmp_path / "x.mp4", times=np.arange(100) / 25, g="50")
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    for position, size in packets[10:40]:
        data[position : position + size] = bytes(size)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"\([34]\d % of the pictures are lost"):
        read_frames(path, 25)
