"""The table of epochs that a training leaves, and a line of it for the screen."""

import csv

import Utils

COLUMNS = (
    "epoch",
    "step",
    "train_loss",
    "validation_loss",
    "learning_rate",
    "gradient_norm",
    "steps_per_second",
    "best",
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
    return "  ".join(parts) + ("  best" if row["best"] else "")
