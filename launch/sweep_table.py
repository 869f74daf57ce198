"""The table of a sweep: a row a combination, each number with its seeds."""

import csv
import dataclasses
import statistics
import textwrap

import Utils
from launch import sweep_runs

TITLES = {
    "validation_loss": "validation loss",
    "epochs": "epochs",
    "seconds": "s",
    "steps_per_second": "steps/s",
}
PLAIN = ("epochs", "seconds", "steps_per_second")  # shown without their spread
WIDTH = 88  # columns of the text below a table
PARTS = ("mean", "sd", "min", "max", "n")


@dataclasses.dataclass(frozen=True)
class Row:
    """A combination.

    Attributes:
      combination: `sweep_plan.Combination`.
      seeds: How many are asked for.
      trained: How many have been trained to their end.
      numbers: {column: `spread`}.
      notes: (seed, text) of those that failed or wait.
    """

    combination: object
    seeds: int
    trained: int
    numbers: dict
    notes: tuple = ()


def spread(values):
    """{"mean", "sd" (n - 1 degrees of freedom; None of one), "min", "max", "n"}."""
    sd = statistics.stdev(values) if len(values) > 1 else None
    found = statistics.fmean(values), sd, min(values), max(values), len(values)
    return dict(zip(PARTS, found))


def rows(looks):
    """Rows of a table, best first: by SI-SDRi, without it by the validation loss.

    Args:
      looks: [(`sweep_plan.Job`, `sweep_runs.Look`)].
    """
    grouped = {}
    for job, look in looks:
        grouped.setdefault(job.combination, []).append((job, look))
    found = []
    for combination, members in grouped.items():
        columns, notes = {}, []
        for job, look in members:
            if look.stage == "trained":
                for column, value in sweep_runs.numbers(job, look).items():
                    columns.setdefault(column, []).append(value)
            told = note(look)
            if told:
                notes.append((job.seed, told))
        trained = sum(look.stage == "trained" for _, look in members)
        numbers = {column: spread(values) for column, values in columns.items()}
        told = len(members), trained, numbers, tuple(notes)
        found.append(Row(combination, *told))
    return sorted(found, key=_rank)


def note(look):
    """What a row has to say of one seed, or nothing."""
    if look.stage == "failed":
        return f"failed: {look.told}"
    if look.unscored:
        return f"evaluation failed: {look.told}"
    if look.stage == "cut off":
        n, most = sweep_runs.epochs(look.resumed or look.run)
        return f"cut off after {n} of at most {most or '?'} epochs"
    return "" if look.stage == "trained" else "not started"


def _rank(row):
    """Sorts the best first, and what has no number last."""
    gain, loss = row.numbers.get("SI-SDRi"), row.numbers.get("validation_loss")
    return (
        *(gain is None, -gain["mean"] if gain else 0),
        *(loss is None, loss["mean"] if loss else 0),
    )


def columns(rows):
    """The columns that any row has, in order: of scores, the gain first."""
    found = {column: None for row in rows for column in row.numbers}
    scores = sorted(column for column in found if column not in TITLES)
    scores.sort(key=lambda column: column != "SI-SDRi")
    return [column for column in TITLES if column in found] + scores


def cell(column, one):
    """A number as it is shown: mean +- sd [min, max] (n)."""
    if one is None:
        return "-"
    if column in PLAIN:
        return f"{one['mean']:.{0 if column == 'seconds' else 1}f}"
    form = ".4e" if column == "validation_loss" else ".2f"
    text = f"{one['mean']:{form}}"
    if one["sd"] is not None:
        spread = ".1e" if column == "validation_loss" else ".2f"
        text += f" ± {one['sd']:{spread}} [{one['min']:{form}}, {one['max']:{form}}]"
    return f"{text} ({one['n']})"


def cells(rows):
    """(Titles, lines of texts)."""
    shown = columns(rows)
    titles = ["run", "seeds"]
    titles += [TITLES.get(c, c + " dB" * (c == "SI-SDRi")) for c in shown]
    lines = [
        [row.combination.name, f"{row.trained}/{row.seeds}"]
        + [cell(column, row.numbers.get(column)) for column in shown]
        for row in rows
    ]
    return titles, lines


def caption(rows, looks):
    """What the numbers are, and which cannot be compared."""
    text = (
        "Validation loss: of the best epoch; mean ± standard deviation [least, "
        "greatest] (number of seeds). seeds: trained to their end / asked for; the "
        "other numbers are means over the former. s: of training, over all its starts."
    )
    known = columns(rows)
    if "SI-SDRi" in known:
        text += (
            " SI-SDRi, SDR: mean row of the model, dB, as Evaluate.py has them; best "
            "SI-SDRi first."
        )
    elif "validation_loss" in known:
        text += " Lowest validation loss first."
    told = [sweep_runs.judged(look) for _, look in looks if look.stage == "trained"]
    differ = [key for key in (told[0] if told else ()) if _differs(told, key)]
    if differ:
        text += (
            f" These runs differ in {', '.join(differ)}: only rows that share it have "
            "validation losses of one kind"
            + ("." if "SI-SDRi" in known else "; --evaluate compares them all.")
        )
    return text


def _differs(told, key):
    return any(one.get(key) != told[0].get(key) for one in told)


def notes(rows):
    """Lines about seeds that have no numbers."""
    return [
        f"{row.combination.name} seed={seed}: {text}"
        for row in rows
        for seed, text in row.notes
    ]


def text(rows, caption):
    """For a screen."""
    titles, lines = cells(rows)
    widths = [max(map(len, column)) for column in zip(titles, *lines)]
    shown = []
    for line in (titles, *lines):
        first, *others = (one.ljust(width) for one, width in zip(line, widths))
        shown.append("  ".join([first, *others]).rstrip())
    shown.insert(1, "-" * max(map(len, shown)))
    below = textwrap.wrap(caption, WIDTH, break_on_hyphens=False)
    return "\n".join([*shown, "", *below, *notes(rows)]) + "\n"


def markdown(rows, caption):
    """The same as a Markdown table."""
    titles, lines = cells(rows)
    shown = [f"| {' | '.join(titles)} |", "| --- |" + " ---: |" * (len(titles) - 1)]
    for name, *others in lines:
        shown.append(f"| {' | '.join([_code(name), *others])} |")
    listed = [f"- {_code(line)}" for line in notes(rows)]
    return "\n".join([*shown, "", caption, *([""] if listed else []), *listed]) + "\n"


def _code(text):
    """A text that Markdown takes as it is, also in a cell."""
    return f"`{text.replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def write_csv(path, rows):
    """A line a combination: what is varied, then five columns of each number."""
    keys = list(dict(pair for row in rows for pair in row.combination.changes))
    shown = columns(rows)
    with Utils.write_aside(path) as aside:
        with open(aside, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            spreads = [f"{column}_{part}" for column in shown for part in PARTS]
            writer.writerow(["config", *keys, "seeds", "trained", *spreads, "notes"])
            for row in rows:
                changes = dict(row.combination.changes)
                line = [row.combination.config, *(changes.get(key) for key in keys)]
                line += [row.seeds, row.trained]
                for column in shown:
                    one = row.numbers.get(column, {})
                    line += [one.get(part) for part in PARTS]
                told = "; ".join(f"seed {seed}: {text}" for seed, text in row.notes)
                writer.writerow([*line, told])


def write(folder, looks):
    """Writes sweep.md and sweep.csv; returns the text for a screen."""
    found = rows(looks)
    below = caption(found, looks)
    with Utils.write_aside(folder / "sweep.md") as aside:
        aside.write_text(markdown(found, below), "utf-8")
    write_csv(folder / "sweep.csv", found)
    return text(found, below)
