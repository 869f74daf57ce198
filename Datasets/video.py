"""Any video file -> frames at a stated rate, each the picture on screen at its time.

Time zero is the first sample of the file's sound, as `media.read_audio` returns it;
without sound, the first picture.  Frame k of a result is what is on screen in the
middle of [k / rate, (k + 1) / rate) by the file's time stamps, so that a variable
frame rate, dropped frames and a late start need no further care; of a stretch of the
file, these times count from where it begins.  A picture stays on screen until the next;
the first is also shown before its time.  Nothing is interpolated.

What cannot be decoded is never black: the last good picture stays on screen if little
is lost (`MOST_LOST`), and `VideoReader.lost` says so; more is refused.
"""

import itertools
from fractions import Fraction

import av
import numpy as np

from Datasets.scaling import Converter, fitting
from Datasets.video_files import (  # noqa: F401
    BAD_DATA,
    VideoInfo,
    decoded,
    has_pictures,
    opened,
    probe,
    undecodable,
    zero_of,
)
from Schema import InputError

MOST_LOST = 0.1  # share of a video that may be missing or damaged
BACK = (0.0, 2.0, 15.0)  # s before a stretch from where it is tried to decode
# Where a key frame is found by an index; elsewhere by bytes, and its time is a guess.
INDEXED = {"mp4", "matroska", "avi", "flv"}


class VideoReader:
    """Reads the frames of a file, as often as it is asked to, in bounded memory.

    Iterating yields uint8 [at most `block`, H, W, 3] RGB, in all F = the number of
    frames whose middle lies before the end of the video, or of the stretch that is
    asked for; at least 1.

    Attributes:
      rate: Hz of the frames.
      size: (width, height) of the frames.
      info: `VideoInfo`, of the whole file.
      start: s from time zero to where frame 0 begins.
      stop: s from time zero to where the frames end, at the latest.
      lost: After a pass, what could not be decoded, in words; None: nothing.

    Example:
      >>> reader = VideoReader("duet.mp4", rate=25, longest=640)
      >>> frames = np.concatenate(list(reader))
    """

    def __init__(
        self,
        path,
        rate=None,
        size=None,
        longest=None,
        block=32,
        start=0.0,
        seconds=None,
    ):
        """Looks at a file.

        Args:
          path: Anything that PyAV decodes.
          rate: Hz of the frames, a number or a Fraction; None: the file's average.
          size: (width, height) in pixels; None: the file's.
          longest: Pixels that the longer side has at most, if there is no `size`; the
            shape is kept, both sides become even.
          block: Frames at once.
          start: s from time zero to where frame 0 begins.
          seconds: s of the file that are read, fewer if it ends before; None: to its
            end.

        Raises:
          InputError: If the file is absent, unreadable or has no pictures, or if the
            stretch is none.
        """
        if start < 0 or not (seconds is None or seconds > 0):
            raise InputError(
                f"start={start}, seconds={seconds}: a stretch of a video begins at 0 s "
                "or later, and takes more than 0 s"
            )
        self.path, self.block, self.lost = str(path), block, None
        self.start = start
        self.stop = np.inf if seconds is None else start + seconds
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
            until = max(0, self._frames_before(time))
            if current is not None and until > done:
                yield current, until - done
                done = until
            current, last = picture, time + self._duration(picture)
        stated = self.info.duration
        end = max(last, stated) if self.lost and stated else last
        if end <= self.start > 0:
            raise InputError(
                f"{self.path}: the video ends at {end:.2f} s, before the stretch that "
                f"begins at {self.start:.2f} s"
            )
        until = max(self._frames_before(end), 1)
        yield current, max(until - done, 0)

    def _frames_before(self, time):
        """Frames whose middle lies before a time in s, and in the stretch."""
        return _frames_before(min(time, self.stop) - self.start, self.rate)

    def pictures(self):
        """Yields (s from time zero, decoded picture), in order, the good ones only.

        Of a stretch, from the one that is on screen when it begins, or an earlier one,
        to the first that comes after it.
        """
        start = end = self.info.start
        self.lost, last, fault, missing, broken = None, None, None, 0.0, False
        for time, picture in self._timed():
            if picture is None or picture.is_corrupt:
                broken, fault = True, end if fault is None else fault
                continue
            time = end if time is None else time
            if last is None or time > last:
                missing += self._inside(end, time) if broken else 0.0
                # What a decoder held back comes after the damage that follows it: only
                # a picture that needs no other says that the damage is behind.
                broken = broken and not picture.key_frame
                last, end = time, time + self._duration(picture)
                yield time, picture
                if time >= self.stop:
                    break
        if last is None:
            raise undecodable(self.path)
        whole = max(end, self.info.duration or end)
        if self._inside(end, whole) > max(0.25, 1.5 / self.info.rate) or broken:
            missing += self._inside(end, whole)
            fault = end if fault is None else fault
        if fault is not None:
            taken = min(whole, self.stop) - max(start, self.start)
            self.judge(fault, missing / max(taken, 1e-9))

    def _inside(self, begin, end):
        """How many s of [begin, end) lie in the stretch."""
        begin = max(begin, self.start) if self.start else begin
        return max(min(end, self.stop) - begin, 0.0)

    def _timed(self):
        """Yields (s from time zero or None, picture; None: damage), as decoded.

        It begins with the last key frame before the stretch, if that is found.
        """
        for back in (*BACK, None) if self.start > 0 else (None,):
            with opened(self.path) as (container, stream):
                zero = zero_of(container, stream)
                if back is None:
                    found = decoded(self.path, container, stream)
                else:
                    at = zero + self.start
                    found = self._sought(container, stream, at, back)
                for picture in found:
                    time = None if picture is None else picture.time
                    yield None if time is None else time - zero, picture
                if found:
                    return

    def _sought(self, container, stream, at, back):
        """Pictures from the key frame on that shows what is on screen at a time, s.

        Empty where none comes from before that, as after an inexact seek: then it is
        to be tried from farther `back`, and at last from the beginning of the file.
        """
        if not INDEXED & set(container.format.name.split(",")):
            return ()
        try:
            container.seek(round((at - back) / stream.time_base), stream=stream)
        except av.FFmpegError:
            return ()
        found = decoded(self.path, container, stream)
        found = itertools.dropwhile(_dependent, found)
        first = next(found, None)
        if first is None or first.time is None or first.time > at:
            return ()
        return itertools.chain([first], found)

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


def _dependent(picture):
    """Whether it shows others' remains, if decoding begins with it."""
    return picture is not None and not picture.key_frame


def _frames_before(time, rate):
    """Frames whose middle, (k + 1/2) / rate, lies before a time in s."""
    return int(np.ceil(time * float(rate) - 0.5 - 1e-6))
