"""Pieces shared out to processes of our own.

A worker is this file run as a script, not a fork of the caller and not a second
import of its `__main__`: it works in a notebook, under Sacred and with TensorFlow's
threads running, and starts in a second.
"""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(folder, numbers, recipe, n_workers, finished):
    """Makes pieces.

    Args:
      folder: Of the corpus.
      numbers: Of the pieces.
      recipe: Their `recording.Recipe`.
      n_workers: Processes; 0: this one.
      finished: Called once after each piece.

    Raises:
      InputError: If a worker fails for a reason that the user can remove.
      RuntimeError: If it fails otherwise; holds the worker's traceback.
    """
    from Datasets.chamber import recording

    if not n_workers:
        for number in numbers:
            recording.make(pathlib.Path(folder), number, recipe)
            finished()
        return
    shares = [numbers[i::n_workers] for i in range(n_workers)]
    shares = [share for share in shares if share]
    running = [_start(folder, share, recipe) for share in shares]
    try:
        with concurrent.futures.ThreadPoolExecutor(len(running)) as pool:
            waits = [pool.submit(_follow, process, finished) for process in running]
            try:
                for wait in concurrent.futures.as_completed(waits):
                    wait.result()
            finally:  # an error or Ctrl-C ends the other workers too
                for process in running:
                    process.terminate()
    finally:
        for process in running:
            process.wait()
            process.stdout.close()


def _start(folder, numbers, recipe):
    """A worker that has been told what to do."""
    process = subprocess.Popen(
        [sys.executable, "-P", __file__],  # -P: our modules' short names shadow nothing
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    )
    task = {"folder": str(pathlib.Path(folder).resolve()), "numbers": numbers}
    json.dump(task | {"recipe": recipe.plain(0)}, process.stdin)
    process.stdin.close()
    return process


def _follow(process, finished):
    """Counts the pieces of a worker until it ends."""
    from Schema import InputError

    lines = []
    for line in process.stdout:
        report = json.loads(line)
        if "error" in report:
            lines.append(report)
        else:
            finished()
    if lines and lines[0]["input"]:
        raise InputError(lines[0]["error"])
    if lines or process.wait():
        what = lines[0]["error"] if lines else f"it ended with {process.returncode}"
        raise RuntimeError(f"a worker of the chamber corpus failed: {what}")


def _bare_package():
    """Stands in for `Datasets`, whose own import would bring in TensorFlow."""
    import types

    package = types.ModuleType("Datasets")
    package.__path__ = [str(ROOT / "Datasets")]
    sys.modules["Datasets"] = package


def _work():
    """The worker: a task on stdin, a line of JSON on stdout for each piece."""
    import signal
    import traceback

    # Ctrl-C reaches everybody; the caller then ends its workers in good order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _bare_package()
    from Datasets.chamber import recording
    from Schema import InputError

    task = json.load(sys.stdin)
    options = {k: v for k, v in task["recipe"].items() if k != "number"}
    options |= {k: tuple(options[k]) for k in ("instruments", "parts", "size")}
    recipe = recording.Recipe(**options)
    try:
        for number in task["numbers"]:
            name = recording.make(pathlib.Path(task["folder"]), number, recipe)
            print(json.dumps({"piece": name}), flush=True)
    except InputError as error:
        print(json.dumps({"error": str(error), "input": True}), flush=True)
        sys.exit(1)
    except Exception:
        print(json.dumps({"error": traceback.format_exc(), "input": False}), flush=True)
        sys.exit(1)


if __name__ == "__main__":
    _work()
