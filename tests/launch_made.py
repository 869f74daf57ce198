"""A stand-in for Google Cloud: a program `gcloud`, and nodes that are folders.

Run as a file it is that program: it keeps every command line in argv.jsonl and what
there is in state.json, both in the folder $CLOUD.  `ssh` runs a command in the node's
folder, `scp` copies.  A request is granted at the second look.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Stands in for Training.py on a node: three steps, then waits to be cut off; a run
# that is resumed makes three more and ends.
TRAINING = """
import pathlib, sys, time
words = sys.argv[1:]
folder = pathlib.Path(words[words.index("-F") + 1])
resume = [word[7:] for word in words if word.startswith("resume=")]
if "fail" in words:
    sys.exit("Training.py: data.raw=nowhere does not exist")
run = folder / str(1 + len([p for p in folder.glob("*") if p.name.isdigit()]))
state = run / "checkpoint" / "state.npz"
state.parent.mkdir(parents=True)
old = [pathlib.Path(run) / "checkpoint" / "state.npz" for run in resume]
step = int(old[0].read_text()) if old else 0
for step in range(step + 1, step + 4):
    state.write_text(str(step))
    print(f"step {step}", flush=True)
while not resume:
    time.sleep(0.05)
"""
# Stands in for python3.12 on a node: environments are links to this interpreter.
PYTHON = f"""#!/bin/sh
case "$1 $2" in
"-m venv")
    mkdir -p "$4/bin" && ln -sf "$0" "$4/bin/python" ;;
"-m pip")
    echo "$@" >> "$CLOUD/pip.txt" ;;
"-c import"*) ;;
*) exec {sys.executable} -S -E "$@" ;;
esac
"""
LOST = "ssh: connect to host 10.0.0.2 port 22: Connection timed out"


class Cloud:
    """The stand-in's folder, from the side of a test."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        (self.folder / "bin").mkdir(parents=True)
        (self.folder / "Training.py").write_text(TRAINING)
        self.root = small_repository(self.folder / "repository")
        program = f'#!/bin/sh\nexec {sys.executable} -S -E {__file__} "$@"\n'
        for name, text in (("gcloud", program), ("python3.12", PYTHON)):
            (self.folder / "bin" / name).write_text(text)
            (self.folder / "bin" / name).chmod(0o755)
        self.environment = os.environ | {
            "CLOUD": str(self.folder),
            "OPENBLAS_NUM_THREADS": "1",  # NumPy starts in half the time
            "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin",
        }

    def argv(self):
        """Every command line so far, as one text each."""
        lines = (self.folder / "argv.jsonl").read_text().splitlines()
        return [" ".join(json.loads(line)) for line in lines]

    def preempt(self, name):
        """Takes a node away without a warning, and loses the next `install`."""
        (self.folder / "lose").write_text("node.sh install")
        with alone(self.folder) as state:
            wipe(self.folder, name)
            state["nodes"][name]["state"] = "PREEMPTED"
            state["requests"][name]["state"]["state"] = "SUSPENDED"

    def close(self):
        """Ends whatever runs on a node."""
        for home in (self.folder / "homes").glob("*"):
            wipe(self.folder, home.name)


def small_repository(folder):
    """What launch/ needs of this repository: a fraction of what there is to send."""
    (folder / "launch").mkdir(parents=True)
    for pattern in ("launch/*.*", "Schema.py", "Utils.py", "requirements*.txt"):
        for path in ROOT.glob(pattern):
            shutil.copy(path, folder / path.relative_to(ROOT))
    shutil.copy(ROOT / "constraints.txt", folder)
    (folder / "runs").mkdir()
    (folder / "runs" / "old.txt").write_text("stays here")
    return folder


@contextlib.contextmanager
def alone(folder):
    """Yields the state, and writes it back: one program at a time."""
    with open(folder / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        state = read(folder)
        yield state
        (folder / "state.json").write_text(json.dumps(state))


def read(folder):
    path = folder / "state.json"
    return (
        json.loads(path.read_text()) if path.exists() else {"requests": {}, "nodes": {}}
    )


def wipe(folder, name):
    """Removes a node's folder and ends what runs there."""
    for path in (folder / "homes" / name).glob("vimss/runs/*/process"):
        try:
            os.killpg(int(path.read_text()), signal.SIGKILL)  # of a session of its own
        except ProcessLookupError:
            pass
    shutil.rmtree(folder / "homes" / name, ignore_errors=True)


def refuse(text):
    print(text, file=sys.stderr)
    sys.exit(1)


def node(name, flags, **more):
    size = flags["accelerator-type"]
    spot = {"schedulingConfig": {"spot": True}} if "spot" in flags else {}
    place = f"projects/p/locations/{flags.get('zone')}"
    return {
        "name": f"{place}/nodes/{name}",
        "acceleratorType": size,
        "state": "READY",
    } | (spot | more)


def remote(folder, state, name, run):
    """Does something in a node's folder, if the node is there."""
    if state["nodes"].get(name, {}).get("state") != "READY":
        refuse(LOST)
    home = folder / "homes" / name
    home.mkdir(parents=True, exist_ok=True)
    status = run(home)
    if (home / "vimss").exists():
        shutil.copy(folder / "Training.py", home / "vimss" / "Training.py")
    sys.exit(status)


def shell(folder, state, name, flags):
    words, lose = flags["command"], folder / "lose"
    if lose.exists() and lose.read_text() in words:
        lose.unlink()
        refuse(LOST)
    environment = os.environ | {"HOME": str(folder / "homes" / name)}
    remote(
        folder,
        state,
        name,
        lambda home: (
            subprocess.run(["bash", "-c", words], cwd=home, env=environment).returncode
        ),
    )


def copy(folder, state, paths):
    name = next(path.partition(":")[0] for path in paths if ":" in path)

    def run(home):
        here = [home / p.partition(":")[2] if ":" in p else p for p in paths]
        shutil.copy(*here)
        return 0

    remote(folder, state, name, run)


def make(kind, state, name, flags):
    if name in state["nodes"] or name in state["requests"]:
        refuse(f"ERROR: ALREADY_EXISTS: Resource '{name}' already exists")
    if kind == "tpu-vm":
        state["nodes"][name] = node(name, flags)
        return
    state["requests"][name] = {
        "name": f"projects/p/locations/{flags.get('zone')}/queuedResources/{name}",
        "state": {"state": "WAITING_FOR_RESOURCES"},
        "tpu": {"nodeSpec": [{"node": {"acceleratorType": flags["accelerator-type"]}}]},
        "looks": 0,
        "flags": flags,
    } | ({"spot": {}} if "spot" in flags else {})


def describe(kind, state, name):
    found = state["requests" if kind == "queued-resources" else "nodes"].get(name)
    if found is None:
        refuse(f"ERROR: (gcloud) NOT_FOUND: Resource '{kind}/{name}' was not found")
    if found["state"] == {"state": "WAITING_FOR_RESOURCES"}:
        found["looks"] += 1
        if found["looks"] == 2:
            found["state"] = {"state": "ACTIVE"}
            more = {"queuedResource": found["name"]}
            state["nodes"][name] = node(name, found["flags"], **more)
    print(json.dumps(found))


def main(argv):
    folder = pathlib.Path(os.environ["CLOUD"])
    with open(folder / "argv.jsonl", "a") as file:
        file.write(json.dumps(["gcloud", *argv]) + "\n")
    if (folder / "fail").exists():
        refuse((folder / "fail").read_text())
    kind, verb, *names = argv[2:]
    flags = dict((w[2:] + "=").split("=", 1) for w in names if w.startswith("--"))
    flags = {key: value.removesuffix("=") for key, value in flags.items()}
    names = [word for word in names if not word.startswith("--")]
    if verb == "ssh":
        shell(folder, read(folder), names[0], flags)
    elif verb == "scp":
        copy(folder, read(folder), names)
    with alone(folder) as state:
        change(folder, state, kind, verb, names, flags)


def change(folder, state, kind, verb, names, flags):
    """What gcloud itself does, beside reaching a node."""
    if verb == "create":
        make(kind, state, names[0], flags)
    elif verb == "describe":
        describe(kind, state, names[0])
    elif verb == "list":
        listed = state["requests" if kind == "queued-resources" else "nodes"]
        print(json.dumps(list(listed.values())))
    elif verb == "delete":
        wipe(folder, names[0])
        state["requests"].pop(names[0], None)
        state["nodes"].pop(names[0], None)
    elif verb in ("stop", "start"):
        state["nodes"][names[0]]["state"] = {"stop": "STOPPED", "start": "READY"}[verb]


if __name__ == "__main__":
    main(sys.argv[1:])
