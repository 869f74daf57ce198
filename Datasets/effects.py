"""Random effects on the stems of an example: what a player, room or microphone may do.

Of each effect there is a function that draws its amounts and one that applies it; both
draw the same from the same seed, each part on its own.  An effect happens to a part
with a probability; to the others, and if its amount is 0, nothing happens, bit for bit.
TensorFlow graph only; `stretching` has the effects whose amounts are given.

Glossary: P parts of the track, T samples, C channels, B bands, K frequencies.
Seeds are int64 [2]; each effect needs another one.
"""

import math
from typing import NamedTuple

import tensorflow as tf

from Datasets import stretching
from Datasets.stretching import each_part, fast_length
from Utils import samples

# Equaliser: the corner or centre of a low shelf, three bells and a high shelf, Hz.
LOW_SHELF, BELL_FROM = (60.0, 300.0), 150.0
N_BELLS = 3
BELL_Q = (0.5, 2.0)
SHELF_Q = 2**-0.5
EQUALIZER_MARGIN = 0.1  # s of zeros, in which its responses die away
# Reverberation.
SHORTEST = 0.2  # RT60, as a share of the longest
GAP = (0.002, 0.02)  # s between the direct sound and the first reflection
DULLNESS = (0.3, 1.0)  # RT60 of the highest band, as a share of the lowest
LOWEST_BAND = 250.0  # Hz; the others follow in octaves


def _affected(n_parts, probability, seed):
    """Which parts an effect happens to, bool [P]."""
    return tf.random.stateless_uniform([n_parts], seed) < probability


def _uniform(shape, seed, edges):
    return tf.random.stateless_uniform(shape, seed, *edges)


def _log_uniform(shape, seed, edges):
    return tf.exp(_uniform(shape, seed, [math.log(edge) for edge in edges]))


def signs(n_parts, probability, seed):
    """float32 [P]: -1 with that probability, else 1."""
    return tf.where(_affected(n_parts, probability, seed), -1.0, 1.0)


def polarity(parts, probability, seed):
    """Inverts each part of float32 [P, T, C] with that probability."""
    drawn = signs(tf.shape(parts)[0], probability, seed)
    return parts * drawn[:, tf.newaxis, tf.newaxis]


def swaps(n_parts, probability, seed):
    """Whether left and right of a part change places, bool [P]."""
    return _affected(n_parts, probability, seed)


def channel_swap(parts, probability, seed):
    """Swaps left and right of each part of float32 [P, T, C] with that probability.

    Other than stereo stays as it is.
    """
    if parts.shape[2] != 2:
        return parts
    drawn = swaps(tf.shape(parts)[0], probability, seed)
    return tf.where(drawn[:, tf.newaxis, tf.newaxis], parts[..., ::-1], parts)


class Bands(NamedTuple):
    """Bands of an equaliser: first a low shelf, then bells, last a high shelf.

    Attributes:
      frequency: float32 [P, B], Hz: a shelf's corner, a bell's centre.
      gain: float32 [P, B], dB: of a shelf at its end, of a bell at its centre.
      q: float32 [P, B].
    """

    frequency: tf.Tensor
    gain: tf.Tensor
    q: tf.Tensor


def equalizer_bands(n_parts, decibels, sample_rate, probability, seed):
    """Draws the `Bands` of each part; gains are uniform, frequencies in octaves."""
    seeds = tf.unstack(tf.random.split(seed, 6))
    top = sample_rate / 2
    frequency = [
        _log_uniform([n_parts, 1], seeds[0], LOW_SHELF),
        _log_uniform([n_parts, N_BELLS], seeds[1], (BELL_FROM, 0.6 * top)),
        _log_uniform([n_parts, 1], seeds[2], (0.15 * top, 0.5 * top)),
    ]
    gain = _uniform([n_parts, N_BELLS + 2], seeds[3], (-decibels, decibels))
    affected = _affected(n_parts, probability, seeds[4])
    q = _log_uniform([n_parts, N_BELLS], seeds[5], BELL_Q)
    q = tf.pad(q, [[0, 0], [1, 1]], constant_values=SHELF_Q)
    gain = tf.where(affected[:, tf.newaxis], gain, 0.0)
    return Bands(tf.concat(frequency, axis=1), gain, q)


def equalizer_curve(bands, frequencies, decibels):
    """The gain of an equaliser, float32 [..., K], in dB and within +-`decibels`.

    The sum of the bands' gains, each that of the analogue filter of Bristow-Johnson's
    "Audio EQ Cookbook"; scaled down wholly where it would exceed the limit.

    Args:
      bands: `Bands`, [P, B] or, of one part, [B].
      frequencies: float32 [K], Hz, from 0 to half the sampling rate.
      decibels: The limit.
    """
    f, gain, q = (x[..., tf.newaxis] for x in bands)
    ratio = (frequencies / f) ** 2
    a = 10.0 ** (gain / 40)
    low, bell, high = (tf.split(x, [1, N_BELLS, 1], axis=-2) for x in (ratio, a, q))
    (w, wb, wh), (al, ab, ah), (ql, qb, qh) = low, bell, high
    powers = [
        al**2 * _quotient(al - w, 1 - al * w, al * w / ql**2, al * w / ql**2),
        _quotient(1 - wb, 1 - wb, wb * (ab / qb) ** 2, wb / (ab * qb) ** 2),
        ah**2 * _quotient(1 - ah * wh, ah - wh, ah * wh / qh**2, ah * wh / qh**2),
    ]
    power = tf.reduce_prod(tf.concat(powers, axis=-2), axis=-2)
    curve = tf.math.log(power) * (10 / math.log(10))
    most = tf.reduce_max(tf.abs(curve), axis=-1, keepdims=True)
    return curve * (decibels / tf.maximum(most, decibels))


def _quotient(above, below, damping_above, damping_below):
    """|H|^2 of a second-order section, from real parts and squared imaginary ones."""
    return (above**2 + damping_above) / (below**2 + damping_below)


def equalizer(parts, decibels, sample_rate, probability, seed):
    """Changes the tone of each part by a smooth random curve, within +-`decibels`.

    Zero-phase: nothing moves in time.  What lies outside T counts as silence.

    Args:
      parts: float32 [P, T, C].
      decibels: The greatest gain or loss at any frequency.
      sample_rate: In Hz.
      probability: Of the effect, for each part on its own.
      seed: Of the draws.

    Returns:
      float32 [P, T, C].
    """
    if not decibels or not probability:
        return parts
    n_time = parts.shape[1]
    length = fast_length(n_time + math.ceil(EQUALIZER_MARGIN * sample_rate))
    frequencies = tf.range(length // 2 + 1, dtype=tf.float32) * (sample_rate / length)
    n_parts = tf.shape(parts)[0]
    bands = equalizer_bands(n_parts, decibels, sample_rate, probability, seed)

    def one(k, part):
        curve = equalizer_curve(Bands(*(x[k] for x in bands)), frequencies, decibels)
        spectrum = tf.signal.rfft(tf.transpose(part), [length])
        spectrum *= tf.cast(10.0 ** (curve / 20), tf.complex64)
        return tf.transpose(tf.signal.irfft(spectrum, [length])[:, :n_time])

    return each_part(one, parts, tf.reduce_any(bands.gain != 0, axis=1))


class Rooms(NamedTuple):
    """What is drawn of a room.

    Attributes:
      rt60: float32 [P], s: time in which the sound falls by 60 dB, up to 250 Hz.
      dullness: float32 [P]: the share of it in the highest octave.
      gap: float32 [P], s from the direct sound to the first reflection.
      wet: float32 [P]: root of the energy of all reflections, the direct sound's
        being 1; 0: there is no room.
    """

    rt60: tf.Tensor
    dullness: tf.Tensor
    gap: tf.Tensor
    wet: tf.Tensor


def rooms(n_parts, seconds, mix, probability, seed):
    """Draws the `Rooms` of the parts: uniform, RT60 to `seconds` and wet to `mix`."""
    seeds = tf.unstack(tf.random.split(seed, 6))[:5]
    limits = (SHORTEST * seconds, seconds), DULLNESS, GAP, (0.0, mix)
    drawn = [_uniform([n_parts], s, edges) for s, edges in zip(seeds, limits)]
    affected = _affected(n_parts, probability, seeds[4])
    return Rooms(*drawn[:3], tf.where(affected, drawn[3], 0.0))


def band_rt60(rt60, dullness, sample_rate):
    """(RT60 in s, [..., B], of the bands; their centres in Hz, floats)."""
    n_bands = max(2, round(math.log2(sample_rate / 2 / LOWEST_BAND)))
    centres = [LOWEST_BAND * 2**b for b in range(n_bands)]
    share = tf.linspace(0.0, 1.0, n_bands)
    return rt60[..., tf.newaxis] * dullness[..., tf.newaxis] ** share, centres


def reflections(room, seconds, channels, sample_rate, seed):
    """Impulse response of a room without the direct sound, float32 [C, n].

    Noise whose octaves decay exponentially, each with its RT60 (Moorer, "About this
    reverberation business", Computer Music Journal 3(2), 1979); channels differ.

    Args:
      room: `Rooms` of one part: scalars.
      seconds: The length of the response.
      channels: C.
      sample_rate: In Hz.
      seed: Of the noise.
    """
    n_time = samples(seconds, sample_rate)
    length = fast_length(n_time)
    noise = tf.random.stateless_normal([channels, 1, length], seed)
    rt60, centres = band_rt60(room.rt60, room.dullness, sample_rate)
    frequencies = tf.range(length // 2 + 1, dtype=tf.float32) * (sample_rate / length)
    octave = tf.math.log(tf.maximum(frequencies, 1.0) / centres[0]) / math.log(2)
    octave = tf.clip_by_value(octave, 0.0, len(centres) - 1.0)
    band = tf.range(len(centres), dtype=tf.float32)[:, tf.newaxis]
    masks = tf.maximum(0.0, 1.0 - tf.abs(octave - band))
    spectrum = tf.signal.rfft(noise) * tf.cast(masks, tf.complex64)
    bands = tf.signal.irfft(spectrum, [length])[..., :n_time]
    since = tf.range(n_time, dtype=tf.float32) / sample_rate - room.gap
    fall = tf.exp(-3 * math.log(10) * tf.maximum(since, 0.0) / rt60[:, tf.newaxis])
    tail = tf.reduce_sum(bands * fall, axis=1) * tf.cast(since >= 0, tf.float32)
    energy = tf.reduce_mean(tf.reduce_sum(tail**2, axis=1))
    return tail * room.wet * tf.math.rsqrt(tf.maximum(energy, 1e-12))


def reverb(parts, seconds, mix, sample_rate, probability, seed):
    """Puts each part into a random room of its own; the direct sound stays as it is.

    The room is silent before the excerpt begins, and what sounds on after T is lost.

    Args:
      parts: float32 [P, T, C].
      seconds: The longest RT60.
      mix: The greatest root of the reflections' energy, the direct sound's being 1.
      sample_rate: In Hz.
      probability: Of the effect, for each part on its own.
      seed: Of the draws.

    Returns:
      float32 [P, T, C].
    """
    if not seconds or not mix or not probability:
        return parts
    _, n_time, channels = parts.shape
    drawn = rooms(tf.shape(parts)[0], seconds, mix, probability, seed)
    length = fast_length(n_time + samples(seconds, sample_rate))
    noise_seed = tf.random.split(seed, 6)[5]  # `rooms` draws by the others

    def one(k, part):
        room = Rooms(*(x[k] for x in drawn))
        key = tf.random.fold_in(noise_seed, k)
        tail = reflections(room, seconds, channels, sample_rate, key)
        spectrum = tf.signal.rfft(tf.transpose(part), [length])
        spectrum *= tf.signal.rfft(tail, [length])
        wet = tf.signal.irfft(spectrum, [length])[:, :n_time]
        return part + tf.transpose(wet)

    return each_part(one, parts, drawn.wet != 0)


def pitch_shifts(n_parts, semitones, probability, seed):
    """float32 [P]: uniform in +-`semitones` with that probability, else 0."""
    which, much = tf.unstack(tf.random.split(seed, 2))
    drawn = _uniform([n_parts], much, (-semitones, semitones))
    return tf.where(_affected(n_parts, probability, which), drawn, 0.0)


def pitch(parts, semitones, sample_rate, probability, seed):
    """Transposes each part of float32 [P, T, C] at random; its tempo stays."""
    if not semitones or not probability:
        return parts
    drawn = pitch_shifts(tf.shape(parts)[0], semitones, probability, seed)
    return stretching.transposed(parts, drawn, semitones, sample_rate)


def random_rates(n_parts, greatest, probability, seed, shared):
    """Rates for `stretching.tempo` and `stretching.resampled`, float32 [P].

    Args:
      n_parts: P.
      greatest: >= 1; rates are between 1 / greatest and greatest, as probably slower
        as faster.
      probability: Of any change; else the rate is 1.
      seed: Of the draws.
      shared: Whether all parts have one rate, as players of one piece do.
    """
    which, much = tf.unstack(tf.random.split(seed, 2))
    shape = 1 if shared else n_parts
    drawn = _log_uniform([shape], much, (1 / greatest, greatest))
    drawn = tf.where(_affected(shape, probability, which), drawn, 1.0)
    return tf.broadcast_to(drawn, [n_parts])
