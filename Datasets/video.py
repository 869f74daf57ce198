"""Any video file -> frames at a stated rate, each the picture on screen at its time.

Time zero is the first sample of the file's sound, as `media.read_audio` returns it;
without sound, the first picture.  Frame k of a result is what is on screen in the
middle of [k / rate, (k + 1) / rate) by the file's time stamps, so that a variable
frame rate, dropped frames and a late start need no further care.  A picture stays on
screen until the next; the first is also shown before its time.  Nothing is
interpolated.

What cannot be decoded is never black: the last good picture stays on screen if little
is lost (`MOST_LOST`), and `VideoReader.lost` says so; more is refused.
"""

import contextlib
import dataclasses
import pathlib
from fractions import Fraction

import av
import numpy as np

from Datasets.scaling import Converter, fitting
from Schema import InputError

MOST_LOST = 0.1  # share of a video that may be missing or damaged
BAD_DATA = (av.error.InvalidDataError, av.error.EOFError)  # of one packet


@dataclasses.dataclass(frozen=True)
class VideoInfo:
    """What a video file says of itself.

    Attributes:
      duration: s from time zero to the end of the last picture, as the file states it;
        None if it does not.
      rate: Hz, pictures a second on average.
      width: Pixels, as shown: turned upright, pixels square.
      height: Pixels.
      rotation: Degrees by which the stored pictures are turned counterclockwise.
      n_frames: Pictures stored in the file.
      start: s from time zero to the first picture; negative if it comes earlier.
      has_audio: Whether there is sound.
    """

    duration: float | None
    rate: float
    width: int
    height: int
    rotation: int
    n_frames: int
    start: float
    has_audio: bool


class VideoReader:
    """Reads the frames of a file, as often as it is asked to, in bounded memory.

    Iterating yields uint8 [at most `block`, H, W, 3] RGB, in all F = the number of
    frames whose middle lies before the end of the video, at least 1.

    Attributes:
      rate: Hz of the frames.
      size: (width, height) of the frames.
      info: `VideoInfo`.
      lost: After a pass, what could not be decoded, in words; None: nothing.

    Example:
      >>> reader = VideoReader("duet.mp4", rate=25, longest=640)
      >>> frames = np.concatenate(list(reader))
    """

    def __init__(self, path, rate=None, size=None, longest=None, block=32):
        """Looks at a file.

        Args:
          path: Anything that PyAV decodes.
          rate: Hz of the frames, a number or a Fraction; None: the file's average.
          size: (width, height) in pixels; None: the file's.
          longest: Pixels that the longer side has at most, if there is no `size`; the
            shape is kept, both sides become even.
          block: Frames at once.

        Raises:
          InputError: If the file is absent, unreadable or has no pictures.
        """
        self.path, self.block, self.lost = str(path), block, None
        self.info = probe(path)
        self.rate = Fraction(rate or self.info.rate).limit_denominator(100_000)
        if self.rate <= 0:
            raise InputError(f"rate={rate}: expected Hz above 0")
        self.size = size or fitting(self.info.width, self.info.height, longest)

    def __iter__(self):
        block, convert = [], Converter(self.size)
        for picture, times in self._shown():
            pixels = convert(picture) if times else None
            for _ in range(times):
                block.append(pixels)
                if len(block) == self.block:
                    yield np.stack(block)
                    block = []
        if block:
            yield np.stack(block)

    def _shown(self):
        """Yields (picture, how many of the frames show it)."""
        current, done, last = None, 0, None
        for time, picture in self.pictures():
            until = max(0, _frames_before(time, self.rate))
            if current is not None and until > done:
                yield current, until - done
                done = until
            current, last = picture, time + self._duration(picture)
        stated = self.info.duration
        end = max(last, stated) if self.lost and stated else last
        until = max(_frames_before(end, self.rate), 1)
        yield current, max(until - done, 0)

    def pictures(self):
        """Yields (s from time zero, decoded picture), in order, the good ones only."""
        start = self.info.start
        self.lost, last, end, fault, missing, broken = (
            None,
            None,
            start,
            None,
            0.0,
            False,
        )
        with opened(self.path) as (container, stream):
            zero = zero_of(container, stream)
            for picture in _decoded(self.path, container, stream):
                if picture is None or picture.is_corrupt:
                    broken, fault = True, end if fault is None else fault
                    continue
                time = end if picture.time is None else picture.time - zero
                if last is None or time > last:
                    missing += max(time - end, 0.0) if broken else 0.0
                    broken, last, end = False, time, time + self._duration(picture)
                    yield time, picture
        if last is None:
            raise _undecodable(self.path)
        whole = max(end, self.info.duration or end)
        if whole - end > max(0.25, 1.5 / self.info.rate) or broken:
            missing, fault = missing + whole - end, end if fault is None else fault
        if fault is not None:
            self.judge(fault, missing / max(whole - start, 1e-9))

    def _duration(self, picture):
        duration = (picture.duration or 0) * float(picture.time_base or 0)
        return duration or 1 / self.info.rate

    def judge(self, fault, share):
        """Sets `lost`, or refuses the file, by the share of the time that is lost."""
        stated = self.info.duration
        of = "" if stated is None else f" of {stated:.1f} s"
        if share > MOST_LOST:
            raise InputError(
                f"{self.path}: the video is damaged or cut short at {fault:.1f} s{of} "
                f"({100 * share:.0f} % of the pictures are lost); copy it anew"
            )
        self.lost = (
            f"{100 * share:.1f} % of the pictures, from {fault:.1f} s on, could not be "
            "decoded; the picture before stays"
        )


def has_pictures(path):
    """Whether a file shows more than the cover of a song; not if it is unreadable."""
    try:
        with av.open(str(path)) as container:
            return bool(_streams(container))
    except (av.FFmpegError, OSError, ValueError):
        return False


def probe(path):
    """What a file says of itself, without decoding all of it.

    Returns VideoInfo.  Raises InputError if the file is absent, unreadable or has no
    pictures.
    """
    with opened(path) as (container, stream):
        zero = zero_of(container, stream)
        first = next((p for p in _decoded(path, container, stream) if p), None)
        rate = stream.average_rate or stream.guessed_rate or stream.base_rate
        n_frames = stream.frames
        if first is None:
            raise _undecodable(path)
        start = 0.0 if first.time is None else first.time - zero
        rotation = round(first.rotation / 90) * 90 % 360
        aspect = stream.sample_aspect_ratio or 1
        width, height = max(1, round(first.width * aspect)), first.height
        if rotation % 180:
            width, height = height, width
        stated = _stated_end(container, stream)
        has_audio = bool(container.streams.audio)
    return VideoInfo(
        duration=None if stated is None else stated - zero,
        rate=float(rate or 25),
        width=width,
        height=height,
        rotation=rotation,
        n_frames=n_frames or _count(path),
        start=start,
        has_audio=has_audio,
    )


@contextlib.contextmanager
def opened(path):
    """Yields (container, its first stream of pictures that move)."""
    if not pathlib.Path(path).exists():
        raise InputError(f"{path} does not exist")
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as video ({error}); is it a complete media file?"
        ) from None
    with container:
        streams = _streams(container)
        if not streams:
            raise InputError(f"{path} has no video stream; name a file with pictures")
        yield container, streams[0]


def _streams(container):
    """The streams of pictures that move."""
    still = av.stream.Disposition.attached_pic  # the cover of a song
    return [s for s in container.streams.video if not s.disposition & still]


def _decoded(path, container, stream):
    """Yields pictures as they are shown, and None for each packet that is damaged."""
    try:
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except BAD_DATA:
                yield None
    except BAD_DATA:
        yield None  # the file itself cannot be followed any further
    except av.FFmpegError as error:
        raise InputError(f"{path} cannot be decoded ({error})") from None


def _undecodable(path):
    return InputError(f"{path} holds no picture that can be decoded; is it complete?")


def zero_of(container, stream):
    """Time zero on the clock of the file, s."""
    for one in (*container.streams.audio[:1], stream):
        if one.start_time is not None:
            return float(one.start_time * one.time_base)
    return 0.0


def _stated_end(container, stream):
    """When the pictures end on the clock of the file, s, or None if it is not said."""
    start = float((stream.start_time or 0) * stream.time_base)
    if stream.duration:
        return start + float(stream.duration * stream.time_base)
    tag = stream.metadata.get("DURATION")  # Matroska: hours:minutes:seconds
    with contextlib.suppress(AttributeError, ValueError):
        hours, minutes, seconds = (float(part) for part in tag.split(":"))
        return 3600 * hours + 60 * minutes + seconds
    if container.duration and len(container.streams) == 1:
        return (container.start_time + container.duration) / av.time_base
    return None


def _count(path):
    """Packets of the stream, for files whose header does not tell."""
    with opened(path) as (container, stream), contextlib.suppress(av.FFmpegError):
        count = 0
        for packet in container.demux(stream):
            count += packet.size > 0
    return count


def _frames_before(time, rate):
    """Frames whose middle, (k + 1/2) / rate, lies before a time in s."""
    return int(np.ceil(time * float(rate) - 0.5 - 1e-6))
