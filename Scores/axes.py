"""Axes of pictures in a page: round numbers, lines, a title, in SVG."""

import html
import math

import numpy as np

HEIGHT, TOP, BASE, LEFT = 260, 34, 200, 44  # units of a picture; its axes


def scale(values):
    """(value -> y, least, greatest) of an axis with room at both ends."""
    low, high = float(np.min(values)), float(np.max(values))
    room = max(0.05 * (high - low), 0.5)
    low, high = low - room, high + room

    def y(v):
        return BASE - (v - low) / (high - low) * (BASE - TOP)

    return y, low, high


def ticks(low, high, most=10):
    """Round numbers between two others: multiples of 1, 2 or 5 times a power of 10."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step), math.floor(high / step)
    return [k * step for k in range(first, last + 1)]


def grid(y, low, high, width, unit):
    """The lines and numbers of an axis that `scale` gave, up to x = width."""
    lines = [
        f'<path class="{"zero" if abs(v) < 1e-9 else "grid"}" '
        f'd="M{LEFT} {y(v):.1f}H{width:.0f}"/>'
        f'<text x="{LEFT - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{v:g}</text>'
        for v in ticks(low, high)
    ]
    unit = f'<text x="{LEFT - 6}" y="{TOP - 6}" text-anchor="end">{unit}</text>'
    return "".join([*lines, unit])


def picture(width, title, told, behind, marks, height=HEIGHT):
    """An SVG picture.

    Args:
      width: Units of the picture, and CSS pixels.
      title: Its title, escaped here.
      told: What it shows, for those who do not see it; escaped here.
      behind: SVG, as from `grid`.
      marks: A list of SVG.
      height: As width.
    """
    title, told = html.escape(title), html.escape(told)
    return (
        f'<svg class="plot" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" '
        f'height="{height}" role="img"><title>{title}</title><desc>{told}</desc>'
        f'<text x="{LEFT}" y="15" class="title">{title}</text>{behind}'
        f"{''.join(marks)}</svg>"
    )


def number(v):
    """One decimal, and no zero below zero."""
    return f"{round(float(v), 1) + 0.0:.1f}"
