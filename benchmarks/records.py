"""How small the records are, how fast they are read, and whether training waits.

    python -m benchmarks.records                            # all; writes results.json
    python -m benchmarks.records records_bytes
    python -m benchmarks.records --folder /tmp/pieces records_read   # kept, taken again

Compared with the records of the 2018 VIMSS (`records_2018.py`), rebuilt from the same
fabricated pieces (`Datasets.chamber`): one each for 2, 3, 4 and 5 players of different
instruments, and a duet of one, all of two minutes.  URMP's 44 pieces last about 1.5 h
together; how many of them have how many parts is read from their names.

`records_bytes`: bytes for a second of a piece, in the mean of URMP's ensembles.  Once
with every player a source of its own, once with players of one instrument summed, as
there.  Neither side is compressed; `gzip` says what that would have saved there.
`records_read`: windows in a second, of 147,443 samples and 13 sources, in batches of
16, from files that the machine still has in memory; both readers take turns.  What a
window costs of a core says the same where others use the machine too.  Then the real
loop trains the network of `urmp` on what is read and, in turns, on one batch again
and again: `waiting` is the share of its time that it stands still for a batch,
`slower` what reading takes from the cores besides.
"""

import argparse
import contextlib
import itertools
import os
import pathlib
import statistics
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before TensorFlow wakes

import tensorflow as tf

import Test
from benchmarks import machine, records_2018, records_pieces, wave_unet
from Datasets import pipeline
from Learning import loop, optimizers

SECONDS, BATCH = 120.0, 16
ROWS = ("records_bytes", "records_read")
FRAMING = 16  # bytes of a TFRecord beside its payload
SAMPLE = 16  # of so many segments one is compressed
SETTLE, BATCHES = 4, 32  # batches that only empty what was read ahead; that are timed
STEPS, ROUNDS = 8, 4  # training steps of a turn, turns


def rates(records):
    """{parts of a piece: bytes that its records take for a second of it}."""
    taken = {}
    for split in records.splits:
        for track in records.tracks(split):
            places = [p for p in records.places(split) if p.track == track.row]
            n_bytes = sum(place.n_bytes + FRAMING for place in places)
            taken[len(track.labels)] = n_bytes / (track.n_time / records.sample_rate)
    return taken


def mean_rate(taken, kinds, summed):
    """Bytes a second in the mean of pieces that last equally long.

    Args:
      taken: {parts: bytes a second}.
      kinds: {(players, different instruments): pieces}.
      summed: Whether players of one instrument are one part.
    """
    total = sum(taken[kind[summed]] * n for kind, n in kinds.items())
    return total / sum(kinds.values())


def records_bytes(folder, seconds, **_):
    """Row `records_bytes`."""
    raw, records = records_pieces.fabricated(folder, seconds)
    home = records_pieces.ancestor(folder, raw)
    kinds, taken = records_pieces.ensembles(), rates(records)
    lasting = sum(t.n_time for t in records.tracks("train")) / records.sample_rate
    there = records_pieces.size_of(home) / lasting
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        read, sizes = records_pieces.pieces(raw), {}
        for how in (None, "GZIP"):
            sample = pathlib.Path(scratch) / f"sample{how}"
            records_2018.write(sample, read, every=SAMPLE, compression=how)
            sizes[how] = records_pieces.size_of(sample)
    packed = there * sizes["GZIP"] / sizes[None]
    row = {"seconds_of_a_piece": seconds, "pieces": sum(kinds.values())}
    row |= {"bytes_per_second_2018": round(there)}
    row |= {"bytes_per_second_2018_gzip": round(packed)}
    for name, summed in (("", False), ("_summed", True)):
        here = mean_rate(taken, kinds, summed)
        row[f"bytes_per_second{name}"] = round(here)
        row[f"ratio_to_2018{name}"] = round(there / here, 2)
        row[f"ratio_to_2018_gzip{name}"] = round(packed / here, 2)
    return row


def speeds(streams, runs):
    """Reads endless iterators over batches in turns.

    Returns:
      {name: [(windows a second, ms of a core that a window takes)]}.
    """
    found = {name: [] for name in streams}
    for _ in range(runs):
        for name, stream in streams.items():
            for _ in range(SETTLE):
                next(stream)
            begin, worked = time.perf_counter(), time.process_time()
            for _ in range(BATCHES):
                next(stream)
            n = BATCH * BATCHES
            worked = 1e3 * (time.process_time() - worked) / n
            found[name].append((n / (time.perf_counter() - begin), worked))
    return found


class Turns:
    """Batches that are read and, in turns, one batch again and again, for a loop.

    Attributes:
      read: A pair for each step on a batch that was read, the first ones of a turn left
        out: seconds that the loop stood still, seconds that the step took in all.
      same: The same of the other steps.
    """

    def __init__(self, batches, steps=STEPS, rounds=ROUNDS):
        self.batches, self.steps, self.rounds = batches, steps, rounds
        self.read, self.same = [], []

    def __len__(self):
        return 2 * self.steps * self.rounds

    def __iter__(self):
        stream = iter(self.batches)
        again = itertools.repeat(next(stream))
        for _ in range(self.rounds):
            for source, told in ((stream, self.read), (again, self.same)):
                for k in range(self.steps):
                    begin = time.perf_counter()
                    batch = next(source)
                    waited = time.perf_counter() - begin
                    yield batch
                    # The loop asks for the next batch: its step is done.
                    if k >= SETTLE:
                        told.append((waited, time.perf_counter() - begin))


def trained(batches, network):
    """Trains on `Turns` of batches by `Learning.loop`; returns figures of a row."""
    turns = Turns(batches)
    loop.fit(
        network,
        optimizers.optimizer("adam", 1e-5),
        Test.batch_loss("sum_square", network),
        lambda step: turns,
        steps_per_epoch=len(turns),
        max_epochs=1,
        patience=1,
    )
    read, same = (list(zip(*told)) for told in (turns.read, turns.same))
    both = [statistics.median(told[1]) for told in (read, same)]
    return {
        "waiting": round(sum(read[0]) / sum(read[1]), 4),
        "slower": round(both[0] / both[1] - 1, 4),
        "step_seconds": round(both[0], 4),
        "step_seconds_without_reading": round(both[1], 4),
        "steps": len(read[1]),
    }


def records_read(folder, seconds, runs, precision):
    """Row `records_read`."""
    raw, records = records_pieces.fabricated(folder, seconds)
    home = records_pieces.ancestor(folder, raw)
    network = wave_unet.network("_13", "auto", precision)
    windows = Test.windows(records, "train", network)
    datasets = {
        "": pipeline.training_batches(windows, BATCH),
        "_2018": records_2018.batches(home, BATCH, pipeline.CALLS),
    }
    streams = {name: iter(dataset) for name, dataset in datasets.items()}
    found = {name: list(zip(*told)) for name, told in speeds(streams, runs).items()}
    del streams  # their threads would go on
    row = {"parts": statistics.mean(len(t.labels) for t in windows.tracks)}
    for name, (fast, worked) in found.items():
        key = f"windows_per_second{name}"
        row[key] = round(statistics.median(fast), 1)
        row[f"{key}_range"] = [round(f(fast), 1) for f in (min, max)]
        row[f"core_ms_per_window{name}"] = round(statistics.median(worked), 2)
    here, there = (
        [statistics.median(told) for told in found[name]] for name in ("", "_2018")
    )
    row["ratio_to_2018"] = round(here[0] / there[0], 2)
    row["ratio_to_2018_of_core_ms"] = round(there[1] / here[1], 2)
    row |= {"runs": runs, "precision": precision}
    return row | trained(datasets[""], network)


@contextlib.contextmanager
def place(folder):
    """Yields the folder that is named, or one that is removed afterwards."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder.resolve()
    else:
        with tempfile.TemporaryDirectory() as scratch:
            yield pathlib.Path(scratch)


def main(arguments=None):
    """Measures the rows that are named, prints and stores them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.records")
    parser.add_argument("rows", nargs="*", metavar="row", help=" ".join(ROWS))
    parser.add_argument("--folder", type=pathlib.Path, help="keep what is fabricated")
    parser.add_argument("--runs", type=int, default=7, help="of both readers (7)")
    parser.add_argument("--precision", default="bfloat16", help="of training")
    given = parser.parse_args(arguments)
    if unknown := set(given.rows) - set(ROWS):
        parser.error(f"no row {sorted(unknown)[0]!r}; the rows are {' '.join(ROWS)}")
    if given.precision not in wave_unet.PRECISIONS:
        parser.error(f"--precision is one of {' '.join(wave_unet.PRECISIONS)}")
    tf.get_logger().setLevel("ERROR")
    with place(given.folder) as folder:
        for name in given.rows or ROWS:
            measure = {"records_bytes": records_bytes, "records_read": records_read}
            row = measure[name](
                folder, seconds=SECONDS, runs=given.runs, precision=given.precision
            )
            print(name, *(f"  {key} {value}" for key, value in row.items()), sep="\n")
            machine.store({name: {**row, **machine.about()}})


if __name__ == "__main__":
    main()
