"""statistics.html: the tables, two histograms, and some tracks to look at and hear.

One file that needs no network and no script.
"""

import html
import io

import numpy as np
import soundfile as sf
import soxr

import Pages
import Utils
from Datasets import charts, loudness, statistics

TRACKS = 2  # of each split that can be heard, if there is room
SECONDS = 4.0  # of each sound
HIGHEST_RATE = 22050  # Hz of what is heard
BYTES = 3_000_000  # of all sounds together, before they become text
ROWS = 300  # of the table of tracks; statistics.csv has all

STYLE = """
.wave { display: block; width: 100%; height: 48px; background: var(--soft); }
.wave path { fill: var(--s0); } .wave .heard { fill: var(--s1); opacity: .25; }
.sound { display: grid; grid-template-columns: 9rem 1fr 17rem; gap: .8rem;
  align-items: center; margin: .35rem 0; }
.sound audio { width: 100%; height: 36px; }
@media (max-width: 48rem) { .sound { grid-template-columns: 1fr; gap: .2rem; } }
"""


class Gallery:
    """Keeps short excerpts of a few tracks of each split while they pass.

    Attributes:
      shown: A list of (split, track id, sentence, [line of HTML]).
    """

    def __init__(self, records):
        """Chooses which tracks, evenly over each split."""
        self._chosen, self.shown = {}, []
        n_splits = max(1, len(records.splits))
        for split in records.splits:
            ids = [row.id for row in records.tracks(split)]
            places = (np.arange(TRACKS) + 0.5) * len(ids) / TRACKS
            for k in sorted({int(place) for place in places if ids}):
                self._chosen[split, ids[k]] = BYTES // n_splits // TRACKS

    def look(self, split, whole):
        """Takes excerpts if the track is one of the chosen, and as far as they fit."""
        room = self._chosen.get((split, whole["id"]))
        if room is None:
            return
        rate, mix = whole["sample_rate"], whole["mix"]
        first = _loudest(mix, rate)
        stop = min(len(mix), first + Utils.samples(SECONDS, rate))
        full = max(float(np.abs(mix).max()), float(np.abs(whole["sources"]).max()))
        lines, labels = [], [statistics.MIXTURE, *whole["labels"]]
        for label, audio in zip(labels, [mix, *whole["sources"]]):
            payload = flac(audio[first:stop], rate)
            room -= len(payload)
            if room < 0:
                lines.append("<p>More parts than there is room for.</p>")
                break
            wave = charts.waveform(
                charts.envelope(audio), first / len(mix), stop / len(mix), full
            )
            lines.append(_sound(label, wave, payload))
        about = f"{len(mix) / rate:.1f} s, heard: {first / rate:.1f} to "
        about += f"{stop / rate:.1f} s"
        self.shown.append((split, whole["id"], about, lines))


def _loudest(audio, rate):
    """First sample of the stretch of `SECONDS` with most power."""
    power = np.cumsum(np.square(audio, dtype=np.float64).sum(axis=1))
    span, step = Utils.samples(SECONDS, rate), max(1, rate // 10)
    starts = np.arange(0, max(1, len(power) - span), step)
    stops = np.minimum(starts + span, len(power)) - 1
    return int(starts[np.argmax(power[stops] - power[starts])])


def flac(audio, rate):
    """Mono FLAC of 16 bits at `HIGHEST_RATE` or less, as bytes.

    Args:
      audio: float [T, C].
      rate: Hz.
    """
    mono = audio.mean(axis=1)
    if rate > HIGHEST_RATE:
        mono, rate = soxr.resample(mono, rate, HIGHEST_RATE), HIGHEST_RATE
    file = io.BytesIO()
    sf.write(file, np.clip(mono, -1, 1), rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def _sound(label, wave, payload):
    return (
        f'<div class="sound"><span>{html.escape(label)}</span>{wave}<audio controls '
        f'preload="none" src="{Pages.embedded("audio/flac", payload)}"></audio></div>'
    )


def _histograms(told):
    mixtures = [sound for sound in told["sounds"] if sound.part == 0]

    def of(key):
        return {
            split: [
                value
                for sound in mixtures
                if sound.split == split and (value := getattr(sound, key)) is not None
            ]
            for split in told["splits"]
        }

    return (
        charts.histogram(of("loudness"), "Loudness of the mixtures", "LUFS")
        + charts.histogram(of("seconds"), "Duration of the tracks", "s")
        + f"<p>{Pages.keys(told['splits'])}</p>"
    )


TITLES = ("split", "track", "part", "s", "LUFS", "RMS dBFS", "peak dBFS", "silent")
TITLES += ("clipped",)


def _rows(sounds):
    for sound in sounds:
        levels = (sound.loudness, sound.rms, sound.peak)
        part = f"{sound.part} {sound.label}" if sound.part else sound.label
        yield (
            *(sound.split, sound.track, part, f"{sound.seconds:.1f}"),
            *(statistics.number(level) for level in levels),
            *(f"{100 * sound.silence:.1f} %", str(sound.clipped)),
        )


def _odd(told):
    """What a reader should know first."""
    clipped = {(x.split, x.track) for x in told["sounds"] if x.clipped}
    silent = [x for x in told["sounds"] if x.silence == 1]
    counts = {"tracks with clipped samples": len(clipped)}
    counts |= {"parts silent from end to end": len(silent)}
    counts |= {"tracks left out": len(told["failures"])}
    found = [f"{count} {what}" for what, count in counts.items() if count]
    return f'<p class="warn">{"; ".join(found)}</p>' if found else ""


def _left_out(failures):
    lines = [
        f"<li>{html.escape(track)}: {html.escape(problem)}</li>"
        for track, problem in failures.items()
    ]
    summary = f"<summary>{len(lines)} tracks</summary>"
    listed = f"<details>{summary}<ul>{''.join(lines)}</ul></details>"
    return f"<h2>Left out</h2>{listed}" if lines else ""


def page(told, shown):
    """The page as text.

    Args:
      told: What `statistics.survey` returns.
      shown: `Gallery.shown`.
    """
    heard = "".join(
        f"<h3>{html.escape(split)}: {html.escape(track)}</h3>"
        f"<p>{html.escape(about)}</p>" + "".join(lines)
        for split, track, about, lines in shown
    )
    sounds = told["sounds"][:ROWS]
    body = [
        f"<p>{told['sample_rate']} Hz, channels: {told['channels']}, fingerprint "
        f"{html.escape(told['fingerprint'])}. Loudness: ITU-R BS.1770-4, gated; "
        f"silent: below {loudness.SILENCE:g} dBFS. Of splits: median (least .. "
        "greatest) of the mixtures.</p>",
        _odd(told),
        Pages.table(statistics.SPLIT_TITLES, statistics.split_rows(told)),
        _histograms(told),
        "<h2>Instruments</h2>",
        Pages.table(statistics.LABEL_TITLES, statistics.label_rows(told), 2),
        f"<h2>To hear</h2>{heard}",
        f"<h2>Tracks</h2><details><summary>{len(sounds)} of {len(told['sounds'])} "
        "sounds; statistics.csv has all</summary>",
        Pages.table(TITLES, _rows(sounds), 3),
        "</details>",
        _left_out(told["failures"]),
    ]
    return Pages.document(f"Statistics of {told['records']}", "\n".join(body), STYLE)


def write(path, told, shown):
    """Writes the page, aside first; see `page`."""
    with Utils.write_aside(path) as aside:
        aside.write_text(page(told, shown), "utf-8")
