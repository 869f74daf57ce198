"""statistics.html: the tables, two histograms, and some tracks to look at and hear.

One file that needs no network and no script.
"""

import base64
import html
import io

import numpy as np
import soundfile as sf
import soxr

import Utils
from Datasets import charts, loudness, statistics

TRACKS = 2  # of each split that can be heard, if there is room
SECONDS = 4.0  # of each sound
HIGHEST_RATE = 22050  # Hz of what is heard
BYTES = 3_000_000  # of all sounds together, before they become text
ROWS = 300  # of the table of tracks; statistics.csv has all

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --line: #d4d9df;
  --soft: #f3f5f7; --warn: #b3261e; --s0: #2f6fb2; --s1: #d98324; --s2: #2c8a57;
  --s3: #8457b0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ea; --paper: #15181c;
  --line: #363c44; --soft: #1e2329; --warn: #ff8a80; --s0: #6aa7e8; --s1: #f0a860;
  --s2: #66c592; --s3: #b795e0; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; } h2 { margin-top: 2.2rem; }
h3 { margin-bottom: .3rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line);
  text-align: right; white-space: nowrap; }
th { background: var(--soft); } .text { text-align: left; }
.warn { color: var(--warn); font-weight: 600; }
svg { max-width: 100%; fill: var(--ink); font-size: 11px; }
svg .title { font-size: 13px; font-weight: 600; }
svg .axis { fill: none; stroke: var(--line); }
.s0 { fill: var(--s0); } .s1 { fill: var(--s1); } .s2 { fill: var(--s2); }
.s3 { fill: var(--s3); }
.key { display: inline-block; width: .8rem; height: .8rem; margin: 0 .3rem 0 1rem; }
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
    data = base64.b64encode(payload).decode()
    return (
        f'<div class="sound"><span>{html.escape(label)}</span>{wave}<audio controls '
        f'preload="none" src="data:audio/flac;base64,{data}"></audio></div>'
    )


def _table(titles, rows, text=1):
    """An HTML table; the first `text` columns to the left."""

    def line(tag, cells):
        marked = [
            f'<{tag} class="{"text" if k < text else "figure"}">{html.escape(cell)}'
            f"</{tag}>"
            for k, cell in enumerate(cells)
        ]
        return f"<tr>{''.join(marked)}</tr>"

    body = "".join(line("td", row) for row in rows)
    return f'<div class="wide"><table>{line("th", titles)}{body}</table></div>'


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

    keys = "".join(
        f'<svg class="key" viewBox="0 0 1 1"><rect class="s{k}" width="1" height="1"/>'
        f"</svg>{html.escape(split)}"
        for k, split in enumerate(told["splits"])
    )
    return (
        charts.histogram(of("loudness"), "Loudness of the mixtures", "LUFS")
        + charts.histogram(of("seconds"), "Duration of the tracks", "s")
        + f"<p>{keys}</p>"
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
    name = html.escape(told["records"])
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>Statistics of {name}</title><style>{STYLE}</style></head><body>",
            f"<h1>Statistics of {name}</h1>",
            f"<p>{told['sample_rate']} Hz, channels: {told['channels']}, fingerprint "
            f"{html.escape(told['fingerprint'])}. Loudness: ITU-R BS.1770-4, gated; "
            f"silent: below {loudness.SILENCE:g} dBFS. Of splits: median (least .. "
            "greatest) of the mixtures.</p>",
            _odd(told),
            _table(statistics.SPLIT_TITLES, statistics.split_rows(told)),
            _histograms(told),
            "<h2>Instruments</h2>",
            _table(statistics.LABEL_TITLES, statistics.label_rows(told), 2),
            f"<h2>To hear</h2>{heard}",
            f"<h2>Tracks</h2><details><summary>{len(sounds)} of {len(told['sounds'])} "
            "sounds; statistics.csv has all</summary>",
            _table(TITLES, _rows(sounds), 3),
            "</details>",
            _left_out(told["failures"]),
            "</body></html>\n",
        ]
    )


def write(path, told, shown):
    """Writes the page, aside first; see `page`."""
    with Utils.write_aside(path) as aside:
        aside.write_text(page(told, shown), "utf-8")
