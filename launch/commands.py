"""Command lines of gcloud, as lists; nothing is run here.

Written against Google Cloud CLI 528 (`gcloud compute tpus tpu-vm`,
`gcloud compute tpus queued-resources`).
"""

import dataclasses
import shlex

from launch import sizes

TPUS = ("gcloud", "compute", "tpus")
HOME = "vimss"  # folder of the repository on a node


@dataclasses.dataclass(frozen=True)
class Node:
    """A TPU VM, and the queued resource of the same name that it comes from.

    Attributes:
      name: Of both.
      zone: Such as "us-central1-b"; None: gcloud's own setting.
      project: The same.
      size: Accelerator type, such as "v2-8".
      image: Runtime version.
      tensorflow: Version of tensorflow-tpu.
      spot: Cheaper, and taken away at any time.
      queued: Asked for through the queue; else at once or not at all.
      network: Of the VM, or None.
      data_disk: As gcloud spells it ("source=...,mode=read-only"), or None.
    """

    name: str
    zone: str | None = None
    project: str | None = None
    size: str = "v2-8"
    image: str = "tpu-ubuntu2204-base"
    tensorflow: str = sizes.TENSORFLOW
    spot: bool = False
    queued: bool = True
    network: str | None = None
    data_disk: str | None = None

    def where(self, zone=True):
        """Flags of zone and project."""
        flags = [f"--zone={self.zone}"] if zone and self.zone else []
        return flags + ([f"--project={self.project}"] if self.project else [])


def create(node):
    """Asks for a TPU: in the queue, or for one now."""
    also = [f"--network={node.network}"] if node.network else []
    also += [f"--data-disk={node.data_disk}"] if node.data_disk else []
    also += ["--spot"] if node.spot else []
    if node.queued:
        return [
            *(*TPUS, "queued-resources", "create", node.name, *node.where()),
            *(f"--node-id={node.name}", f"--accelerator-type={node.size}"),
            *(f"--runtime-version={node.image}", *also, "--async", "--quiet"),
        ]
    return [
        *(*TPUS, "tpu-vm", "create", node.name, *node.where()),
        *(f"--accelerator-type={node.size}", f"--version={node.image}", *also),
        "--quiet",
    ]


def delete(node):
    """Removes the queued resource with its node, or the node alone."""
    if node.queued:
        force = ["--force", "--quiet"]
        return [*TPUS, "queued-resources", "delete", node.name, *node.where(), *force]
    return [*TPUS, "tpu-vm", "delete", node.name, *node.where(), "--quiet"]


def stop(node):
    """Stops a VM that was not asked for through the queue."""
    return [*TPUS, "tpu-vm", "stop", node.name, *node.where(), "--quiet"]


def start(node):
    """Starts a stopped VM."""
    return [*TPUS, "tpu-vm", "start", node.name, *node.where(), "--quiet"]


def describe(node, kind):
    """JSON of a "queued-resources" or of a "tpu-vm"."""
    return [*TPUS, kind, "describe", node.name, *node.where(), "--format=json"]


def listing(node, kind):
    """JSON of all of a kind in the node's zone."""
    return [*TPUS, kind, "list", *node.where(), "--format=json"]


def ssh(node, *words, worker="all"):
    """Runs words in the shell of one worker, or of all."""
    return [
        *(*TPUS, "tpu-vm", "ssh", node.name, *node.where()),
        *(f"--worker={worker}", f"--command={shlex.join(words)}", "--quiet"),
    ]


def send(node, here, there):
    """Copies a file of this machine to every worker."""
    return [
        *(*TPUS, "tpu-vm", "scp", str(here), f"{node.name}:{there}"),
        *(*node.where(), "--worker=all", "--quiet"),
    ]


def bring(node, there, here):
    """Copies a file of the first worker to this machine."""
    return [
        *(*TPUS, "tpu-vm", "scp", f"{node.name}:{there}", str(here)),
        *(*node.where(), "--worker=0", "--quiet"),
    ]


def unpack_code(node):
    """Puts the sent repository in place, unless a training is at work in it."""
    script = f"{HOME}/launch/node.sh"
    words = f"if [ -e {script} ]; then bash {script} idle; fi && "
    words += f"mkdir -p {HOME} && tar -xzf {HOME}.tgz -C {HOME}"
    return ssh(node, "bash", "-c", words)


def on_node(node, verb, *words, worker="0"):
    """A verb of node.sh."""
    return ssh(node, "bash", f"{HOME}/launch/node.sh", verb, *words, worker=worker)


def install(node):
    """Makes the environment on every worker, unless it is there."""
    versions = node.tensorflow, sizes.LIBTPU
    return on_node(node, "install", *versions, worker="all")
