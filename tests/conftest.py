"""What several tests need: raw data, records, a place to work, processes."""

import pathlib
import signal

import numpy as np
import pytest
import soundfile as sf

from tests import MOST_WORKERS, n_cores

SHARED = pathlib.Path(__file__).parents[1].parent / "shared"


@pytest.hookimpl(optionalhook=True)  # pytest-xdist asks, if it is there
def pytest_xdist_auto_num_workers():
    """Processes of `pytest -n auto`: one a core, few; 0, no other process, on one."""
    workers = min(n_cores(), MOST_WORKERS)
    return workers if workers > 1 else 0


# Of shells that start this in the background, to whose jobs Ctrl-C does not come.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder, in which the test works."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def inline(monkeypatch):
    """Tracks are scored in this process: others take seconds to begin."""
    from Scores import parallel

    told = lambda function, given, *_: (function(*one) for one in given)  # noqa: E731
    monkeypatch.setattr(parallel, "each", told)


@pytest.fixture(scope="session")
def options(tmp_path_factory):
    """A configuration file whose records exist (`training_made`); not to be changed."""
    from tests.training_made import prepared  # imports TensorFlow

    return prepared(tmp_path_factory.mktemp("urmp"))


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
