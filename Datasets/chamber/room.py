"""A small room: direct sound, early reflections, a diffuse tail, and a noise floor.

Early reflections are the image sources of a shoebox (Allen & Berkley, J. Acoust.
Soc. Am. 65, 1979) up to the second order; what follows is noise that decays
exponentially, as a diffuse field does (Polack; Sabine's reverberation time).
"""

import dataclasses

import numpy as np
import scipy.signal

SPEED = 343.0  # of sound, m/s
ORDER = 2  # reflections off walls that an image may have


@dataclasses.dataclass(frozen=True)
class Room:
    """A shoebox with a microphone before its players.

    Attributes:
      size: (width, depth, height) in metres.
      microphone: (x, y, z) in metres from a corner.
      reflection: Pressure reflected by a wall, of what arrives.
      decay: Reverberation time, seconds to -60 dB.
      wet: Energy of the diffuse tail, of the direct sound's.
    """

    size: tuple
    microphone: tuple
    reflection: float
    decay: float
    wet: float


def draw(rng):
    """A random rehearsal room."""
    width, depth, height = rng.uniform((5.0, 4.5, 2.6), (9.0, 7.0, 3.6))
    microphone = (width / 2 + rng.uniform(-0.4, 0.4), 0.9, 1.5)
    reflection = rng.uniform(0.45, 0.7)
    decay = rng.uniform(0.25, 0.55)
    return Room(
        (width, depth, height),
        microphone,
        reflection,
        decay,
        10 ** rng.uniform(-1.6, -0.9),
    )


def seat(index, count, room):
    """Where a player sits: (x, y, z) in metres, left to right in a shallow arc."""
    place = (index + 0.5) / count - 0.5
    spread = min(0.8 * room.size[0], 1.2 * count)
    x = room.size[0] / 2 + place * spread
    return (x, 0.55 * room.size[1] - 0.8 * abs(place), 1.1)


def _images(source, room):
    """Image sources: positions [K, 3] and their numbers of reflections [K]."""
    turns = np.arange(-ORDER, ORDER + 1)
    grid = np.stack(np.meshgrid(turns, turns, turns, indexing="ij"), -1).reshape(-1, 3)
    grid = grid[np.abs(grid).sum(axis=1) <= ORDER]
    size, source = np.array(room.size), np.array(source)
    # In the n-th mirrored copy of the room an odd n turns the source round.
    inside = np.where(grid % 2 == 0, source, size - source)
    return grid * size + inside, np.abs(grid).sum(axis=1)


def impulse_response(source, room, sample_rate, rng):
    """From a seat to the microphone; the direct sound is 1 at sample 0.

    The travel time of the direct sound is left out, so that a note is heard when its
    annotation says.

    Args:
      source: (x, y, z) in metres.
      room: The `Room`.
      sample_rate: Hz.
      rng: NumPy generator of the diffuse tail.

    Returns:
      float32 [taps].
    """
    positions, bounces = _images(source, room)
    distance = np.linalg.norm(positions - np.array(room.microphone), axis=1)
    direct = distance[bounces == 0][0]
    delay = (distance - direct) / SPEED * sample_rate
    gain = room.reflection**bounces * direct / distance
    taps = int(sample_rate * room.decay)
    response = np.zeros(taps + 2)
    whole = delay.astype(int)
    near = whole < taps
    np.add.at(response, whole[near], (gain * (1 - delay + whole))[near])
    np.add.at(response, whole[near] + 1, (gain * (delay - whole))[near])
    time = np.arange(taps + 2) / sample_rate
    # ln(10^3) = 6.91: amplitude falls by 60 dB in the reverberation time.
    tail = rng.standard_normal(taps + 2) * np.exp(-6.91 * time / room.decay)
    tail *= np.clip((time - 0.008) / 0.03, 0, 1)
    tail = scipy.signal.lfilter([0.4], [1, -0.6], tail)  # air and walls absorb highs
    response += tail * np.sqrt(room.wet / np.sum(tail**2))
    return response.astype(np.float32)


def place(stem, response):
    """A dry stem [T] in the room, float32 [T]."""
    wet = scipy.signal.oaconvolve(stem, response)[: len(stem)]
    return wet.astype(np.float32)


def noise(n_time, level, rng):
    """A noise floor, darker than white.

    Args:
      n_time: Samples.
      level: Root mean square.
      rng: NumPy generator.

    Returns:
      float32 [n_time].
    """
    white = rng.standard_normal(n_time + 1, np.float32)
    # x[t] + 0.9 x[t-1] has the variance 1 + 0.9^2.
    return (white[1:] + np.float32(0.9) * white[:-1]) * np.float32(level / 1.81**0.5)
