"""The pictures of a video file as packets that an MP4 can hold.

They are the file's own, as they are stored, with their rotation and the shape of their
pixels.  Each is shown when the file says; in which order the packets are decoded and by
when follows from that alone, so that a file need not say it well.  Pictures are encoded
anew as H.264, at the times that they had, where

- players of MP4 don't expect the codec (`COPIED`),
- a time is missing or given twice, or the times contradict the decoder's order, or
- pictures are hidden that the edit list of an MP4 could not hide.
"""

import array
import contextlib
import dataclasses
import itertools
import warnings
from fractions import Fraction

import av
import numpy as np

from Datasets import scaling, video
from Schema import InputError

# Codecs that MP4 holds and players expect there; it may hold others, unexpected.
COPIED = ("h264", "hevc", "mpeg4", "vp9", "av1")
CLOCK = Fraction(1, 90_000)  # s, of pictures that are encoded anew
H264 = {"preset": "veryfast", "crf": "20"}


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Where the pictures of a file lie.

    Attributes:
      path: The file.
      zero: s, time zero on the clock of the file.
      start: s from time zero to the first picture that is shown.
      pts: Ticks, when each packet's picture is shown, int64 [N], in the file's order.
      dts: Ticks, increasing, not later than `pts`, int64 [N].
    """

    path: str
    zero: float
    start: float
    pts: np.ndarray
    dts: np.ndarray

    def packets(self, container, stream, early):
        """Yields the packets, with time zero at `early` s."""
        shift = round((early - self.zero) / stream.time_base)
        stamps = zip((self.pts + shift).tolist(), (self.dts + shift).tolist())
        for packet, (pts, dts) in zip(_stored(self.path, container, stream), stamps):
            packet.pts, packet.dts = pts, dts
            yield packet


def of_file(path, offset, aside, what):
    """The pictures of a file, the file's own or, where need be, encoded anew.

    Args:
      path: Anything that PyAV decodes.
      offset: s from time zero to the sound that is to go with them.
      aside: File to write if they have to be encoded; it is read by `Pictures.packets`.
      what: Names, in errors, the file that is to be written.

    Returns:
      Pictures.

    Raises:
      InputError: If the file is absent, unreadable, has no pictures, or lacks more of
        them than `video.MOST_LOST`; a lesser loss is a warning.
    """
    reader = video.VideoReader(path)
    found = _scan(path, reader, offset)
    if found is None:
        first = _encode(reader, aside, what)
        found = _scan(str(aside), video.VideoReader(aside), offset)
        found = dataclasses.replace(found, zero=found.zero - first, start=first)
    if reader.lost:
        warnings.warn(f"{path}: {reader.lost}", stacklevel=4)
    return found


@contextlib.contextmanager
def writing_to(path):
    """Explains why a file cannot be written."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror}); is the disk full?"
        ) from None


def _stored(path, container, stream):
    """Yields packets until the file ends or cannot be followed any further."""
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except video.BAD_DATA:
        return
    except av.FFmpegError as error:
        raise InputError(f"{path} cannot be read ({error}); copy it anew") from None


def _scan(path, reader, offset):
    """Reads the time stamps of a file: `Pictures`, or None if it cannot be copied."""
    pts, hidden, timed, last, n_used = array.array("q"), bytearray(), True, 0, 0
    with video.opened(path) as (container, stream):
        if stream.codec_context.codec.canonical_name not in COPIED:
            return None
        zero, tick = video.zero_of(container, stream), stream.time_base
        for packet in _stored(path, container, stream):
            timed &= packet.pts is not None and (len(pts) > 0 or packet.is_keyframe)
            pts.append(packet.pts or 0)
            hidden.append(packet.is_discard)
            if not (packet.is_discard or packet.is_corrupt):
                n_used = len(pts)  # no picture needs what comes after the last of them
                last = max(last, pts[-1] + (packet.duration or 0))
    pts = np.array(pts[:n_used], np.int64)
    hidden = np.frombuffer(hidden, np.uint8)[:n_used].astype(bool)
    if not (timed and n_used):
        return None
    start = float(int(pts[~hidden].min()) * tick) - zero
    if not (_copyable(pts, hidden, start, offset) and _in_order(path)):
        return None
    _judge(reader, start, float(last * tick) - zero)
    dts = np.sort(pts)
    dts -= np.max(dts - pts)
    return Pictures(str(path), zero, start, pts, dts)


def _copyable(pts, hidden, start, offset):
    """Whether an MP4 can show each picture at its time.

    Its edit list can hide only what lies before the beginning of the file.
    """
    if pts[0] != pts.min() or len(np.unique(pts)) < len(pts):
        return False
    if not hidden.any():
        return True
    begins = start <= min(0.0, offset) + 1e-3  # s; the file begins with the pictures
    return begins and pts[hidden].max() < pts[~hidden].min()


def _in_order(path, count=64):
    """Whether the first pictures leave the decoder in the order of their times.

    Those of H.264 in AVI, which has no place for times, do not.
    """
    times = []
    with (
        video.opened(path) as (container, stream),
        contextlib.suppress(*video.BAD_DATA),
    ):
        for picture in itertools.islice(container.decode(stream), count):
            times.append(picture.pts)
    return None not in times and times == sorted(times)


def _judge(reader, start, end):
    """Notes in `reader.lost` how much of the pictures is missing, or refuses them."""
    whole = max(end, reader.info.duration or end)
    if whole - end > max(0.25, 1.5 / reader.info.rate):
        reader.judge(end, (whole - end) / (whole - start))


def _encode(reader, aside, what):
    """Writes pictures as H.264, upright; returns when the first appears, s."""
    width, height = (2 * max(1, round(side / 2)) for side in reader.size)
    convert, first = scaling.Converter((width, height)), None
    with writing_to(what), av.open(str(aside), "w") as container:
        stream = container.add_stream("libx264", rate=reader.rate)
        stream.width, stream.height = width, height
        stream.pix_fmt, stream.options = "yuv420p", H264
        stream.codec_context.time_base = CLOCK
        for time, picture in reader.pictures():
            first = time if first is None else first
            frame = av.VideoFrame.from_ndarray(convert(picture), "rgb24")
            frame.pts, frame.time_base = round((time - first) / CLOCK), CLOCK
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return first
