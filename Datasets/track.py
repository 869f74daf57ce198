"""A recording before it becomes records: paths and labels, no samples."""

import dataclasses
import functools
import hashlib
import pathlib


@dataclasses.dataclass(frozen=True)
class Source:
    """One part of a track.

    Attributes:
      label: Instrument code, a key of the data set's labels.
      audio: Path of the stem.
      notes: Path of the list of notes (onset s, Hz, duration s), or None.
      f0: Path of the fundamental frequency (time s, Hz; 0: unvoiced), or None.
      stream: Which of the file's streams of audio it is, from 0.
    """

    label: str
    audio: str
    notes: str | None = None
    f0: str | None = None
    stream: int = 0


@dataclasses.dataclass(frozen=True)
class Track:
    """One recording of an ensemble.

    Attributes:
      id: Name of the recording, unique in its data set.
      sources: Its parts, in the order of the score.
      sample_rate: Hz, of the raw stems.
      n_time: Samples of the longest raw stem, or of the stretch that is used.
      mix: Path of the mixture, or None: it is the sum of the parts.
      video: Path of the video, or None.
      seats: Numbers of the sources, from the leftmost player of the video to the
        rightmost; None: in the order of the sources.  Several players may have one
        source, as those of a duet that was recorded as a whole.
      mix_stream: Which of its file's streams of audio the mixture is, from 0.
      start: s in all of its files at which the stretch begins that is used of them;
        None: they are used whole.
      silence: Whether a source may be silent from end to end; else it is refused, as
        a mistake.
      skeleton: (path, name of a clip in it or None) of its player's key points, or
        None.
    """

    id: str
    sources: tuple[Source, ...]
    sample_rate: int
    n_time: int
    mix: str | None = None
    video: str | None = None
    seats: tuple[int, ...] | None = None
    mix_stream: int = 0
    start: float | None = None
    silence: bool = False
    skeleton: tuple[str, str | None] | None = None

    @property
    def begin(self):
        """Seconds in its files at which it begins."""
        return self.start or 0.0

    @property
    def seconds(self):
        """Its duration."""
        return self.n_time / self.sample_rate

    def n_time_at(self, sample_rate):
        """Samples of the track at another rate."""
        return max(1, round(self.n_time * sample_rate / self.sample_rate))

    def audio_files(self):
        """Paths of all audio that records are made of."""
        return [source.audio for source in self.sources] + [self.mix] * bool(self.mix)

    def note_files(self):
        """Paths of all lists of notes that records are made of."""
        return [source.notes for source in self.sources if source.notes]

    def seated(self):
        """Numbers of the sources, from left to right."""
        return list(range(len(self.sources)) if self.seats is None else self.seats)

    def told(self):
        """What it takes of its files, where that is not all of their first stream."""
        streams = [source.stream for source in self.sources] + [self.mix_stream]
        used = () if self.start is None else (self.start, self.n_time)
        return repr((*used, *streams)) if used or any(streams) else ""

    @property
    def has_score(self):
        """Whether every part has its list of notes."""
        return len(self.note_files()) == len(self.sources)


def fingerprint(tracks, *options, video=False):
    """Tells raw data and options apart from others.

    Args:
      tracks: {split: [Track]}.
      *options: Anything with a faithful repr.
      video: Whether records are made of the videos, too.

    Returns:
      16 hexadecimal digits, from the names and all bytes of the files of audio and
      of notes, and perhaps of video; moving or copying the folder does not change it.
    """
    digest, of_file = hashlib.sha256(repr(options).encode()), functools.cache(_digest)
    for split, members in sorted(tracks.items()):
        for track in members:
            digest.update(f"{split} {track.id}{track.told()}".encode())
            files = track.audio_files() + track.note_files()
            if video:
                digest.update(repr(track.seated()).encode())
                files += [track.video] * bool(track.video)
                files += [track.skeleton[0]] if track.skeleton else []
            for path in files:
                digest.update(pathlib.Path(path).name.encode())
                digest.update(of_file(path))
    return digest.hexdigest()[:16]


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
