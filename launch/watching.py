"""A training on a node from its start to its end, over preemptions."""

import shlex
import time

from launch import commands, nodes
from launch.gcloud import LostError
from Schema import InputError

# SIGINT, SIGTERM, and a node on which it has not begun.  Not SIGKILL: that is who ran
# out of memory, and would again.
CUT_OFF = ("ended 130", "ended 143", "absent")


def begin(cloud, job, poll, fresh):
    """Starts a training, or goes on with it, on a node that may have to be made.

    Args:
      cloud: gcloud.Cloud.
      job: jobs.Job.
      poll: Seconds between two looks at a node that is awaited.
      fresh: Whether the training has not been started before.
    """
    nodes.up(cloud, job.node, poll)
    nodes.prepare(cloud, job.node)
    there = word(cloud, job)
    if fresh and there not in ("", "absent"):  # "": of a dry run
        raise InputError(
            f"{job.node.name} holds a training {job.name} that {job.folder.parent} "
            "does not know: name its folder with --runs, or delete the TPU first"
        )
    if fresh and not cloud.dry_run:
        job.write()  # from now on `run --name` goes on with it
    if not fresh and there in ("", "absent"):
        print(f"resume  {job.name} from what was brought home", flush=True)
        nodes.send(cloud, job)
    words = job.name, job.runs, *job.overrides
    cloud.run(commands.on_node(job.node, "start", *words))


def follow(cloud, job, every, poll, retry):
    """Watches a training until it has ended; brings it home again and again.

    Args:
      cloud: gcloud.Cloud.
      job: jobs.Job that was started.
      every: Seconds between two looks.
      poll: Seconds between two looks at a node that is awaited.
      retry: How often at most it is started again.

    Raises:
      InputError: If it failed, or was cut off too often.
    """
    while True:
        told = status(cloud, job)
        if cloud.dry_run:
            nodes.fetch(cloud, job)
            return
        if told == "ended 0":
            nodes.fetch(cloud, job)
            job.ended = True
            job.write()
            print(f"done    {job.folder}")
            word = shlex.quote(f"run={job.folder}")
            print(f"next    python Evaluate.py with {word}")
            return
        if told == "running":
            try:
                nodes.fetch(cloud, job, echo=False)
                print(f"home    {last_line(job)}", flush=True)
            except LostError:
                pass  # it may be taken away just now: the next look tells
        elif told == "gone" or told in CUT_OFF:
            retry = again(cloud, job, poll, retry, told)
        elif told in ("stopped", "deleted"):
            raise InputError(
                f"{job.node.name} was {told} while {job.name} was trained there; go on "
                f"with `python launch/tpu.py run --name={job.node.name}`"
            )
        elif told != "unreachable":
            nodes.fetch(cloud, job)
            raise InputError(
                f"{job.name} failed ({told.removeprefix('ended ')}): {last_line(job)}; "
                f"all of it is in {job.folder}/log.txt"
            )
        time.sleep(every)


def again(cloud, job, poll, retry, told):
    """Starts a training that was cut off again; returns how often that may be."""
    if retry < 1:
        raise InputError(
            f"{job.name} was cut off ({told}) and --retry is used up; go on with "
            f"`python launch/tpu.py run --name={job.node.name}`"
        )
    print(f"cut off {job.name} ({told}); {retry - 1} more times after this", flush=True)
    try:
        begin(cloud, job, poll, fresh=False)
    except LostError as error:  # once more, at the next look
        print(f"lost    {error}", flush=True)
    return retry - 1


def status(cloud, job):
    """How a training is: node.sh's word, or what became of its node."""
    sight = nodes.look(cloud, job.node)
    lost = {"gone": "gone", "failed": "gone", "stopped": "stopped", "absent": "deleted"}
    if sight.state in lost and not cloud.dry_run:
        return lost[sight.state]  # of those who were taken away, a request is left
    try:
        return word(cloud, job)
    except LostError as error:
        print(f"wait    {error}", flush=True)
        return "unreachable"


def word(cloud, job):
    """What node.sh says of a training: "running", "ended STATUS" or "absent"."""
    asked = commands.on_node(job.node, "state", job.name)
    return cloud.run(asked, echo=cloud.dry_run).strip().rpartition("\n")[2]


def last_line(job):
    """The last thing that the log says that was brought home."""
    path = job.folder / "log.txt"
    text = path.read_text("utf-8", "replace") if path.exists() else ""
    lines = [line.strip() for line in text.replace("\r", "\n").split("\n")]
    return next((line for line in reversed(lines) if line), "an empty log")
