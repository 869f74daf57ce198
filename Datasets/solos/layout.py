"""Solos' lists, videos and skeletons -> a track for each stretch of a video.

    <raw>/solos_ids.json            {Instrument: [id, ...]}
    <raw>/solos_timestamps.json     {Instrument: {id: [[first, last], ...]}}, frames
    <raw>/<Instrument>/<id>.mp4     or another suffix; brought to 25 frames a second
    <raw>/skeleton.npy, skeleton_dict.json    optional: `Datasets.skeletons`

A stretch shows a player whose hands are seen; its last frame belongs to it, as the
authors' own code has it (Solos 0.4.1).  Montesinos, Slizovskaia, Haro, "Solos: A
Dataset for Audio-Visual Music Analysis", MMSP 2020, https://arxiv.org/abs/2006.07931
"""

import pathlib

import Utils
from Datasets import availability, media, skeletons
from Datasets.reading import SHORTER
from Datasets.track import Source, Track
from Schema import InputError

IDS, TIMESTAMPS, SKELETON = "solos_ids.json", "solos_timestamps.json", "skeleton.npy"
CODES = {
    "Bassoon": "bn",
    "Cello": "vc",
    "Clarinet": "cl",
    "DoubleBass": "db",
    "Flute": "fl",
    "Horn": "hn",
    "Oboe": "ob",
    "Saxophone": "sax",
    "Trombone": "tbn",
    "Trumpet": "tpt",
    "Tuba": "tba",
    "Viola": "va",
    "Violin": "vn",
}


class Lists:
    """What Solos' files tell.

    Attributes:
      instrument_of: {id: instrument}.
      stretches: {id: [(first frame, frame after the last)]}.
      skeletons: {id: frames of its skeleton}; empty if they are not there.
      skeleton: Path of skeleton.npy.

    Raises:
      InputError: If a list is absent, damaged, or contradicts itself.
    """

    def __init__(self, raw):
        """Reads them from a folder."""
        raw = pathlib.Path(raw)
        if not raw.is_dir():
            raise InputError(
                f"{raw} is not a folder; data.raw names that of Solos' lists and videos"
            )
        stamps = _instruments(raw / TIMESTAMPS, dict)
        ids = stamps
        if (raw / IDS).is_file():
            ids = _instruments(raw / IDS, list)
        self.instrument_of, self.stretches = {}, {}
        for instrument, members in ids.items():
            for one in members:
                if self.instrument_of.setdefault(one, instrument) != instrument:
                    raise InputError(
                        f"{raw / IDS}: {one} is listed as {self.instrument_of[one]} "
                        f"and as {instrument}: remove it from one of the two"
                    )
                found = stamps.get(instrument, {}).get(one, [])
                self.stretches[one] = _frames(raw / TIMESTAMPS, one, found)
        self.skeleton, self.skeletons = raw / SKELETON, {}
        if self.skeleton.is_file():
            clips = skeletons.clips(self.skeleton)
            self.skeletons = {name: b - a for name, (a, b) in clips.items()}


def _instruments(path, kind):
    """{instrument: ids} of a list."""
    if not path.is_file():
        raise InputError(
            f"{path} does not exist: it is a list of Solos, "
            "https://github.com/JuanFMontesinos/Solos"
        )
    found = Utils.read_json(path)
    if not isinstance(found, dict) or not all(
        isinstance(ids, kind) for ids in found.values()
    ):
        raise InputError(f"{path} is no list of Solos: expected {{instrument: ids}}")
    for name in found:
        if name not in CODES:
            near = Utils.nearest(name, CODES)
            hint = f"; did you mean {near!r}?" if near else ""
            raise InputError(f"{path}: Solos has no instrument {name!r}{hint}")
    return found


def _frames(path, name, stamps):
    """[(first frame, frame after the last)] of an id."""
    try:
        found = [(int(first), int(last) + 1) for first, last in stamps]
    except (TypeError, ValueError):
        found = [(0, 0)]
    wrong = [k for k, (first, end) in enumerate(found) if not 0 <= first < end]
    if wrong:
        told = stamps[wrong[0]] if isinstance(stamps, list) else stamps
        raise InputError(
            f"{path}: {name} has the stretch {told}; expected [first, last] frame"
        )
    return found


def files_of(raw):
    """A function (id, instrument) -> its files; each folder is looked into once."""
    raw, inside = pathlib.Path(raw), {}

    def files(name, instrument):
        if instrument not in inside:
            folders = [raw / instrument, raw / "audio" / instrument]
            inside[instrument] = availability.media_files(folders)
        return inside[instrument].get(name, [])

    return files


def tracks_of(lists, one):
    """The tracks of a video, one a stretch, called <id>_<number from 0>.

    Args:
      lists: `Lists`.
      one: `availability.Item` of the video.

    Raises:
      FileNotFoundError: If no stretch of it is listed.
      InputError: If a stretch lies beyond the end of the file.
    """
    if not lists.stretches[one.id]:
        raise FileNotFoundError(f"{one.label}: {TIMESTAMPS} lists no stretch of it")
    rate, _, n_file = media.probe_audio(one.audio)
    source = Source(CODES[one.label], one.audio)
    tracks = []
    for k, (first, end) in enumerate(lists.stretches[one.id]):
        start, stop = first / skeletons.RATE, end / skeletons.RATE
        if start >= n_file / rate or stop > n_file / rate + SHORTER:
            raise InputError(
                f"{one.audio} ends at {n_file / rate:.2f} s, before the stretch "
                f"{start:.2f} to {stop:.2f} s of {TIMESTAMPS}; is it truncated, or not "
                "brought to 25 frames a second?"
            )
        known = lists.skeletons.get(one.id, 0)
        tracks.append(
            Track(
                id=f"{one.id}_{k}",
                sources=(source,),
                sample_rate=rate,
                n_time=min(round(stop * rate), n_file) - round(start * rate),
                video=one.video,
                start=start,
                skeleton=(str(lists.skeleton), one.id) if known > first else None,
            )
        )
    return tracks
