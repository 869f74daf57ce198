"""Memory at hand: what the kernel, its control groups and other systems tell."""

import pathlib
import sys

import psutil
import pytest
import tensorflow as tf

from Models import memory

GIB = 1 << 30


@pytest.fixture(autouse=True)
def eight_gib(monkeypatch):
    """What the system says is available; tests of the machine itself undo it."""
    told = psutil.virtual_memory()._replace(available=8 * GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: told)


def fabricate(root, files):
    for name, text in files.items():
        path = pathlib.Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(text))
    return root


def test_without_groups_it_is_what_the_system_estimates(tmp_path):
    assert memory.available(fabricate(tmp_path, {})) == 8 * GIB


def version_2(limit, taken, place="a/b", cache=0, high="max"):
    folder = f"sys/fs/cgroup/{place}".rstrip("/")
    return {
        f"{folder}/memory.max": f"{limit}\n",
        f"{folder}/memory.high": f"{high}\n",
        f"{folder}/memory.current": f"{taken}\n",
        f"{folder}/memory.stat": f"anon 5\ninactive_file {cache}\nactive_file 3\n",
    }


@pytest.mark.parametrize(
    "files, wanted",
    [
        (version_2(3 * GIB, GIB), 2 * GIB),
        (version_2(3 * GIB, 2 * GIB, cache=GIB), 2 * GIB),  # a cache can be given up
        (version_2(3 * GIB, GIB, high=2 * GIB), GIB),
        (version_2("max", GIB), 8 * GIB),
        (version_2(GIB, 2 * GIB), 0),
        (version_2(99 * GIB, GIB), 8 * GIB),  # more than there is
        # The limit of a group above holds too.
        (version_2("max", 0) | version_2(3 * GIB, 2 * GIB, "a"), GIB),
        (version_2(GIB, 0, "a/b/c") | version_2(4 * GIB, 2 * GIB), 2 * GIB),
        # In a container the path is the host's, and the files are at the top.
        (version_2(2 * GIB, GIB, ""), GIB),
    ],
)
def test_a_group_of_version_2_limits_it(tmp_path, files, wanted):
    own = {"proc/self/cgroup": "0::/a/b\n"}
    assert memory.available(fabricate(tmp_path, own | files)) == wanted


@pytest.mark.parametrize("place", ["docker/abc", ""])
@pytest.mark.parametrize("limit, wanted", [(3 * GIB, 2 * GIB), (2**63 - 4096, 8 * GIB)])
def test_a_group_of_version_1_limits_it(tmp_path, place, limit, wanted):
    folder = f"sys/fs/cgroup/memory/{place}".rstrip("/")
    files = {
        "proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/\n",
        f"{folder}/memory.limit_in_bytes": limit,
        f"{folder}/memory.usage_in_bytes": 2 * GIB,
        f"{folder}/memory.stat": f"inactive_file 1\ntotal_inactive_file {GIB}\n",
    }
    assert memory.available(fabricate(tmp_path, files)) == wanted


@pytest.mark.parametrize("limit, wanted", [(4096, 3 * GIB), (512, 0), (None, None)])
def test_of_a_gpu_it_is_what_its_limit_leaves(monkeypatch, limit, wanted):
    given = [tf.config.LogicalDeviceConfiguration(memory_limit=limit)]
    gpu = tf.config.LogicalDevice("/device:GPU:0", "GPU")
    config = tf.config
    monkeypatch.setattr(config, "list_logical_devices", lambda kind: [gpu])
    monkeypatch.setattr(config, "get_visible_devices", lambda kind: ["the card"])
    told = {"the card": given}
    monkeypatch.setattr(config, "get_logical_device_configuration", told.__getitem__)
    info = {"GPU:0": {"current": GIB, "peak": 2 * GIB}}
    monkeypatch.setattr(config.experimental, "get_memory_info", info.__getitem__)
    assert memory.at_hand() == wanted


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux' /proc")
def test_this_machine_has_memory_at_hand_and_no_more_than_it_has(monkeypatch):
    monkeypatch.undo()
    assert 0 < memory.at_hand() < psutil.virtual_memory().total
