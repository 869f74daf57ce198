r"""A pattern of paths -> recordings of clarinettists, each with its player.

No layout of C4S is published, so the user tells theirs, in `data.pattern`:

    {player}_{piece}.mp4                 the default, in the folder itself
    {player}/{piece}.*                   a folder for each player, any media file
    **/P{player}-{piece}*.mp4            `*`: anything but /, `**/`: any folders
    re:(?P<player>\d+)(?P<piece>\w)\.mov    a regular expression of the whole path

A name in braces is as short as may be and holds no /; `player` must be among them.
Bazzica, van Gemert, Liem, Hanjalic, "Vision-based detection of acoustic timed events: a
case study on clarinet note onsets", TU Delft 2017.
"""

import os
import pathlib
import re

from Datasets import availability, media, video
from Datasets.track import Source, Track
from Schema import InputError

PATTERN = "{player}_{piece}.mp4"
LABEL = "cl"
TOKENS = re.compile(r"\*\*/|\*|\?|\{(\w+)\}|.", re.DOTALL)


def expression(pattern):
    """The regular expression of a pattern.

    Raises:
      InputError: If it is none, or does not say where the player stands.
    """
    text = pattern.removeprefix("re:")
    if text == pattern:
        text = "".join(_token(found, pattern) for found in TOKENS.finditer(pattern))
    try:
        found = re.compile(text)
    except re.error as error:
        raise InputError(
            f"data.pattern={pattern!r} is no pattern ({error}); the default is "
            f"{PATTERN!r}"
        ) from None
    if "player" not in found.groupindex:
        raise InputError(
            f"data.pattern={pattern!r} does not say where the player's name stands: "
            f"put {{player}} there, as in {PATTERN!r}"
        )
    return found


def _token(found, pattern):
    text, name = found[0], found[1]
    if name is None:
        return {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}.get(text, re.escape(text))
    if name[0].isdigit():
        raise InputError(f"data.pattern={pattern!r}: {text} is no name")
    return f"(?P<{name}>[^/]+?)"


def recordings(raw, pattern):
    """The files of a folder that the pattern tells.

    Args:
      raw: Folder; links to folders are not followed.
      pattern: As above.

    Returns:
      ({path without suffix, from the folder on, with "-" for "/": (path, player)},
      paths from the folder on of the media files that the pattern does not fit).

    Raises:
      InputError: If the folder is absent, no file fits, or two are one recording.
    """
    raw, wanted, found, others = pathlib.Path(raw), expression(pattern), {}, []
    if not raw.is_dir():
        raise InputError(
            f"{raw} is not a folder; data.raw names that of the recordings"
        )
    for folder, _, names in sorted(os.walk(raw)):
        for name in sorted(names):
            path = pathlib.Path(folder) / name
            if path.suffix.lower().lstrip(".") not in SUFFIXES or name[0] == ".":
                continue
            told = path.relative_to(raw)
            match = wanted.fullmatch(told.as_posix())
            if match is None:
                others.append(told.as_posix())
                continue
            number = "-".join(told.with_suffix("").parts)
            if number in found:
                raise InputError(
                    f"{found[number][0]} and {path} are one recording: let "
                    f"data.pattern={pattern!r} fit one of the two"
                )
            found[number] = str(path), match["player"]
    if not found:
        first = f" {others[0]!r}" if others else " media files: there are none"
        raise InputError(
            f"{raw}: data.pattern={pattern!r} fits no file, as{first}; tell the "
            "pattern of yours, Datasets/clarinet4science/README.md shows how"
        )
    return found, others


def read(name, path):
    """The track of a recording.

    Raises:
      FileNotFoundError: If it has no sound.
      InputError: If it is damaged.
    """
    if not availability.has_sound(path):
        raise FileNotFoundError(f"{path} has no audio stream")
    rate, _, n_time = media.probe_audio(path)
    filmed = path if video.has_pictures(path) else None
    return Track(name, (Source(LABEL, path),), rate, n_time, video=filmed)


SUFFIXES = availability.VIDEO + availability.AUDIO
