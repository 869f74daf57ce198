"""One network of an experiment: trained by the verb, scored, and its result kept."""

import pathlib
import shutil
import time
import traceback

import Config
import Prepare
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


def prepared(home, data, visual=None, keep_raw=True):
    """The folder of a corpus' records; these are made if they are not there yet.

    Args:
      home: Folder of records, options.json and settings.json, by which it is known.
      data: The data section, without places.
      visual: The visual section; None: nobody is seen.
      keep_raw: Whether the raw pieces stay, in `raw`.
    """
    told, wanted = home / "settings.json", [data, visual]
    if told.exists() and Utils.read_json(told) == wanted:
        return home
    shutil.rmtree(home, ignore_errors=True)
    places = {"raw": str(home / "raw"), "records": str(home)}
    sections = {"data": data | places} | ({"visual": visual} if visual else {})
    Utils.write_json(home / "options.json", sections)
    verb(Prepare, home / "options.json")
    if not keep_raw:
        shutil.rmtree(home / "raw")
    Utils.write_json(told, wanted)
    return home


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
