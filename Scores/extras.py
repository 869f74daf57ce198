"""Small tables below the table of scores: absent sources, and published figures."""

import dataclasses
import html

import numpy as np

import Pages
from Scores import anchors, pes, texts


@dataclasses.dataclass(frozen=True)
class Extra:
    """A table of texts.

    Attributes:
      title: Of the table.
      titles: Of the columns.
      rows: Tuples of texts, one a column.
      left: How many columns are names and stand to the left.
      note: What a reader must know.
    """

    title: str
    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int
    note: str

    def text(self):
        """Aligned, for a terminal."""
        columns = list(zip(self.titles, *self.rows))
        widths = [max(map(texts.width, column)) for column in columns]
        lines = [
            "  ".join(
                texts.left(cell, width) if k < self.left else texts.right(cell, width)
                for k, (cell, width) in enumerate(zip(row, widths))
            ).rstrip()
            for row in (self.titles, *self.rows)
        ]
        return "\n".join([self.title, *lines, *texts.wrapped(self.note)]) + "\n"

    def markdown(self):
        """The same in Markdown."""
        sides = [" --- |" if k < self.left else " ---: |" for k in range(self.width)]
        cells = [[texts.escaped(cell) for cell in row] for row in self.rows]
        lines = [f"| {' | '.join(row)} |" for row in (self.titles, *cells)]
        table = "\n".join([lines[0], f"|{''.join(sides)}", *lines[1:]])
        return f"**{self.title}**\n\n{table}\n\n{texts.escaped(self.note)}\n"

    def latex(self):
        """The same in LaTeX, with booktabs."""
        sides = "l" * self.left + "r" * (self.width - self.left)
        lines = [
            " & ".join(
                texts.latex(cell) if k < self.left else texts.latex_number(cell)
                for k, cell in enumerate(row)
            )
            + r" \\"
            for row in (self.titles, *self.rows)
        ]
        head = [r"\begin{table}", r"\centering", rf"\begin{{tabular}}{{{sides}}}"]
        foot = [r"\bottomrule", r"\end{tabular}"]
        below = rf"\caption{{{texts.latex(f'{self.title}. {self.note}')}}}"
        body = [r"\toprule", lines[0], r"\midrule", *lines[1:]]
        return "\n".join([*head, *body, *foot, below, r"\end{table}"]) + "\n"

    def page(self):
        """The same for a page: heading, table and note."""
        table = Pages.table(self.titles, self.rows, self.left)
        note = f'<p class="told">{html.escape(self.note)}</p>'
        return f"<h2>{html.escape(self.title)}</h2>{table}{note}"

    @property
    def width(self):
        """Number of columns."""
        return len(self.titles)


def silence(systems):
    """What is heard of sources that are absent, and in the pauses of the others.

    Args:
      systems: {system: {track: TrackScores}}; those without energy at silence are left
        out.

    Returns:
      Extra, or None if no source was ever silent where an estimate was made.
    """
    rows = []
    for system, of in systems.items():
        found = [one.silence for one in of.values() if one.silence is not None]
        for source in dict.fromkeys(name for one in found for name in one.names):
            for absent in (True, False):
                told = pes.table_mean(found, source, absent)
                if told[0] is not None:
                    leak = _leak(found, source) if absent else "-"
                    what = "absent" if absent else "pauses"
                    rows.append((system, source, what, *_cells(*told), leak))
    if not rows:
        return None
    titles = (
        "system",
        "source",
        "where",
        "tracks",
        "frames",
        "at floor",
        "PES",
        "leak",
    )
    return Extra(
        "Energy where a source is silent",
        titles,
        tuple(rows),
        3,
        "PES, dB: energy of the estimate in frames in which the source is silent, "
        f"mean over frames, then over tracks; less is better, {pes.FLOOR:g} is none. "
        "At floor: frames without any. Leak, dB: energy of the estimate of an absent "
        "source above that of the mixture, mean over tracks. PES sums over the samples "
        "of a frame: figures compare at one sample rate, window and scale only.",
    )


def _cells(mean, tracks, frames, at_floor):
    return str(tracks), str(frames), str(at_floor), f"{mean:.1f}"


def _leak(found, source):
    """Mean leak of a source over the tracks in which it is absent."""
    values = [one.leak_of(source) for one in found if source in one.absent]
    values = [value for value in values if np.isfinite(value)]
    return f"{np.mean(values):.1f}" if values else "-"


def published(protocol):
    """Published figures of a protocol, and plain SNR beside `musdb-v4`.

    Args:
      protocol: Its name.

    Returns:
      Extra, or None if nobody published any.
    """
    names = [protocol, *(["snr"] if protocol == "musdb-v4" else [])]
    rows = []
    for name in names:
        for anchor in anchors.anchors(name):
            for source, metrics in anchor.figures.items():
                if name == "snr":
                    metrics = {"SNR": metrics["SDR"]}
                shown = [_figure(metrics.get(m)) for m in (*FIGURES, "SNR")]
                told = "; ".join(
                    part for part in (anchor.reported_in, anchor.note) if part
                )
                rows.append((anchor.system, anchor.data_set, source, told, *shown))
    if not rows:
        return None
    titles = ("system", "data", "source", "from", *FIGURES, "SNR")
    return Extra(
        f"Published, by {protocol}",
        titles,
        tuple(rows),
        4,
        "As their authors give them, of the data named, which need not be the tracks "
        "above; an empty cell was not published.",
    )


FIGURES = ("SDR", "SIR", "SAR")


def _figure(value):
    return "" if value is None else f"{value:.2f}"


def below(scores, protocol):
    """The tables that follow the table of scores: energy at silence, published figures.

    Args:
      scores: {system: {track: TrackScores}}.
      protocol: Its name.

    Returns:
      List of `Extra`.
    """
    some = next(one for of in scores.values() for one in of.values())
    # Nobody published figures of another silence than the protocol's own.
    known = None if "silence" in some.protocol else published(protocol)
    return [extra for extra in (silence(scores), known) if extra]
