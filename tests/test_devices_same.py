"""However many devices and processes share a batch, the losses are the same."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[1]


def started(*words, **variables):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.devices_made", *words],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process):
    out, err = process.communicate(timeout=400)
    assert process.returncode == 0, err[-4000:]
    return json.loads(out.partition("FOUND")[2])


def free_ports(count):
    """Numbers of ports that nobody listens on."""
    with_all = [socket.socket() for _ in range(count)]
    try:
        for one in with_all:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in with_all]
    finally:
        for one in with_all:
            one.close()


def workers(options):
    hosts = [f"127.0.0.1:{port}" for port in free_ports(2)]
    for index in range(2):
        task = {"type": "worker", "index": index}
        told = json.dumps({"cluster": {"worker": hosts}, "task": task})
        yield started(options, TF_CONFIG=told)


@pytest.fixture(scope="module")
def found(options):
    """{name: losses of 20 steps, norm of the last gradient, validation loss}.

    "compared": what `compared_made.losses` gives, of 1 and 2 devices.
    """
    one_process = started(options, "1", "2", "4")
    both = list(workers(options))
    try:
        replicas, losses, compared = ended(one_process)
        assert replicas == [1, 2, 4]
        by_name = dict(zip(("1 device", "2 devices", "4 devices"), losses))
        by_name["compared"] = compared
        for index, process in enumerate(both):
            replicas, (losses,), _ = ended(process)
            assert replicas == [2]
            by_name[f"process {index} of 2"] = losses
    finally:
        for process in (one_process, *both):
            process.kill()
    return by_name


@pytest.mark.parametrize(
    "name", ["2 devices", "4 devices", "process 0 of 2", "process 1 of 2"]
)
def test_a_shared_batch_gives_the_losses_of_one_device_in_20_steps(found, name):
    one = found["1 device"]
    assert len(one) == 22 and len(set(one)) > 20  # they change, so they could differ
    np.testing.assert_allclose(found[name], one, rtol=1e-5)


def test_windows_are_compared_with_those_of_all_devices(found):
    one, two = found["compared"]
    assert len(set(one)) == 11
    np.testing.assert_allclose(two, one, rtol=1e-5)
