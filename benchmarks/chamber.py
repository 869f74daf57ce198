"""How fast the chamber corpus is made, in times real time.

python benchmarks/chamber.py [seconds of a piece]
"""

import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from Datasets.chamber import corpus  # noqa: E402

QUARTET = {
    "seed": 0,
    "instruments": ["fl", "tpt", "vn", "vc"],
    "parts": (4, 4),
    "duplicates": "never",
    "progress": False,
}


def speed(count, workers, **options):
    """Seconds of music made in a second; the first piece only warms up."""
    with tempfile.TemporaryDirectory() as folder:
        options = QUARTET | options
        corpus.fabricate(folder, [999], **options | {"workers": 0, "seconds": 1.0})
        start = time.perf_counter()
        corpus.fabricate(folder, range(1, count + 1), workers=workers, **options)
        return count * options["seconds"] / (time.perf_counter() - start)


def main(seconds=30.0):
    """Prints the table."""
    rows = [
        ("sound, one process", speed(6, 0, seconds=seconds, video=False)),
        ("sound and video, one process", speed(3, 0, seconds=seconds)),
        ("sound and video, two processes", speed(6, 2, seconds=seconds)),
        ("tiny version", speed(10, 0, **corpus.TINY)),
    ]
    print(f"four parts, {seconds:g} s, 48 kHz; video 640x360, 15 Hz")
    for name, value in rows:
        print(f"{name:32s} {value:7.1f} x real time")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
