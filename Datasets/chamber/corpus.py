"""Fabricates the corpus: any number of pieces, resumable, on all cores."""

import os
import pathlib

import tqdm

import Utils
from Datasets.chamber import processes, roster
from Datasets.chamber.instruments import INSTRUMENTS
from Datasets.chamber.recording import Recipe
from Schema import InputError

# The tiny version, for tests: fabricate(folder, numbers, seed=0, **TINY).
TINY = {"seconds": 3.0, "sample_rate": 16000, "video": False}
pieces = roster.pieces


def fabricate(
    folder,
    numbers,
    *,
    seed,
    seconds=30.0,
    instruments=tuple(INSTRUMENTS),
    parts=(2, 5),
    duplicates="allow",
    sample_rate=48000,
    video=True,
    frame_rate=15,
    size=(640, 360),
    equal_level=True,
    compass=12,
    workers=None,
    progress=True,
):
    """Writes pieces in the layout of URMP; those that exist already are kept.

    A piece is a pure function of its number and of the options from `seed` to
    `compass`; they stand in its recipe.json, with the part numbers from the
    leftmost seat to the rightmost.

    Args:
      folder: Of the corpus; made if need be.
      numbers: Piece numbers, from 1.
      seed: Another seed gives other pieces.
      seconds: Length of a piece, at least 1.
      instruments: URMP codes to choose from.
      parts: (fewest, most) players of a piece.
      duplicates: "allow": players are drawn with replacement.  "never": all
        different.  "always": one instrument is played by two in the same register,
        whose lines cross, and seats are drawn at random.
      sample_rate: Hz.
      video: Whether to film the pieces.
      frame_rate: Hz, a whole number.
      size: (width, height) of the video in pixels, even.
      equal_level: Whether parts have the same mean level while they play; if not,
        each keeps its instrument's.
      compass: Semitones that a part may stray from the middle of its register, 7 to
        24; the less, the better instruments are told apart by pitch.
      workers: Processes; 0: this one; None: as many as pay.
      progress: Whether to show a bar.

    Returns:
      The folder names of the pieces, in the order of `numbers`.

    Raises:
      InputError: If an option makes no sense, or the folder holds one of the pieces
        made with other options; then nothing is written.
    """
    folder, numbers = pathlib.Path(folder), [int(number) for number in numbers]
    recipe = Recipe(
        seed=int(seed),
        seconds=float(seconds),
        instruments=tuple(instruments),
        parts=tuple(int(count) for count in parts),
        duplicates=str(duplicates),
        sample_rate=int(sample_rate),
        video=bool(video),
        frame_rate=_whole(frame_rate),
        size=tuple(int(side) for side in size),
        equal_level=bool(equal_level),
        compass=int(compass),
    )
    _check(recipe)
    names = recipe.names(numbers)
    done = _finished(folder, numbers, recipe)
    missing = [number for number in numbers if number not in done]
    if missing:
        _make(folder, missing, recipe, workers, progress)
    return names


def _make(folder, missing, recipe, workers, progress):
    """Makes pieces under a progress bar."""
    folder.mkdir(parents=True, exist_ok=True)
    workers = _useful(missing, recipe) if workers is None else workers
    name = f"fabricating {folder}"
    bar = tqdm.tqdm(total=len(missing), desc=name, unit="piece", disable=not progress)
    with bar:
        processes.run(folder, missing, recipe, workers, bar.update)


def _whole(frame_rate):
    if frame_rate != int(frame_rate) or not 1 <= frame_rate <= 120:
        raise InputError(f"frame_rate={frame_rate}: a whole number from 1 to 120 Hz")
    return int(frame_rate)


def _check(recipe):
    """Refuses options that no piece can have."""
    if not recipe.seconds >= 1:
        raise InputError(f"seconds={recipe.seconds}: a piece lasts at least 1 second")
    if not 4000 <= recipe.sample_rate <= 192000:
        raise InputError(f"sample_rate={recipe.sample_rate}: from 4000 to 192000 Hz")
    if not 7 <= recipe.compass <= 24:
        raise InputError(f"compass={recipe.compass}: from 7 to 24 semitones")
    if any(side % 2 or side < 64 for side in recipe.size):
        raise InputError(f"size={recipe.size}: width and height even, at least 64")


def _finished(folder, numbers, recipe):
    """The numbers of pieces that are there; refuses those of another recipe."""
    there = {}
    for path in folder.glob("[0-9]*_*"):
        digits = path.name.split("_")[0]
        if digits.isdigit() and path.is_dir():
            there.setdefault(int(digits), []).append(path)
    done = set()
    for number in numbers:
        for path in there.get(number, []):
            _same_recipe(path, recipe.plain(number))
            done.add(number)
    return done


def _same_recipe(path, wanted):
    """Refuses a piece that other options, or somebody else, made."""
    if not (path / "recipe.json").exists():
        raise InputError(
            f"{path} has the number of a piece to be fabricated, but is not one: "
            "choose an empty folder for the chamber corpus"
        )
    found = Utils.read_json(path / "recipe.json")
    differing = [key for key in wanted if found.get(key) != wanted[key]]
    if differing:
        values = ", ".join(f"{key}={found.get(key)}" for key in differing)
        raise InputError(
            f"{path} was made with other options ({values}): choose another folder "
            "for these, or remove it"
        )


def _useful(missing, recipe):
    """How many processes pay: one for each 5 s of work, up to the cores."""
    speed = 8 if recipe.video else 70  # times real time, measured on one core
    work = len(missing) * recipe.seconds / speed
    processes = min(os.cpu_count() or 1, len(missing), int(work / 5))
    return processes if processes > 1 else 0
