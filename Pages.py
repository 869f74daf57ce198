"""Pages that stand alone: one HTML file without a script and without the network."""

import base64
import html

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --line: #d4d9df;
  --soft: #f3f5f7; --warn: #b3261e; --s0: #2f6fb2; --s1: #d98324; --s2: #2c8a57;
  --s3: #8457b0; --s4: #b8405e; --s5: #6b7480; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ea; --paper: #15181c;
  --line: #363c44; --soft: #1e2329; --warn: #ff8a80; --s0: #6aa7e8; --s1: #f0a860;
  --s2: #66c592; --s3: #b795e0; --s4: #f08aa4; --s5: #a3adb8; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
a { color: var(--s0); }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; } h2 { margin-top: 2.2rem; }
h3 { margin-bottom: .3rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line);
  text-align: right; white-space: nowrap; }
.strong { font-weight: 600; }
th { background: var(--soft); } .text { text-align: left; }
.warn { color: var(--warn); font-weight: 600; }
svg { max-width: 100%; fill: var(--ink); font-size: 11px; }
svg .title { font-size: 13px; font-weight: 600; }
svg .axis { fill: none; stroke: var(--line); }
.s0 { fill: var(--s0); } .s1 { fill: var(--s1); } .s2 { fill: var(--s2); }
.s3 { fill: var(--s3); } .s4 { fill: var(--s4); } .s5 { fill: var(--s5); }
.key { display: inline-block; width: .8rem; height: .8rem; margin: 0 .3rem 0 1rem; }
"""
COLOURS = 6  # s0 to s5


def document(title, body, style=""):
    """A whole page.

    Args:
      title: Text, escaped here; the heading too.
      body: HTML.
      style: CSS beside `STYLE`.
    """
    title = html.escape(title)
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{title}</title><style>{STYLE}{style}</style></head><body>",
            f"<h1>{title}</h1>",
            body,
            "</body></html>\n",
        ]
    )


def table(titles, rows, text=1, strong=()):
    """An HTML table; names are escaped here.

    Args:
      titles: Of the columns.
      rows: Cells, each a str.
      text: How many columns, the first, stand to the left.
      strong: Indices of rows that stand out.
    """

    def line(tag, cells, dress=""):
        marked = [
            f'<{tag} class="{"text" if k < text else "figure"}">{html.escape(cell)}'
            f"</{tag}>"
            for k, cell in enumerate(cells)
        ]
        return f"<tr{dress}>{''.join(marked)}</tr>"

    bold = ' class="strong"'
    body = "".join(
        line("td", row, bold if k in strong else "") for k, row in enumerate(rows)
    )
    return f'<div class="wide"><table>{line("th", titles)}{body}</table></div>'


def embedded(kind, payload):
    """Bytes as the address of a picture or sound, of a MIME type such as image/png."""
    return f"data:{kind};base64,{base64.b64encode(payload).decode()}"


def keys(names):
    """Which colour is whose, in the order s0, s1, ..."""
    return "".join(
        f'<svg class="key" viewBox="0 0 1 1" aria-hidden="true">'
        f'<rect class="s{k % COLOURS}" width="1" height="1"/></svg>{html.escape(name)}'
        for k, name in enumerate(names)
    )
