"""Names of files -> labels, by patterns: the first that matches.

    ["*voc*=vocals", "mix*=mixture", "*=accompaniment"]

Patterns are those of file names in a shell (`*`, `?`, `[ab]`); upper and lower case are
one, and so are the two ways to write an accent.
"""

import fnmatch
import unicodedata

from Schema import InputError

MIXTURE = "mixture"  # the label of what is no source, but all of them
IGNORE = "ignore"  # the label of files that are not used
NO_SOURCE = (MIXTURE, IGNORE)


def pairs_of(label_map):
    """["PATTERN=LABEL"] -> [(pattern, label)].

    Raises:
      InputError: If one of them is none.
    """
    pairs = []
    for text in label_map:
        pattern, equals, label = str(text).rpartition("=")
        if not equals or not pattern.strip() or not label.strip():
            raise InputError(
                f"data.label_map has {text!r}: expected PATTERN=LABEL, as '*violin*=vn'"
            )
        pairs.append((_folded(pattern.strip()), label.strip()))
    return pairs


def label_of(name, pairs):
    """The label of a file, by its name without folder and ending; None: no pattern."""
    name = _folded(name)
    matching = (label for p, label in pairs if fnmatch.fnmatchcase(name, p))
    return next(matching, None)


def sources_of(label_map):
    """All labels that sources may have, sorted."""
    return sorted({label for _, label in pairs_of(label_map)} - set(NO_SOURCE))


def composed(name):
    """A name with its accents written the one way: macOS writes the other."""
    return unicodedata.normalize("NFC", name)


def _folded(name):
    return composed(name).lower()
