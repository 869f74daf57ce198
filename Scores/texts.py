"""Text for terminals, Markdown and LaTeX."""

import re
import textwrap
import unicodedata

WIDTH = 100  # columns of a terminal that text fits if names allow


def wrapped(text):
    """Lines of at most `WIDTH` columns; none of an empty text."""
    return textwrap.wrap(one_line(text), WIDTH, break_on_hyphens=False)


def one_line(text):
    """Without line breaks and other characters that move the cursor."""
    return "".join(
        " " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in str(text)
    )


def escaped(text):
    """For a cell of Markdown."""
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


def latex(text):
    """For LaTeX."""
    return "".join(LATEX.get(c, c) for c in one_line(text))


def latex_number(cell):
    """A cell for LaTeX, where a hyphen is neither a minus sign nor a dash."""
    sign = re.match("-(?=[0-9])|-$|- ", cell)
    if sign is None:
        return latex(cell)
    told = "$-$" if cell[1:2].isdigit() else "--"
    return told + latex(cell[1:])


def width(text):
    """Columns that a terminal gives to a text."""
    return sum(
        0
        if unicodedata.combining(c) or unicodedata.category(c) in ("Mn", "Me", "Cf")
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )


def left(text, columns):
    """Padded to a number of columns."""
    return text + " " * (columns - width(text))


def right(text, columns):
    """The same, to the right."""
    return " " * (columns - width(text)) + text
