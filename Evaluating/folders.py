"""Estimates of any program, in folders: scored, and shown in tables."""

import functools
import pathlib

from Evaluating import listening, rows
from Evaluating.asking import POST_FILTER
from Models.baselines import wiener
from Schema import InputError
from Scores import aggregate, extras, folder_scores, folders, systems, tables
from Scores import report as page
from Scores.systems import FLOOR


def main(estimates, reference, output, asked, workers=None):
    """Scores a folder of estimates.

    Args:
      estimates: Folder of `<track>/<source>.wav`.
      reference: Folder of the same names; perhaps also of `<track>/mixture.wav`.
      output: Folder of `<track>.json`, results.csv, table.md, table.tex and
        report.html.
      asked: `Evaluating.asking.Asked`.
      workers: Processes that score; None: one a core.

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
    how = how_asked(asked)
    tracks = folders.pairs(reference, estimates)
    system = pathlib.Path(estimates).resolve().name
    system = f"{system} (estimates)" if system in how.oracles else system
    scores, failures, before = folder_scores.evaluate(
        tracks, output, system, how, workers
    )
    if before:
        print(f"{before} of {len(tracks)} tracks are scored already")
    done = [pair for pair in tracks if pair.name not in failures]
    for pair in done:
        if lines := folders.remarks(pair):
            print(f"{pair.name}: {'; '.join(lines)}")
    for name, error in failures.items():
        print(f"not scored: {name}: {error}")
    if len(failures) == len(tracks):
        raise InputError(f"none of the {len(tracks)} tracks could be scored; see above")
    summary = aggregate.aggregate(scores, FLOOR)
    caption = f"{tables.caption(summary)} Engine: {asked.engine}."
    others = folders.unasked(reference, estimates)
    caption += left_out(tracks, failures, asked.protocol, others)
    output = pathlib.Path(output)
    below = extras.below(scores, asked.protocol.name)
    tables.write_all(output, "table", summary.rows, caption, below)
    page.write(
        *(output / "report.html", summary, scores, listening.of_pairs(done, system)),
        {"estimates": str(estimates), "reference": str(reference)},
        **{"title": system, "caption": caption, "extras": below},
    )
    gain = systems.mean_improvement(scores, system, FLOOR)
    print(f"tables, scores and report.html: {output}")
    print(systems.told_improvement(gain))
    return gain


def how_asked(asked):
    """`folder_scores.How` of an `Evaluating.asking.Asked`."""
    oracles, n = rows.oracles_named(asked.oracles), asked.wiener_iterations
    filters = {f"{POST_FILTER} x{n}": functools.partial(wiener.wiener, iterations=n)}
    told = {"filters": filters if n else {}, "engine": asked.engine}
    return folder_scores.How(asked.protocol, oracles, **told)


def left_out(tracks, failures, protocol, others=()):
    """What a caption says of tracks and sources that are not in the table."""
    text = f" Tracks found: {len(tracks)}, scored: {len(tracks) - len(failures)}."
    text += tables.not_scored(failures)
    more = {source for pair in tracks for source in pair.more}
    more = sorted(more - set(protocol.targets or ()))
    if more:
        text += f" Estimates without a reference: {', '.join(more)}."
    if others:
        text += f" Tracks of the estimates without a reference: {', '.join(others)}."
    return text
