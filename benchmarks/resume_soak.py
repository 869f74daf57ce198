"""Whether a training that is killed again and again is the one that never was.

    python -m benchmarks.resume_soak runs/soak           # some 10 minutes
    python -m benchmarks.resume_soak runs/soak --kills 3

Trains a tiny network with dropout, batch statistics, averaged weights and a learning
rate that waits for plateaus: once in one go, and once in a process that gets SIGKILL at
random moments, a third of them as it begins and a third as it writes its state, and is
resumed from its newest run.  Then the digests of both are compared: weights, optimizer,
averages, seeds of dropout, best weights, history.  One of the kills also finds its
newest state with a wrong bit.  Type the same line again to go on where this program was
stopped.
"""

import argparse
import hashlib
import json
import pathlib
import random
import subprocess
import sys
import time

import Config
import Utils
from Learning import history, state
from Learning.folder import RunFolder

ROOT = pathlib.Path(__file__).resolve().parents[1]
MODEL = {"name": "spectrogram_unet", "num_layers": 2, "num_initial_filters": 2}
MODEL |= {"frame_length": 64, "frame_step": 48, "num_frames": 500}
TRAINING = {
    "batch_size": 4,
    "accumulate": 2,
    "learning_rate": 3e-3,
    "schedule": "plateau",
    "learning_rate_decay": 0.5,
    "plateau_epochs": 3,
    "warmup_steps": 50,
    "ema": 0.99,
    "second_stage": 1e-4,
    "patience": 6,
    "steps_per_epoch": 300,
    "save_minutes": 0.01,
}
MOMENTS = "training", "early", "writing"


def prepared(folder, epochs):
    """The file of a configuration whose records exist."""
    options = folder / "options.json"
    if not options.exists():
        places = (f"data.{what}={folder / what}" for what in ("raw", "records"))
        ran("Prepare.py", "with", "chamber_tiny", *places).check_returncode()
        data = Config.NAMED["chamber_tiny"]["data"]
        sections = {"data": {**data, "records": str(folder / "records")}}
        sections |= {"model": MODEL, "training": {**TRAINING, "max_epochs": epochs}}
        Utils.write_json(options, sections)
    return options


def started(*words):
    """A verb in a process of its own."""
    command = [sys.executable, *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=ROOT, **pipes)


def ran(*words):
    """A verb that has ended; what it said of errors is printed."""
    process = started(*words)
    said, _ = process.communicate()
    if process.returncode:
        print(said)
    return subprocess.CompletedProcess(words, process.returncode, said)


def newest(folder):
    """The newest run that can be resumed, or None."""
    runs = [path for path in folder.glob("*") if path.name.isdigit()]
    runs.sort(key=lambda path: int(path.name), reverse=True)
    return next((r for r in runs if state.exists(RunFolder(r).state)), None)


def words_of(folder, options):
    """What follows `python`: from the beginning, or from the newest run."""
    run = newest(folder)
    first = str(options) if run is None else f"resume={run}"
    return ["Training.py", "with", first, "-F", str(folder)]


def kill(folder, options, draw, moment, longest=3.0):
    """Starts the training and kills it; returns what it was doing, None if it ended.

    Args:
      folder: Of the runs.
      options: File of the configuration.
      draw: random.Random.
      moment: "early": once it has the state of the run before; "training": once it has
        written one itself; "writing": the same, and while it writes the next.
      longest: s that it goes on before.
    """
    before = newest(folder)
    process = started(*words_of(folder, options))
    wait, first = draw.uniform(0.0, longest), None
    while process.poll() is None:
        run, now = newest(folder), time.monotonic()
        if first is None and run is not None and run != before:
            if moment == "early" or before is None or is_newer(run, before):
                first = now
        if first is not None and now - first >= wait:
            writing = list(run.glob("checkpoint/.state.npz.*/*"))
            if moment != "writing" or writing:
                process.kill()
                process.communicate()
                return "writing its state" if writing else moment
        time.sleep(0.0005 if moment == "writing" else 0.01)
    said, _ = process.communicate()
    if process.returncode:
        print(said)
    return None


def is_newer(run, before):
    """Whether the state of a run is not just the copy of that before it."""
    files = [RunFolder(path).state for path in (run, before)]
    if not all(file.exists() for file in files):
        return False  # as it is copied
    return files[0].stat().st_mtime_ns > files[1].stat().st_mtime_ns


def epoch_of(run):
    """The epoch that the state of a run is in."""
    path = RunFolder(run).state
    there = path if path.exists() else state.before(path)
    return len(state.read(there).progress["history"]) + 1


def flip(path):
    """Turns one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def soaked(folder, options, kills, seed):
    """Kills as often as asked, then lets the training end; returns the last run."""
    log, runs = folder / "kills.jsonl", folder / "killed"
    done = log.read_text("utf-8").splitlines() if log.exists() else []
    for number in range(len(done), kills):
        draw = random.Random(1000 * seed + number)
        told = kill(runs, options, draw, MOMENTS[number % 3])
        if told is None:
            print(f"it ended after {number} kills: choose another --seed")
            return newest(runs)
        run = newest(runs)
        epoch = epoch_of(run)
        if number == kills // 2 and state.before(RunFolder(run).state).exists():
            flip(RunFolder(run).state)
            told += "; then a bit of its newest state was turned"
        with open(log, "a", encoding="utf-8") as file:
            file.write(json.dumps({"kill": number + 1, "epoch": epoch, "at": told}))
            file.write("\n")
        print(f"kill {number + 1}, epoch {epoch}: {told}", flush=True)
    said = ran(*words_of(runs, options)).stdout
    lines = [row for row in said.splitlines() if row.startswith(("state", "resume"))]
    print("\n".join(lines), flush=True)
    return newest(runs)


def digests(run):
    """{what: SHA-256} of all that a run leaves but its speed."""
    archive, found = state.read(RunFolder(run).state), {}
    for group, arrays in sorted(archive.groups.items()):
        digest = hashlib.sha256()
        for array in arrays:
            digest.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
        found[group] = digest.hexdigest()
    told = dict(archive.progress)
    for row in told["history"]:
        for timing in history.TIMINGS:
            row.pop(timing)
    text = json.dumps(told, sort_keys=True)
    found["progress and history"] = hashlib.sha256(text.encode()).hexdigest()
    checkpoint = Utils.read_json(RunFolder(run).checkpoint / "model.json")
    found["checkpoint"] = checkpoint["weights_sha256"]
    rows = history.read(RunFolder(run).history)
    table = [{k: r[k] for k in r if k not in history.TIMINGS} for r in rows]
    found["history.csv"] = hashlib.sha256(json.dumps(table).encode()).hexdigest()
    return found, told


def once(path, run):
    """The run that a file names; if there is none, run() makes it."""
    if not path.exists():
        Utils.write_json(path, {"run": str(run())})
    return Utils.read_json(path)["run"]


def undisturbed(folder):
    """The run of one go."""
    ran(*words_of(folder / "whole", folder / "options.json")).check_returncode()
    return newest(folder / "whole")


def main(arguments=None):
    """The command line; status 1 if anything differs."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.resume_soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=pathlib.Path, help="for records and runs")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    given, begun = parser.parse_args(arguments), time.monotonic()
    folder = given.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    options = prepared(folder, given.epochs)
    one, progress = digests(once(folder / "whole.json", lambda: undisturbed(folder)))
    stage = progress["begun"]
    print(
        f"whole: {len(progress['history'])} epochs, "
        f"second stage {'never' if stage is None else f'from step {stage}'}, "
        f"{time.monotonic() - begun:.0f} s",
        flush=True,
    )
    told = folder, options, given.kills, given.seed
    other, _ = digests(once(folder / "killed.json", lambda: soaked(*told)))
    for what in one:
        same = "same" if one[what] == other[what] else f"NOT {other[what][:16]}"
        print(f"{what:22} {one[what][:16]} {same}")
    print(f"{time.monotonic() - begun:.0f} s")
    return 0 if one == other else 1


if __name__ == "__main__":
    sys.exit(main())
