"""Pictures of scores: SVG that needs no script and takes its colours from CSS.

The classes s0, s1, ... and `axis` are those of `Pages.STYLE`; `STYLE` has the rest.
Each picture has a title and a description for those who do not see it, and each mark
a title that tells its numbers.
"""

import html

import numpy as np

import Pages
from Scores import axes
from Scores.axes import BASE, LEFT, TOP
from Scores.track import METRICS

BOX, APART = 22, 20  # from one box to the next; between groups
LINE = 760  # width of scores over time
LETTER = 6.5  # about the width of one
POINTS = 120  # of a box; of more, only those beyond its whiskers
DASHES = ("none", "6 3", "2 3")  # lines of one colour
ENSEMBLES = ("solos", "duos", "trios", "quartets", "quintets", "sextets", "septets")

STYLE = """
.plot { max-width: none; display: block; }
.plot .grid { stroke: var(--line); stroke-width: .5; }
.plot .zero { stroke: var(--ink); stroke-width: .7; }
.plot .box { fill-opacity: .3; stroke: var(--ink); stroke-width: .8; }
.plot .median { stroke: var(--ink); stroke-width: 2; }
.plot .whisker { stroke: var(--ink); stroke-width: .8; fill: none; }
.plot circle { stroke: var(--paper); stroke-width: .5; }
.plot .gap { fill: var(--warn); fill-opacity: .18; }
.plot .frames { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
"""
STYLE += "".join(f".t{k} {{ stroke: var(--s{k}); }} " for k in range(Pages.COLOURS))


def value(scores, source, metric):
    """What one source of one track scored, in dB; NaN if nothing.

    Args:
      scores: TrackScores.
      source: Its name.
      metric: Of `METRICS`: over its frames as its protocol says; or "SI-SDR", "SNR".
    """
    if metric in METRICS:
        return scores.of_track(source, metric)
    value = scores.whole(source, metric)
    return value if np.isfinite(value) else float("nan")


def by_source(systems, metric, order=None):
    """The scores of each source and system, for `boxes`.

    Args:
      systems: {system: {track: TrackScores}}.
      metric: As of `value`.
      order: Sources; None: as the tracks bring them.

    Returns:
      {source: {system: {track: dB, NaN if there is none}}}.
    """
    of = next(iter(systems.values()))
    found = dict.fromkeys(s for one in of.values() for s in one.names)
    return {
        source: {
            system: {
                track: value(one, source, metric)
                for track, one in tracks.items()
                if source in one.names
            }
            for system, tracks in systems.items()
        }
        for source in (order or found)
    }


def by_count(systems, metric):
    """The mean over the sources of each track, by their number, for `boxes`.

    Returns:
      {"duos": {system: {track: dB}}, ...}, few sources first; NaN where a source of
      the track has no score.
    """
    of = next(iter(systems.values()))
    counts = {track: len(one.counted) for track, one in of.items()}
    return {
        _ensemble(n): {
            system: {
                t: float(np.mean([value(one, s, metric) for s in one.counted]))
                for t, one in tracks.items()
                if counts[t] == n
            }
            for system, tracks in systems.items()
        }
        for n in sorted(set(counts.values()))
    }


def _ensemble(n):
    return ENSEMBLES[n - 1] if n <= len(ENSEMBLES) else f"{n} sources"


def boxes(groups, title, unit="dB"):
    """Medians, quartiles and whiskers, and a point a track.

    The whiskers end at the last points within 1.5 interquartile ranges of the box
    (Tukey, "Exploratory Data Analysis", 1977).

    Args:
      groups: {group: {system: {track: value, NaN if there is none}}}.
      title: Of the picture.
      unit: Of the values.

    Returns:
      SVG text; "" if there is no value.  The systems have the classes s0, s1, ...
    """
    systems = list(dict.fromkeys(s for group in groups.values() for s in group))
    every = [v for group in groups.values() for of in group.values() for v in _real(of)]
    if not every:
        return ""
    y, low, high = axes.scale(every)
    marks, x = [], LEFT + APART / 2
    for name, group in groups.items():
        here, wide = 0, max(len(systems) * BOX, LETTER * len(name))
        left = x + (wide - len(systems) * BOX) / 2
        for k, system in enumerate(systems):
            of = group.get(system, {})
            marks.append(
                _box(left + (k + 0.5) * BOX, y, of, k, f"{name}, {system}", unit)
            )
            here = max(here, len(of))
        middle, x = x + wide / 2, x + wide + APART
        for line, text in enumerate([name, f"n={here}"]):
            marks.append(
                f'<text x="{middle:.1f}" y="{BASE + 18 + 15 * line}" '
                f'text-anchor="middle">{html.escape(text)}</text>'
            )
    told = f"Boxes of {', '.join(groups)} for {', '.join(systems)}. "
    told += "Of each the median: " + "; ".join(
        f"{name}, {system} {axes.number(np.median(_real(of)))}"
        for name, group in groups.items()
        for system, of in group.items()
        if len(_real(of))
    )
    width = max(x, LEFT + 8 * len(title))
    return axes.picture(width, title, told, axes.grid(y, low, high, width, unit), marks)


def missing(groups):
    """Says which values of `boxes` there are not, or ""."""
    counts = [
        f"{name} of {system} {n}"
        for name, group in groups.items()
        for system, of in group.items()
        if (n := len(of) - len(_real(of)))
    ]
    return f"tracks without a finite score, {', '.join(counts)}." if counts else ""


def _real(of):
    """The values that there are, float [K]."""
    values = np.array(list(of.values()), float)
    return values[np.isfinite(values)]


def _box(x, y, of, k, who, unit):
    """One box at x; its points lie beside each other, always alike."""
    values = _real(of)
    if not len(values):
        return ""
    first, median, third = np.percentile(values, [25, 50, 75])
    reach = 1.5 * (third - first)
    inside = values[(values >= first - reach) & (values <= third + reach)]
    low, high = inside.min(), inside.max()
    told = f"{who}: median {axes.number(median)}, quartiles {axes.number(first)} to "
    told += f"{axes.number(third)} {unit}, {len(of)} tracks"
    if len(of) > len(values):
        told += f", {len(of) - len(values)} without a score"
    half = BOX * 0.36
    edges = (
        f'<rect class="box s{k % Pages.COLOURS}" x="{x - half:.1f}" '
        f'y="{y(third):.1f}" width="{2 * half:.1f}" '
        f'height="{max(y(first) - y(third), 0.5):.1f}"/>'
        f'<path class="whisker" d="M{x:.1f} {y(third):.1f}V{y(high):.1f}'
        f'M{x:.1f} {y(first):.1f}V{y(low):.1f}"/>'
        f'<path class="median" d="M{x - half:.1f} {y(median):.1f}h{2 * half:.1f}"/>'
    )
    points = []
    for i, (track, v) in enumerate(of.items()):
        if not np.isfinite(v) or (len(of) > POINTS and low <= v <= high):
            continue
        # The golden ratio spreads neighbours without chance.
        aside = ((i + 1) * 0.618034 % 1 - 0.5) * half
        points.append(
            f'<circle class="s{k % Pages.COLOURS}" cx="{x + aside:.1f}" '
            f'cy="{y(v):.1f}" r="2.6"><title>{html.escape(track)}: '
            f"{axes.number(v)} {html.escape(unit)}</title></circle>"
        )
    return f"<g><title>{html.escape(told)}</title>{edges}{''.join(points)}</g>"


def over_time(scores, title, metric="SDR"):
    """The frames of a track, a line a source; the dropped ones are marked.

    A frame stands at its middle.  Infinite scores are triangles at the edge.

    Args:
      scores: TrackScores.
      title: Of the picture.
      metric: Of `METRICS`.

    Returns:
      SVG text; "" if no frame has a finite score.
    """
    every = scores.bss[metric][np.isfinite(scores.bss[metric])]
    if not len(every):
        return ""
    y, low, high = axes.scale(every)
    seconds = scores.n_time / scores.sample_rate
    hop, window = scores.hop / scores.sample_rate, scores.window / scores.sample_rate

    def x(time):
        return LEFT + time / seconds * (LINE - LEFT)

    marks = [
        f'<rect class="gap" x="{x(d.frame * hop):.1f}" y="{TOP}" '
        f'width="{x(window) - x(0):.1f}" height="{BASE - TOP}"><title>'
        f"{html.escape(_why(d, d.frame * hop))}</title></rect>"
        for d in scores.dropped
    ]
    places = x(np.arange(scores.n_frames) * hop + window / 2)
    for k, name in enumerate(scores.names):
        marks += _line(places, scores.frames(name, metric), y, k, name)
    marks += _legend(scores.names)
    for time in axes.ticks(0, seconds):
        marks.append(
            f'<text x="{x(time):.1f}" y="{BASE + 16}" text-anchor="middle">'
            f"{time:g}</text>"
        )
    marks.append(f'<text x="{LINE}" y="{BASE + 31}" text-anchor="end">s</text>')
    told = f"{metric} over {seconds:.1f} s, {scores.kept} frames scored, "
    told += f"{len(scores.dropped)} dropped. Medians: " + ", ".join(
        f"{name} {axes.number(m)}" if np.isfinite(m) else f"{name} none"
        for name in scores.names
        for m in [scores.of_track(name, metric)]
    )
    height = max(BASE + 38, TOP + 16 * len(scores.names))
    grid = axes.grid(y, low, high, LINE, "dB")
    width = LINE + 40 + LETTER * max(len(name) for name in scores.names)
    return axes.picture(width, title, told, grid, marks, height)


def _why(dropped, time):
    """Whose silence dropped a frame."""
    who = [f"reference of {name}" for name in dropped.references]
    who += [f"estimate of {name}" for name in dropped.estimates]
    return f"{time:g} s: dropped, silent: {', '.join(who)}"


def _dress(k):
    """Attributes of line k: colours first, then dashes."""
    dash = DASHES[k // Pages.COLOURS % len(DASHES)]
    return f'class="frames t{k % Pages.COLOURS}" stroke-dasharray="{dash}"'


def _line(places, values, y, k, name):
    """The lines of one source between frames without a score, and what is infinite."""
    marks, steps, joined = [], [], False
    for place, v in zip(places, values):
        if np.isfinite(v):
            # A frame between two without a score would be a line of no length.
            steps.append(f"{'L' if joined else 'M'}{place:.1f} {y(v):.1f}h.01")
        elif np.isinf(v):
            top, tip = (TOP + 8, -8) if v > 0 else (BASE - 8, 8)
            marks.append(
                f'<path class="s{k % Pages.COLOURS}" d="M{place - 4:.1f} {top}h8l-4 '
                f'{tip}Z"><title>{html.escape(name)}: {v} dB</title></path>'
            )
        joined = bool(np.isfinite(v))
    line = f'<path {_dress(k)} stroke-linecap="round" d="{"".join(steps)}">'
    return [*marks, f"{line}<title>{html.escape(name)}</title></path>"]


def _legend(names):
    for k, name in enumerate(names):
        at = TOP + 6 + 16 * k
        yield (
            f'<path {_dress(k)} d="M{LINE + 8} {at}h20"/>'
            f'<text x="{LINE + 32}" y="{at + 4}">{html.escape(name)}</text>'
        )
