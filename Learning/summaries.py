"""What can be looked at and heard while a model trains: `tensorboard --logdir runs`."""

import contextlib
import functools
import pathlib

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.audio import metadata

FFT, HOP, MELS = 1024, 256, 96  # of a spectrogram: samples, samples, bands
LOWEST = 30.0  # Hz
RANGE = 80.0  # dB from black to white


class Summaries:
    """Scalars, sounds and pictures for TensorBoard.

    Everything waits in memory until `flush`, which the loop calls when it has saved
    its state: a run that crashed has nothing of steps that it will take again.
    TensorFlow's own queue does not wait: its longest time is half an hour.
    """

    def __init__(self, folder):
        """Begins an event file.

        Args:
          folder: Made if absent.
        """
        self._writer = tf.summary.create_file_writer(str(folder))
        self._waiting = []  # (step, function that writes)

    def scalars(self, step, **values):
        """Adds values of one step; None is left out."""
        for name, value in values.items():
            if value is not None:
                write = functools.partial(tf.summary.scalar, name, value)
                self._waiting.append((step, write))

    def sound(self, step, name, samples, sample_rate, told, top):
        """Adds a sound, PCM of 16 bits as it is, and its log-mel spectrogram.

        Args:
          step: Steps taken.
          name: TensorBoard makes a group of what is before "/"; the spectrogram's
            ends in "_spectrogram", since one name is of one kind.
          samples: float32 [T, C]; beyond [-1, 1] is clipped.
          sample_rate: Hz.
          told: What it is, Markdown.
          top: Power of a mel band that is white.
        """
        wave = tf.audio.encode_wav(np.clip(samples, -1, 1), sample_rate).numpy()
        # As tf.summary.audio, which makes TensorFlow complain of text on a CPU.
        about = metadata.create_summary_metadata(
            None, told, metadata.Encoding.Value("WAV")
        )
        write = functools.partial(tf.summary.write, name, [[wave, b""]], metadata=about)
        self._waiting.append((step, write))
        pixels = spectrogram(samples, sample_rate, top)
        self.picture(step, f"{name}_spectrogram", pixels, told)

    def picture(self, step, name, pixels, told):
        """Adds a picture, PNG.

        Args:
          step: Steps taken.
          name: As of `sound`.
          pixels: uint8 [H, W, 1 or 3].
          told: What it is, Markdown.
        """
        one = pixels[np.newaxis]
        write = functools.partial(tf.summary.image, name, one, description=told)
        self._waiting.append((step, write))

    def flush(self):
        """Writes what has been added."""
        waiting, self._waiting = self._waiting, []
        for step, write in waiting:
            with self._writer.as_default(step):
                write()
        self._writer.flush()


def copy(source, folder, step):
    """Copies event files up to a step, which a resumed run goes on from.

    What comes after it, where a damaged state has given way to the one before, that
    run writes again; what a crash cut off at a file's end is left out.

    Args:
      source: Folder of event files; it need not exist.
      folder: Made if absent.
      step: Steps taken; an event of this one is copied too.
    """
    for path in sorted(pathlib.Path(source).glob("*tfevents*")):
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        with tf.io.TFRecordWriter(str(pathlib.Path(folder) / path.name)) as writer:
            with contextlib.suppress(tf.errors.DataLossError):
                for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
                    if Event.FromString(record).step <= step:
                        writer.write(record)


def mel(samples, sample_rate):
    """Power of mel bands, float32 [frames, MELS], of the mean of the channels.

    TensorFlow's: librosa's first spectrogram takes seconds to wake.
    """
    mono = np.mean(samples, axis=1, dtype=np.float32)
    mono = np.pad(mono, (FFT // 2, FFT // 2))
    power = tf.square(tf.abs(tf.signal.stft(mono, FFT, HOP)))
    bands = tf.signal.linear_to_mel_weight_matrix(
        MELS, FFT // 2 + 1, sample_rate, LOWEST, sample_rate / 2
    )
    return (power @ bands).numpy()


def spectrogram(samples, sample_rate, top):
    """A log-mel spectrogram as uint8 [MELS, frames, 1], low notes below.

    Args:
      samples: float32 [T, C].
      sample_rate: Hz.
      top: The power that is white; `RANGE` dB below it all is black.
    """
    decibels = 10 * np.log10(np.maximum(mel(samples, sample_rate), 1e-12) / top)
    level = np.clip(decibels / RANGE + 1, 0, 1)
    return np.round(255 * level).astype(np.uint8).T[::-1, :, np.newaxis]
