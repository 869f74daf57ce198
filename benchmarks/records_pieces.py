"""The pieces that records are compared on, as records of ours and of the 2018 VIMSS.

Fabricated by `Datasets.chamber`: one each for 2, 3, 4 and 5 players of different
instruments (split "train"), and a duet of one instrument ("test").
"""

import collections
import os
import pathlib

import numpy as np

import Datasets
from benchmarks import records_2018
from Datasets import inventory, making, media
from Datasets.chamber import corpus
from Datasets.records import Records
from Datasets.urmp import layout
from Schema import INSTRUMENTS

RATE = 22050
TWINS = 1  # number of the piece for two of one instrument; of the others: of players


def ensembles():
    """{(players, different instruments): URMP's pieces of that kind}."""
    home = pathlib.Path(layout.__file__).parent / "splits"
    pieces = inventory.split_ids(home, "all_test")["test"]
    codes = [layout.instruments_of(piece) for piece in pieces]
    return collections.Counter((len(c), len(set(c))) for c in codes)


def fabricated(folder, seconds):
    """Makes the pieces, and records of them; returns (folder of pieces, `Records`)."""
    raw, names = folder / "raw", {}
    for number in (TWINS, 2, 3, 4, 5):
        (names[number],) = corpus.fabricate(
            raw,
            [number],
            seed=0,
            seconds=seconds,
            parts=(max(2, number),) * 2,
            duplicates="always" if number == TWINS else "never",
            video=False,
            progress=False,
            workers=0,
        )
    scheme = raw / "splits" / "composition"
    scheme.mkdir(parents=True, exist_ok=True)
    (scheme / "test.txt").write_text(names.pop(TWINS) + "\n", "utf-8")
    (scheme / "train.txt").write_text("\n".join(names.values()) + "\n", "utf-8")
    builder = Datasets.make_builder("chamber", folder / "records", sample_rate=RATE)
    found = builder.inventory(raw)
    made = pathlib.Path(builder.data_dir)
    if not making.is_current(made, builder.fingerprint(found)):
        making.build(builder, raw, found, {})
    return raw, Records(made)


def pieces(raw):
    """[(mix [T], sources [13, T])] of the pieces for training, float32."""
    names = (raw / "splits" / "composition" / "train.txt").read_text("utf-8").split()

    def read(path):
        return media.read_audio(str(path), RATE, 1)[0][:, 0]

    found = []
    for name in names:
        mix = read(raw / name / f"AuMix_{name}.wav")
        sources = np.zeros([len(INSTRUMENTS), len(mix)], np.float32)
        for path in sorted((raw / name).glob("AuSep_*.wav")):
            stem = read(path)[: len(mix)]
            slot = list(INSTRUMENTS).index(path.name.split("_")[2])
            sources[slot, : len(stem)] += stem
        found.append((mix, sources))
    return found


def ancestor(folder, raw):
    """Writes the records of the 2018 VIMSS, if need be; returns their folder."""
    home = folder / "records_2018"
    if not home.exists():
        aside = folder / f"records_2018.{os.getpid()}"
        records_2018.write(aside, pieces(raw))
        aside.rename(home)
    return home


def size_of(folder):
    """Bytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.iterdir())
