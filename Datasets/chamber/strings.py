"""The bowed instruments: how each looks, is held and moves; see `props`."""

import numpy as np

from Datasets.chamber.pen import Axis, between
from Datasets.chamber.props import Held

STICK, HAIR, EBONY = (92, 52, 28), (240, 236, 226), (30, 26, 26)
VIOLIN, VIOLA, CELLO, BASS = (196, 112, 46), (134, 58, 30), (168, 84, 34), (112, 66, 34)


def _outline(size):
    """Half the outline of a string instrument's body: (u, v) of length 1 * size."""
    u = np.array([0.0, 0.03, 0.12, 0.25, 0.40, 0.48, 0.58, 0.66, 0.80, 0.92, 0.99, 1.0])
    v = np.array([0.0, 0.16, 0.27, 0.30, 0.25, 0.19, 0.18, 0.21, 0.24, 0.19, 0.08, 0.0])
    return u * size, v * size


def _body(pen, axis, size, color, neck):
    """Body, neck, scroll, f-holes, tailpiece and strings."""
    u, v = _outline(size)
    both = np.concatenate([np.stack([u, v], 1), np.stack([u, -v], 1)[::-1]])
    pen.shape([axis.at(*p) for p in both], color)
    inner = tuple(min(255, int(c * 1.18)) for c in color)
    pen.shape([axis.at(0.07 * size + 0.86 * a, 0.8 * b) for a, b in both], inner, False)
    pen.line(axis.all((0.62 * size, 0), (neck, 0)), EBONY, 0.055 * size + 0.006)
    pen.line(axis.all((0.04 * size, 0), (0.26 * size, 0)), EBONY, 0.07 * size)
    for side in (-1, 1):
        hole = ((0.30, 0.13), (0.38, 0.10), (0.46, 0.09))
        hole = [(a * size, side * b * size) for a, b in hole]
        pen.line(axis.all(*hole), EBONY, 0.008, False)
    pen.line(
        axis.all((0.36 * size, -0.07 * size), (0.36 * size, 0.07 * size)), HAIR, 0.008
    )
    pen.line(axis.all((0.26 * size, 0), (neck, 0)), (210, 205, 196), 0.004, False)
    pen.oval(axis.at(neck + 0.012), (0.05 * size + 0.012, 0.026), color, axis.turn)


def _bow(pen, hand, turn, length):
    """A bow from the hand to its tip."""
    axis = Axis(hand, turn)
    pen.line(axis.all((-0.02, -0.008), (length, -0.008)), HAIR, 0.006, False)
    pen.line(axis.all((-0.02, 0.008), (length, 0.008)), STICK, 0.010)


def _shoulder(pen, pose, size, color):
    """Violin and viola: under the chin, bowed upwards."""
    turn = between(76.0, -9.0, pose.raised) - 6.0 * pose.bob * pose.raised
    place = between((0.03, 0.42), pose.mouth + (0.03, -0.065), pose.raised)
    axis = Axis(place, float(turn))
    neck = size * 1.58
    _body(pen, axis, size, color, neck)
    stroke = 54.0 + 10.0 * pose.reach
    contact, along = axis.at(0.45 * size), Axis((0, 0), stroke).at(1.0)
    drawn = contact - along * (0.20 + 0.16 * pose.bow)
    hand = between((-0.16, 0.44), drawn, pose.raised)
    tilt = float(between(105.0, stroke, pose.raised))
    left = axis.at(neck - 0.03 - 0.45 * size * pose.reach + 0.010 * pose.shake, -0.02)
    return Held(hand, left, lambda: _bow(pen, hand, tilt, 0.42))


def violin(pen, pose):
    """Small, orange-brown."""
    return _shoulder(pen, pose, 0.215, VIOLIN)


def viola(pen, pose):
    """A fifth larger than a violin, dark red-brown."""
    return _shoulder(pen, pose, 0.26, VIOLA)


def _upright(pen, pose, foot, turn, size, color, stretch):
    """Cello and double bass: on an endpin, bowed sideways."""
    axis = Axis(foot, turn - 1.5 * pose.bob * pose.raised)
    neck = size * stretch
    pen.line(axis.all((-0.16 * size, 0), (0.02, 0)), EBONY, 0.012)
    _body(pen, axis, size, color, neck)
    stroke = 6.0 - 10.0 * pose.reach
    contact, along = axis.at(0.47 * size), Axis((0, 0), stroke).at(1.0)
    drawn = contact - along * (0.19 + 0.16 * pose.bow)
    hand = between(contact + (-0.30, 0.02), drawn, pose.raised)
    tilt = float(between(-58.0, stroke, pose.raised))
    place = neck - 0.05 - 0.42 * (neck - size) * pose.reach + 0.012 * pose.shake
    return Held(hand, axis.at(place, -0.01), lambda: _bow(pen, hand, tilt, 0.42))


def cello(pen, pose):
    """Between the knees."""
    return _upright(pen, pose, (-0.02, 0.10), 82.0, 0.47, CELLO, 1.62)


def double_bass(pen, pose):
    """As high as the player, who stands behind it."""
    return _upright(pen, pose, (0.09, 0.11), 86.0, 0.66, BASS, 1.58)
