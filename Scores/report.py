"""report.html: what an evaluation found, to read, to look at and to hear.

One file that needs no network and no script, of 15 MB at most.
"""

import html
import os

import numpy as np

import Pages
import Utils
from Scores import axes, listening, plots, tables
from Scores.listening import Example, excerpt

__all__ = ["EXAMPLES", "Example", "excerpt", "page", "write"]

EXAMPLES = 3  # tracks that are shown
ROWS = 300  # of the table of tracks, and of links
METRICS = ("SDR", "SI-SDR")  # that plots show
TITLES = ("track", "sources", "s", "frames kept", "dropped")

STYLE = f"""{plots.STYLE}{listening.STYLE}
.plots {{ display: flex; flex-wrap: wrap; gap: 1rem 2rem; }}
.told {{ font-size: 13px; }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }}
dd {{ margin: 0; overflow-wrap: anywhere; }}
"""


def write(path, summary, scores, examples=(), about=None, **options):
    """Writes the page, aside first.

    Args:
      path: Of report.html.
      summary: `aggregate.Summary`, of the headline table.
      scores: {system: {track: TrackScores}}, all of the summary.
      examples: Iterable of `Example`; taken one by one, no more than `EXAMPLES`.
      about: {what: str, number or list}: run, checkpoint, data, versions; or None.
      **options: As of `page`: title, caption, links, order, extras.

    Raises:
      InputError: If an example is not whole; see `listening.section`.
    """
    folder = os.path.dirname(os.path.abspath(path))
    text = page(summary, scores, examples, about, folder=folder, **options)
    with Utils.write_aside(path) as aside:
        aside.write_text(text, "utf-8")


def page(
    summary,
    scores,
    examples=(),
    about=None,
    title="Evaluation",
    caption=None,
    links=None,
    order=None,
    folder=None,
    extras=(),
):
    """The page as text.

    Args:
      summary: See `write`.
      scores: See `write`.
      examples: See `write`.
      about: See `write`.
      title: Of the page.
      caption: Below the headline table; None: `tables.caption`.
      links: {track: {what: path}}, files of tracks, or None.
      order: Sources in the order of the plots; None: of the summary's rows.
      folder: Of the page; links start there.
      extras: `Scores.extras.Extra`s that follow the headline table.
    """
    order = order or list(
        dict.fromkeys(row.source for row in summary.rows if not row.is_mean)
    )
    caption = tables.caption(summary) if caption is None else caption
    examples = _examples(examples, scores, folder)
    return Pages.document(
        title,
        "\n".join(
            [
                _about(about or {}),
                _headline(summary.rows, caption),
                *(extra.page() for extra in extras),
                _frames(summary),
                "<h2>Spread over tracks</h2>",
                *_spread(scores, order),
                "<h2>Tracks to look at and hear</h2>" if examples else "",
                *examples,
                _tracks(scores, links or {}, folder),
            ]
        ),
        STYLE,
    )


def _about(about):
    """A list of what was evaluated, and with what."""
    items = []
    for what, told in about.items():
        told = ", ".join(map(str, told)) if isinstance(told, list | tuple) else told
        items.append(f"<dt>{html.escape(str(what))}</dt>")
        items.append(f"<dd>{html.escape(str(told))}</dd>")
    return f"<dl>{''.join(items)}</dl>" if items else ""


def _headline(rows, caption):
    titles, body, notes = tables.shown(rows)
    lines = [(row.system, row.source, *cells) for row, cells in body]
    means = {k for k, row in enumerate(rows) if row.is_mean}
    table = Pages.table(("system", "source", *titles), lines, 2, means)
    below = "".join(_told(text) for text in (*notes, caption))
    return f"<h2>Scores</h2>{table}{below}"


def _told(text):
    return f'<p class="told">{html.escape(text)}</p>' if text else ""


def _frames(summary):
    """Frames kept, dropped, and whose silence dropped them."""
    rows = [
        (
            row.system,
            ", ".join(f"{who} {n}" for who, n in summary.silent[row.system].items())
            or "none",
            *(str(row.kept), str(row.dropped)),
        )
        for row in summary.rows
        if row.is_mean
    ]
    titles = ("system", "silent in dropped frames", "kept", "dropped")
    table = Pages.table(titles, rows, 2)
    said = "A frame in which several are silent counts for each of them."
    return f"<h2>Frames</h2>{table}{_told(said)}"


def _spread(scores, order):
    """Boxes by source and by number of sources."""
    yield f"<p>{Pages.keys(scores)}</p>"
    counts = {len(one.counted) for of in scores.values() for one in of.values()}
    drawn, absent = [], []
    for metric in METRICS:
        shown = {f"{metric} by source": plots.by_source(scores, metric, order)}
        if len(counts) > 1:
            title = f"{metric} by number of sources, mean of a track"
            shown[title] = plots.by_count(scores, metric)
        for title, groups in shown.items():
            drawn.append(f'<div class="wide">{plots.boxes(groups, title)}</div>')
            if told := plots.missing(groups):
                absent.append(f"{title}: {told}")
    yield f'<div class="plots">{"".join(drawn)}</div>'
    yield _told(
        "A point is a track (SDR: over its frames), a box the quartiles; "
        "whiskers reach the last tracks within 1.5 interquartile ranges."
    )
    yield from map(_told, absent)


def _examples(examples, scores, folder):
    """The sections of tracks that are shown; examples are let go one by one."""
    found = []
    for example in examples:
        if len(found) == EXAMPLES:
            break
        found.append(
            f"<h3>{html.escape(example.track)}</h3>"
            + listening.section(example, scores, folder)
            + "".join(_over_time(example, scores))
        )
    return found


def _over_time(example, scores):
    for system in example.estimates:
        one = scores.get(system, {}).get(example.track)
        if one is not None:
            yield f'<div class="wide">{plots.over_time(one, f"SDR of {system}")}</div>'
            if one.dropped:
                yield _told(
                    "Shaded: frames that silence takes from a source, or from all."
                )


def _tracks(scores, links, folder):
    """A row a track, and the files of each."""
    some = next(iter(scores.values()))
    titles = [*TITLES, *(f"{system} {m}" for system in scores for m in METRICS)]
    rows = []
    for track, one in list(some.items())[:ROWS]:
        cells = [track, ", ".join(one.names), f"{one.n_time / one.sample_rate:.1f}"]
        kept = [str(of[track].kept) for of in scores.values()]
        dropped = [str(len(of[track].dropped)) for of in scores.values()]
        cells += ["/".join(kept), "/".join(dropped)]
        cells += [_mean(of[track], m) for of in scores.values() for m in METRICS]
        rows.append(cells)
    listed = [
        f"<li>{html.escape(track)}: "
        + ", ".join(
            listening.link(path, folder, html.escape(what))
            for what, path in files.items()
        )
        + "</li>"
        for track, files in list(links.items())[:ROWS]
    ]
    files = f"<h2>Files</h2><ul>{''.join(listed)}</ul>" if listed else ""
    said = (
        "Means over the sources of a track, dB; frames of the systems in their order."
    )
    return (
        f"<h2>Tracks</h2><details><summary>{len(rows)} of {len(some)} tracks</summary>"
        f"{Pages.table(titles, rows, 2)}{_told(said)}</details>{files}"
    )


def _mean(scores, metric):
    values = [plots.value(scores, source, metric) for source in scores.counted]
    return axes.number(np.mean(values)) if np.isfinite(values).all() else "-"
