"""What a sweep finds on the disk: which runs have ended, how, and how well.

SWEEP/COMBINATION/seed-1/job.json   what was asked for, and what failed
                         log.txt    what Training.py and Evaluate.py wrote
                         1/, 2/     runs (Sacred), each resumed from the one before
"""

import csv
import dataclasses
import datetime
import hashlib
import pathlib

import Utils
from launch import going_on
from Learning import history
from Schema import InputError

LINES = 3  # of a log, that are shown of a failure
# Knobs of the loss that validates: with others, its numbers are other things.
JUDGED = ("loss", "source_order", "absent_sources")


@dataclasses.dataclass(frozen=True)
class Look:
    """How a job is.

    Attributes:
      stage: "new", "cut off", "failed" or "trained".
      run: Folder of its newest run, or None.
      resumed: Folder of the newest run that has a state, or None.
      scores: results.csv of its evaluation, or None.
      told: The last lines of the log, of what failed.
      unscored: Whether it is trained and its evaluation failed.
    """

    stage: str
    run: pathlib.Path | None = None
    resumed: pathlib.Path | None = None
    scores: pathlib.Path | None = None
    told: str = ""
    unscored: bool = False


def look(job, evaluation=None):
    """Looks how a job is.

    Args:
      job: `sweep_plan.Job`.
      evaluation: Words of Evaluate.py, or None: any evaluation counts.

    Raises:
      InputError: If its folder holds a training of other words.
    """
    note, run, resumed = noted(job), newest(job), going_on.newest(job.folder)
    old = note.get("words", list(job.words)), note.get("files", files(job))
    if old != (list(job.words), files(job)):
        if not resumed and not has_ended(run):
            return Look("new")  # nothing came of the other
        changed = [name for name in files(job) if old[1].get(name) != files(job)[name]]
        told = f", with another {changed[0]}" if changed else ""
        raise InputError(
            f"{job.folder} holds a training `{' '.join(old[0])}`{told}; this one is "
            f"`{' '.join(job.words)}`: name another --folder, or remove that one"
        )
    failed, scored = note.get("failed"), note.get("evaluation") or {}
    if has_ended(run):
        same = evaluation is None or scored.get("words") == list(evaluation)
        same = same and scored.get("run") == run.name
        found = job.folder / scored["results"] if scored.get("results") else None
        lost = scored.get("failed") if same else None
        there = same and found is not None and found.exists()
        return Look(
            *("trained", run, resumed, found if there else None),
            *(lost or "", bool(lost)),
        )
    status = said(run, "run.json").get("status")
    if failed is None and status == "FAILED":  # while no sweep looked
        failed = last_lines(job)
    if failed is not None:
        return Look("failed", run, resumed, told=failed)
    return Look("new" if run is None else "cut off", run, resumed)


def files(job):
    """{JSON file of a configuration: a digest of it}."""
    names = [name for name in job.words if "=" not in name and name.endswith(".json")]
    found = {name: pathlib.Path(name).read_bytes() for name in names}
    return {name: hashlib.sha256(found[name]).hexdigest()[:16] for name in found}


def noted(job):
    """What job.json says."""
    path = job.folder / "job.json"
    return Utils.read_json(path) if path.exists() else {}


def note(job, **told):
    """Writes job.json anew, with what is told in place of what was."""
    old = {key: value for key, value in noted(job).items() if key not in told}
    told = {"words": list(job.words)} | old | told
    Utils.write_json(job.folder / "job.json", told)


def newest(job):
    """Folder of the newest run, or None."""
    return max(runs_of(job), key=lambda path: int(path.name), default=None)


def said(run, name):
    """A JSON file of a run; {} where there is none, or half of one."""
    try:
        return Utils.read_json(run / name) if run is not None else {}
    except InputError:
        return {}


def has_ended(run):
    """Whether a training came to its own end."""
    if said(run, "run.json").get("status") != "COMPLETED":
        return False
    return all((run / name).exists() for name in ("history.csv", "checkpoint"))


def last_lines(job, n=LINES):
    """The last lines of a job's log, without those of a progress bar, in one."""
    path = job.folder / "log.txt"
    text = path.read_bytes().decode("utf-8", "replace") if path.exists() else ""
    text = text[text.rfind("\n$ ") + 1 :].partition("\n")[2]  # after its command
    lines = [line.rpartition("\r")[2].strip() for line in text.split("\n")]
    return " / ".join([line for line in lines if line][-n:]) or "an empty log"


def epochs(run):
    """(Epochs that a run has, epochs that it may have or None)."""
    most = said(run, "config.json").get("training", {}).get("max_epochs")
    rows = table(run)
    return len(rows), most


def table(run):
    """The rows of a run's history; [] where there is none yet."""
    try:
        return history.read(run / "history.csv") if run is not None else []
    except FileNotFoundError:
        return []


def numbers(job, look):
    """What the table shows of a trained run.

    Args:
      job: `sweep_plan.Job`.
      look: Its `Look`.

    Returns:
      {column: number}; a number that there is not is left out.
    """
    rows = table(look.run)
    best = [row for row in rows if row.get("best") == "True"] or rows
    found = {"epochs": len(rows)}
    if best and best[-1].get("validation_loss"):
        found["validation_loss"] = float(best[-1]["validation_loss"])
    spans = [seconds(said(run, "run.json")) for run in runs_of(job)]
    if None not in spans:
        found["seconds"] = sum(spans)
    step = taken = spent = 0
    for row in rows:
        if float(row.get("steps_per_second") or 0) > 0:
            taken += int(row["step"]) - step
            spent += (int(row["step"]) - step) / float(row["steps_per_second"])
        step = int(row["step"])
    if spent:
        found["steps_per_second"] = taken / spent
    return found | (scores(look) if look.scores else {})


def runs_of(job):
    """Folders of all runs, in any order."""
    return [path for path in job.folder.glob("*") if path.name.isdigit()]


def seconds(told):
    """Of a run.json: how long it ran, as far as it is known; None: it is not."""
    begun, ended = told.get("start_time"), told.get("stop_time")
    ended = ended or told.get("heartbeat") or begun
    if not begun:
        return None
    first, last = (datetime.datetime.fromisoformat(when) for when in (begun, ended))
    return (last - first).total_seconds()


def scores(look):
    """{"SI-SDRi": dB, "SDR urmp-v4": dB}: the mean row of the model."""
    model, found = said(look.run, "checkpoint/model.json").get("model"), {}
    with open(look.scores, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["system"] != model or row["is_mean"] != "1":
                continue
            if row.get("SI-SDRi"):
                found["SI-SDRi"] = float(row["SI-SDRi"])
            if row.get("SDR"):
                kind = row.get("protocol") or row["family"]
                found[f"SDR {kind}"] = float(row["SDR"])
    return found


def newest_scores(run):
    """The results.csv that was written last in a run's folder, or None."""
    found = list(run.glob("evaluation/*/results.csv"))
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def judged(look):
    """What the validation loss of a run depends on, besides its model."""
    told = said(look.run, "config.json")
    data = {
        key: value
        for key, value in told.get("data", {}).items()
        if key not in ("raw", "records")
    }
    knobs = {key: told.get("training", {}).get(key) for key in JUDGED}
    return {"data": data, **{f"training.{key}": knobs[key] for key in knobs}}
