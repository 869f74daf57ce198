"""Comparisons of runs as text for a terminal, and as Markdown."""

import re
import textwrap

import numpy as np

WIDTH = 100  # columns of a terminal that captions are wrapped to
TITLES = ("tracks", "mean", "interval", "medians", "interval", "ahead", "p", "p (Holm)")


def caption(differences, confidence=0.95):
    """States what the numbers are, in one paragraph.

    Args:
      differences: Of `comparison.compare`.
      confidence: That was given to it.
    """
    percent = f"{100 * confidence:g} %"
    parts = [
        "Paired over tracks, in dB: first minus second.",
        f"mean: of the differences of tracks, with its {percent} bootstrap interval; "
        "medians: difference of the medians over tracks, with the same.",
        "ahead: tracks in which the first scores higher.",
        "p: two-sided sign-flip test of the mean; p (Holm): corrected for all "
        "comparisons of a metric, the rows 'mean' among themselves.",
        f"real: p (Holm) of at most {1 - confidence:.3g}.",
        "Rows 'mean': each track counts once, with the mean of its sources.",
    ]
    left_out = max((d.left_out for d in differences), default=0)
    if left_out:
        parts.append(
            f"Up to {left_out} tracks of a row are left out, for want of a finite "
            "score in both systems."
        )
    return " ".join(parts)


def markdown(differences, caption=""):
    """A Markdown table, a line a pair, metric and source; ends with a newline."""
    titles = ["metric", "first", "second", "source", *TITLES, "verdict"]
    lines = [
        "| " + " | ".join(titles) + " |",
        "| --- | --- | --- | --- |" + " ---: |" * len(TITLES) + " --- |",
    ]
    for d in differences:
        names = [_escaped(n) for n in (d.metric, d.first, d.second, d.source)]
        if d.is_mean:
            names[-1] = f"*{names[-1]}*"
        lines.append("| " + " | ".join([*names, *_cells(d), d.verdict]) + " |")
    return "\n".join(lines) + "\n" + (f"\n{_escaped(caption)}\n" if caption else "")


def text(differences, caption=""):
    """An aligned table: a heading a metric and pair, a line a source."""
    body = [
        (d, [f"  {_one_line(d.source)}", *_cells(d), d.verdict]) for d in differences
    ]
    head = ["", *TITLES, "verdict"]
    widths = [max(map(len, column)) for column in zip(head, *(c for _, c in body))]

    def line(cells):
        first, *numbers, last = cells
        shown = [cell.rjust(width) for cell, width in zip(numbers, widths[1:])]
        return "  ".join([first.ljust(widths[0]), *shown, last]).rstrip()

    lines, heading = [line(head), "-" * len(line(head))], None
    for d, cells in body:
        if (d.metric, d.first, d.second) != heading:
            heading = d.metric, d.first, d.second
            lines.append(f"{d.metric}: {_one_line(d.first)} - {_one_line(d.second)}")
        lines.append(line(cells))
    lines += textwrap.wrap(_one_line(caption), WIDTH, break_on_hyphens=False)
    return "\n".join(lines) + "\n"


def _cells(d):
    return [
        str(d.tracks),
        _decibels(d.mean),
        _interval(d.mean_interval),
        _decibels(d.medians),
        _interval(d.medians_interval),
        f"{d.ahead}/{d.tracks}",
        _probability(d.p),
        _probability(d.p_holm),
    ]


def _decibels(value):
    if not np.isfinite(value):
        return "-"
    return f"{value:+.2f}"


def _interval(ends):
    if not np.all(np.isfinite(ends)):
        return "-"
    return f"{ends[0]:+.2f} to {ends[1]:+.2f}"


def _probability(p):
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _one_line(text):
    return " ".join(str(text).split())


def _escaped(text):
    return re.sub(r"([\\|*_`<\[])", r"\\\1", _one_line(text))
