"""Tables: aligned, complete, and without a bare "nan"."""

import collections
import csv
import io
import re

import pytest
from rich.console import Console

from Scores import screen
from Scores.aggregate import COLUMNS, Row, Summary
from Scores.bss_eval import protocol
from Scores.tables import (
    caption,
    families,
    show,
    table_latex,
    table_markdown,
    table_text,
    write_csv,
)
from Scores.texts import WIDTH
from Scores.track import METRICS

SILENT = "no track has one (the estimate is silent throughout)"


def row(system, source, start=1.0, **other):
    values = {c: start + i for i, c in enumerate(COLUMNS)}
    fields = dict(is_mean=source == "mean", notes={}, tracks=3, kept=17, dropped=2)
    return Row(system, source, values=values, **{**fields, **other})


ROWS = [
    row("mixture", "vn", -7.004),
    row("mixture", "mean", -0.001),
    row("wave_u_net", "vn", 305.123),
    Row(
        "wave_u_net",
        "double bass",
        False,
        dict.fromkeys(COLUMNS),
        dict.fromkeys(COLUMNS, SILENT),
        tracks=1,
        kept=9,
        dropped=2,
    ),
    row("wave_u_net", "mean", 2.0, notes={"SDR": "mean of 1 of 2 sources"}),
]


def bars(line):
    return [i for i, c in enumerate(line) if c == "|"]


def table_lines(text):
    return [line for line in text.splitlines() if "|" in line]


def test_the_columns_of_the_text_are_aligned_and_fit_a_terminal():
    lines = table_text(ROWS).splitlines()
    header, *body = table_lines(table_text(ROWS))
    assert all(bars(line) == bars(header) and len(bars(line)) == 4 for line in body)
    assert max(map(len, lines)) <= WIDTH
    assert not any(line != line.rstrip() for line in lines)
    assert len(body) == len(ROWS)
    assert [line for line in lines if line in ("mixture", "wave_u_net")] == [
        "mixture",
        "wave_u_net",
    ]


def test_the_families_stand_apart_in_the_text():
    header = table_lines(table_text(ROWS))[0]
    shown = [part.split() for part in header.split("|")]
    expected = [["tracks"], list(METRICS), ["SI-SDR", "SI-SDRi"], ["SNR"]]
    assert shown == [[], *expected]


def test_numbers_are_decibels_with_two_decimals():
    first, second, third, *_ = table_lines(table_text(ROWS))[1:]
    assert first.replace("|", " ").split() == (
        ["vn", "3", "-7.00", "-6.00", "-5.00", "-4.00", "-3.00", "-2.00", "-1.00"]
    )
    assert second.replace("|", " ").split()[2:4] == ["0.00", "1.00"]  # never -0.00
    assert "305.12" in third


@pytest.mark.parametrize("table", [table_text, table_markdown])
def test_a_missing_number_is_a_dash_with_a_footnote(table):
    text = table(ROWS, "A caption.")
    line = next(line for line in table_lines(text) if "double bass" in line)
    assert line.count("- (1)") == len(COLUMNS)
    assert text.count(SILENT) == 1
    assert f"(1) {SILENT}" in text.splitlines()
    assert "(2) mean of 1 of 2 sources" in text.splitlines()
    assert "2.00 (2)" in text
    assert "nan" not in text.lower() and "none" not in text.lower()
    assert text.endswith("A caption.\n")


def test_wide_and_combining_characters_keep_the_columns_aligned():
    wide, accented = "ヴァイオリン", "ce\u0301lesta"  # 12 and 7 columns of a terminal
    rows = [row("système", wide), row("système", accented), row("système", "vn")]
    text = table_text(rows).replace(wide, "x" * 12).replace("e\u0301", "e")
    header, *body = table_lines(text)
    assert all(bars(line) == bars(header) for line in body)


def test_names_cannot_break_a_table():
    rows = [row("a|b\nc", "*x*\r"), row("a|b\nc", "mean")]
    assert "a|b c" in table_text(rows).splitlines()
    header, rule, *body = table_lines(table_markdown(rows))
    assert len(body) == 2 and r"a\|b c" in body[0] and r"\*x\*" in body[0]
    unescaped = [len(bars(line.replace(r"\|", ""))) for line in [header, rule, *body]]
    assert set(unescaped) == {len(COLUMNS) + 4}


def test_markdown_has_a_line_a_row_with_every_number():
    lines = table_lines(table_markdown(ROWS))
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in lines]
    assert cells[0] == ["system", "source", "tracks", *COLUMNS]
    assert cells[2] == ["mixture", "vn", "3"] + [f"{i - 7:.2f}" for i in range(7)]
    assert cells[3][:2] == ["*mixture*", "*mean*"]
    assert len(cells) == 2 + len(ROWS)


def test_csv_has_a_line_a_system_source_and_family(tmp_path):
    path = tmp_path / "out" / "results.csv"
    write_csv(path, [*ROWS, row('"quoted", ヴ', "vn")])
    with open(path, newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    keys = [(x["system"], x["source"], x["family"]) for x in lines]
    assert len(set(keys)) == len(keys) == 3 * (len(ROWS) + 1)
    assert keys[-1] == ('"quoted", ヴ', "vn", "SNR")
    for line in lines:
        for family, columns in families(ROWS).items():
            if family != line["family"]:
                assert all(line[c] == "" for c in columns)
    assert float(lines[0]["SDR"]) == -7.004 and float(lines[1]["SI-SDRi"]) == -2.004
    assert (lines[0]["frames_kept"], lines[0]["frames_dropped"]) == ("17", "2")
    silent = [x for x in lines if x["source"] == "double bass"]
    assert silent[0]["SDR"] == "" and f"SDR: {SILENT}" in silent[0]["notes"]
    assert f"SI-SDRi: {SILENT}" in silent[1]["notes"]
    assert {x["is_mean"] for x in lines if x["source"] == "mean"} == {"1"}


def latex_cells(text):
    """The cells of the lines between the rules of a LaTeX table."""
    body = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
    lines = [line for line in body.splitlines() if line.endswith(r"\\")]
    lines = [re.split(r"(?<!\\)&", line.removesuffix(r"\\")) for line in lines]
    return [[cell.strip() for cell in line] for line in lines]


def test_latex_has_a_line_a_row_and_a_rule_a_system():
    text = table_latex(ROWS, "A caption.")
    header, *body = latex_cells(text)
    assert header == ["system", "source", "tracks", *COLUMNS]
    assert {len(line) for line in body} == {len(header)} and len(body) == len(ROWS)
    assert body[0][:4] == ["mixture", "vn", "3", "$-$7.00"]
    assert body[1][:4] == ["", r"\emph{mean}", "3", "0.00"]
    assert body[3][2:4] == ["1", "-- (1)"]
    assert text.count(r"\midrule") == 2 and text.count("{lrrr") == 0
    assert rf"\begin{{tabular}}{{ll{'r' * 8}}}" in text
    assert rf"\caption{{A caption. (1) {SILENT} (2) mean of 1 of 2 sources}}" in text
    assert text.startswith("\\begin{table}\n") and text.endswith("\\end{table}\n")
    assert r"\caption" not in table_latex(ROWS[:1])


@pytest.mark.parametrize(
    "name, safe",
    [
        ("wave_u_net", r"wave\_u\_net"),
        ("50 % & #1 $x", r"50 \% \& \#1 \$x"),
        (r"a\b{c}", r"a\textbackslash{}b\{c\}"),
        ("~x^2", r"\textasciitilde{}x\textasciicircum{}2"),
        ("<[a|b]>", r"\textless{}{[}a\textbar{}b{]}\textgreater{}"),
        ('say "a"\n', "say {''}a{''} "),
        ("ヴ é", "ヴ é"),
    ],
)
def test_names_are_safe_in_latex(name, safe):
    (line,) = latex_cells(table_latex([row(name, name)], name))[1:]
    assert line[:2] == [safe.strip()] * 2
    assert rf"\caption{{{safe}}}" in table_latex([row("a", "b")], name)


def on_screen(rows, text="", width=100):
    file = io.StringIO()
    screen.show(rows, text, Console(file=file, width=width, force_terminal=True))
    return file.getvalue()


def test_a_terminal_shows_every_row_its_notes_and_bold_means():
    shown = on_screen(ROWS, "A caption.")
    plain = re.sub(r"\x1b\[[\d;]*m", "", shown)
    lines = [line.split() for line in plain.splitlines()]
    numbers = ["-7.00", "-6.00", "-5.00", "-4.00", "-3.00", "-2.00", "-1.00"]
    assert ["vn", "3", *numbers] in lines
    assert lines.count(["mixture"]) == lines.count(["wave_u_net"]) == 1
    assert sum(line[:1] == ["mean"] for line in lines) == 2
    bold = [line for line in shown.splitlines() if "\x1b[1m" in line and "mean" in line]
    assert len(bold) == 2
    assert f"(1) {SILENT}" in plain and "A caption." in plain
    assert max(map(len, plain.splitlines())) <= 100


def test_names_are_no_markup_on_a_terminal():
    assert "[red]x[/red]" in on_screen([row("[red]x[/red]", "vn")])
    assert "\x1b[2J" not in on_screen([row("a\x1b[2Jb", "vn")])


def test_what_is_no_terminal_gets_plain_text(tmp_path, capsys, monkeypatch):
    show(tmp_path / "results.md", ROWS, "A caption.")
    said = capsys.readouterr().out
    assert said == table_text(ROWS, "A caption.") + "\n"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    show(tmp_path / "results.md", ROWS, "A caption.")
    assert "─" in capsys.readouterr().out
    text = (tmp_path / "results.md").read_text("utf-8")
    assert text == table_markdown(ROWS, "A caption.")


def summary(**other):
    counts = collections.Counter({f"reference of s{i}": 9 - i for i in range(6)})
    fields = dict(
        rows=ROWS,
        tracks=44,
        sample_rates=(22050,),
        protocol={**protocol(hop_seconds=0.5), "museval": "9.8.7"},
        silent={"mixture": collections.Counter(), "wave_u_net": counts},
        shorter=0,
        floor="mixture",
    )
    return Summary(**{**fields, **other})


def test_the_caption_states_the_convention_and_the_counts():
    text = caption(summary())
    for part in (
        "44 tracks at 22050 Hz",
        "museval v4",
        "museval 9.8.7",
        "windows of 1 s every 0.5 s",
        "median over frames, then median over tracks",
        "SI-SDR, SNR: whole track",
        "mean over tracks",
        "over 'mixture'",
        "each counts once",
        "mixture 17 kept, 2 dropped;",
        "wave_u_net 17 kept, 2 dropped (silent: reference of s0 9, ",
        "and 2 more)",
    ):
        assert part in text
    assert "shorter" not in text
    assert "3 tracks are shorter than a window" in caption(summary(shorter=3))


def test_the_caption_is_wrapped_below_the_text():
    lines = table_text(ROWS, caption(summary())).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert " ".join(lines).endswith(caption(summary()))


def test_a_table_without_rows_has_its_header():
    assert "SI-SDRi" in table_text([]) and "SI-SDRi" in table_markdown([])
