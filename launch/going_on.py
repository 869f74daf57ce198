"""Starts Training.py, or goes on with it where an earlier start was cut off.

    python launch/going_on.py FOLDER with urmp data.records=records

FOLDER is that of one training, on a disk or in a bucket (gs://BUCKET/runs/NAME): its
runs are FOLDER/1, FOLDER/2, ..., each resumed from the one before.  The first start
takes the words as they are; a later one resumes the newest run that has a state, with
the configuration that is stored there.  Used by launch/node.sh and launch/slurm.sh,
which start the same line again and again.
"""

import pathlib
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def newest(folder):
    """Folder of the newest run that can be resumed, or None.

    Args:
      folder: A path whose folders with numbers for names are runs.
    """
    runs = [path for path in folder.glob("*") if path.name.isdigit()]
    runs.sort(key=lambda path: int(path.name), reverse=True)
    return next((run for run in runs if list(run.glob("checkpoint/state*"))), None)


def newest_there(folder):
    """`newest` of a bucket, by a process that ends.

    TensorFlow looks there, and on a TPU's machine who imports it holds the TPU.
    """
    code = "import sys, Remote; from launch import going_on\n"
    code += "print(going_on.newest(Remote.path(sys.argv[1])) or '')"
    words = [sys.executable, "-c", code, folder]
    told = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if told.returncode:
        sys.exit(f"going_on.py: {folder} could not be looked into")
    return told.stdout.strip() or None


def command(folder, words, python=sys.executable):
    """Command line of this start.

    Args:
      folder: Of the training.
      words: What follows Training.py at the first start.
      python: Interpreter.

    Returns:
      List of words.
    """
    is_there = "://" in str(folder)
    run = newest_there(folder) if is_there else newest(pathlib.Path(folder))
    if run is not None:
        words = ["with", f"resume={run}"]
    return [python, "Training.py", *words, "-F", str(folder)]


def main(argv):
    """Runs it, hands signals on, and returns its exit status."""
    if not argv or argv[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if argv else 2
    folder = argv[0] if "://" in argv[0] else pathlib.Path(argv[0]).absolute()
    words = command(folder, argv[1:])
    print("$", *words, flush=True)
    process, told = subprocess.Popen(words, cwd=ROOT), []

    def hand_on(*_):
        """Asks Training.py to save its state and stop."""
        told.append(True)
        if process.poll() is None:
            process.terminate()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, hand_on)
    status = process.wait()
    # Who was asked to stop has not finished, whatever the child made of it.
    return 143 if told and status else status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
