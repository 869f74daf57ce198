"""Separators that learn nothing, a small one that could, and recordings for them."""

import functools

import av
import numpy as np
import soundfile as sf
import tensorflow as tf

import Models
from Models.base import Lengths


class Echo:
    """A separator whose sources are the mixture and half of it; it learns nothing.

    Its hops are multiples of `hop`; a sample of a target takes `bytes_each` bytes.
    """

    source_names, batch_keys, bytes_each = ["all", "half"], ("mix",), 100
    edge, grain = 0, 1
    slots, score_rate, reach = "vocabulary", None, 0
    visual_size = visual_rate = front_end = None

    def __init__(self, n_out=100, context=0, hop=None, rate=8000, channels=1):
        self.context, self.sample_rate, self.channels = context, rate, channels
        self.unit = hop or n_out
        self.n_in, self.n_out, self.hop = self.lengths(n_out)
        self.shapes = []

    @property
    def has_context(self):
        return self.n_in > self.n_out

    def lengths(self, n):
        hop = self.unit * -(-n // self.unit)
        extra = 3 if self.context else 0  # estimates may be longer than the hop
        return Lengths(hop + extra + 2 * self.context, hop + extra, hop)

    def inference_bytes(self, n, n_slots=None):
        return self.bytes_each * n

    def process(self, middle, batch):
        return tf.stack([middle, middle / 2], axis=1)

    def __call__(self, batch, training):
        assert not training
        self.shapes.append(tuple(batch["mix"].shape))
        stop = tf.shape(batch["mix"])[1] - self.context
        return {"sources": self.process(batch["mix"][:, self.context : stop], batch)}


class Told(Echo):
    """An Echo of the sources it is told of; of all if it is told nothing."""

    batch_keys = ("mix", "labels", "has_labels")

    def process(self, middle, batch):
        told = batch["has_labels"][:, tf.newaxis]
        gains = told * batch["labels"] + (1 - told)
        return middle[:, tf.newaxis] * gains[:, :, tf.newaxis, tf.newaxis]


class EdgeSick(Echo):
    """Right in the middle of its segment, wrong by 1 at `width` samples of each end.

    As the inverse of a Fourier transform of overlapping frames is; unlike
    `EdgeKnown` it does not say so.
    """

    width = 1

    def process(self, middle, batch):
        n = middle.shape[1]
        at_edge = (tf.range(n) < self.width) | (tf.range(n) >= n - self.width)
        return super().process(middle + tf.cast(at_edge, tf.float32)[:, None], batch)


class EdgeKnown(EdgeSick):
    """An EdgeSick that states how wide its edge is."""

    def __init__(self, n_out=100, width=10, grain=1, **kwargs):
        super().__init__(n_out, **kwargs)
        self.width = self.edge = width
        self.grain = grain


class Heard(Echo):
    """An Echo that remembers the shape of every batch it was given."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.batches = []

    def note(self, mix):
        self.batches.append(tuple(mix.shape))
        return mix

    def process(self, middle, batch):
        with tf.control_dependencies(
            [tf.py_function(self.note, [batch["mix"]], "float32")]
        ):
            return super().process(tf.identity(middle), batch)


class Heavy(Heard):
    """An Echo on a device that holds `most` samples of a batch."""

    most = 1000

    def note(self, mix):
        if np.prod(mix.shape) > self.most:
            raise MemoryError  # a ResourceExhaustedError when it leaves the graph
        return super().note(mix)


@functools.cache
def wave_unet(context, n_layers=3, n_sources=2, channels=1, num_frames=64, **knobs):
    """A Wave-U-Net that nobody has trained; silence is not silent to it.

    The same one for the same arguments: tests leave it as it is.
    """
    tf.keras.utils.set_random_seed(n_layers)
    model = Models.build(
        "wave_unet",
        source_names=["fl", "vn", "vc"][:n_sources],
        sample_rate=8000,
        channels=channels,
        num_layers=n_layers,
        num_initial_filters=4,
        num_frames=num_frames,
        context=context,
        **{"filter_size": 5, "merge_filter_size": 3, "input_filter_size": 5, **knobs},
    )
    for weight in model.weights:  # biases too
        weight.assign(weight + tf.random.normal(weight.shape, stddev=0.05, seed=1))
    model.inference_bytes = lambda n, n_slots=None: 1000 * n
    return model


def noise(n_time, channels=1, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(scale=0.2, size=(n_time, channels)).astype(np.float32)


def chord(n_time, rate, channels=2):
    """A sum of sines far below every rate's limit, that begins and ends softly."""
    time = np.arange(n_time)[:, np.newaxis] / rate
    pitch = 220 * (1 + np.arange(channels))
    sound = sum(np.sin(2 * np.pi * k * pitch * time) for k in (1, 2, 3)) / 6
    # Slow at both ends, but not silent in the middle.
    return (sound * np.hanning(n_time)[:, np.newaxis]).astype(np.float32)


def write(path, audio, rate, subtype="FLOAT"):
    sf.write(path, audio, rate, subtype=subtype)
    return path


def encode(path, audio, rate):
    codec = {"mp3": "libmp3lame", "m4a": "aac", "mp4": "aac"}[path.suffix[1:]]
    with av.open(str(path), "w") as container:
        if path.suffix == ".mp4":
            video = container.add_stream("libx264", rate=25)
            video.width = video.height = 32
            video.pix_fmt = "yuv420p"
        stream = container.add_stream(codec, rate=rate, layout="stereo")
        if path.suffix == ".mp4":
            picture = av.VideoFrame.from_ndarray(
                np.zeros((32, 32, 3), np.uint8), "rgb24"
            )
            container.mux(video.encode(picture))
            container.mux(video.encode(None))
        for start in range(0, len(audio), 1024):
            piece = np.ascontiguousarray(audio[start : start + 1024].T)
            frame = av.AudioFrame.from_ndarray(piece, "fltp", "stereo")
            frame.sample_rate, frame.pts = rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def rest(folder):
    return sorted(path.name for path in folder.iterdir())
