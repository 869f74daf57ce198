"""Rows of scores as text for a terminal, as Markdown, LaTeX and CSV."""

import csv
import sys

import numpy as np

import Utils
from Scores import bss_eval_v3, museval_file, protocols, si_sdr, texts
from Scores.aggregate import COLUMNS, WHOLE
from Scores.track import METRICS


def caption(summary):
    """States what the numbers of a `Summary` are, in one paragraph."""
    parts = [
        f"Scores in dB of {summary.tracks} tracks at "
        f"{' and '.join(map(str, summary.sample_rates))} Hz.",
        _of_protocol(summary.protocol),
        f"SI-SDR, SNR: {si_sdr.CONVENTION}; mean over tracks. SI-SDRi: gain in SI-SDR "
        f"over {summary.floor!r}, track by track.",
    ]
    if summary.protocol.get("over_tracks") == "pooled":
        parts.append("mean: over all segments of all sources.")
    else:
        parts.append("mean: of the rows of sources, each counts once.")
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
    return " ".join([*parts, f"Frames: {'; '.join(frames)}.", _versions(summary)])


def _versions(summary):
    """Of those whose numbers these are, or would be."""
    if summary.protocol["family"] == bss_eval_v3.FAMILY:
        oracle = f"mir_eval {bss_eval_v3.version()}"
    else:
        oracle = f"museval {summary.protocol.get('museval') or museval_file.version()}"
    return f"Versions: {oracle}, NumPy {np.__version__}."


def _of_protocol(how):
    """One sentence: whose numbers, of which frames, and what becomes of these."""
    name, metrics = how.get("name"), how.get("metrics", METRICS)
    told = f"{', '.join(metrics)}: {f'{name}, ' if name else ''}{how['family']} "
    window = f"{how['window_seconds']:.4g} s every {how['hop_seconds']:.4g} s"
    if how["family"] == "museval v4":
        told += f"(BSSEval v4), windows of {window}"
    else:
        rate = how["sample_rate"]
        samples = round(how["window_seconds"] * rate)
        told += f"(BSSEval v3), segments of {samples} samples at {rate} Hz mono"
    frames, tracks = (how.get(key, "median") for key in ("over_frames", "over_tracks"))
    if tracks == "pooled":
        told += ", mean over the segments of all tracks"
    else:
        told += f", {frames} over frames, then {tracks} over tracks"
    told += "; sources present only."
    if how["family"] != "museval v4" or how.get("silence") == "source":
        told += " A source that is silent in a frame loses its own score there."
    if protocols.ACCOMPANIMENT in how.get("targets", ()):
        told += (
            " Vocals are scored with their accompaniment, as museval does; it is no "
            "part of the mean."
        )
    return told


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


def not_scored(failures):
    """Says in a caption which tracks failed, of {track: why}, and why."""
    told = "; ".join(f"{track} ({why})" for track, why in failures.items())
    return f" Not scored: {told}." if told else ""


def families(rows):
    """{metric family: its columns}, in order; families never share a column."""
    name = rows[0].protocol if rows else protocols.USUAL
    known = protocols.PROTOCOLS.get(name)
    metrics = tuple(c for c in _titles(rows)[1:] if c not in WHOLE)
    found = {known.family if known else name: metrics}
    return found | {"SI-SDR": WHOLE[:2], "SNR": WHOLE[2:]}


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
    body = [(row, texts.one_line(row.source), _cells(row, marks)) for row in rows]
    titles = _titles(rows)
    first = max([texts.width(source) for _, source, _ in body] + [8]) + 2
    widths = [
        max([len(c)] + [texts.width(cells[c]) for *_, cells in body]) for c in titles
    ]
    ends = np.cumsum([1, *map(len, families(rows).values())])

    def line(source, cells):
        shown = [texts.right(cell, width) for cell, width in zip(cells, widths)]
        parts = ["  ".join(shown[a:b]) for a, b in zip([0, *ends], ends)]
        return " | ".join([texts.left(source, first), *parts]).rstrip()

    header = line("", titles)
    lines, system = [header, "-" * texts.width(header)], None
    for row, source, cells in body:
        if row.system != system:
            system = row.system
            lines.append(texts.one_line(system))
        lines.append(line(f"  {source}", [cells[c] for c in titles]))
    lines.append("-" * texts.width(header))
    for text in (*marks.lines(), caption):
        lines += texts.wrapped(text)
    return "\n".join(lines) + "\n"


def table_markdown(rows, caption=""):
    """The same as a Markdown table, a line a system and source."""
    marks, titles = _Footnotes(), _titles(rows)
    lines = [
        "| system | source | " + " | ".join(titles) + " |",
        "| --- | --- |" + " ---: |" * len(titles),
    ]
    for row in rows:
        cells = _cells(row, marks)
        shown = [texts.escaped(row.system), texts.escaped(row.source)]
        if row.is_mean:
            shown = [f"*{cell}*" for cell in shown]
        lines.append("| " + " | ".join([*shown, *(cells[c] for c in titles)]) + " |")
    notes = [texts.escaped(note) for note in marks.lines()]
    below = [text for text in (*notes, texts.escaped(caption)) if text]
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
        name = "" if row.system == system else texts.latex(row.system)
        source = texts.latex(row.source)
        source = rf"\emph{{{source}}}" if row.is_mean else source
        signed = map(texts.latex_number, cells)
        lines.append(" & ".join([name, source, *signed]) + r" \\")
        system = row.system
    lines += [r"\bottomrule", r"\end{tabular}"]
    below = " ".join(texts.latex(text) for text in (caption, *notes) if text)
    lines += [rf"\caption{{{below}}}"] * bool(below)
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def shown(rows):
    """What every form of a table shows of each row after system and source.

    Returns:
      (titles, [(row, [cell])], [footnote]).
    """
    marks = _Footnotes()
    body = [(row, list(_cells(row, marks).values())) for row in rows]
    return _titles(rows), body, marks.lines()


def write_all(folder, name, rows, caption, extras=()):
    """Writes results.csv, `<name>.md` and `<name>.tex`, and prints the tables.

    Args:
      folder: Of the files.
      name: Of those in Markdown and LaTeX.
      rows: Of `aggregate.aggregate(...).rows`.
      caption: Text below the table.
      extras: `Scores.extras.Extra`s that follow it.
    """
    write_csv(folder / "results.csv", rows)
    with Utils.write_aside(folder / f"{name}.tex") as aside:
        parts = [table_latex(rows, caption), *(extra.latex() for extra in extras)]
        aside.write_text("\n".join(parts), "utf-8")
    show(folder / f"{name}.md", rows, caption, extras)


def show(path, rows, caption, extras=()):
    """Writes tables as Markdown and prints them, on a terminal with means bold."""
    with Utils.write_aside(path) as aside:
        parts = [table_markdown(rows, caption), *(e.markdown() for e in extras)]
        aside.write_text("\n".join(parts), "utf-8")
    if sys.stdout.isatty():
        from Scores import screen

        screen.show(rows, caption)
    else:
        print(table_text(rows, caption))
    for extra in extras:
        print(extra.text())


def write_csv(path, rows):
    """Writes one line a system, source and metric family, aside first.

    The numbers of the other family, and numbers that do not exist, are empty; the
    column "notes" says why.
    """
    with Utils.write_aside(path) as aside:
        with open(aside, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(
                ["system", "source", "is_mean", "protocol", "family", "tracks"]
                + ["frames_kept", "frames_dropped", *COLUMNS, "notes"]
            )
            for row in rows:
                for family, columns in families(rows).items():
                    writer.writerow(_csv_line(row, family, columns))


def _csv_line(row, family, columns):
    values = [row.values[c] if c in columns else None for c in COLUMNS]
    shown = ["" if value is None else f"{value:.5f}" for value in values]
    notes = "; ".join(f"{c}: {row.notes[c]}" for c in columns if c in row.notes)
    return [
        *(row.system, row.source, int(row.is_mean), row.protocol, family, row.tracks),
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


def _titles(rows):
    return ("tracks", *(rows[0].values if rows else COLUMNS))


def _cells(row, marks):
    """What is shown of a row: {title: text}."""
    cells = {"tracks": str(row.tracks)}
    for column, value in row.values.items():
        cells[column] = "-" if value is None else _decibels(value)
        if column in row.notes:
            cells[column] += " " + marks.mark(row.notes[column])
    return cells


def _decibels(value):
    text = f"{value:.2f}"
    return "0.00" if text == "-0.00" else text
