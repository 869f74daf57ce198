"""What prepared records hold: counts, hours, instruments and levels of each split.

Tracks are read one after the other; one is in memory at a time.
"""

import collections
import csv
import dataclasses
import statistics

import Utils
from Datasets import loudness

MIXTURE = "mixture"  # label of part 0
SHOWN = 10  # of what is odd, on a screen


@dataclasses.dataclass(frozen=True)
class Sound:
    """The mixture of a track, or one of its parts.

    Attributes:
      split: Split of the track.
      track: Its id.
      part: 0: the mixture; parts count from 1.
      label: Instrument, or "mixture".
      seconds: Duration.
      loudness: LUFS (BS.1770-4), or None as `loudness.integrated` says.
      rms: dBFS, or None: nothing but zeros.
      peak: dBFS of the greatest sample, or None.
      silence: Share of time below -60 dBFS.
      clipped: Samples at full scale or beyond.
    """

    split: str
    track: str
    part: int
    label: str
    seconds: float
    loudness: float | None
    rms: float | None
    peak: float | None
    silence: float
    clipped: int


def sounds_of(split, whole):
    """The `Sound`s of a track.

    Args:
      split: Its split.
      whole: As `Records.whole_track` gives it.
    """
    seconds, rate = len(whole["mix"]) / whole["sample_rate"], whole["sample_rate"]
    labels = [MIXTURE, *whole["labels"]]
    for part, audio in enumerate([whole["mix"], *whole["sources"]]):
        told = loudness.measure(audio, rate)
        yield Sound(split, whole["id"], part, labels[part], seconds, **told)


def survey(records, look=lambda split, whole: None, progress=lambda tracks: tracks):
    """Measures all tracks of some records.

    Args:
      records: `Datasets.records.Records`.
      look: look(split, whole track) is shown each track in passing.
      progress: Passes on the tracks that it is given, and may show how many are done.

    Returns:
      dict, as in statistics.json: of each split what `summary` says, and what the
      records are; and the `Sound`s under "sounds".
    """
    rows = [(split, row) for split in records.splits for row in records.tracks(split)]
    sounds = {split: [] for split in records.splits}
    for split, row in progress(rows):
        whole = records.whole_track(row.id)
        sounds[split] += sounds_of(split, whole)
        look(split, whole)
    return {
        "records": str(records.folder),
        "fingerprint": records.fingerprint,
        "sample_rate": records.sample_rate,
        "channels": records.channels,
        "failures": records.failures,
        "splits": {
            split: summary(records.tracks(split), members)
            for split, members in sounds.items()
        },
        "sounds": [sound for members in sounds.values() for sound in members],
    }


def summary(rows, sounds):
    """Figures of one split.

    Args:
      rows: Its `TrackRow`s.
      sounds: The `Sound`s of its tracks.

    Returns:
      dict of tracks, parts, hours; video_share and score_share (of time); silence (of
      the mixtures' time), clipped (samples of the mixtures); loudness, peak and rms of
      the mixtures ({least, median, greatest} in LUFS and dBFS, or None); and
      instruments {label: {tracks, parts, seconds, sounding, loudness}}, where sounding
      is s without silence and loudness the median of the parts in LUFS.
    """
    mixtures = [sound for sound in sounds if sound.part == 0]
    seconds = sum(sound.seconds for sound in mixtures)
    of_label = collections.defaultdict(list)
    for sound in sounds:
        if sound.part:
            of_label[sound.label].append(sound)
    lengths = {sound.track: sound.seconds for sound in mixtures}

    def share(kept):
        return sum(lengths[row.id] for row in rows if kept(row)) / max(seconds, 1e-9)

    return {
        "tracks": len(mixtures),
        "parts": len(sounds) - len(mixtures),
        "hours": seconds / 3600,
        "video_share": share(lambda row: row.has_video),
        "score_share": share(lambda row: row.has_score),
        "silence": sum(x.silence * x.seconds for x in mixtures) / max(seconds, 1e-9),
        "clipped": sum(sound.clipped for sound in mixtures),
        **{key: _spread(mixtures, key) for key in ("loudness", "peak", "rms")},
        "instruments": {
            label: {
                "tracks": len({sound.track for sound in members}),
                "parts": len(members),
                "seconds": sum(sound.seconds for sound in members),
                "sounding": sum(x.seconds * (1 - x.silence) for x in members),
                "loudness": (_spread(members, "loudness") or {}).get("median"),
            }
            for label, members in sorted(of_label.items())
        },
    }


def _spread(sounds, key):
    values = [getattr(sound, key) for sound in sounds]
    values = [value for value in values if value is not None]
    if not values:
        return None
    median = statistics.median(values)
    return {"least": min(values), "median": median, "greatest": max(values)}


SPLIT_TITLES = ("split", "tracks", "parts", "hours", "video", "score", "silent")
SPLIT_TITLES += ("clipped", "loudness LUFS", "peak dBFS")
LABEL_TITLES = ("split", "instrument", "tracks", "parts", "minutes", "sounding")
LABEL_TITLES += ("loudness LUFS",)


def split_rows(told):
    """A row of text a split, under `SPLIT_TITLES`.

    Args:
      told: What `survey` returns.
    """
    for split, of in told["splits"].items():
        yield (
            *(split, str(of["tracks"]), str(of["parts"]), f"{of['hours']:.2f}"),
            *(f"{100 * of[f'{key}_share']:.0f} %" for key in ("video", "score")),
            *(f"{100 * of['silence']:.1f} %", str(of["clipped"])),
            *(_span(of[key]) for key in ("loudness", "peak")),
        )


def _span(spread):
    if spread is None:
        return "-"
    return "{median:.1f} ({least:.1f} .. {greatest:.1f})".format(**spread)


def label_rows(told):
    """A row of text an instrument of a split, under `LABEL_TITLES`."""
    for split, of in told["splits"].items():
        for label, row in of["instruments"].items():
            yield (
                *(split, label, str(row["tracks"]), str(row["parts"])),
                *(f"{row['seconds'] / 60:.1f}", f"{row['sounding'] / 60:.1f}"),
                number(row["loudness"]),
            )


def number(value, digits=1):
    """A figure as text; "-" for None."""
    return "-" if value is None else f"{value:.{digits}f}"


def table_text(titles, rows):
    """Lines of an aligned table; all but the first two columns to the right."""
    rows = [titles, *rows]
    widths = [max(len(row[k]) for row in rows) for k in range(len(titles))]
    for row in rows:
        cells = [
            cell.ljust(width) if k < 2 and not cell[:1].isdigit() else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths))
        ]
        yield "  ".join(cells).rstrip()


def report(told):
    """Lines for a screen: both tables, and what is odd.

    Args:
      told: What `survey` returns.
    """
    yield f"{told['records']}: {told['sample_rate']} Hz, channels: {told['channels']}"
    yield from table_text(SPLIT_TITLES, split_rows(told))
    yield ""
    yield from table_text(LABEL_TITLES, label_rows(told))
    clipped = sorted((x for x in told["sounds"] if x.clipped), key=lambda x: -x.clipped)
    lines = [f"{_name(x)}: {x.clipped} samples at full scale" for x in clipped]
    yield from _some("clipped", lines, "csv")
    silent = [_name(x) for x in told["sounds"] if x.silence == 1]
    yield from _some("silent", silent, "csv")
    left_out = [f"{track}: {problem}" for track, problem in told["failures"].items()]
    yield from _some("left out", left_out, "json")


def _name(sound):
    return f"{sound.split} {sound.track} {sound.part} {sound.label}"


def _some(what, lines, suffix):
    """The first lines, and how many there are besides."""
    for line in lines[:SHOWN]:
        yield f"  {what}: {line}"
    if len(lines) > SHOWN:
        yield f"  {what}: {len(lines) - SHOWN} more; statistics.{suffix} has all"


def write(folder, told):
    """Writes statistics.json (of splits) and statistics.csv (of sounds), aside first.

    Args:
      folder: Made if absent.
      told: What `survey` returns.
    """
    kept = {key: value for key, value in told.items() if key != "sounds"}
    Utils.write_json(f"{folder}/statistics.json", kept)
    with Utils.write_aside(f"{folder}/statistics.csv") as aside:
        with open(aside, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(field.name for field in dataclasses.fields(Sound))
            for sound in told["sounds"]:
                values = dataclasses.astuple(sound)
                writer.writerow(
                    round(x, 4) if isinstance(x, float) else x for x in values
                )
