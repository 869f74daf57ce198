"""One network of an experiment: trained by the verb, scored, and its result kept."""

import pathlib
import shutil
import time
import traceback

import Config
import Training
import Utils
from Console import command_line
from Learning.folder import commit

ROOT = pathlib.Path(__file__).resolve().parents[1]


def verb(module, *words, observed=False, check=None):
    """Runs a verb in this process; exceptions stay as they are."""
    argv = [f"{module.__name__}.py", "with", *map(str, words)]
    sections = (Config.OPTIONAL, Config.SECTIONS)
    return command_line.start(module.ex, observed, argv, *sections, check)


def settings(run):
    """All that a result depends on beside the code, as JSON gives it back."""
    return {**run.sections(), "seed": run.seed}


def finished(run, folder, keep=False):
    """What a run scored, or None if it has to be done (again).

    Args:
      run: Has `name`, `seed` and `sections()`.
      folder: Of all runs.
      keep: Whether a result of another commit counts.
    """
    path = folder / run.name / "result.json"
    told = Utils.read_json(path) if path.exists() else {}
    same = told.get("settings") == settings(run)
    return told if same and (keep or told["commit"] == commit(ROOT)) else None


def execute(run, folder, corpus, score, train=None):
    """Trains and scores one network; writes and returns its result.

    Args:
      run: As of `finished`.
      folder: Of all runs.
      corpus: corpus() -> folder of its records; made if need be.
      score: score(run, folder of the run, folder of its records) -> dict.
      train: train(run, folder of the run, folder of its records); None: the verb does.
    """
    try:
        return _execute(run, folder, corpus, score, train or by_verb)
    except Exception:
        print(run.name, flush=True)
        traceback.print_exc()
        raise


def by_verb(run, path, home):
    """Trains a network by Training.py, as its sections say."""
    sections = run.sections()
    sections["data"] = {**sections["data"], "records": str(home)}
    Utils.write_json(path / "options.json", sections)
    words = [path / "options.json", f"seed={run.seed}"]
    verb(Training, *words, "-F", path, observed=True)


def _execute(run, folder, corpus, score, train):
    import tensorflow as tf

    tf.keras.backend.clear_session()
    path, home = folder / run.name, corpus()
    shutil.rmtree(path, ignore_errors=True)
    began = time.monotonic()
    train(run, path, home)
    trained = time.monotonic()
    result = {
        **score(run, path, home),
        "training_seconds": round(trained - began, 1),
        "scoring_seconds": round(time.monotonic() - trained, 1),
        "commit": commit(ROOT),
        "settings": settings(run),
    }
    Utils.write_json(path / "result.json", result)
    return result
