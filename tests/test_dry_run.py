"""A training that is only tried: what it tells is true, and nothing is left of it."""

import os
import re

import numpy as np
import pytest

from Learning import state
from Learning.folder import RunFolder
from tests.training_made import train


@pytest.fixture(scope="module")
def said(options, tmp_path_factory):
    """What a dry run prints; it leaves no file."""
    import contextlib
    import io

    home, text = tmp_path_factory.mktemp("dry"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(text):
        patch.chdir(home)
        train(options, "dry_run=True", "training.accumulate=2")
    assert not os.listdir(home)
    return text.getvalue()


def test_it_tells_the_shapes_of_a_batch(said):
    assert re.search(r"batch +mix +float32 +\[6, 367, 1\] +8.6 KiB\n", said)
    assert re.search(r" sources +float32 +\[6, 4, 257, 1\]", said)


def test_its_blocks_have_the_parameters_of_the_model(said):
    counts = re.findall(r"^(?:blocks| {6}) +\w+ +([\d,]+) +\d+%", said, re.MULTILINE)
    total = int(re.search(r"([\d,]+) parameters", said)[1].replace(",", ""))
    assert sum(int(n.replace(",", "")) for n in counts) == total


def test_it_counts_the_operations_of_a_step(said):
    # 2 layers down, one between, 2 up, 3 of 4 heads of one tap: by hand.
    taps = [(353, 15 * 4), (163, 15 * 4 * 8), (68, 15 * 8 * 12)]
    step = float(re.search(r"count +([\d.]+) MFLOP a step", said)[1])
    second = float(re.search(r"([\d.]+) MFLOP a second", said)[1])
    window = second * 257 / 4000
    assert window > 2e-6 * sum(n * kernel for n, kernel in taps)
    assert step == pytest.approx(6 * 3 * window, rel=0.1)


def test_it_tells_memory_time_and_records(said):
    assert re.search(r"train: 2 tracks, .* \d+ records", said)
    assert (
        "activations for the gradient" in said and "GiB taken by this process" in said
    )
    found = re.search(
        r"time +([\d.e-]+) s a step \(the median of 5; .* (\d+)% of", said
    )
    assert 0 < float(found[1]) < 5 and int(found[2]) <= 100
    assert re.search(
        r"an epoch of 4 steps, .* to validate 10 batches; .* 2 epochs", said
    )
    assert said.endswith("nothing was written; leave out dry_run=True to train\n")


def test_the_state_takes_the_space_that_it_tells(options, here, said):
    train(options, "training.max_epochs=1")
    told = float(re.search(r"two states of ([\d.]+) KiB", said)[1]) * 1024
    archive = state.read(RunFolder("runs/1").state)
    real = sum(np.asarray(a).nbytes for g in archive.groups.values() for a in g)
    assert told == pytest.approx(real, rel=0.01)
