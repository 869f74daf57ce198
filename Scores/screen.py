"""Rows of scores on a terminal: rules between systems, means bold, notes below."""

import rich.box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from Scores import tables, texts


def show(rows, caption="", console=None):
    """Prints a table as wide as the terminal lets it be.

    Args:
      rows: Of `aggregate.aggregate(...).rows`.
      caption: Text below the table, see `tables.caption`.
      console: Where to; None: the terminal.
    """
    console = console or Console()
    titles, body, notes = tables.shown(rows)
    table = Table(box=rich.box.SIMPLE_HEAD)
    table.add_column("system, source", overflow="fold")
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    system = None
    for k, (row, cells) in enumerate(body):
        if row.system != system:
            system = row.system
            table.add_row(_text(system))
        last = k + 1 == len(body) or body[k + 1][0].system != system
        style = "bold" if row.is_mean else None
        names = _text(f"  {row.source}")
        table.add_row(names, *map(_text, cells), style=style, end_section=last)
    console.print(table)
    for text in (*notes, caption):
        if text:
            console.print(_text(text), style="dim")


def _text(text):
    """Text, not str: names in brackets are no markup."""
    return Text(texts.one_line(text))
