"""The woodwind and brass instruments: how each looks, is held and moves.

Each function draws one instrument and returns `Held`: where the hands are, and what
is to be drawn over them.  `right` is the player's right hand, on the viewer's left.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from Datasets.chamber.pen import Axis, between

GOLD, BRASS, SILVER = (214, 168, 58), (196, 140, 44), (205, 210, 218)
BLACK, ROSEWOOD, MAPLE = (34, 32, 36), (112, 52, 34), (128, 40, 26)
STRAW, IVORY = (226, 200, 140), (238, 232, 214)


@dataclasses.dataclass(frozen=True)
class Posture:
    """What a prop needs of its player in one frame.

    Attributes:
      mouth: (x, y).
      raised, bow, reach, bob, shake: As in `gestures.Gestures`.
      fingers: Bits of the fingers that are down.
      skin: Colour of the fingers.
    """

    mouth: np.ndarray
    raised: float
    bow: float
    reach: float
    fingers: int
    bob: float
    shake: float
    skin: tuple


@dataclasses.dataclass(frozen=True)
class Held:
    """Hands (x, y) on an instrument, and what is drawn after them."""

    right: np.ndarray
    left: np.ndarray
    over: Callable | None = None


def _axis(pose, playing, resting, place, nod):
    """The frame of an instrument between its playing and its resting position."""
    turn = between(resting, playing, pose.raised) + nod * pose.bob * pose.raised
    return Axis(between(place, pose.mouth, pose.raised), float(turn))


def _fingers(pen, pose, axis, places, side):
    """Fingers on a tube: on it when down, off it when up."""

    def draw():
        for i, u in enumerate(places):
            down = pose.fingers >> i & 1
            tip = axis.at(u, side * (0.012 if down else 0.05))
            pen.line([axis.at(u, side * 0.07), tip], pose.skin, 0.02)

    return draw


def flute(pen, pose):
    """A silver tube held out to the player's right."""
    axis = _axis(pose, 187.0, 110.0, (0.12, 0.48), 9.0)
    pen.line(axis.all((-0.04, 0), (0.44, 0)), SILVER, 0.024)
    pen.line(axis.all((-0.03, 0.004), (0.43, 0.004)), (245, 247, 250), 0.004, False)
    for u in np.arange(0.10, 0.41, 0.035):
        pen.oval(axis.at(u, -0.004), (0.010, 0.010), (150, 156, 166))
    over = _fingers(pen, pose, axis, (0.12, 0.155, 0.19, 0.27, 0.305, 0.34), -1)
    return Held(axis.at(0.305, 0.05), axis.at(0.155, 0.05), over)


def _pipe(pen, pose, axis, length, width, color, bell):
    """A straight reed instrument with keys and a bell."""
    pen.line(axis.all((0.05, 0), (length, 0)), color, width)
    mouth, flare = (
        axis.all((length - 0.05, width / 2), (length - 0.05, -width / 2)),
        bell,
    )
    rim = axis.all((length + 0.02, -flare), (length + 0.02, flare))
    pen.shape(np.concatenate([mouth, rim]), color)
    for u in np.linspace(0.11, length - 0.08, 8):
        pen.oval(axis.at(u, width * 0.45), (0.008, 0.008), SILVER, border=False)
    places = (0.12, 0.145, 0.17, 0.225, 0.25, 0.275)
    over = _fingers(pen, pose, axis, places, 1)
    return Held(axis.at(0.25, -0.03), axis.at(0.15, -0.03), over)


def oboe(pen, pose):
    """A slim rosewood tube straight down, with a straw reed."""
    axis = _axis(pose, -86.0, -60.0, (0.02, 0.70), 11.0)
    held = _pipe(pen, pose, axis, 0.37, 0.026, ROSEWOOD, 0.024)
    pen.line(axis.all((0, 0), (0.055, 0)), STRAW, 0.010)
    return held


def clarinet(pen, pose):
    """A black tube with silver rings and a wide bell, held forward."""
    axis = _axis(pose, -62.0, -40.0, (-0.02, 0.68), 11.0)
    held = _pipe(pen, pose, axis, 0.42, 0.040, BLACK, 0.055)
    pen.line(axis.all((0, 0), (0.055, 0)), BLACK, 0.024)
    for u in (0.06, 0.20, 0.37):
        pen.line(axis.all((u, -0.022), (u, 0.022)), SILVER, 0.010, False)
    return held


def bassoon(pen, pose):
    """A long red-brown tube across the body, with a silver crook to the mouth."""
    turn = between(62.0, 70.0, pose.raised) - 4.0 * pose.bob
    drop = -0.05 * (1 - pose.raised) - 0.015 * pose.bob
    axis = Axis((-0.17, 0.20 + drop), float(turn))
    pen.line(axis.all((0, 0), (0.98, 0)), MAPLE, 0.044)
    pen.line(axis.all((0, 0.03), (0.52, 0.03)), MAPLE, 0.044)
    pen.line(axis.all((0.96, 0), (0.99, 0)), IVORY, 0.050)
    for u in np.linspace(0.08, 0.85, 9):
        pen.oval(axis.at(u, 0.01), (0.011, 0.011), SILVER)
    tip = between(axis.at(0.62, 0.10), pose.mouth, pose.raised)
    pen.line([axis.at(0.53, 0.03), axis.at(0.60, 0.06), tip], SILVER, 0.012)
    over = _fingers(pen, pose, axis, (0.22, 0.26, 0.30, 0.46, 0.50, 0.54), -1)
    return Held(axis.at(0.26, -0.06), axis.at(0.50, -0.06), over)


def saxophone(pen, pose):
    """A golden cone that bends up into a bell at the player's right."""
    axis = _axis(pose, -98.0, -112.0, (-0.01, 0.78), 9.0)
    tube = axis.all((0.03, -0.06), (0.12, -0.08), (0.42, -0.10), (0.47, -0.13))
    pen.line(axis.all((0, 0), (-0.01, -0.04), (0.03, -0.06)), GOLD, 0.022)
    pen.line(tube, GOLD, 0.048)
    bow = axis.all((0.47, -0.13), (0.475, -0.17), (0.43, -0.20), (0.36, -0.205))
    pen.line(bow, GOLD, 0.062)
    pen.shape(
        axis.all((0.38, -0.172), (0.26, -0.135), (0.26, -0.295), (0.38, -0.235)), GOLD
    )
    pen.oval(axis.at(0.26, -0.215), (0.03, 0.080), BRASS, axis.turn)
    pen.line(axis.all((0, 0), (0.012, 0.004)), BLACK, 0.026)
    for u in np.linspace(0.12, 0.40, 7):
        pen.oval(axis.at(u, -0.085), (0.014, 0.014), (240, 214, 130))
    over = _fingers(pen, pose, axis, (0.14, 0.17, 0.20, 0.30, 0.33, 0.36), 1)
    return Held(axis.at(0.33, -0.03), axis.at(0.17, -0.03), over)


def _valves(pen, pose, axis, places, top, bottom):
    """Three valves whose caps sink when pressed, and the fingers on them."""

    def draw():
        for i, u in enumerate(places):
            height = top - (0.035 if pose.fingers >> i & 1 else 0.0)
            pen.line(axis.all((u, bottom), (u, height)), SILVER, 0.018)
            pen.oval(axis.at(u, height + 0.012), (0.016, 0.013), pose.skin)

    return draw


def trumpet(pen, pose):
    """A golden tube with an oval loop and a bell, to the player's left."""
    axis = _axis(pose, -10.0, -70.0, (0.02, 0.66), 9.0)
    loop = ((0.12, 0.0), (0.27, 0.0), (0.30, -0.03), (0.27, -0.06), (0.12, -0.06))
    pen.line(axis.all(*loop, (0.09, -0.03), (0.12, 0.0)), BRASS, 0.016)
    pen.line(axis.all((0, 0), (0.33, 0)), GOLD, 0.020)
    pen.shape(
        axis.all((0.29, 0.012), (0.40, 0.062), (0.40, -0.062), (0.29, -0.012)), GOLD
    )
    pen.oval(axis.at(0.40), (0.018, 0.064), (240, 205, 110), axis.turn)
    pen.line(axis.all((0, 0), (0.02, 0)), SILVER, 0.030)
    over = _valves(pen, pose, axis, (0.16, 0.19, 0.22), 0.06, -0.07)
    return Held(axis.at(0.19, 0.075), axis.at(0.18, -0.075), over)


def horn(pen, pose):
    """A golden coil with a wide bell at the player's right hip."""
    turn = 6.0 * pose.bob * pose.raised
    place = between((-0.06, 0.48), pose.mouth + (-0.09, -0.26), pose.raised)
    axis = Axis(place + (0, -0.012 * pose.bob), float(turn))
    pen.oval(axis.at(-0.12, -0.09), (0.115, 0.125), GOLD, axis.turn - 25)
    pen.oval(axis.at(-0.125, -0.095), (0.075, 0.085), BRASS, axis.turn - 25)
    pen.oval(axis.at(-0.13, -0.10), (0.035, 0.042), (84, 56, 20), axis.turn - 25)
    angle = np.linspace(0, 2 * np.pi, 25)
    for radius, color in ((0.125, GOLD), (0.092, BRASS), (0.062, GOLD)):
        ring = np.stack([np.cos(angle), np.sin(angle)], 1) * radius
        pen.line([axis.at(*p) for p in ring], color, 0.020)
    pipe = between(axis.at(0.02, 0.24), pose.mouth, pose.raised)
    pen.line([pipe, axis.at(0.075, 0.16), axis.at(0.085, 0.09)], GOLD, 0.014)
    over = _valves(pen, pose, axis, (0.01, 0.04, 0.07), 0.07, -0.03)
    return Held(axis.at(-0.14, -0.10), axis.at(0.07, 0.06), over)


def trombone(pen, pose):
    """A golden slide that runs out and in, and a bell beside it."""
    axis = _axis(pose, 218.0, 250.0, (-0.02, 0.76), 7.0)
    out = 0.27 + 0.25 * pose.reach
    back = ((0.16, 0.14), (0.0, 0.15), (-0.08, 0.12), (-0.06, 0.05), (0.03, 0.036))
    pen.line(axis.all(*back), GOLD, 0.022)
    pen.shape(axis.all((0.02, 0.16), (0.17, 0.24), (0.17, 0.05), (0.02, 0.13)), GOLD)
    pen.oval(axis.at(0.17, 0.145), (0.024, 0.096), (240, 205, 110), axis.turn)
    pen.line(axis.all((0, 0), (0.02, 0)), SILVER, 0.030)

    def slide():
        for v in (0.0, 0.036):
            pen.line(axis.all((0.0, v), (0.26, v)), SILVER, 0.010)
            pen.line(axis.all((out - 0.14, v), (out, v)), GOLD, 0.018)
        bend = axis.all((out, 0), (out + 0.02, 0.018), (out, 0.036))
        pen.line(bend, GOLD, 0.018)
        brace = axis.all((out - 0.14, -0.004), (out - 0.14, 0.04))
        pen.line(brace, pose.skin, 0.022)

    return Held(axis.at(out - 0.14, -0.01), axis.at(0.05, 0.05), slide)


def tuba(pen, pose):
    """Coils on the lap and a great bell above the head."""
    rise = between(-0.05, 0.0, pose.raised) - 0.025 * pose.bob
    turn = between(-8.0, -2.0, pose.raised) + 3.5 * pose.bob
    axis = Axis((0.02, 0.52 + rise), float(turn))
    cone = axis.all(
        (0.055, -0.06), (0.08, 0.40), (0.02, 0.56), (0.30, 0.56), (0.20, 0.40)
    )
    pen.shape(np.concatenate([cone, axis.all((0.15, -0.06))]), GOLD)
    pen.oval(axis.at(0.16, 0.56), (0.15, 0.048), BRASS, axis.turn)
    angle = np.linspace(0, 2 * np.pi, 29)
    for rx, ry, color in (
        (0.155, 0.215, GOLD),
        (0.105, 0.160, BRASS),
        (0.06, 0.1, GOLD),
    ):
        ring = np.stack([np.cos(angle) * rx, np.sin(angle) * ry], 1)
        pen.line([axis.at(*p) for p in ring], color, 0.042)
    pipe = between(axis.at(-0.02, 0.28), pose.mouth, pose.raised)
    pen.line([pipe, axis.at(-0.05, 0.27), axis.at(-0.07, 0.15)], GOLD, 0.020)
    over = _valves(pen, pose, axis, (-0.04, 0.0, 0.04), 0.08, -0.06)
    return Held(axis.at(-0.03, 0.10), axis.at(0.15, -0.08), over)
