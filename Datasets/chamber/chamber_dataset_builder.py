"""Chamber as TFDS records: fabricated pieces in URMP's layout, by URMP's code."""

import dataclasses
import pathlib

import tensorflow_datasets as tfds

import Utils
from Datasets.inventory import split_ids
from Datasets.urmp import urmp_dataset_builder
from Schema import InputError

SCHEME = "composition"
# Last digits of the piece numbers of a split: a split can grow without end, and no
# piece ever changes its split.
DIGITS = {"train": (1, 2, 3, 4, 5, 6, 7, 8), "validation": (9,), "test": (0,)}


class Builder(urmp_dataset_builder.Builder):
    """The same builder; only its splits stand beside the fabricated pieces."""

    # Its own README.md and CITATIONS.bib: TFDS would show those of URMP.
    pkg_dir_path = tfds.core.Path(__file__).parent
    homepage = None
    licence = "CC0 1.0"

    def splits_of(self, raw):
        """{split: [piece]} as `fabricate_splits` wrote them."""
        return split_ids(pathlib.Path(raw) / "splits", self.builder_config.splits)

    def inventory(self, raw):
        """URMP's, with the seats that the pieces' recipes tell."""
        found = super().inventory(raw)
        for split, tracks in found.tracks.items():
            found.tracks[split] = [_seated(raw, track) for track in tracks]
        return found


def _seated(raw, track):
    recipe = pathlib.Path(raw) / track.id / "recipe.json"
    if not recipe.exists():
        return track
    seats = Utils.read_json(recipe)["seats"]
    return dataclasses.replace(track, seats=tuple(number - 1 for number in seats))


def numbers_of(split, count):
    """The first `count` piece numbers of a split.

    Example:
      >>> numbers_of("test", 3)
      [10, 20, 30]
    """
    digits = DIGITS[split]
    tens = range(0, 10 * count + 10, 10)
    first = (ten + digit for ten in tens for digit in digits)
    return [number for number in first if number][:count]


def fabricate_splits(raw, counts, **recipe):
    """Fabricates pieces that are not there yet, and writes the split files.

    Args:
      raw: Folder of the corpus.
      counts: {split: number of pieces}.
      **recipe: Of `chamber.corpus.fabricate`.
    """
    from Datasets.chamber import corpus

    raw = pathlib.Path(raw)
    numbers = {split: numbers_of(split, n) for split, n in counts.items()}
    every = sorted(sum(numbers.values(), []))
    pieces = dict(zip(every, corpus.fabricate(raw, every, **recipe)))
    with Utils.write_aside(raw / "splits" / SCHEME) as aside:
        aside.mkdir()
        for split, members in numbers.items():
            names = [pieces[number] for number in members]
            (aside / f"{split}.txt").write_text("\n".join(names) + "\n", "utf-8")


def fabricate(raw, data):
    """Makes the pieces that a configuration's data section tells, if not there yet."""
    if data["min_parts"] > data["max_parts"]:
        raise InputError(
            f"data.min_parts={data['min_parts']} must not exceed "
            f"data.max_parts={data['max_parts']}"
        )
    fabricate_splits(
        raw,
        {
            "train": data["train_pieces"],
            "validation": data["validation_pieces"],
            "test": data["test_pieces"],
        },
        seed=data["corpus_seed"],
        seconds=data["seconds"],
        instruments=data["instruments"],
        parts=(data["min_parts"], data["max_parts"]),
        duplicates=data["duplicates"],
        compass=data["compass"],
        video=data["video"],
        frame_rate=data["frame_rate"],
    )
