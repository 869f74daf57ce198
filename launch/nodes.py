"""A node's life: looked at, asked for, waited for, made ready."""

import dataclasses
import pathlib
import tempfile
import time

from launch import commands, costs, jobs
from launch.gcloud import LostError, explain
from Schema import InputError

# What the words of Cloud TPU come to: of a queued resource, then of a TPU VM.
REQUESTS = {"SUSPENDING": "gone", "SUSPENDED": "gone", "DELETING": "gone"}
REQUESTS |= {"FAILED": "failed", "ACTIVE": "active"}
NODES = {"READY": "ready", "STOPPED": "stopped", "STOPPING": "stopped"}
NODES |= {"PREEMPTED": "gone", "TERMINATED": "gone", "DELETING": "gone"}


@dataclasses.dataclass(frozen=True)
class Sight:
    """What there is of a node.

    Attributes:
      state: "absent", "waiting", "ready", "stopped", "gone" (taken away) or "failed".
      word: Cloud TPU's own.
      queued: Whether it came from the queue; None if nothing is there.
      size: Its accelerator type, or None.
      spot: Whether it may be taken away.
      reason: Of a failure, or None.
    """

    state: str
    word: str = "-"
    queued: bool | None = None
    size: str | None = None
    spot: bool = False
    reason: str | None = None


def look(cloud, node):
    """Asks Cloud TPU for the `Sight` of a node."""
    request = cloud.ask(commands.describe(node, "queued-resources"))
    vm = cloud.ask(commands.describe(node, "tpu-vm"))
    if request is None and vm is None:
        return Sight("absent")
    vm = vm or {}
    told = {"word": vm.get("state", "-"), "queued": request is not None}
    told["size"] = costs.base(vm.get("acceleratorType", "")) or None
    scheduling = vm.get("schedulingConfig", {})
    told["spot"] = bool(scheduling.get("spot") or scheduling.get("preemptible"))
    if request is None:
        return Sight(NODES.get(told["word"], "waiting"), **told)
    state = request.get("state", {})
    specs = request.get("tpu", {}).get("nodeSpec") or [{}]
    told["size"] = (
        costs.base(specs[0].get("node", {}).get("acceleratorType", "")) or None
    )
    told["spot"] |= "spot" in request
    found = REQUESTS.get(state.get("state"), "waiting")
    if found == "active":
        # Active without a node: it was deleted alone.
        return Sight(NODES.get(told["word"], "waiting") if vm else "gone", **told)
    error = state.get("failedData", {}).get("error", {})
    told |= {"word": state.get("state", "?"), "reason": error.get("message")}
    return Sight(found, **told)


def up(cloud, node, poll):
    """Sees to it that a node is there and ready.

    Args:
      cloud: gcloud.Cloud.
      node: commands.Node, as it is to be.
      poll: Seconds between two looks.

    Raises:
      InputError: If it cannot be had, or is there in another size.
    """
    sight = look(cloud, node)
    if sight.state not in ("absent", "gone") and sight.size not in (None, node.size):
        raise InputError(
            f"--tpu-size={node.size}: {node.name} is a {sight.size} already; take "
            f"another --name, or `python launch/tpu.py delete --name={node.name}` first"
        )
    if sight.state == "failed":
        refuse(node, sight)
    if sight.state == "gone":
        print(f"gone    {node.name} was taken away ({sight.word}); asking for another")
        cloud.run(commands.delete(dataclasses.replace(node, queued=sight.queued)))
    elif sight.state == "stopped":
        cloud.run(commands.start(node))
    if sight.state in ("absent", "gone"):
        cloud.run(commands.create(node))
    if sight.state != "ready":
        wait(cloud, node, poll)


def wait(cloud, node, poll):
    """Waits until a node that was asked for is ready; says what it is waiting for."""
    last, absent = None, 0
    while not cloud.dry_run:
        sight = look(cloud, node)
        absent += sight.state == "absent"
        if sight.state == "ready":
            print(f"ready   {node.name}, a {node.size}")
            return
        if sight.state == "failed":
            refuse(node, sight)
        if sight.state == "gone" or absent > 3:
            raise LostError(
                f"{node.name} was taken away ({sight.word}) before it was ready; type "
                "the same line again, or try another --zone"
            )
        if sight.word != last:
            print(f"wait    {node.name}: {sight.word}", flush=True)
            last = sight.word
        time.sleep(poll)


def refuse(node, sight):
    """Raises InputError for a request that Cloud TPU could not fulfil."""
    words = commands.create(node)
    why = explain(words, f"ERROR: {sight.reason}") if sight.reason else sight.word
    raise InputError(
        f"{node.name} cannot be had: {why}; after that, "
        f"`python launch/tpu.py delete --name={node.name}` and try again"
    )


def prepare(cloud, node):
    """Sends the repository to a node and installs what it needs."""
    with tempfile.TemporaryDirectory() as scratch:
        archive = pathlib.Path(scratch) / f"{commands.HOME}.tgz"
        if not cloud.dry_run:
            print(f"send    {jobs.pack_code(archive)} files", flush=True)
        cloud.run(commands.send(node, archive, archive.name))
    cloud.run(commands.unpack_code(node))
    cloud.run(commands.install(node))


def send(cloud, job):
    """Gives a new node what was brought home of a training."""
    with tempfile.TemporaryDirectory() as scratch:
        archive = pathlib.Path(scratch) / f"{job.name}.tgz"
        if not cloud.dry_run:
            jobs.pack(job, archive)
        cloud.run(commands.send(job.node, archive, archive.name))
    cloud.run(commands.on_node(job.node, "unpack", job.name))


def fetch(cloud, job, echo=True):
    """Brings a training home; what was there stays until all of it has come."""
    with tempfile.TemporaryDirectory() as scratch:
        archive = pathlib.Path(scratch) / f"{job.name}.tgz"
        cloud.run(commands.on_node(job.node, "pack", job.name), echo)
        cloud.run(commands.bring(job.node, archive.name, archive), echo)
        if not cloud.dry_run:
            jobs.take_in(job, archive)
