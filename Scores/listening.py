"""What can be heard and seen of a track in a page: players and spectrograms.

Beside the mixture stands, for each source, the reference and the estimate of each
system: one excerpt of all, at one gain, its spectrograms on one scale.
"""

import dataclasses
import html
import io
import os
import pathlib
import urllib.parse

import cv2
import librosa
import numpy as np
import soundfile as sf
import soxr

import Pages
import Utils
from Schema import InputError
from Scores import axes, film, plots

SECONDS = 8.0  # of an excerpt, if that fits
LEAST_SECONDS = 0.5
HIGHEST_RATE = 22050  # Hz of what is heard
CHANNELS = 2  # of what is heard, at most
CHARACTERS = 3_000_000  # of a track's sounds and pictures in the page
PLAYS = 1e-2  # of a source's mean power in its track: it plays
LEAST_SHARE = 0.1  # of an excerpt: a source that plays so long is in it

FFT, HOP, MELS = 1024, 256, 96  # of a spectrogram
RANGE = 80.0  # dB below the loudest of the mixture
LEVELS = 64  # of a spectrogram: fewer make a smaller picture

STYLE = """
.sounds { display: grid; gap: 1rem; margin: 1rem 0; }
.sound { margin: 0; min-width: 0; display: flex; flex-direction: column;
  justify-content: flex-end; }
.sound figcaption { overflow-wrap: anywhere; }
.sound img { display: block; width: 100%; height: 96px; background: #000; }
.sound audio { width: 100%; height: 36px; }
video { max-width: 100%; max-height: 22rem; }
@media (max-width: 40rem) { .sounds { grid-template-columns: 1fr !important; } }
"""


@dataclasses.dataclass(frozen=True, eq=False)
class Example:
    """A track to look at and hear.

    Attributes:
      track: Its name in the scores.
      sample_rate: Hz.
      mixture: float [T, C].
      references: {source: float [T, C]}.
      estimates: {system: {source: float [T, C]}}.
      video: `film.Film`; or why it cannot be shown, in words; None: there is none.
    """

    track: str
    sample_rate: int
    mixture: np.ndarray
    references: dict[str, np.ndarray]
    estimates: dict[str, dict[str, np.ndarray]]
    video: film.Film | str | None = None


def excerpt(references, sample_rate, seconds=SECONDS):
    """Where most sources play, and of such places where they play most of the time.

    Args:
      references: Arrays [T, C], each a source.
      sample_rate: Hz.
      seconds: Of the excerpt.

    Returns:
      (first, stop), samples.
    """
    references = list(references)
    n_time = len(references[0])
    span, step = Utils.samples(seconds, sample_rate), max(1, sample_rate // 10)
    edges = np.arange(0, n_time, step)
    width = min(len(edges), max(1, span // step))  # of an excerpt, in steps
    counts = np.zeros((len(references), len(edges) - width + 1))
    for k, audio in enumerate(references):
        power = np.square(audio, dtype=np.float64).sum(axis=1)
        plays = np.add.reduceat(power, edges) / step > PLAYS * power.mean()
        total = np.concatenate([[0], np.cumsum(plays)])
        counts[k] = total[width:] - total[:-width]
    playing = (counts >= LEAST_SHARE * width).sum(axis=0)
    best = np.lexsort([-edges[: len(playing)], counts.sum(axis=0), playing])[-1]
    first = max(0, min(int(edges[best]), n_time - span))
    return first, min(n_time, first + span)


def section(example, scores, folder=None, characters=CHARACTERS):
    """A track as HTML: its video, its players and spectrograms, and what they scored.

    The excerpt is shortened until all is within `characters`.

    Args:
      example: Example.
      scores: {system: {track: TrackScores}}.
      folder: Of the page; the link to the whole video starts there.
      characters: Of sounds and pictures.

    Returns:
      HTML; without players if even the shortest excerpt is too long.

    Raises:
      InputError: If signals of the example differ in shape.
    """
    _check(example)
    seconds = SECONDS
    references = [np.asarray(audio) for audio in example.references.values()]
    start, end = excerpt(references, example.sample_rate)
    while seconds >= LEAST_SECONDS:
        heard = [audio[start:end] for audio in references]
        first, stop = (
            start + at for at in excerpt(heard, example.sample_rate, seconds)
        )
        sounds, mixture = _sounds(example, scores, first, stop)
        if len(sounds) <= characters:
            video = _video(example, folder, first, stop, mixture)
            return f"{_heard(example, first, stop)}{video}{sounds}"
        seconds *= 0.9 * characters / len(sounds)
    mixture = lowered(example.mixture[start:end], example.sample_rate)
    mixture = mixture / max(1.0, float(np.abs(mixture).max()))
    video = _video(example, folder, start, end, mixture)
    return f'{video}<p class="warn">More sources than there is room for.</p>'


def _heard(example, first, stop):
    begin, end, whole = (
        f"{at / example.sample_rate:.1f}" for at in (first, stop, len(example.mixture))
    )
    told = f"Heard: {begin} to {end} s of {whole} s, where most sources play, all at "
    return f"<p>{told}one gain.</p>"


def _check(example):
    """Every signal is as long as the mixture, and of finite samples."""
    signals = {"mixture": example.mixture}
    signals |= {f"reference of {s}": a for s, a in example.references.items()}
    for system, of in example.estimates.items():
        signals |= {f"{system} of {source}": audio for source, audio in of.items()}
    if not example.references:
        raise InputError(f"track {example.track!r} has no references to show")
    for name, audio in signals.items():
        if np.shape(audio) != np.shape(example.mixture) or np.ndim(audio) != 2:
            raise InputError(
                f"track {example.track!r}: {name} is [T, C] = {list(np.shape(audio))}, "
                f"its mixture {list(np.shape(example.mixture))}; make them alike"
            )
        if not np.isfinite(audio).all():
            raise InputError(
                f"track {example.track!r}: {name} has samples that are not finite"
            )


def _sounds(example, scores, first, stop):
    """The mixture, then a row a source: (HTML, what is heard of the mixture)."""
    rate = example.sample_rate
    mixture = lowered(example.mixture[first:stop], rate)
    rows = []
    for source, reference in example.references.items():
        row = [(source, "reference", reference)]
        row += [
            (source, f"{system}{_scored(scores, system, example.track, source)}", a)
            for system, of in example.estimates.items()
            if (a := of.get(source)) is not None
        ]
        rows.append(
            [(s, what, lowered(audio[first:stop], rate)) for s, what, audio in row]
        )
    every = [mixture, *(audio for row in rows for *_, audio in row)]
    gain = 1 / max(1.0, *(float(np.abs(audio).max(initial=0)) for audio in every))
    rate = min(rate, HIGHEST_RATE)
    top = max(float(mel(mixture, rate).max()), 1e-10)
    text = [_row([_sound("mixture", "", mixture * gain, rate, top * gain**2)], 1)]
    columns = 1 + len(example.estimates)
    for row in rows:
        cells = [_sound(s, w, a * gain, rate, top * gain**2) for s, w, a in row]
        text.append(_row(cells, columns))
    return "".join(text), mixture * gain


def _row(cells, columns):
    grid = f"grid-template-columns: repeat({columns}, minmax(0, 1fr))"
    return f'<div class="sounds" style="{grid}">{"".join(cells)}</div>'


def _scored(scores, system, track, source):
    """What an estimate scored, as it stands beside its name."""
    one = scores.get(system, {}).get(track)
    if one is None or source not in one.names:
        return ""
    found = {name: plots.value(one, source, name) for name in ("SDR", "SI-SDR")}
    told = [f"{n} {axes.number(v)}" for n, v in found.items() if np.isfinite(v)]
    return f" ({', '.join(told)} dB)" if told else ""


def _sound(name, what, audio, rate, top):
    who = html.escape(f"{name}: {what}" if what else name, quote=True)
    picture = Pages.embedded("image/png", spectrogram(audio, rate, top))
    sound = Pages.embedded("audio/flac", flac(audio, rate))
    return (
        f'<figure class="sound"><figcaption>{who}</figcaption>'
        f'<img alt="Log-mel spectrogram of {who}" src="{picture}">'
        f'<audio controls preload="none" aria-label="{who}" src="{sound}"></audio>'
        "</figure>"
    )


def lowered(audio, rate):
    """An excerpt at `HIGHEST_RATE` or less: float32 [t, 1 or 2] of float [T, C]."""
    audio = np.asarray(audio, np.float32)
    if audio.shape[1] > CHANNELS:
        audio = audio.mean(axis=1, keepdims=True)
    return soxr.resample(audio, rate, HIGHEST_RATE) if rate > HIGHEST_RATE else audio


def flac(audio, rate):
    """FLAC of 16 bits, as bytes, of float [T, C]; beyond [-1, 1] is clipped."""
    file = io.BytesIO()
    sf.write(file, np.clip(audio, -1, 1), rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def mel(audio, rate):
    """The power of mel bands, float [MELS, frames], of the mean of the channels."""
    return librosa.feature.melspectrogram(
        y=np.asarray(audio, np.float32).mean(axis=1),
        sr=rate,
        n_fft=FFT,
        hop_length=HOP,
        n_mels=MELS,
    )


def spectrogram(audio, rate, top):
    """A log-mel spectrogram as PNG, low notes below: bytes.

    Args:
      audio: float [T, C].
      rate: Hz.
      top: The power that is brightest; `RANGE` dB below it all is dark.
    """
    decibels = librosa.power_to_db(mel(audio, rate), ref=top, amin=1e-12, top_db=None)
    level = np.clip(decibels / RANGE + 1, 0, 1)
    level = np.round(level * (LEVELS - 1)) * (255 / (LEVELS - 1))
    pixels = cv2.applyColorMap(level[::-1].astype(np.uint8), cv2.COLORMAP_MAGMA)
    return cv2.imencode(".png", pixels)[1].tobytes()


def _video(example, folder, first, stop, mixture):
    """The pictures of an excerpt, with what is heard of the mixture."""
    shown, rate = example.video, example.sample_rate
    whole = ""
    if isinstance(shown, film.Film):
        whole = link(shown.path, folder, "the whole video")
    stretch = first / rate, stop / rate
    heard = mixture, min(rate, HIGHEST_RATE)
    return film.player(shown, example.track, whole, stretch, *heard)


def link(path, folder, shown):
    """A link from a page in a folder to a file; `shown` is HTML."""
    path = os.path.abspath(path)
    if folder is not None:
        path = os.path.relpath(path, os.path.abspath(folder))
    address = urllib.parse.quote(pathlib.Path(path).as_posix())
    return f'<a href="{address}">{shown}</a>'
