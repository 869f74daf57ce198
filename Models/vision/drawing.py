"""Pictures of what a front end saw: players in their frames, motion along time."""

import cv2
import numpy as np

from Models.vision.segmentation import laid, pixels
from Models.vision.skeleton import BONES

COLOURS = np.array(
    [
        (230, 80, 60),
        (60, 140, 240),
        (70, 190, 90),
        (240, 180, 40),
        (170, 90, 210),
        (60, 200, 200),
    ],
    np.uint8,
)
INK, PAPER, SOUND = (40, 40, 40), (250, 250, 248), (130, 130, 130)
FONT = cv2.FONT_HERSHEY_SIMPLEX
VISIBLE = 0.5  # least visibility of a key point that is drawn
ROW, MARGIN, COLUMN = 56, 8, 110  # pixels: height of a line of time, gap, its label
LOUDEST, SOFTEST = 0.0, -60.0  # dB


def colour(i):
    """(red, green, blue) of player i."""
    return tuple(int(value) for value in COLOURS[i % len(COLOURS)])


def overlay(frame, boxes, masks, points, hows):
    """The frame with what was found in it.

    Args:
      frame: uint8 [H, W, 3].
      boxes: [P, 4].
      masks: uint8 [P, M, M].
      points: [P, 33, 3]; NaN: none.
      hows: P words: "detected", "seat", "scene".

    Returns:
      uint8 [H, W, 3], another array.
    """
    height, width = frame.shape[:2]
    shown = frame.astype(np.float32)
    for i, (box, mask) in enumerate(zip(boxes, masks)):
        if hows[i] != "scene":
            share = 0.35 * laid(box, mask, height, width)[..., None]
            shown = shown * (1 - share) + share * np.float32(colour(i))
    shown = np.rint(shown).astype(np.uint8)
    for i, box in enumerate(boxes):
        _skeleton(shown, points[i], colour(i))
        left, top, right, bottom = pixels(box, height, width)
        cv2.rectangle(shown, (left, top), (right - 1, bottom - 1), colour(i), 2)
        label = f"{i + 1}" if hows[i] == "detected" else f"{i + 1} ({hows[i]})"
        _tag(shown, label, (left + 2, max(top, 18)), colour(i))
    return shown


def report(tiles, times, speeds, levels, seconds, title):
    """Frames with their overlay, and below them what moves and sounds along time.

    Args:
      tiles: list of uint8 [H, W, 3], of one size.
      times: Their seconds.
      speeds: float [P, F], heights of a player per second.
      levels: float [L] dB over the same time, or None without sound.
      seconds: Length of that time.
      title: Lines of text.

    Returns:
      uint8 [height, width, 3].
    """
    across = min(3, len(tiles))
    wide = 420
    tall = round(wide * tiles[0].shape[0] / tiles[0].shape[1])
    width = across * (wide + MARGIN) + MARGIN
    small = [cv2.resize(t, (wide, tall), interpolation=cv2.INTER_AREA) for t in tiles]
    for tile, time in zip(small, times):
        _tag(tile, f"{time:.1f} s", (4, tall - 6), INK)
    down = -(-len(small) // across)
    head = 22 * len(title) + MARGIN
    above = head + down * (tall + MARGIN)
    rows = len(speeds) + (levels is not None)
    page = np.full((above + rows * (ROW + MARGIN) + 34, width, 3), PAPER, np.uint8)
    for k, line in enumerate(title):
        _text(page, line, (MARGIN, 20 + 22 * k), INK)
    for k, tile in enumerate(small):
        y, x = head + k // across * (tall + MARGIN), k % across * (wide + MARGIN)
        page[y : y + tall, MARGIN + x : MARGIN + x + wide] = tile
    most = max(float(np.quantile(speeds, 0.995)), 1e-3)
    lines = [
        (speed / most, colour(i), f"player {i + 1}", f"{most:.2f} heights/s")
        for i, speed in enumerate(speeds)
    ]
    if levels is not None:
        loud = (levels - SOFTEST) / (LOUDEST - SOFTEST)
        lines.append((loud, SOUND, "sound", f"{SOFTEST:.0f} to {LOUDEST:.0f} dB"))
    for k, line in enumerate(lines):
        _line(page, above + k * (ROW + MARGIN), *line)
    _axis(page, above, above + rows * (ROW + MARGIN), seconds, times)
    return page


def write_png(path, picture):
    """Writes uint8 [H, W, 3]; the caller writes aside."""
    whole, data = cv2.imencode(".png", picture[..., ::-1])
    if not whole:
        raise ValueError(f"{path}: a picture {picture.shape} cannot be a PNG")
    path.write_bytes(data.tobytes())


def _line(page, y, values, ink, name, scale):
    """One quantity along time, as a filled curve; values of 1 reach the top."""
    left, right = COLUMN, page.shape[1] - MARGIN
    page[y : y + ROW, left:right] = 238
    x = np.linspace(left, right - 1, max(len(values), 2))
    values = np.resize(values, len(x))
    heights = np.interp(np.arange(left, right), x, np.clip(values, 0, 1)) * (ROW - 2)
    for column, height in zip(range(left, right), heights):
        page[y + ROW - 1 - round(height) : y + ROW, column] = ink
    _text(page, name, (MARGIN, y + 22), ink)
    _text(page, scale, (MARGIN, y + 42), INK, 0.38)


def _axis(page, top, bottom, seconds, times):
    """Ticks of time, and where the frames above were taken."""
    left, right = COLUMN, page.shape[1] - MARGIN - 1
    step = next(s for s in (0.5, 1, 2, 5, 10, 30, 60, 300, 1e9) if seconds / s <= 16)
    for tick in np.arange(0, seconds + 1e-9, step):
        x = round(left + (right - left) * tick / seconds)
        cv2.line(page, (x, bottom - 2), (x, bottom + 4), INK, 1)
        _text(page, f"{tick:g}", (x - 6, bottom + 20), INK, 0.4)
    _text(page, "s", (MARGIN, bottom + 20), INK, 0.4)
    for time in times:
        x = round(left + (right - left) * time / seconds)
        cv2.line(page, (x, top), (x, bottom - MARGIN), (90, 90, 90), 1)


def _skeleton(shown, points, ink):
    height, width = shown.shape[:2]
    if np.isnan(points).any():
        return
    places = np.rint(points[:, :2] * (width, height)).astype(int)
    for a, b in BONES:
        if min(points[a, 2], points[b, 2]) >= VISIBLE:
            ends = tuple(map(int, places[a])), tuple(map(int, places[b]))
            cv2.line(shown, *ends, (255, 255, 255), 2, cv2.LINE_AA)
            cv2.line(shown, *ends, ink, 1, cv2.LINE_AA)


def _tag(picture, text, at, ink):
    (width, height), _ = cv2.getTextSize(text, FONT, 0.5, 1)
    x, y = at
    cv2.rectangle(picture, (x, y - height - 4), (x + width + 4, y + 4), ink, -1)
    _text(picture, text, (x + 2, y), (255, 255, 255), 0.5)


def _text(picture, text, at, ink, size=0.5):
    cv2.putText(picture, text, at, FONT, size, ink, 1, cv2.LINE_AA)
