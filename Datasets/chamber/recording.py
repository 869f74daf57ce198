"""One piece: composed, played, placed in its room, filmed, and written as URMP is."""

import dataclasses

import numpy as np
import soundfile as sf

import Utils
from Datasets import media
from Datasets.chamber import composition, performance, room, roster, stage

LEVEL = 0.06  # root mean square of a part while it plays, of full scale
NOISE = 10 ** (-72 / 20)  # root mean square of each stem's noise floor, of full scale
PEAK = 0.89  # highest peak of a mixture, of full scale
RECIPE_VERSION = 1  # raised when the same options come to mean other pieces


@dataclasses.dataclass(frozen=True)
class Recipe:
    """All that a piece depends on, besides its number; see `corpus.fabricate`."""

    seed: int
    seconds: float
    instruments: tuple
    parts: tuple
    duplicates: str
    sample_rate: int
    video: bool
    frame_rate: float
    size: tuple
    equal_level: bool
    compass: int
    version: int = RECIPE_VERSION

    def name(self, number):
        """The folder name of a piece."""
        return roster.pieces([number], **self._who())[0]

    def names(self, numbers):
        """The folder names of pieces."""
        return roster.pieces(numbers, **self._who())

    def _who(self):
        keys = ("seed", "instruments", "parts", "duplicates")
        return {key: getattr(self, key) for key in keys}

    def plain(self, number):
        """The contents of a piece's recipe.json, as JSON gives them back."""
        values = dataclasses.asdict(self) | {"number": number}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def make(folder, number, recipe):
    """Writes one piece into its folder, aside first.

    Args:
      folder: Folder of the corpus.
      number: Of the piece.
      recipe: The `Recipe`.

    Returns:
      The name of the piece's folder.
    """
    name = recipe.name(number)
    codes = name.split("_")[2:]
    played = _play(codes, number, recipe)
    order = list(range(len(codes)))
    looks = roster.stream(recipe.seed, number, "stage")
    if recipe.duplicates == "always":
        order = [int(i) for i in looks.permutation(len(codes))]
    stems = _record(played, order, number, recipe)
    with Utils.write_aside(folder / name) as aside:
        aside.mkdir()
        mix = _write_sound(aside, name, codes, played, stems, recipe.sample_rate)
        if recipe.video:
            shown = stage.frames(
                played,
                codes,
                recipe.seconds,
                recipe.frame_rate,
                recipe.size,
                looks,
                order,
            )
            sound = (mix / 32768).astype(np.float32)[:, None]
            path = aside / f"Vid_{name}.mp4"
            media.write_video(path, shown, recipe.frame_rate, sound, recipe.sample_rate)
        seats = {"seats": [i + 1 for i in order]}
        Utils.write_json(aside / "recipe.json", recipe.plain(number) | seats)
    return name


def _play(codes, number, recipe):
    """The performances of a piece."""
    music = roster.stream(recipe.seed, number, "music")
    crossing = recipe.duplicates == "always"
    parts = composition.compose(codes, recipe.seconds, music, crossing, recipe.compass)
    rng = roster.stream(recipe.seed, number, "performance")
    return performance.perform(parts, codes, recipe.seconds, recipe.sample_rate, rng)


def _active_level(stem, notes, sample_rate):
    """Root mean square over the time in which notes are held."""
    held = np.zeros(len(stem), bool)
    for onset, _, duration in notes:
        held[int(onset * sample_rate) : int((onset + duration) * sample_rate) + 1] = (
            True
        )
    return float(np.sqrt(np.mean(np.square(stem[held], dtype=np.float64))))


def _record(played, order, number, recipe):
    """Stems in their room with their noise: int16 [S, T], of which no sum clips."""
    rng = roster.stream(recipe.seed, number, "room")
    hall, rate = room.draw(rng), recipe.sample_rate
    stems, levels = [], []
    for i, player in enumerate(played):
        place = room.seat(order.index(i), len(played), hall)
        response = room.impulse_response(place, hall, rate, rng)
        stems.append(room.place(player.stem, response))
        levels.append(_active_level(stems[-1], player.notes, rate))
    if not recipe.equal_level:
        levels = [float(np.sqrt(np.mean(np.square(levels))))] * len(played)
    for stem, level in zip(stems, levels):
        stem *= np.float32(LEVEL / level)
        stem += room.noise(len(stem), NOISE, rng)
    stems = np.stack(stems)
    peak = max(np.abs(stems).max(), np.abs(stems.sum(axis=0)).max())
    stems *= np.float32(min(1.0, PEAK / peak) * 32767)
    return np.rint(stems).astype(np.int16)


def _write_sound(folder, name, codes, played, stems, sample_rate):
    """Writes AuSep, AuMix, Notes and F0s; returns the mixture, int16 [T]."""
    work = "_".join(name.split("_")[:2])
    for i, (code, player, stem) in enumerate(zip(codes, played, stems), start=1):
        tag = f"{i}_{code}_{work}"
        sf.write(folder / f"AuSep_{tag}.wav", stem, sample_rate, subtype="PCM_16")
        _write_table(folder / f"Notes_{tag}.txt", player.notes)
        _write_table(folder / f"F0s_{tag}.txt", player.f0)
    mix = stems.sum(axis=0, dtype=np.int32).astype(np.int16)  # PEAK keeps it in range
    sf.write(folder / f"AuMix_{name}.wav", mix, sample_rate, subtype="PCM_16")
    return mix


def _write_table(path, rows):
    text = "\n".join(
        "\t".join(f"{value:.3f}" for value in row) for row in rows.tolist()
    )
    path.write_text(text + "\n", "utf-8")
