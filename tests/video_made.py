"""Videos whose every picture and time stamp is known."""

from fractions import Fraction

import av
import numpy as np

from Datasets import video

CLOCK = 1000  # time stamps a second


def grey(level, size=(64, 48)):
    """One picture of one level, uint8 [H, W, 3]."""
    return np.full((size[1], size[0], 3), level, np.uint8)


def write(path, pictures, times, audio=None, sample_rate=8000, audio_start=0.0):
    """Writes pictures uint8 [H, W, 3] that appear at some times, s.

    The audio, float [T], begins at `audio_start` s on the same clock.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=CLOCK)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "8", "g": "5", "bf": "0"}
        stream.codec_context.time_base = Fraction(1, CLOCK)
        sound = None
        if audio is not None:
            sound = container.add_stream("pcm_s16le", rate=sample_rate, layout="mono")
        for picture, time in zip(pictures, times):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = round(time * CLOCK), Fraction(1, CLOCK)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            ints = np.rint(np.asarray(audio)[None] * 32767).astype(np.int16)
            for start in range(0, ints.shape[1], 1024):
                piece = np.ascontiguousarray(ints[:, start : start + 1024])
                frame = av.AudioFrame.from_ndarray(piece, format="s16", layout="mono")
                frame.sample_rate, frame.time_base = (
                    sample_rate,
                    Fraction(1, sample_rate),
                )
                frame.pts = start + round(audio_start * sample_rate)
                container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
    return path


def clicks(times, seconds, sample_rate=8000):
    """Silence with a click of 1 ms at some times: float32 [T]."""
    audio = np.zeros(round(seconds * sample_rate), np.float32)
    for time in times:
        start = round(time * sample_rate)
        audio[start : start + sample_rate // 1000] = 0.9
    return audio


def turn(path, quarters):
    """Tells players of an MP4 to turn its pictures clockwise, by the track's matrix."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # version 0: 40 bytes before the matrix
    rows = {1: (0, 1, -1, 0), 2: (-1, 0, 0, -1), 3: (0, -1, 1, 0)}[quarters]
    a, b, c, d = (int(value * 65536) for value in rows)
    matrix = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], ">i4")
    data[at : at + 36] = matrix.tobytes()
    path.write_bytes(bytes(data))


def read_frames(path, rate=None, **options):
    """All frames, uint8 [F, H, W, 3]; arguments and errors of `VideoReader`."""
    return np.concatenate(list(video.VideoReader(path, rate, **options)))
