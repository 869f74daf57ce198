"""Estimates of any program, in folders: scored, and shown in tables."""

import pathlib

from Evaluating import listening
from Evaluating.run import FLOOR, USUAL, oracles_named
from Schema import InputError
from Scores import aggregate, folders, systems, tables
from Scores import report as page


def main(estimates, reference, output, workers=None, named=USUAL):
    """Scores a folder of estimates.

    Args:
      estimates: Folder of `<track>/<source>.wav`.
      reference: Folder of the same names; perhaps also of `<track>/mixture.wav`.
      output: Folder of `<track>.json`, results.csv, table.md, table.tex and
        report.html.
      workers: Processes that score; None: one a core.
      named: Oracles that are scored beside it and the mixture.

    Returns:
      Mean SI-SDR above the mixture in dB, of all sources of all tracks.

    Raises:
      InputError: If one of the folders is not named or holds no tracks, or if no track
        could be scored.
    """
    for knob, folder in (("estimates", estimates), ("reference", reference)):
        if folder is None:
            raise InputError(
                f"{knob} is not set: `python Evaluate.py with estimates=DIR "
                "reference=DIR output=DIR` compares two folders"
            )
    oracles = oracles_named(named)
    tracks = folders.pairs(reference, estimates)
    system = pathlib.Path(estimates).resolve().name
    system = f"{system} (estimates)" if system in oracles else system
    told = system, oracles, folders.LIMIT, workers
    scores, failures, warnings, before = folders.evaluate(tracks, output, *told)
    if before:
        print(f"{before} of {len(tracks)} tracks are scored already")
    for name, lines in warnings.items():
        print(f"{name}: {'; '.join(lines)}")
    for name, error in failures.items():
        print(f"not scored: {name}: {error}")
    if len(failures) == len(tracks):
        raise InputError(f"none of the {len(tracks)} tracks could be scored; see above")
    summary = aggregate.aggregate(scores, FLOOR)
    caption = tables.caption(summary) + left_out(tracks, failures)
    output = pathlib.Path(output)
    tables.write_all(output, "table", summary.rows, caption)
    done = [pair for pair in tracks if pair.name not in failures]
    page.write(
        *(output / "report.html", summary, scores, listening.of_pairs(done, system)),
        {"estimates": str(estimates), "reference": str(reference)},
        title=system,
        caption=caption,
    )
    gain = systems.mean_improvement(scores, system, FLOOR)
    print(f"tables, scores and report.html: {output}")
    print(f"SI-SDR above the mixture: {gain:.2f} dB, mean of all sources of all tracks")
    return gain


def left_out(tracks, failures):
    """What a caption says of tracks and sources that are not in the table."""
    text = f" Tracks found: {len(tracks)}, scored: {len(tracks) - len(failures)}."
    if failures:
        text += f" Not scored: {', '.join(failures)}."
    more = sorted({source for pair in tracks for source in pair.more})
    if more:
        text += f" Estimates without a reference: {', '.join(more)}."
    return text
