"""Runs that were evaluated on the same tracks: which differences are real."""

import pathlib

import Utils
from Evaluating.run import ORACLES
from Schema import InputError
from Scores import comparison, comparison_tables, store


def main(runs, split, output):
    """Compares runs pair by pair and prints a table.

    Args:
      runs: Two or more folders: of a run that Evaluate.py scored, or of score files.
      split: Of the evaluations.
      output: Folder of comparison.md; made if absent.

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
    found = {str(run): store.read_folder(scores_of(run, split)) for run in runs}
    differences = comparison.compare(found)
    caption = comparison_tables.caption(differences)
    with Utils.write_aside(pathlib.Path(output) / "comparison.md") as aside:
        aside.write_text(comparison_tables.markdown(differences, caption), "utf-8")
    print(comparison_tables.text(differences, caption))
    print(f"wrote {output}/comparison.md")
    return differences


def scores_of(run, split):
    """The folder of a run's own scores, or the folder of scores that it is.

    Raises:
      InputError: If there is none, or more than one.
    """
    folder = pathlib.Path(run)
    if any(folder.glob("*.json")) and not (folder / "config.json").exists():
        return folder
    known = {name.replace(" ", "_") for name in ORACLES}
    found = [
        path
        for path in sorted(folder.glob(f"evaluation/*/scores/*/{split}"))
        if path.parent.name not in known and any(path.glob("*.json"))
    ]
    if not found:
        raise InputError(
            f"{run} has no scores of the split {split}: `python Evaluate.py with "
            f"run={run} evaluation.split={split}` makes them"
        )
    if len(found) > 1:
        raise InputError(
            f"{run} was evaluated more than once: name one of "
            f"{', '.join(map(str, found))}"
        )
    return found[0]
