"""Trains on a Cloud TPU: ctpu's verbs on today's queued resources and TPU VMs.

    python launch/tpu.py up     --name vimss --zone us-central1-b --tpu-size v2-8
    python launch/tpu.py run    --name vimss -- with urmp data.records=gs://BUCKET/records
    python launch/tpu.py run    --name vimss        # go on with it, or watch it again
    python launch/tpu.py status --name vimss        # what is there, how it trains
    python launch/tpu.py logs   --name vimss --follow
    python launch/tpu.py fetch  --name vimss        # results into runs/vimss-1/
    python launch/tpu.py pause  --name vimss        # stop the VM, keep its disk
    python launch/tpu.py delete --name vimss
    python launch/tpu.py ls                         # all TPUs of the zone

Every command prints the gcloud commands that it runs (--dry-run: prints them only), and
ends by saying what still costs money.  `run` makes the TPU if there is none, sends the
files that git tracks, installs, starts Training.py so that it outlives the connection,
brings results home while it lasts, and resumes on a new TPU where one was taken away.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import sys

if not __package__:  # run as a file
    sys.path[0] = str(pathlib.Path(__file__).resolve().parents[1])

from launch import commands, costs, jobs, nodes, sizes, watching  # noqa: E402
from launch.gcloud import Cloud, LostError  # noqa: E402
from Schema import InputError  # noqa: E402

# Of ctpu: flags that a TPU VM has no use for, and why.
GONE = {
    "--tpu-only": "a TPU and its VM are one machine now",
    "--vm-only": "a TPU and its VM are one machine now",
    "--preemptible-vm": "one machine now: --preemptible is for both",
    "--machine-type": "the VM of a TPU comes with its size",
    "--disk-size-gb": "a TPU VM's own disk has 100 GB; add one with --data-disk",
    "--gce-image": "images are those of TPUs: --runtime-version",
    "--use-dl-images": "images are those of TPUs: --runtime-version",
    "--gcp-network": "it is called --network",
    "--forward-ports": "TensorBoard reads what `fetch` brings home",
    "--forward-agent": "the repository is sent, nothing is cloned there",
    "--noconf": "nothing is asked: --dry-run shows what would be done",
    "--require-permissions": "a TPU VM reads gs:// as its own service account",
    "--print-welcome": "--help says it all",
}


def parser():
    """Of the command line."""
    both, made, run = (argparse.ArgumentParser(add_help=False) for _ in range(3))
    add = both.add_argument
    user = os.environ.get("USER", "vimss")
    add("--name", default=user, help="of the TPU (default: %(default)s)")
    add("--zone", help="such as us-central1-b (default: gcloud's)")
    add("--project", help="Google Cloud project (default: gcloud's)")
    add("--dry-run", action="store_true", help="only print what would be run")
    add("--runs", default="runs", help="folder of results here (default: runs)")
    add = made.add_argument
    add("--tpu-size", help="accelerator type (default: v2-8)")
    add("--tf-version", help=f"of tensorflow-tpu (default: {sizes.TENSORFLOW})")
    add("--runtime-version", help="image of the VM (default: by the size)")
    spot = {"dest": "spot", "action": "store_true", "default": None}
    add("--preemptible", "--spot", **spot, help="cheaper; may be taken away any time")
    add("--no-queue", action="store_true", help="now or not at all; can be paused")
    add("--network", help="of the VM (default: default)")
    add("--data-disk", help="as gcloud spells it: source=...,mode=read-only; you mount")
    add("--poll", type=float, default=20, help="seconds between looks in the queue")
    add = run.add_argument
    add("--bucket", help="as gs://BUCKET/runs: keep runs there, too")
    add("--every", type=float, default=300, help="seconds from fetch to fetch")
    add("--retry", type=int, default=20, help="times to make a lost TPU anew")
    add("--delete", action="store_true", help="delete the TPU when it has finished")
    add("words", nargs="*", metavar="-- with ...", help="what follows Training.py")
    looks = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    main = argparse.ArgumentParser("tpu.py", description=__doc__, **looks)
    verbs = main.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, (function, parents, *also) in VERBS.items():
        parents = [{"both": both, "made": made, "run": run}[one] for one in parents]
        told = dict.fromkeys(("help", "description"), function.__doc__.split("\n")[0])
        verb = verbs.add_parser(name, parents=parents, aliases=also, **told)
        verb.set_defaults(function=function)
        if name == "delete":
            verb.add_argument("--discard", action="store_true", help="fetch nothing")
        if name == "logs":
            verb.add_argument("--follow", "-f", action="store_true", help="to its end")
            verb.add_argument("--lines", type=int, default=30, help="the last ones")
    return main


def node_of(args, last=None):
    """The node that flags ask for; what they leave open is as in `last`."""
    asked = {"zone": args.zone, "project": args.project}
    if hasattr(args, "tpu_size"):
        asked |= {"size": args.tpu_size, "spot": args.spot, "network": args.network}
        asked |= {"tensorflow": args.tf_version, "image": args.runtime_version}
        asked |= {"queued": False if args.no_queue else None}
        asked["data_disk"] = args.data_disk
    node = last or commands.Node(sizes.check_name(args.name))
    asked = {key: value for key, value in asked.items() if value is not None}
    if "size" in asked or last is None:
        size = sizes.check_size(asked.get("size", node.size))
        asked = {"image": sizes.image(size)} | asked
    if "tensorflow" in asked:
        asked["tensorflow"] = sizes.check_tensorflow(asked["tensorflow"])
    return dataclasses.replace(node, **asked)


def job_of(args):
    """The last training of a TPU, with the place that flags name."""
    job = jobs.newest(args.runs, args.name)
    job.node = node_of(args, job.node)
    return job


def known(args):
    """The node that a name stands for: that of its last training, but for flags."""
    found = jobs.numbered(args.runs, args.name)
    return node_of(args, jobs.newest(args.runs, args.name).node if found else None)


def up(cloud, args):
    """Ask for a TPU, wait for it, and install VIMSS there."""
    node = node_of(args)
    nodes.up(cloud, node, args.poll)
    nodes.prepare(cloud, node)


def run(cloud, args):
    """Train to the end, over preemptions; without words: go on, or watch again."""
    if args.words:
        node = node_of(args)
        sight = nodes.look(cloud, node)
        if args.tpu_size is None and sight.size:  # `up` has said it
            size = {
                "size": sight.size,
                "image": sizes.image(sizes.check_size(sight.size)),
            }
            node = dataclasses.replace(node, **size, spot=node.spot or sight.spot)
            node = dataclasses.replace(node, queued=sight.queued)
        job = jobs.new(args.runs, node, args.words, args.bucket)
        watching.begin(cloud, job, args.poll, fresh=True)
    else:
        job = job_of(args)
        if args.bucket not in (None, job.bucket):
            raise InputError(
                f"--bucket={args.bucket}: {job.name} keeps its runs in {job.runs}; "
                "leave it out, or start another training, with words after --"
            )
        if job.ended:
            raise InputError(
                f"{job.name} has ended, its results are in {job.folder}; start another "
                f"with `python launch/tpu.py run --name={args.name} -- with ...`"
            )
        if nodes.look(cloud, job.node).state in ("absent", "gone", "stopped"):
            watching.begin(cloud, job, args.poll, fresh=False)
    print(f"train   {job.name}; Ctrl-C ends watching, not the training", flush=True)
    try:
        watching.follow(cloud, job, args.every, args.poll, args.retry)
    except KeyboardInterrupt:
        print(f"\nit goes on; to watch: `python launch/tpu.py run --name={args.name}`")
        return
    if args.delete:
        delete(cloud, args)


def status(cloud, args):
    """Say what there is of a TPU, and how its training is."""
    node = known(args)
    sight = nodes.look(cloud, node)
    if cloud.dry_run:
        return
    kind = " ".join(["spot"] * sight.spot + ["from the queue"] * bool(sight.queued))
    told = f"{sight.state} ({sight.word}) {sight.size or ''} {kind}".strip()
    print(f"tpu     {node.name}: {told}" + (f": {sight.reason}" * bool(sight.reason)))
    if jobs.numbered(args.runs, args.name) and sight.state == "ready":
        job = job_of(args)
        print(f"train   {job.name}: {watching.word(cloud, job)}")


def ls(cloud, args):
    """List the TPUs of the zone, and what they cost (--zone=-: of all zones)."""


def logs(cloud, args):
    """Show what a training has written, --follow it."""
    job = job_of(args)
    follow = ["follow"] * args.follow
    words = commands.on_node(job.node, "logs", job.name, str(args.lines), *follow)
    if cloud.show(words):
        raise InputError(
            f"{args.name} has no such log; {job.folder}/log.txt was brought home"
        )


def fetch(cloud, args):
    """Bring the results of the last training home."""
    job = job_of(args)
    nodes.fetch(cloud, job)
    print(f"home    {job.folder}: {watching.last_line(job)}")


def pause(cloud, args):
    """Stop the VM (made with --no-queue); its disk stays, and costs."""
    node = known(args)
    sight = nodes.look(cloud, node)
    if sight.queued or sight.spot:
        kind = "came from the queue" if sight.queued else "is preemptible"
        raise InputError(
            f"{node.name} {kind}, and such TPUs cannot be stopped: `fetch`, then "
            f"`delete`; later `run --name={node.name}` makes it anew and goes on"
        )
    cloud.run(commands.stop(node))
    print(f"paused  `run --name={node.name}` or `up` goes on; the disk is still billed")


def delete(cloud, args):
    """Bring results home, and delete a TPU, its VM and its place in the queue."""
    node = known(args)
    sight = nodes.look(cloud, node)
    if sight.state == "absent" and not cloud.dry_run:
        print(f"gone    there is no TPU {node.name} in zone {node.zone or '(gcloud)'}")
        return
    if sight.state == "ready" and not getattr(args, "discard", False):
        rescue(cloud, args)
    queued = sight.queued is not False
    cloud.run(commands.delete(dataclasses.replace(node, queued=queued)))


def rescue(cloud, args):
    """Brings home what a node would take with it."""
    if not jobs.numbered(args.runs, args.name):
        return
    job = job_of(args)
    try:
        if not job.ended and watching.word(cloud, job) != "absent":
            nodes.fetch(cloud, job)
            print(f"home    {job.folder}: {watching.last_line(job)}")
    except LostError as error:
        raise InputError(
            f"{job.name} could not be brought home, nothing was deleted: {error}; "
            "`delete --discard` deletes all the same"
        ) from None


VERBS = {
    "up": (up, ("both", "made")),
    "run": (run, ("both", "made", "run")),
    "status": (status, ("both",), "st"),
    "ls": (ls, ("both",), "list"),
    "logs": (logs, ("both",)),
    "fetch": (fetch, ("both",)),
    "pause": (pause, ("both",), "zz"),
    "delete": (delete, ("both",), "rm"),
}


def main(argv):
    """Runs a command line; returns its exit status."""
    for word in argv[: argv.index("--")] if "--" in argv else argv:
        flag = "-" + re.sub("^-+", "-", word.partition("=")[0])  # ctpu takes one hyphen
        if flag in GONE:
            print(f"tpu.py: {flag} of ctpu is gone: {GONE[flag]}", file=sys.stderr)
            return 2
    args, cloud, status = parser().parse_args(argv), None, 0
    try:
        made = args.verb == "up" or getattr(args, "words", None)
        node = node_of(args) if made else known(args)  # before anything is asked
        cloud = Cloud(args.dry_run)
        args.function(cloud, args)
    except InputError as error:
        sys.stdout.flush()
        print(f"tpu.py: {error}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        print("tpu.py: interrupted", file=sys.stderr)
        status = 130
    if cloud is not None:
        costs.tell(cloud, node)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
