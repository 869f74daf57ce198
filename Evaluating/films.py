"""The videos of tracks: where they are, and stretches of them small enough for a page.

A stretch becomes WebM of VP9 and Opus, which browsers play whatever they were built
with; H.264, as in most recordings, lacks in those that are built of free parts only.
Its sound is the excerpt of the mixture that is heard beside it, its time zero the
excerpt's first sample: picture k is what is on screen in the middle of
[k / RATE, (k + 1) / RATE) from there.
"""

import contextlib
import functools
import io
import pathlib

import av
import numpy as np
import soxr

import Utils
from Schema import InputError
from Scores.film import Film

RATE = 12  # Hz of the pictures
LONGEST = 320  # pixels of the longer side, at most
VP9 = {"deadline": "realtime", "cpu-used": "8", "crf": "40", "b": "600k"}
OPUS_RATE = 48000  # Hz
OPUS_BITS = 64_000  # a second, of both channels together
OPUS_FRAME = 960  # samples
KINDS = (".mp4", ".webm", ".mkv", ".mov")  # of videos beside references


def film(path, start=0.0):
    """A video for the page: `Scores.film.Film`.

    Args:
      path: Anything that PyAV decodes.
      start: s in the file at which the track begins.
    """
    return Film(str(path), functools.partial(cut, path, start))


def cut(path, start, begin, end, sound, sample_rate):
    """A stretch of a video, made small.

    Args:
      path: Anything that PyAV decodes.
      start: s in the file at which the track begins.
      begin: s in the track at which the stretch begins.
      end: s at which it ends.
      sound: float [T, 1 or 2] in [-1, 1], of the stretch.
      sample_rate: Hz.

    Returns:
      (WebM as bytes, what is lost of the pictures in words or None).

    Raises:
      InputError: If the file is absent, has no pictures or too many that cannot be
        decoded, or ends before the stretch begins.
    """
    from Datasets import video

    reader = video.VideoReader(
        *(path, RATE), longest=LONGEST, start=start + begin, seconds=end - begin
    )
    try:
        return _webm(reader, sound, sample_rate), reader.lost
    except av.FFmpegError as error:
        raise InputError(f"{path} cannot be made small ({error})") from None


def _webm(reader, sound, sample_rate):
    """The pictures of a `Datasets.video.VideoReader`, and a sound, as bytes."""
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as container:
        pictures = container.add_stream("libvpx-vp9", rate=RATE)
        pictures.width, pictures.height = reader.size
        pictures.pix_fmt, pictures.options = "yuv420p", VP9
        layout = "mono" if sound.shape[1] == 1 else "stereo"
        heard = container.add_stream("libopus", rate=OPUS_RATE, layout=layout)
        heard.bit_rate = OPUS_BITS
        for block in reader:
            for pixels in block:
                frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
                container.mux(pictures.encode(frame))
        container.mux(pictures.encode(None))
        for frame in _frames(sound, sample_rate, layout):
            container.mux(heard.encode(frame))
        container.mux(heard.encode(None))
    return file.getvalue()


def _frames(sound, sample_rate, layout):
    """Yields the sound as frames for the encoder."""
    sound = np.asarray(sound, np.float32)
    sound = np.clip(soxr.resample(sound, sample_rate, OPUS_RATE), -1, 1).T
    for start in range(0, sound.shape[1], OPUS_FRAME):
        piece = np.ascontiguousarray(sound[:, start : start + OPUS_FRAME])
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = OPUS_RATE, start
        yield frame


class Raw:
    """The videos of the tracks of records, in the folder that these were made of.

    Args:
      records: `Datasets.records.Records`.
      raw: Folder of the raw recordings; None: nobody knows.
    """

    def __init__(self, records, raw):
        self._records, self._raw = records, raw

    def film(self, rows):
        """What a page shows of a track, as `listening.Example.video`.

        Args:
          rows: `Datasets.records.TrackRow`s of the recordings that it is made of.
        """
        if not any(row.has_video for row in rows):
            return None
        if len(rows) > 1:
            return "it is a mixture of recordings, each with a video of its own"
        (row,) = rows
        try:
            track = self._tracks.get(row.id)
        except InputError as error:
            return str(error)
        if track is None or track.video is None:
            return f"data.raw={self._raw} does not hold that of {row.id}"
        return film(track.video, track.begin)

    @functools.cached_property
    def _tracks(self):
        """{id: `Datasets.track.Track`}; looked for when the first is asked for."""
        import Datasets

        if self._raw is None:
            raise InputError(
                "records hold none; data.raw=FOLDER names the folder of the recordings"
            )
        if not pathlib.Path(self._raw).is_dir():
            raise InputError(f"data.raw={self._raw} is not there")
        told = vars(self._records.options)
        known = {key: told[key] for key in told if key in _options()}
        home = pathlib.Path(self._records.folder)
        builder = Datasets.make_builder(home.parents[1].name, home.parents[2], **known)
        builder.keep_going = True  # what is damaged takes no video from the others
        return {track.id: track for track in builder.inventory(self._raw).all_tracks()}


def _options():
    from Datasets.options import Options

    return {*Options.__annotations__} - {"name"}


def raw_of(folder, name):
    """The folder of raw recordings that a run's configuration names, or None.

    Args:
      folder: Below the run, as <run>/checkpoint/evaluation/<data>.
      name: Of the data set.
    """
    for home in pathlib.Path(folder).parents[:4]:
        with contextlib.suppress(InputError, KeyError, TypeError):  # or of another kind
            data = Utils.read_json(home / "config.json")["data"]
            if data["name"] == name and data["raw"]:
                return str(data["raw"])
    return None


def beside(path):
    """The one video in the folder of a file, as `listening.Example.video`."""
    files = pathlib.Path(path).parent.iterdir()
    found = sorted(
        one
        for one in files
        if one.suffix.lower() in KINDS and not one.name.startswith(".")
    )
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        return f"there are {names}; leave one of them beside the references"
    return film(found[0]) if found else None
