"""Tables and clips of AudioSet as its makers and downloaders leave them."""

import numpy as np
import soundfile as sf

import Datasets
from Datasets.audioset import layout
from Datasets.audioset.segments import Segment

RATE = 8000
VIOLIN, CELLO, SILENT = "/m/07y_7", "/m/01xqw", "/m/028v0c"
HEADER = "# Segments csv created Sun Mar  5 10:54:31 2017\n# num_ytids=2\n"
HEADER += "# YTID, start_seconds, end_seconds, positive_labels\n"


def write_table(raw, rows, name="balanced_train_segments.csv"):
    lines = [f'{v}, {a:.3f}, {b:.3f}, "{",".join(c)}"' for v, a, b, *c in rows]
    raw.mkdir(exist_ok=True)
    (raw / name).write_text(HEADER + "\n".join(lines) + "\n", "utf-8")


def ramp(seconds):
    """A sound whose every sample tells its time."""
    return np.arange(round(seconds * RATE)) / (20 * RATE) + 0.01


def write_sound(path, seconds=2.0, audio=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, ramp(seconds) if audio is None else audio, RATE)


def builder(tmp_path, **options):
    options = {"splits": "balanced", "sample_rate": RATE, **options}
    return Datasets.make_builder("audioset", tmp_path / "records", **options)


def clip(raw, start, stop, video="-_aB3dEfG7i", classes=(VIOLIN,)):
    segment = Segment(video, start, stop, classes)
    return layout.read_clip(segment, "sound", layout.index(raw))
