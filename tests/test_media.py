"""Media files: lengths exact to the sample, and errors that name the file."""

import av
import numpy as np
import pytest

from Datasets import media
from Schema import InputError


def write_encoded(path, audio, rate, codec):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        media._encode_audio(container, stream, audio, rate, "mono")


@pytest.mark.parametrize("n_time", [44100, 44101, 60000, 132300])
def test_an_m4a_has_as_many_samples_as_were_encoded(tmp_path, n_time):
    time = np.arange(n_time) / 44100
    audio = 0.3 * np.sin(2 * np.pi * 440 * time[:, np.newaxis]).astype(np.float32)
    write_encoded(tmp_path / "x.m4a", audio, 44100, "aac")
    read, rate = media.read_audio(tmp_path / "x.m4a")
    assert (rate, read.shape) == (44100, audio.shape)
    middle = slice(4000, n_time - 4000)
    error = np.abs(read[middle] - audio[middle]).max()
    assert error < 0.05
    late = np.abs(read[4025:40000] - audio[4000:39975]).max()
    assert late > 0.1  # the measure sees a shift


@pytest.mark.parametrize(
    "ending, codec", [("aac", "aac"), ("mp3", "libmp3lame"), ("webm", "libopus")]
)
@pytest.mark.parametrize("loud", [slice(0, 96000), slice(96000, None)])
def test_a_length_is_counted_where_files_do_not_state_it(tmp_path, ending, codec, loud):
    audio = np.zeros([4 * 48000, 1], np.float32)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, audio.shape)
    audio[loud] = noise[loud]
    path = tmp_path / f"x.{ending}"
    with av.open(str(path), "w", options={"write_xing": "0"}) as container:
        stream = container.add_stream(codec, rate=48000, layout="mono")
        if ending == "mp3":  # its bit rate follows the sound
            stream.codec_context.qscale, stream.codec_context.global_quality = True, 472
        media._encode_audio(container, stream, audio, 48000, "mono")
    rate, _, n_time = media.probe_audio(path)
    assert rate == 48000
    assert abs(n_time - len(media.read_audio(path)[0])) < 0.1 * rate


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_what_is_heard_after_a_hole_is_not_early(tmp_path, ending):
    audio = np.zeros([64, 1024], np.float32)
    audio[50] = 0.5
    path = tmp_path / f"x.{ending}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        for k in [*range(20), *range(40, 64)]:
            frame = av.AudioFrame.from_ndarray(audio[k : k + 1], "fltp", "mono")
            frame.sample_rate, frame.pts = 16000, 1024 * k
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    read, rate = media.read_audio(path)
    heard = np.flatnonzero(np.abs(read[:, 0]) > 0.1)
    assert abs(heard[0] - 50 * 1024) < 0.02 * rate
    assert abs(media.probe_audio(path)[2] - len(read)) < 0.1 * rate


def test_real_videos_have_the_length_that_they_state(shared):
    for path in sorted((shared / "video").glob("*.mp4")):
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            stated = round(float(stream.duration * stream.time_base) * stream.rate)
        assert len(media.read_audio(path)[0]) == stated, path.name


def test_a_video_keeps_its_frames_and_its_sound(tmp_path):
    frames = [np.full((64, 96, 3), 8 * k, np.uint8) for k in range(30)]
    audio = 0.1 * np.ones((48000, 1), np.float32)
    media.write_video(tmp_path / "x.mp4", frames, 15, audio, 48000)
    with av.open(str(tmp_path / "x.mp4")) as container:
        seen = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(seen) == 30 and seen[0].shape == (64, 96, 3)
    assert np.abs(np.array([s.mean() for s in seen]) - 8 * np.arange(30)).max() < 4
    assert media.read_audio(tmp_path / "x.mp4")[0].shape == (48000, 1)


@pytest.mark.parametrize("name", ["x.wav", "x.mp3", "x.mp4"])
def test_a_text_file_is_refused_by_name(tmp_path, name):
    (tmp_path / name).write_text("no recording at all")
    with pytest.raises(InputError, match=f"{name} cannot be read as audio"):
        media.read_audio(tmp_path / name)


def test_an_absent_file_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="x.flac does not exist"):
        media.read_audio(tmp_path / "x.flac")
