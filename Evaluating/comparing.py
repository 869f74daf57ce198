"""Runs that were evaluated on the same tracks: which differences are real."""

import pathlib
import shlex

import Remote
import Utils
from Evaluating.asking import POST_FILTER
from Evaluating.rows import ABLATIONS, ORACLES
from Schema import InputError
from Scores import (
    aggregate,
    comparison,
    comparison_tables,
    protocols,
    store,
    systems,
)


def main(runs, split, output, protocol=protocols.USUAL):
    """Compares runs pair by pair and prints a table.

    Args:
      runs: Two or more folders: of a run that Evaluate.py scored, or of score files.
      split: Of the evaluations.
      output: Folder of comparison.md; made if absent.
      protocol: Name of that of the scores.

    Returns:
      A list of `Scores.comparison.Difference`.

    Raises:
      InputError: If there are fewer than two, one has no scores, or they differ in
        tracks or protocol.
    """
    if len(runs) < 2:
        raise InputError(
            f"runs={list(runs)}: name two or more, as in `python Evaluate.py compare "
            "with \"runs=['runs/1','runs/2']\"`"
        )
    if len(set(runs)) < len(runs):
        raise InputError(f"runs={list(runs)} has one of them twice")
    found = {
        str(run): store.read_folder(scores_of(run, split, protocol)) for run in runs
    }
    differences = comparison.compare(found)
    caption = comparison_tables.caption(differences)
    with Utils.write_aside(pathlib.Path(output) / "comparison.md") as aside:
        aside.write_text(comparison_tables.markdown(differences, caption), "utf-8")
    print(comparison_tables.text(differences, caption))
    print(f"wrote {output}/comparison.md")
    return differences


def scores_of(run, split, protocol=protocols.USUAL):
    """The folder of a run's own scores, or the folder of scores that it is.

    Raises:
      InputError: If there is none, or more than one.
    """
    folder = Remote.here(run)
    is_output = (folder / "table.md").exists()  # of folders of estimates
    if any(folder.glob("*.json")) and not (folder / "config.json").exists():
        is_output = True
    if is_output:
        return folder
    found = [
        path
        for path in sorted(folder.glob(f"evaluation/*/scores/*/{split}"))
        if _is_own(path) and any(path.glob("*.json"))
        if _protocol_of(path) == protocol
    ]
    if not found:
        word = shlex.quote(f"run={run}")
        raise InputError(
            f"{run} has no scores of the split {split} by {protocol}: `python "
            f"Evaluate.py with {word} evaluation.split={split} protocol={protocol}` "
            "makes them"
        )
    if len(found) > 1:
        raise InputError(
            f"{run} was evaluated more than once: name one of "
            f"{', '.join(map(str, found))}"
        )
    return found[0]


def _is_own(path):
    """Whether <system>/<split> are the scores of a model as it is."""
    name = path.parent.name
    rows = [f"-{systems.folder_of(row)}" for row in (*ABLATIONS, POST_FILTER)]
    known = {systems.folder_of(oracle) for oracle in ORACLES}
    return name not in known and not any(row in name for row in rows)


def _protocol_of(path):
    """Name of the protocol of the scores in a folder, or of its family."""
    some = store.read(min(path.glob("*.json")))[0]
    return aggregate.name_of(some.protocol)
