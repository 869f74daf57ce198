"""The video of a track in a page: the excerpt that is heard, with its pictures."""

import collections.abc
import dataclasses
import html

import Pages
from Schema import InputError

LARGEST = 1_200_000  # bytes of an excerpt in the page


@dataclasses.dataclass(frozen=True, eq=False)
class Film:
    """A video, of which the page shows an excerpt.

    Attributes:
      path: Of the whole.
      cut: cut(begin s, end s in the track, sound float [T, 1 or 2], its rate in Hz) ->
        (WebM of that stretch as bytes, what is lost of it in words or None); raises
        InputError if it cannot be had.
    """

    path: str
    cut: collections.abc.Callable


def player(film, track, whole, stretch, sound, sample_rate):
    """A stretch of a video as HTML, or why it is not shown.

    Args:
      film: `Film`; why there is none to show, in words; or None: nothing is said.
      track: Name of the track.
      whole: HTML of a link to the film.
      stretch: (begin, end), s in the track.
      sound: float [T, 1 or 2] in [-1, 1], of the stretch.
      sample_rate: Hz.
    """
    if film is None:
        return ""
    if isinstance(film, str):
        return _warned(f"No video: {film}")
    try:
        held, lost = film.cut(*stretch, sound, sample_rate)
    except InputError as error:
        return _warned(f"No video: {error}")
    if len(held) > LARGEST:
        return f"<p>There is no room for {whole}.</p>"
    who = html.escape(f"Video of {track}", quote=True)
    address = Pages.embedded("video/webm", held)
    return (
        f'<video controls preload="metadata" aria-label="{who}" src="{address}">'
        f"</video><p>The same excerpt of {whole}, with the sound of the mixture.</p>"
        + (_warned(f"Of the video, {lost}") if lost else "")
    )


def _warned(text):
    end = "" if text.endswith("?") else "."
    return f'<p class="warn">{html.escape(text)}{end}</p>'
