"""A player: looks, body, head, arms, and the instrument of `props` or `strings`."""

import dataclasses

import numpy as np

from Datasets.chamber import props, strings
from Datasets.chamber.pen import Axis

DRAW = {
    "bn": props.bassoon,
    "cl": props.clarinet,
    "db": strings.double_bass,
    "fl": props.flute,
    "hn": props.horn,
    "ob": props.oboe,
    "sax": props.saxophone,
    "tba": props.tuba,
    "tbn": props.trombone,
    "tpt": props.trumpet,
    "va": strings.viola,
    "vc": strings.cello,
    "vn": strings.violin,
}
SKINS = ((244, 208, 180), (226, 178, 140), (190, 134, 96), (134, 88, 60), (90, 58, 42))
HAIRS = ((30, 24, 22), (74, 46, 28), (120, 78, 40), (196, 160, 90), (150, 150, 152))
STYLES = ("short", "long", "bun", "bald")
CLOTHS = (
    (32, 34, 40),
    (46, 58, 92),
    (110, 34, 44),
    (52, 84, 66),
    (210, 208, 200),
    (96, 76, 116),
    (70, 72, 78),
    (150, 106, 62),
)
# How far players sit from the middle of their seat so that the instrument fits.
ASIDE = {"db": -0.09, "fl": 0.08, "tbn": 0.08, "tpt": -0.06, "va": -0.07, "vn": -0.05}
STANDING = 0.16  # how much higher a standing player's shoulders are


@dataclasses.dataclass(frozen=True)
class Look:
    """How one player looks."""

    skin: tuple
    hair: tuple
    style: str
    cloth: tuple
    trousers: tuple
    chair: tuple
    glasses: bool
    build: float


def look(rng):
    """A random look."""
    jitter = rng.integers(-12, 13, 3)
    cloth = np.clip(np.array(CLOTHS[rng.integers(len(CLOTHS))]) + jitter, 0, 255)
    return Look(
        skin=SKINS[rng.integers(len(SKINS))],
        hair=HAIRS[rng.integers(len(HAIRS))],
        style=str(rng.choice(STYLES, p=[0.4, 0.3, 0.2, 0.1])),
        cloth=tuple(int(c) for c in cloth),
        trousers=tuple(int(c) for c in rng.integers((26, 26, 30), (70, 66, 84))),
        chair=tuple(int(c) for c in rng.integers((40, 30, 24), (110, 84, 70))),
        glasses=bool(rng.random() < 0.3),
        build=float(rng.uniform(0.92, 1.1)),
    )


def _lift(code):
    return STANDING if code == "db" else 0.0


def draw_still(pen, code, one):
    """Chair, legs and feet, which do not move."""
    pen.oval((0, 0.0), (0.24, 0.035), (30, 26, 26), border=False)
    cloth, shoe = one.trousers, (24, 22, 22)
    if code == "db":
        for side in (-1, 1):
            pen.line([(0.05 * side, 0.55), (0.06 * side, 0.05)], cloth, 0.085)
            pen.oval((0.07 * side, 0.025), (0.045, 0.022), shoe)
        return
    for x in (-0.15, 0.15):
        pen.line([(x, 0.36), (x * 1.1, 0.03)], one.chair, 0.018)
    pen.shape([(-0.14, 0.42), (-0.13, 0.72), (0.13, 0.72), (0.14, 0.42)], one.chair)
    pen.shape([(-0.17, 0.36), (-0.16, 0.42), (0.16, 0.42), (0.17, 0.36)], one.chair)
    apart = 1.55 if code == "vc" else 1.0
    for side in (-1, 1):
        knee = (0.115 * side * apart, 0.37)
        foot = (0.105 * side * apart, 0.05)
        pen.line([(0.06 * side, 0.44), knee], cloth, 0.105)
        pen.line([knee, foot], cloth, 0.075)
        pen.oval((foot[0] + 0.01 * side, 0.025), (0.048, 0.024), shoe)


def _head(pen, centre, one):
    """Neck, face, hair, eyes and perhaps glasses."""
    x, y = centre
    if one.style in ("long", "bun"):
        low = 0.05 if one.style == "long" else 0.0
        pen.oval((x, y - low + 0.012), (0.082, 0.094 + low), one.hair)
    if one.style == "bun":
        pen.oval((x, y + 0.115), (0.034, 0.03), one.hair)
    pen.line([(x * 0.9, y - 0.12), (x, y - 0.04)], one.skin, 0.058)
    pen.oval((x, y), (0.064, 0.082), one.skin)
    if one.style != "bald":
        angle = np.radians(np.linspace(18, 162, 14))
        top = np.stack([np.cos(angle) * 0.070, np.sin(angle) * 0.090 + 0.004], 1)
        fringe = [(-0.05, 0.048), (0.0, 0.056), (0.05, 0.048)]
        pen.shape(np.array([*top, *fringe]) + (x, y), one.hair)
    for side in (-1, 1):
        pen.oval(
            (x + side * 0.025, y + 0.012), (0.008, 0.006), (24, 20, 20), border=False
        )
        if one.glasses:
            spot = x + side * 0.026 + np.array([-0.018, 0.018])
            pen.line(
                [(spot[0], y + 0.004), (spot[1], y + 0.004)], (20, 20, 20), 0.004, False
            )
            pen.line(
                [(spot[0], y + 0.024), (spot[1], y + 0.024)], (20, 20, 20), 0.004, False
            )
    pen.line([(x, y), (x + 0.004, y - 0.018)], _darker(one.skin), 0.008, False)


def _darker(color):
    return tuple(int(c * 0.72) for c in color)


def _arm(pen, shoulder, hand, side, one):
    """Two bones of equal length; the elbow points out and down."""
    line = np.asarray(hand) - shoulder
    distance = max(np.linalg.norm(line), 1e-6)
    bone = min(0.235, 0.14 + 0.24 * distance)  # an arm that reaches forward looks short
    bend = np.sqrt(max(bone**2 - (min(distance, 2 * bone) / 2) ** 2, 0.0))
    across = np.array([-line[1], line[0]]) / distance
    if across @ (side, -0.9) < 0:
        across = -across
    elbow = (shoulder + np.asarray(hand)) / 2 + across * bend
    pen.line([shoulder, elbow], one.cloth, 0.078)
    pen.line([elbow, hand], one.cloth, 0.058)
    pen.oval(hand, (0.030, 0.027), one.skin)


def draw(pen, code, one, motion, frame):
    """The moving player: torso, head, instrument, arms.

    Args:
      pen: `Pen` whose picture holds the background and `draw_still`.
      code: URMP instrument code.
      one: The `Look`.
      motion: `gestures.Gestures`.
      frame: Index.
    """
    g = {f.name: getattr(motion, f.name)[frame] for f in dataclasses.fields(motion)}
    lift, bob = _lift(code), g["bob"] * g["raised"]
    torso = Axis((0.0, 0.40 + lift), float(-2.2 * g["lean"] * g["raised"]))
    wide = 0.135 * one.build
    neck = torso.at(0.0, 0.395 - 0.012 * bob)
    shoulders = [torso.at(s * wide, 0.36 - 0.012 * bob) for s in (-1, 1)]
    hips = [torso.at(s * 0.105 * one.build, -0.02) for s in (1, -1)]
    pen.shape(
        [shoulders[0], neck + (-0.05, 0), neck + (0.05, 0), shoulders[1], *hips],
        one.cloth,
    )
    head = neck + (0.004 * g["lean"], 0.115 - 0.020 * bob)
    _head(pen, head, one)
    posture = props.Posture(
        mouth=head + (0.0, -0.046),
        raised=float(g["raised"]),
        bow=float(g["bow"]),
        reach=float(g["reach"]),
        fingers=int(g["fingers"]),
        bob=float(g["bob"]),
        shake=float(g["shake"]),
        skin=one.skin,
    )
    held = DRAW[code](pen, posture)
    _arm(pen, shoulders[0], held.right, -1, one)
    _arm(pen, shoulders[1], held.left, 1, one)
    if held.over:
        held.over()
