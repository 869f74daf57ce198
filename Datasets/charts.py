"""Pictures in a page: SVG that needs no script and takes its colours from CSS."""

import html

import numpy as np

WIDTH, HEIGHT = 460, 170  # of a histogram; units of its own
BASE, TOP, LEFT = 140, 26, 34  # its axes
BINS = 24
WAVE = (600, 48)  # units of a waveform
POINTS = 300  # of a waveform


def histogram(values, title, unit):
    """How values spread, the splits upon each other.

    Args:
      values: {split: [number]}.
      title: What they are.
      unit: Theirs.

    Returns:
      SVG text; its bars have the classes s0, s1, ... in the order of the splits.
    """
    every = np.array([value for members in values.values() for value in members])
    if not len(every):
        return ""
    low, high = float(every.min()), float(every.max())
    if high - low < 1e-6:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    counts = [np.histogram(members, edges)[0] for members in values.values()]
    most = int(sum(counts).max())
    step = (WIDTH - LEFT - 10) / BINS
    bars, below = [], np.zeros(BINS)
    for k, found in enumerate(counts):
        for i in np.flatnonzero(found):
            height = found[i] / most * (BASE - TOP)
            y = BASE - below[i] / most * (BASE - TOP) - height
            bars.append(
                f'<rect class="s{k}" x="{LEFT + i * step + 0.5:.1f}" y="{y:.1f}" '
                f'width="{step - 1:.1f}" height="{height:.1f}"/>'
            )
        below += found
    ticks = [(LEFT + f * BINS * step, low + f * (high - low)) for f in (0, 0.5, 1)]
    marks = "".join(
        f'<text x="{x:.1f}" y="{BASE + 15}" text-anchor="{anchor}">{value:.1f}</text>'
        for (x, value), anchor in zip(ticks, ("middle", "middle", "end"))
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" '
        f'aria-label="{html.escape(title)}">'
        f'<text x="{LEFT}" y="15" class="title">{html.escape(title)}</text>'
        f'<path class="axis" d="M{LEFT} {TOP}V{BASE}H{WIDTH - 10}"/>{"".join(bars)}'
        f'<text x="{LEFT - 5}" y="{TOP + 5}" text-anchor="end">{most}</text>{marks}'
        f'<text x="{WIDTH - 10}" y="{BASE + 28}" text-anchor="end">'
        f"{html.escape(unit)}</text></svg>"
    )


def envelope(audio):
    """The least and greatest sample of each of at most `POINTS` stretches, [K, 2].

    Args:
      audio: float [T, C].
    """
    edges = np.linspace(0, len(audio), min(POINTS, len(audio)) + 1).astype(int)[:-1]
    least = np.minimum.reduceat(audio.min(axis=1), edges)
    return np.stack([least, np.maximum.reduceat(audio.max(axis=1), edges)], axis=1)


def waveform(wave, first, last, full):
    """A track's waveform; the part that can be heard is marked.

    Args:
      wave: As `envelope` gives it.
      first: Where what can be heard begins, a share of the track.
      last: Where it ends.
      full: The sample that fills the height.

    Returns:
      SVG text.
    """
    width, height = WAVE
    x = (np.arange(len(wave)) + 0.5) * width / len(wave)
    y = height / 2 * (1 - np.clip(wave / max(full, 1e-6), -1, 1))
    y += np.array([0.25, -0.25])  # silence is a line
    there = [f"{a:.0f} {b:.1f}" for a, b in zip(x, y[:, 1])]
    back = [f"{a:.0f} {b:.1f}" for a, b in zip(x[::-1], y[::-1, 0])]
    return (
        f'<svg class="wave" viewBox="0 0 {width} {height}" preserveAspectRatio="none">'
        f'<rect class="heard" x="{first * width:.1f}" y="0" '
        f'width="{(last - first) * width:.1f}" height="{height}"/>'
        f'<path d="M{"L".join(there + back)}Z"/></svg>'
    )
