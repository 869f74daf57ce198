"""The table of epochs that a training leaves, and a line of it for the screen."""

import csv

import Utils

# What the clock says of an epoch, and no resumed run repeats; `Learning.meter` has it.
TIMINGS = ("steps_per_second", "x_real_time", "input_wait", "memory_gib")

COLUMNS = (
    "epoch",
    "step",
    "train_loss",
    "validation_loss",
    "learning_rate",
    "gradient_norm",
    *TIMINGS,
    "best",
    "stage",
)


def write(path, rows):
    """Writes a line for each epoch.

    Args:
      path: CSV file.
      rows: dicts with the keys of `COLUMNS`, as `Learning.loop.fit` returns them.
    """
    with Utils.write_aside(path) as aside, open(aside, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def line(row, max_epochs):
    """One epoch as a line of text."""
    validation = row["validation_loss"]
    parts = [
        f"epoch {row['epoch']}/{max_epochs}",
        f"step {row['step']}",
        f"loss {row['train_loss']:.3e}",
        "no validation" if validation is None else f"validation {validation:.3e}",
        f"gradient {row['gradient_norm']:.1e}",
        f"{row['steps_per_second']:.2f} steps/s",
    ]
    if row.get("x_real_time") is not None:  # older states lack it
        parts.append(f"{row['x_real_time']:.3g}x real time")
    if row.get("input_wait") is not None:
        parts.append(f"input {row['input_wait']:.0%}")
    return "  ".join(parts) + ("  best" if row["best"] else "")


def read(path):
    """The rows of a table that `write` made, all values as text."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
