"""Films of distinct pictures in many formats, and what is seen of them."""

from fractions import Fraction

import av
import numpy as np
import soundfile as sf

from Datasets import video

RATE = 48000  # Hz
TENTHS = np.arange(30) / 10  # s


def film(path, codec="libx264", times=TENTHS, shape=1, **options):
    """Writes distinct pictures that appear at some times, s; `shape`: of a pixel."""
    rng = np.random.default_rng(1)
    options = {"bf": "3", "g": "12", **options} if codec == "libx264" else options
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.options = 64, 48, options
        tick = Fraction(1, 10 if np.allclose(10 * times, np.rint(10 * times)) else 1000)
        stream.codec_context.time_base = tick
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(shape)
        for time in times:
            tiles = np.kron(rng.integers(0, 255, (3, 4, 3)), np.ones((16, 16, 1)))
            frame = av.VideoFrame.from_ndarray(tiles.astype(np.uint8), "rgb24")
            frame.pts, frame.time_base = round(time / tick), tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def wav(path, seconds=3.0, rate=RATE, channels=1, **options):
    """Writes noise."""
    audio = np.random.default_rng(2).normal(0, 0.1, (round(seconds * rate), channels))
    sf.write(path, audio.astype(np.float32), rate, **options)
    return path


def seen(path):
    """(s from time zero, gray picture) of each picture as it is decoded."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        zero = video.zero_of(container, stream)
        frames = list(container.decode(stream))
        times = [k / 10 if f.time is None else f.time for k, f in enumerate(frames)]
        return np.array(times) - zero, [f.to_ndarray(format="gray") for f in frames]


def n_packets(path):
    with av.open(str(path)) as container:
        return sum(p.size > 0 for p in container.demux(container.streams.video[0]))
