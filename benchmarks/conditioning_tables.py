"""From what each network scored to means, standard errors and Markdown."""

import statistics

from benchmarks import conditioning_plan as plan

WITHIN = 0.3  # dB that training with and without labels may cost a blind separation
BSS = ("si_sdri", "SDR", "SIR", "SAR")
HEADINGS = {"si_sdri": "SI-SDRi"}


def estimate(values):
    """(mean, standard error of the mean) or None of no values; error None of one."""
    values = list(values)
    if not values:
        return None
    error = None
    if len(values) > 1:
        error = statistics.stdev(values) / len(values) ** 0.5
    return statistics.mean(values), error


def gain(more, less):
    """The difference of two estimates; its error, of independent runs."""
    if more is None or less is None:
        return None
    errors = more[1], less[1]
    error = None if None in errors else sum(e**2 for e in errors) ** 0.5
    return more[0] - less[0], error


def shown(found):
    """An estimate as text."""
    if found is None:
        return "-"
    mean, error = found
    return f"{mean:.2f}" + ("" if error is None else f" ± {error:.2f}")


def markdown(heading, rows):
    """A table; its first column is text."""
    lines = [heading, ["---"] + ["---:"] * (len(heading) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def over_seeds(run, results, key="si_sdri"):
    """The estimate of one ratio over the seeds that are finished."""
    found = [results[one] for one in run.seeds() if one in results]
    return estimate(told[key] for told in found if key in told)


def table_a(results, fuser=None):
    """(text, figures) of CExp against Exp."""
    rows, figures = [], {}
    for players in plan.PLAYERS:
        blind, told = plan.Run(players), plan.Run(players, plan.CEXP)
        floor = results.get(blind, {}).get("mixture", {"si_sdri": 0.0})
        floor = {"si_sdri": 0.0, **floor}
        found = {
            "mixture": [(floor[key], None) if key in floor else None for key in BSS],
            "blind (Exp)": [over_seeds(blind, results, key) for key in BSS],
            "labels (CExp)": [over_seeds(told, results, key) for key in BSS],
        }
        pairs = zip(found["labels (CExp)"], found["blind (Exp)"])
        found["gain of labels"] = [gain(*pair) for pair in pairs]
        rows += [[who, players, *map(shown, row)] for who, row in found.items()]
        figures[str(players)] = {who: _plain(BSS, row) for who, row in found.items()}
    heading = ["network", "players", *(HEADINGS.get(key, key) for key in BSS)]
    return markdown(heading, rows), figures


def _plain(keys, row):
    """{key: [mean, standard error]}, rounded."""
    return {key: _rounded(found) for key, found in zip(keys, row)}


def _rounded(found):
    return None if found is None else [v if v is None else round(v, 3) for v in found]


def table_b(results, fuser=None):
    """(text, figures) of all fusers at all places."""
    grid, rows = plan.grid(), []
    for kind in plan.KINDS:
        found = [results.get(grid[kind, place]) for place in plan.PLACES]
        values = [f"{told['si_sdri']:.2f}" if told else "-" for told in found]
        rows.append([kind, *values])
    parts = [markdown(["fuser", *plan.PLACES], rows)]
    ranked = {
        "blind": over_seeds(plan.Run(3), results),
        **{run.fusers[0]: over_seeds(run, results) for run in plan.best(results)},
    }
    lines = [[name, shown(found)] for name, found in ranked.items()]
    parts.append(markdown(["network", "SI-SDRi, 3 seeds"], lines))
    figures = {
        "grid": {
            run.fusers[0]: round(results[run]["si_sdri"], 3)
            for run in grid.values()
            if run in results
        },
        "seeds": {name: _rounded(found) for name, found in ranked.items()},
    }
    return "\n\n".join(parts), figures


def table_c(results, fuser=None):
    """(text, figures) of what a network that knew labels does without them."""
    fusers = plan.fuser_of_c(results, fuser)
    both = plan.Run(3, fusers, plan.DROPOUT)
    blind = over_seeds(plan.Run(3), results)
    without = over_seeds(both, results, "si_sdri_blind")
    found = {
        "never had labels": blind,
        f"{fusers[0]}, labels in every second example; without labels": without,
        "the same checkpoints, with labels": over_seeds(both, results),
        f"{fusers[0]}, labels always": over_seeds(plan.Run(3, fusers), results),
    }
    text = markdown(["network", "SI-SDRi"], [[k, shown(v)] for k, v in found.items()])
    figures = {"fuser": fusers[0], **{k: _rounded(v) for k, v in found.items()}}
    lost = gain(blind, without)
    if lost is not None and lost[1] is not None:
        allowed = max(WITHIN, 2 * lost[1])
        figures |= {"loss": _rounded(lost), "allowed": round(allowed, 3)}
        text += f"\n\nloss without labels: {shown(lost)} dB, allowed {allowed:.2f} dB"
    return text, figures


TABLES = {"a": table_a, "b": table_b, "c": table_c}
