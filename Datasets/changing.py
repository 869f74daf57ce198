"""What `Mixtures` does to the parts of a mixture: tempo, pitch, tone, room, sign."""

import tensorflow as tf

from Datasets import effects as applied
from Datasets import stretching

# Streams of draws of an example, apart from those of `windows` and `mixtures`.
TEMPO, PITCH, EQUALIZER, REVERB, POLARITY, SWAP = range(32, 38)
WET = 0.7  # greatest root of the energy of reflections, the direct sound's being 1


def tempos(mixtures, n_parts, seeds, shared):
    """float32 [P]: how many times faster each part is to be played.

    Args:
      mixtures: `Datasets.mixtures.Mixtures`.
      n_parts: P.
      seeds: seeds(stream) -> seed of the example's draws.
      shared: Whether all parts have one tempo.
    """
    if not mixtures.tempo:
        return tf.ones([n_parts])
    told = 1 + mixtures.tempo, mixtures.effects, seeds(TEMPO)
    return applied.random_rates(n_parts, *told, shared)


def in_tempo(parts, rates, n_in, sample_rate, mixtures):
    """[P, n_read, C] -> [P, n_in, C], the pitch as it was."""
    if not mixtures.tempo:
        return parts
    return stretching.tempo(parts, rates, n_in, sample_rate)


def notes_in_tempo(notes, second, tempo):
    """Notes [M, 3] (onset s, Hz, duration s) played faster around a time, in s."""
    tempo, second = tf.cast(tempo, tf.float32), tf.cast(second, tf.float32)
    onset, pitch, duration = tf.unstack(notes, axis=1)
    onset = second + (onset - second) / tempo
    return tf.stack([onset, pitch, duration / tempo], axis=1)


def effects(parts, mixtures, sample_rate, seeds):
    """Changes each of the parts [P, T, C] by draws of its own."""
    share = mixtures.effects
    parts = applied.pitch(parts, mixtures.pitch, sample_rate, share, seeds(PITCH))
    told = sample_rate, share, seeds(EQUALIZER)
    parts = applied.equalizer(parts, mixtures.equalizer, *told)
    told = sample_rate, share, seeds(REVERB)
    parts = applied.reverb(parts, mixtures.reverb, WET, *told)
    if mixtures.polarity:
        parts = applied.polarity(parts, mixtures.polarity, seeds(POLARITY))
    if mixtures.channel_swap:
        parts = applied.channel_swap(parts, mixtures.channel_swap, seeds(SWAP))
    return parts
