"""What video files say of themselves, and their pictures as they are decoded."""

import contextlib
import dataclasses
import pathlib

import av

from Schema import InputError

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
        first = next((p for p in decoded(path, container, stream) if p), None)
        rate = stream.average_rate or stream.guessed_rate or stream.base_rate
        n_frames = stream.frames
        if first is None:
            raise undecodable(path)
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


def decoded(path, container, stream):
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


def undecodable(path):
    """What is told of a file without a picture."""
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
