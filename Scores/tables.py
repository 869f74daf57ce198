"""Rows of scores as text for a terminal, as Markdown, LaTeX and CSV."""

import csv
import re
import sys
import textwrap
import unicodedata

import Utils
from Scores import si_sdr
from Scores.aggregate import COLUMNS
from Scores.track import METRICS

WIDTH = 100  # columns of a terminal that the text fits if names allow
FAMILIES = {  # metric family: its columns; families never share one
    "museval v4": METRICS,
    "SI-SDR": ("SI-SDR", "SI-SDRi"),
}


def caption(summary):
    """States what the numbers of a `Summary` are, in one paragraph."""
    how = summary.protocol
    parts = [
        f"Scores in dB of {summary.tracks} tracks at {summary.sample_rate} Hz.",
        f"SDR, ISR, SIR, SAR: museval v4 (BSSEval v4 of museval {how['museval']}), "
        f"windows of {how['window_seconds']:g} s every {how['hop_seconds']:g} s, "
        "median over frames, then median over tracks; sources present only.",
        f"SI-SDR: {si_sdr.CONVENTION}; mean over tracks. SI-SDRi: gain in SI-SDR over "
        f"{summary.floor!r}, track by track.",
        "mean: of the rows of sources, each counts once.",
    ]
    if summary.shorter:
        parts.append(
            f"{summary.shorter} tracks are shorter than a window and scored as one "
            "frame of their own length."
        )
    frames = [
        f"{row.system} {row.kept} kept, {row.dropped} dropped"
        + _causes(summary.silent[row.system])
        for row in summary.rows
        if row.is_mean
    ]
    return " ".join([*parts, f"Frames: {'; '.join(frames)}."])


def given(conditions, without):
    """Says in a caption which conditions a model was given.

    Args:
      conditions: Their names.
      without: {condition: tracks that lack it}.
    """
    text = f" The model is given: {', '.join(conditions) or 'nothing'}."
    for condition, tracks in without.items():
        if condition in conditions and tracks:
            text += f" No {condition} was given of {', '.join(tracks)}."
    return text


def _causes(silent, shown=4):
    """The sources that were silent most often in dropped frames."""
    told = [f"{who} {n}" for who, n in silent.most_common(shown)]
    if len(silent) > shown:
        told.append(f"and {len(silent) - shown} more")
    return f" (silent: {', '.join(told)})" if told else ""


def table_text(rows, caption=""):
    """An aligned table for a terminal: a heading a system, a line a source.

    Args:
      rows: Of `aggregate.aggregate(...).rows`.
      caption: Text below the table, see `caption`.

    Returns:
      Text that ends with a newline.
    """
    marks = _Footnotes()
    body = [(row, one_line(row.source), _cells(row, marks)) for row in rows]
    first = max([_width(source) for _, source, _ in body] + [8]) + 2
    widths = [
        max([len(c)] + [_width(cells[c]) for *_, cells in body]) for c in _titles()
    ]

    def line(source, cells):
        shown = [_right(cell, width) for cell, width in zip(cells, widths)]
        families = ["  ".join(shown[:1]), "  ".join(shown[1:5]), "  ".join(shown[5:])]
        return " | ".join([_left(source, first), *families]).rstrip()

    header = line("", _titles())
    lines, system = [header, "-" * _width(header)], None
    for row, source, cells in body:
        if row.system != system:
            system = row.system
            lines.append(one_line(system))
        lines.append(line(f"  {source}", [cells[c] for c in _titles()]))
    lines.append("-" * _width(header))
    for text in (*marks.lines(), one_line(caption)):
        lines += textwrap.wrap(text, WIDTH, break_on_hyphens=False)
    return "\n".join(lines) + "\n"


def table_markdown(rows, caption=""):
    """The same as a Markdown table, a line a system and source."""
    marks = _Footnotes()
    lines = [
        "| system | source | " + " | ".join(_titles()) + " |",
        "| --- | --- |" + " ---: |" * len(_titles()),
    ]
    for row in rows:
        cells = _cells(row, marks)
        shown = [_escaped(row.system), _escaped(row.source)]
        if row.is_mean:
            shown = [f"*{cell}*" for cell in shown]
        lines.append("| " + " | ".join([*shown, *(cells[c] for c in _titles())]) + " |")
    notes = [_escaped(note) for note in marks.lines()]
    below = [text for text in (*notes, _escaped(caption)) if text]
    return "\n\n".join(["\n".join(lines), *below]) + "\n"


def table_latex(rows, caption=""):
    r"""The same as a LaTeX table; the preamble needs \usepackage{booktabs}."""
    titles, body, notes = shown(rows)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\begin{{tabular}}{{ll{'r' * len(titles)}}}",
        r"\toprule",
        " & ".join(["system", "source", *titles]) + r" \\",
    ]
    system = None
    for row, cells in body:
        if row.system != system:
            lines.append(r"\midrule")
        name = "" if row.system == system else _latex(row.system)
        source = _latex(row.source)
        source = rf"\emph{{{source}}}" if row.is_mean else source
        # A hyphen is neither a minus sign nor a dash.
        signed = [re.sub("^-(?=[0-9])", "$-$", cell) for cell in cells]
        signed = [re.sub("^-", "--", cell) for cell in signed]
        lines.append(" & ".join([name, source, *signed]) + r" \\")
        system = row.system
    lines += [r"\bottomrule", r"\end{tabular}"]
    below = " ".join(_latex(text) for text in (caption, *notes) if text)
    lines += [rf"\caption{{{below}}}"] * bool(below)
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def shown(rows):
    """What every form of a table shows of each row after system and source.

    Returns:
      (titles, [(row, [cell])], [footnote]).
    """
    marks = _Footnotes()
    body = [(row, list(_cells(row, marks).values())) for row in rows]
    return _titles(), body, marks.lines()


def write_all(folder, name, rows, caption):
    """Writes results.csv, `<name>.md` and `<name>.tex`, and prints the table.

    Args:
      folder: Of the files.
      name: Of those in Markdown and LaTeX.
      rows: Of `aggregate.aggregate(...).rows`.
      caption: Text below the table.
    """
    write_csv(folder / "results.csv", rows)
    with Utils.write_aside(folder / f"{name}.tex") as aside:
        aside.write_text(table_latex(rows, caption), "utf-8")
    show(folder / f"{name}.md", rows, caption)


def show(path, rows, caption):
    """Writes a table as Markdown and prints it, on a terminal with its means bold."""
    with Utils.write_aside(path) as aside:
        aside.write_text(table_markdown(rows, caption), "utf-8")
    if sys.stdout.isatty():
        from Scores import screen

        screen.show(rows, caption)
    else:
        print(table_text(rows, caption))


def write_csv(path, rows):
    """Writes one line a system, source and metric family, aside first.

    The numbers of the other family, and numbers that do not exist, are empty; the
    column "notes" says why.
    """
    with Utils.write_aside(path) as aside:
        with open(aside, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(
                ["system", "source", "is_mean", "family", "tracks"]
                + ["frames_kept", "frames_dropped", *COLUMNS, "notes"]
            )
            for row in rows:
                for family, columns in FAMILIES.items():
                    writer.writerow(_csv_line(row, family, columns))


def _csv_line(row, family, columns):
    values = [row.values[c] if c in columns else None for c in COLUMNS]
    shown = ["" if value is None else f"{value:.5f}" for value in values]
    notes = "; ".join(f"{c}: {row.notes[c]}" for c in columns if c in row.notes)
    return [
        *(row.system, row.source, int(row.is_mean), family, row.tracks),
        *(row.kept, row.dropped, *shown, notes),
    ]


class _Footnotes:
    """Numbers the notes, each text once."""

    def __init__(self):
        self._numbers = {}

    def mark(self, text):
        number = self._numbers.setdefault(text, len(self._numbers) + 1)
        return f"({number})"

    def lines(self):
        return [f"({n}) {text}" for text, n in self._numbers.items()]


def _titles():
    return ("tracks", *COLUMNS)


def _cells(row, marks):
    """What is shown of a row: {title: text}."""
    cells = {"tracks": str(row.tracks)}
    for column in COLUMNS:
        value = row.values[column]
        cells[column] = "-" if value is None else _decibels(value)
        if column in row.notes:
            cells[column] += " " + marks.mark(row.notes[column])
    return cells


def _decibels(value):
    text = f"{value:.2f}"
    return "0.00" if text == "-0.00" else text


def one_line(text):
    """Without line breaks and other characters that move the cursor."""
    return "".join(
        " " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in str(text)
    )


def _escaped(text):
    text = one_line(text).replace("\\", "\\\\")
    for character in "|*_`<[":
        text = text.replace(character, "\\" + character)
    return text


LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}"},
    **{"^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}"},
    **{"|": r"\textbar{}", '"': "{''}", "[": "{[}", "]": "{]}"},
}


def _latex(text):
    return "".join(LATEX.get(c, c) for c in one_line(text))


def _width(text):
    """Columns that a terminal gives to a text."""
    return sum(
        0
        if unicodedata.combining(c) or unicodedata.category(c) in ("Mn", "Me", "Cf")
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )


def _left(text, width):
    return text + " " * (width - _width(text))


def _right(text, width):
    return " " * (width - _width(text)) + text
