"""Trainings that were sent away: their folders here, and the archives in between.

runs/NAME-1/ is a training on the TPU NAME: job.json says what was asked for; beside it
stands what was brought home: log.txt and the runs 1/, 2/, ... each resumed from the
one before.
"""

import dataclasses
import pathlib
import re
import shutil
import subprocess
import tarfile

import Utils
from launch import commands
from Schema import InputError

ROOT = pathlib.Path(__file__).resolve().parents[1]
LEFT_OUT = ("runs", "records", "data", "demo", "separated")


@dataclasses.dataclass
class Job:
    """A training.

    Attributes:
      folder: Here.
      node: `commands.Node` that it is meant for.
      overrides: What follows Training.py.
      ended: Whether it has come to its end.
      bucket: Folder of runs that outlive the node, as gs://BUCKET/runs, or None.
    """

    folder: pathlib.Path
    node: commands.Node
    overrides: list
    ended: bool = False
    bucket: str | None = None

    @property
    def name(self):
        """Of the folder, here and there."""
        return self.folder.name

    @property
    def runs(self):
        """The folder that the node writes runs into."""
        return f"{self.bucket}/{self.name}" if self.bucket else f"runs/{self.name}"

    def write(self, folder=None):
        """Writes job.json."""
        told = {"node": dataclasses.asdict(self.node), "overrides": self.overrides}
        told |= {"ended": self.ended, "bucket": self.bucket}
        path = (folder or self.folder) / "job.json"
        with Utils.write_aside(path) as aside:
            Utils.write_json(aside, told)


def numbered(home, name):
    """[(number, folder)] of the jobs of a TPU, the newest last."""
    found = [
        (int(path.name.rpartition("-")[2]), path)
        for path in pathlib.Path(home).glob(f"{name}-*")
        if re.fullmatch(re.escape(name) + r"-\d+", path.name)
        and (path / "job.json").exists()
    ]
    return sorted(found)


def new(home, node, overrides, bucket=None):
    """A job with the next free number; nothing is written.

    Raises:
      InputError: If the bucket is none.
    """
    if bucket is not None and not re.fullmatch(r"gs://[a-z0-9][^\s]*", bucket):
        raise InputError(
            f"--bucket={bucket}: name a folder of one, as gs://BUCKET/runs"
        )
    bucket = bucket and bucket.rstrip("/")
    last = max((number for number, _ in numbered(home, node.name)), default=0)
    folder = pathlib.Path(home) / f"{node.name}-{last + 1}"
    return Job(folder, node, list(overrides), bucket=bucket)


def newest(home, name):
    """The last job of a TPU.

    Raises:
      InputError: If there is none.
    """
    found = numbered(home, name)
    if not found:
        raise InputError(
            f"{home} has no training of a TPU {name}; start one with "
            f"`python launch/tpu.py run --name={name} -- with CONFIGURATION`"
        )
    folder = found[-1][1]
    told = Utils.read_json(folder / "job.json")
    node = commands.Node(**told["node"])
    return Job(folder, node, told["overrides"], told["ended"], told.get("bucket"))


def take_in(job, archive):
    """Puts what a node packed in place of what was brought home before."""
    with Utils.write_aside(job.folder) as aside:
        with tarfile.open(archive) as file:
            safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            file.extractall(aside.parent / "unpacked", **safe)
        shutil.move(aside.parent / "unpacked" / job.name, aside)
        job.write(aside)


def pack(job, archive):
    """Packs what was brought home, for a new node."""
    with tarfile.open(archive, "w:gz") as file:
        file.add(job.folder, arcname=job.name)


def pack_code(archive, root=ROOT):
    """Packs the files that git tracks and new sources; without git, all there are.

    Args:
      archive: File to write.
      root: The repository.

    Returns:
      Number of files.
    """
    listed = b""
    if (root / ".git").exists() and shutil.which("git"):
        git = ["git", "-C", str(root), "ls-files", "-z"]
        sources = ["--others", "--exclude-standard", "--", "*.py", "*.sh"]
        for words in (git, git + sources):
            listed += subprocess.run(words, capture_output=True).stdout
    if listed:
        files = [root / name.decode() for name in listed.split(b"\0") if name]
    else:
        files = [
            path
            for path in sorted(root.rglob("*"))
            if path.relative_to(root).parts[0] not in LEFT_OUT
            and not any(
                part.startswith(".") or part == "__pycache__"
                for part in path.relative_to(root).parts
            )
        ]
    files = [path for path in files if path.is_file()]
    with tarfile.open(archive, "w:gz", compresslevel=1) as file:  # half are weights
        for path in files:
            file.add(path, arcname=str(path.relative_to(root)))
    return len(files)
