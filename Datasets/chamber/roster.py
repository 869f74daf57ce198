"""Which piece has which name and players: known without rendering anything.

Everything about a piece is drawn from streams of (seed, number, stage), so that the
same piece has the same players and music with or without its video.
"""

import numpy as np

from Datasets.chamber import instruments
from Schema import InputError

NAMES = (
    "Allemande Aria Bagatelle Ballade Barcarolle Bourree Canon Canzona Chaconne "
    "Chorale Courante Divertimento Elegy Fantasia Galliard Gavotte Gigue Hornpipe "
    "Humoresque Idyll Intermezzo Landler Loure Lullaby Madrigal March Mazurka Minuet "
    "Musette Nocturne Partita Passepied Pastorale Pavane Polonaise Prelude Ricercar "
    "Rigaudon Romance Rondo Sarabande Scherzo Serenade Siciliana Tarantella Toccata "
    "Villanella Waltz"
).split()
DUPLICATES = ("allow", "never", "always")
STAGES = ("title", "roster", "music", "performance", "room", "stage")
MOST_PARTS = 8


def stream(seed, number, stage):
    """The NumPy generator of one stage of one piece."""
    return np.random.default_rng([seed, number, STAGES.index(stage)])


def check(numbers, seed, codes, parts, duplicates):
    """Refuses what cannot be a corpus.

    Raises:
      InputError: Naming the value.
    """
    for code in codes:
        instruments.known(code)
    if not codes or len(set(codes)) < len(codes):
        raise InputError(f"instruments={list(codes)}: name each instrument once")
    if duplicates not in DUPLICATES:
        choices = ", ".join(DUPLICATES)
        raise InputError(f"duplicates={duplicates!r} is not one of {choices}")
    least, most = parts
    if not 2 <= least <= most <= MOST_PARTS:
        raise InputError(f"parts={tuple(parts)}: from 2 to {MOST_PARTS} players")
    if duplicates == "never" and most > len(codes):
        raise InputError(
            f"{most} players of {len(codes)} different instruments: allow duplicates, "
            "ask for fewer parts, or name more instruments"
        )
    if seed < 0 or any(number < 1 for number in numbers):
        raise InputError("piece numbers count from 1, and the seed from 0")
    if len(set(numbers)) < len(numbers):
        raise InputError("a piece number is asked for twice")


def players(number, *, seed, codes, parts, duplicates):
    """The instrument of each part, from high to low, pairs side by side."""
    rng = stream(seed, number, "roster")
    count = int(rng.integers(parts[0], parts[1] + 1))
    if duplicates == "always":
        others = [c for c in rng.permutation(codes)][: count - 1]
        chosen = others + [others[0]] * (count - len(others))
    else:
        chosen = list(rng.choice(codes, count, replace=duplicates == "allow"))
    middle = {
        c: instruments.known(str(c)).low + instruments.known(str(c)).high
        for c in chosen
    }
    return sorted((str(c) for c in chosen), key=lambda c: (-middle[c], c))


def piece(number, *, seed, codes, parts, duplicates):
    """The name of a piece's folder, NN_Name_inst1_inst2."""
    who = players(number, seed=seed, codes=codes, parts=parts, duplicates=duplicates)
    title = NAMES[stream(seed, number, "title").integers(len(NAMES))]
    return "_".join([f"{number:02d}", title, *who])


def pieces(
    numbers,
    *,
    seed,
    instruments=tuple(instruments.INSTRUMENTS),
    parts=(2, 5),
    duplicates="allow",
):
    """The folder names of pieces, without rendering them.

    Args:
      numbers: Piece numbers, from 1.
      seed: Of the corpus.
      instruments: URMP codes to choose from.
      parts: (fewest, most) players of a piece.
      duplicates: "allow" (players are drawn with replacement), "never", or "always"
        (one instrument is played by two).

    Returns:
      A list of names like "07_Gavotte_fl_vn_vc", in the order of `numbers`.
    """
    numbers, codes = list(numbers), list(instruments)
    check(numbers, seed, codes, parts, duplicates)
    options = {"seed": seed, "codes": codes, "parts": parts, "duplicates": duplicates}
    return [piece(number, **options) for number in numbers]
