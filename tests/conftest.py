"""What several tests need: fabricated raw data, and where the real data lie."""

import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
# Threads of several libraries on few cores wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
import soundfile as sf

SHARED = pathlib.Path(__file__).parents[1].parent / "shared"


@pytest.fixture
def shared():
    """Folder of real recordings beside the repository."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the real recordings (../shared/data) are not on this machine")
    return SHARED / "data"


def write_piece(raw, piece, seconds=2.0, rate=16000, mix=True, **options):
    """Writes a piece in URMP's layout: each part another seeded noise, [T, 1]."""
    number, name, *codes = piece.split("_")
    folder = pathlib.Path(raw) / piece
    folder.mkdir(parents=True)
    options = {"subtype": "PCM_16", **options}
    suffix = ".flac" if options.get("format") == "FLAC" else ".wav"
    stems = []
    for k, code in enumerate(codes, start=1):
        rng = np.random.default_rng([int(number), k])
        ints = rng.integers(-4000, 4000, round(seconds * rate))
        stems.append(ints.astype(np.int16) / np.float32(32768))
        path = folder / f"AuSep_{k}_{code}_{number}_{name}{suffix}"
        sf.write(path, stems[-1], rate, **options)
    if mix:
        sf.write(folder / f"AuMix_{piece}{suffix}", sum(stems), rate, **options)
    return np.stack(stems)[..., np.newaxis]
