"""Any audio or video file -> samples; samples and frames -> files.

libsndfile reads and writes WAV and FLAC; PyAV, whose wheels carry their own
codecs, does the rest; soxr resamples.  No ffmpeg program is needed.
"""

import contextlib
import itertools
import pathlib

import av
import numpy as np
import soundfile as sf
import soxr

import Schema
from Schema import InputError

# Formats that do not state their duration: FFmpeg guesses it from the first packets'
# bit rate, and may be wrong by any factor.
GUESSED = ("aac", "ac3", "amr", "dts", "eac3")
# s: less is the rounding of times; more is damage, and no rest in the sound.
HOLE = (0.1, 600.0)


def _soundfile_knows(path):
    return pathlib.Path(path).suffix.lower() in (".wav", ".flac", ".ogg", ".aiff")


def _unreadable(path, error):
    if not pathlib.Path(path).exists():
        return InputError(f"{path} does not exist")
    return InputError(f"{path} cannot be read as audio ({error}); is it a media file?")


class AudioReader:
    """Reads a file block by block, in constant memory.

    Attributes:
      sample_rate: Hz.
      channels: Number of channels.
      n_time: Samples a channel, or None where only decoding tells.

    Raises:
      InputError: If the file is absent, unreadable or has no such audio.
    """

    def __init__(self, path, stream=0):
        """Opens a file.

        Args:
          path: WAV, FLAC, or anything that PyAV decodes.
          stream: Which of its streams of audio, from 0; a `.stem.mp4` has five.
        """
        self.path = str(path)
        self._stack = contextlib.ExitStack()
        try:
            if _soundfile_knows(path):
                self._file = self._stack.enter_context(sf.SoundFile(self.path))
                self._container = None
                self.sample_rate = self._file.samplerate
                self.channels, self.n_time = self._file.channels, self._file.frames
                if self.n_time > 1 << 60:  # the header of a stream does not tell
                    self.n_time = None
            else:
                self._container = self._stack.enter_context(av.open(self.path))
                streams = self._container.streams.audio
                if not streams:
                    raise InputError(f"{path} has no audio stream")
                if stream >= len(streams):
                    raise InputError(
                        f"{path} has {len(streams)} streams of audio, and no number "
                        f"{stream}; is it of another kind?"
                    )
                self._stream = streams[stream]
                self.sample_rate = self._stream.codec_context.sample_rate
                self.channels = self._stream.codec_context.channels
                self.n_time = None
        except (sf.LibsndfileError, av.FFmpegError, OSError, RuntimeError) as error:
            self.close()
            raise _unreadable(path, error) from None
        except InputError:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes the file."""
        self._stack.close()

    def stated(self):
        """Samples of a channel as the container states them, or None."""
        if self._container is None or not self._stream.duration:
            return None
        kind, rate = self._container.format.name, self.sample_rate
        if kind in GUESSED:
            return None
        stated = round(self._stream.duration * self._stream.time_base * rate)
        # Some mp3 state it, of others it is a guess.
        found = self.counted() if kind == "mp3" else None
        return found if found and found > stated + rate / 10 else stated

    def counted(self):
        """Samples of a channel by what its packets say of theirs, or None.

        The file is read to its end, but not decoded.
        """
        if self._container is None:
            return None
        packets = [p for p in self._container.demux(self._stream) if p.size]
        spans = [(p.pts, p.duration) for p in packets]
        self._container.seek(0)
        if not spans or any(pts is None or not length for pts, length in spans):
            return None
        length = max(map(sum, spans)) - min(spans)[0]
        return round(length * self._stream.time_base * self.sample_rate)

    def blocks(self, block=1 << 17):
        """Yields float32 [at most about `block`, C] until the file ends."""
        try:
            if self._container is None:
                yield from self._file.blocks(block, dtype="float32", always_2d=True)
            else:
                yield from self._decoded(block)
        except (sf.LibsndfileError, av.FFmpegError) as error:
            raise _unreadable(self.path, error) from None

    def _decoded(self, block):
        to_float = av.AudioResampler(format="fltp", layout=self._stream.layout.name)
        pending, n_pending, begin, n_done = [], 0, None, 0
        # Where time is counted in samples, an encoder's last frame says how many of
        # its samples are no padding.
        exact = self._stream.time_base * self.sample_rate == 1
        for frame in self._container.decode(self._stream):
            n_time = frame.duration if exact and frame.duration else frame.samples
            begin = frame.time if begin is None else begin
            rest = self._rest(frame.time, begin, n_done)
            pending.append(np.zeros((rest, self.channels), np.float32))
            for converted in to_float.resample(frame):
                pending.append(converted.to_ndarray().T[:n_time])
                rest += len(pending[-1])
            n_done, n_pending = n_done + rest, n_pending + rest
            if n_pending >= block:
                yield np.concatenate(pending)
                pending, n_pending = [], 0
        pending += [frame.to_ndarray().T for frame in to_float.resample(None)]
        if pending:
            yield np.concatenate(pending)

    def _rest(self, time, begin, n_done):
        """Samples of silence from `n_done` after `begin`, s, to what is heard then."""
        if time is None or begin is None:
            return 0
        hole = float(time - begin) - n_done / self.sample_rate
        if hole > HOLE[1]:
            raise InputError(f"{self.path} has a hole of {hole:.0f} s; write it anew")
        return round(hole * self.sample_rate) if hole > HOLE[0] else 0


def read_audio(
    path, sample_rate=None, channels=None, stream=0, start=0.0, seconds=None
):
    """Reads a file, or a part of it.

    Args:
      path: WAV, FLAC, or anything that PyAV decodes.
      sample_rate: Hz wanted, or None for the file's own.
      channels: 1 (the mean of the file's), 2 (mono is doubled), or None.
      stream: Which of its streams of audio, from 0.
      start: s from its beginning to the first sample.
      seconds: s that are read, fewer if the file ends before; None: to its end.

    Returns:
      (float32 [T, C], sample rate in Hz).

    Raises:
      InputError: If the file cannot be read, has no samples there or holds NaN.
    """
    with AudioReader(path, stream) as reader:
        rate, found = reader.sample_rate, reader.channels
        first = round(start * rate)
        count = None if seconds is None else round(seconds * rate)
        blocks = list(_between(reader.blocks(), first, count))
    audio = np.concatenate(blocks) if blocks else np.zeros((0, found), np.float32)
    if not len(audio):
        where = f" from {start:.2f} s on" if first else ""
        raise InputError(f"{path} holds no samples{where}")
    Schema.check_audio(audio, path)
    audio = to_channels(audio, channels, path)
    if sample_rate and sample_rate != rate:
        audio = soxr.resample(audio, rate, sample_rate).astype(np.float32)
        rate = sample_rate
    return np.ascontiguousarray(audio, np.float32), rate


def _between(blocks, first, count):
    """The samples [first, first + count) of a stream, block by block."""
    done, last = 0, None if count is None else first + count
    for block in blocks:
        if last is not None and done >= last:
            return
        stop = None if last is None else last - done
        if done + len(block) > first:
            yield block[max(first - done, 0) : stop]
        done += len(block)


def probe_audio(path, stream=0):
    """What a file says of its audio, without decoding it where it can be helped.

    Args:
      path: As of `read_audio`.
      stream: As of `read_audio`.

    Returns:
      (sample rate in Hz, channels, samples of a channel, to less than 0.1 s).

    Raises:
      InputError: If the file is absent, unreadable, or has no such audio or no samples.
    """
    with AudioReader(path, stream) as reader:
        n_time = reader.n_time
        if n_time is None:
            n_time = reader.stated() or reader.counted()
        if n_time is None:
            n_time = sum(len(block) for block in reader.blocks())
        if not n_time:
            raise InputError(f"{path} holds no samples")
        return reader.sample_rate, reader.channels, n_time


def to_channels(audio, channels, what="the audio"):
    """[T, C] with the number of channels asked for (None: as it is)."""
    found = audio.shape[1]
    if channels in (None, found):
        return audio
    if channels == 1:
        return audio.mean(axis=1, keepdims=True, dtype=np.float32)
    if found == 1:
        return np.repeat(audio, channels, axis=1)
    raise InputError(f"{what}: {found} channels cannot become {channels}")


def write_audio(path, audio, sample_rate, subtype="FLOAT"):
    """Writes float [T, C] as WAV or FLAC; the caller writes aside.

    PCM subtypes clip what exceeds [-1, 1], and libsndfile scales by 2^n - 1 then.
    """
    try:
        sf.write(str(path), audio, sample_rate, subtype=subtype)
    except (sf.LibsndfileError, AssertionError) as error:  # of a full disk
        raise InputError(
            f"{path} cannot be written ({error}); is the disk full?"
        ) from (None)


def write_video(path, frames, frame_rate, audio=None, sample_rate=None):
    """Writes an MP4 (H.264, and AAC if there is audio).

    Args:
      path: File to write; the caller writes aside.
      frames: Iterable of uint8 [H, W, 3], RGB; H and W even.
      frame_rate: Hz, a number or a Fraction.
      audio: float [T, C] or None.
      sample_rate: Hz of the audio.
    """
    frames = iter(frames)
    first = next(frames)
    frames = itertools.chain([first], frames)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=frame_rate)
        video.height, video.width = first.shape[:2]
        video.pix_fmt, video.options = "yuv420p", {"preset": "veryfast", "crf": "23"}
        if audio is not None:
            layout = "mono" if audio.shape[1] == 1 else "stereo"
            sound = container.add_stream("aac", rate=sample_rate, layout=layout)
        for pixels in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(video.encode(None))
        if audio is not None:
            _encode_audio(container, sound, audio, sample_rate, layout)


def _encode_audio(container, stream, audio, sample_rate, layout, block=1024):
    audio = np.ascontiguousarray(audio.T, np.float32)
    for start in range(0, audio.shape[1], block):
        piece = np.ascontiguousarray(audio[:, start : start + block])
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = sample_rate, start
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
