"""A video and separated sources -> one MP4 a source: its pictures, that source's sound.

Pictures are copied where MP4 can hold them (`packets`), else encoded anew as H.264.
Sound becomes AAC; what its encoder puts in front is taken off again by the file's edit
list, so that pictures and sound begin where they should.
"""

import contextlib
import itertools
import pathlib
from fractions import Fraction

import av
import numpy as np
from tqdm import tqdm

import Utils
from Datasets import media, packets, streaming, video, writing
from Schema import InputError

RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)  # Hz, of AAC
FRAME = 1024  # samples of an AAC frame
BIT_RATE = 128_000  # bit/s a channel, less at low sample rates


def mux(video, audio, path, offset=0.0):
    """Writes an MP4: the pictures of a video with another sound.

    The first sample of the sound lies at the time zero of `Datasets.video`, `offset` s
    later if one is given.  Whichever of sound and pictures comes first begins the file;
    a later sound is preceded by silence.  Both are kept whole.  Where one ends before
    the other, players show the last picture until the sound ends, or go on in silence;
    until a late first picture comes they show black, or that picture.

    Sound of one or two channels keeps them, more become one, their mean.  Rates that
    AAC does not know become the next higher one, those above 48 kHz become 48 kHz.
    The sound has exactly as many samples as it had (rounded up, at another rate).
    Memory grows by the table of packets only, some 25 MB an hour.

    Args:
      video: File with pictures that PyAV decodes.  Damaged pictures are copied as they
        are; of a video that is cut short by no more than `video.MOST_LOST`, what is
        there is used, with a warning.
      audio: WAV file, or what else `media.AudioReader` reads; read block by block.
      path: File to write, *.mp4; written aside first.
      offset: s from time zero of the video to the first sample; may be negative.

    Raises:
      InputError: If a file is absent, cannot be read, has no pictures or no samples, or
        `path` cannot be written; then nothing is written.
    """
    _write(video, [(audio, pathlib.Path(path))], offset, False)


def write_videos(video, files, folder, progress=False):
    """Writes one MP4 a source (see `mux`), all or none.

    Args:
      video: File with pictures; if need be they are encoded, once for all.
      files: {source: its WAV file}, of a sound that begins at time zero of the video.
      folder: Of the files `<source>.mp4`; made if absent.
      progress: Whether to show a bar.

    Returns:
      {source: pathlib.Path of its MP4 file}.

    Raises:
      InputError: As `mux`.
    """
    paths = {name: pathlib.Path(folder) / f"{name}.mp4" for name in files}
    _write(video, [(files[name], paths[name]) for name in files], 0.0, progress)
    return paths


def check(video, folder, names):
    """Refuses a folder in which `write_videos` would write over the video itself."""
    _check(video, [(video, pathlib.Path(folder) / f"{name}.mp4") for name in names])


def _write(source, jobs, offset, progress):
    """Muxes a video with each (audio, path); all paths are in one folder."""
    if not jobs:
        return
    _check(source, jobs)
    folder, names = jobs[0][1].parent, [path.name for _, path in jobs]
    with (
        writing.output_folder(folder, names),
        contextlib.ExitStack() as files,
        tqdm(total=len(jobs), unit="file", disable=None if progress else True) as bar,
    ):
        asides = [files.enter_context(_aside(path)) for _, path in jobs]
        scratch = asides[0].with_name(f"pictures of {names[0]}")
        pictures = packets.of_file(source, offset, scratch, jobs[0][1])
        # One after another: an MP4 keeps the table of its packets in memory.
        for (audio, path), aside in zip(jobs, asides):
            _write_one(pictures, audio, aside, path, offset)
            bar.update()


def _write_one(pictures, audio, aside, path, offset):
    early = max(0.0, -pictures.start, -offset)  # s by which all is put off
    with (
        video.opened(pictures.path) as (container, stream),
        media.AudioReader(audio) as reader,
        _Movie(aside, path, stream, reader, early + offset) as movie,
    ):
        for packet in pictures.packets(container, stream, early):
            movie.add(packet)
        movie.close()


def _check(source, jobs):
    """Refuses to write over what is to be read, and names that say another format."""
    for _, path in jobs:
        if path.suffix.lower() != ".mp4":
            raise InputError(
                f"{path}: what is written is MP4; let the name end in .mp4"
            )
        for given in (source, *(audio for audio, _ in jobs)):
            if path.exists() and pathlib.Path(given).exists() and path.samefile(given):
                raise InputError(f"{given} would be replaced; choose another output")


@contextlib.contextmanager
def _aside(path):
    with packets.writing_to(path), Utils.write_aside(path) as aside:
        yield aside


class _Movie:
    """An MP4 in the making: pictures come in, sound is fetched to go with them."""

    def __init__(self, aside, path, template, reader, begin):
        """Opens the files.

        Args:
          aside: Where to write.
          path: Names the file in errors.
          template: Stream of pictures to be copied.
          reader: `media.AudioReader` of the sound.
          begin: s at which the sound begins, at least 0; silence lies before.
        """
        self._path = path
        n_channels = reader.channels if reader.channels <= 2 else 1
        rate = next((r for r in RATES if r >= reader.sample_rate), RATES[-1])
        silence = _silence(round(begin * rate), n_channels)
        sound = itertools.chain(silence, _sound(reader, rate, n_channels))
        self._frames = _frames(sound, rate)
        self._next = next(self._frames)
        with packets.writing_to(path):
            self._container = av.open(str(aside), "w", format="mp4")
            self._video = self._container.add_stream_from_template(template, True)
            # The container's word on the shape of pixels, where the codec's differs.
            shape = template.sample_aspect_ratio
            if shape:
                self._video.codec_context.sample_aspect_ratio = shape
            if template.codec_context.codec.canonical_name == "hevc":
                self._video.codec_context.codec_tag = "hvc1"  # Apple plays no other
            layout = "mono" if n_channels == 1 else "stereo"
            self._audio = self._container.add_stream("aac", rate=rate, layout=layout)
            self._audio.bit_rate = n_channels * min(BIT_RATE, 4 * rate)

    def add(self, packet):
        """Writes a packet of pictures after the sound that lies before it."""
        time = packet.dts * packet.time_base
        while self._next is not None and self._next.time < time:
            self._add_sound()
        packet.stream = self._video
        with packets.writing_to(self._path):
            self._container.mux_one(packet)

    def _add_sound(self):
        with packets.writing_to(self._path):
            self._container.mux(self._audio.encode(self._next))
        self._next = next(self._frames, None)

    def close(self):
        """Writes what is left of the sound, and ends the file."""
        while self._next is not None:
            self._add_sound()
        with packets.writing_to(self._path):
            self._container.mux(self._audio.encode(None))
            self._container.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(av.FFmpegError, OSError):
            self._container.close()  # if it is not: what failed is told already


def _silence(n_time, channels):
    for start in range(0, n_time, streaming.BLOCK):
        yield np.zeros((min(streaming.BLOCK, n_time - start), channels), np.float32)


def _sound(reader, rate, channels):
    """Yields the samples of a file, float32 [t, `channels`], at another rate."""
    found = streaming.Recording(
        reader.blocks(), reader.sample_rate, reader.channels, reader.path
    )
    blocks = (media.to_channels(block, channels, reader.path) for block in found)
    return streaming.resample(
        *(blocks, found.sample_rate, rate, channels),
        lambda: -(-found.n_time * rate // found.sample_rate),
    )


def _frames(blocks, rate):
    """Yields samples as frames for the encoder."""
    rest, at = None, 0
    for block in itertools.chain(blocks, [None]):
        last = block is None
        rest = (
            block if rest is None else rest if last else np.concatenate([rest, block])
        )
        stop = len(rest) if last else len(rest) - len(rest) % FRAME
        for start in range(0, stop, FRAME):
            piece = np.ascontiguousarray(rest[start : min(start + FRAME, stop)].T)
            layout = "mono" if len(piece) == 1 else "stereo"
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = at
            at += piece.shape[1]
            yield frame
        rest = rest[stop:]
