"""Losses in dB: one term a source and window, all samples and channels together.

A window that lies in its track in part only counts by that part.  With the source s,
the estimate e and the mixture x a term is

    10 log10(|a s - e|^2 / |a s|^2 + t)          where s sounds,  t = 0.001
    10 log10(|e|^2 / |x|^2 + u)                  where s is silent,  u = 0.01

with a = 1, or <e, s> / |s|^2.  The second is for sources that no ratio is defined of:
how much of the mixture leaks there.  So a term is at least -30 dB, or -20 dB where s is
silent: better is not asked for, and perfect estimates have finite gradients.  Both are
those of Wisdom et al., "What's All the FUSS About Free Universal Sound Separation
Data?", ICASSP 2021, https://arxiv.org/abs/2011.00803, but for constants that no
gradient sees: there the terms are not divided by the energies of s and x.
"""

import functools

import tensorflow as tf

from Models.losses import masks

MOST_DB, MOST_SILENT_DB = 30.0, 20.0
# Of the energy of s, added to both sides of the ratio: an estimate of 80 dB below s has
# no direction left.
FLOOR = 1e-8


def _ratio(scaled, estimates, sources, n_valid=None, mix=None):
    estimates, sources = masks.floats(estimates, sources)
    mix = masks.mixture(sources, mix, n_valid)
    estimates, sources = masks.cut(estimates, n_valid), masks.cut(sources, n_valid)
    terms = tf.where(
        masks.heard(sources, n_valid),
        _of_sounding(scaled, estimates, sources),
        _of_silent(estimates, mix, masks.silent_energy(sources, n_valid)),
    )
    counts = masks.share_inside(sources, n_valid)
    return terms * counts, counts


def _of_sounding(scaled, estimates, sources):
    """Float32 [B, S]; finite for silent sources too, where it means nothing."""
    energy = masks.energy(sources)
    energy = tf.where(energy > 0, energy, 1.0)
    if scaled:
        scale = tf.reduce_sum(estimates * sources, axis=(2, 3)) / energy
        sources = scale[..., tf.newaxis, tf.newaxis] * sources
    signal, noise = masks.energy(sources), masks.energy(sources - estimates)
    floor = FLOOR * energy
    least = 10 ** (-MOST_DB / 10)
    return _decibels((noise + least * signal + floor) / (signal + floor))


def _of_silent(estimates, mix, silence):
    """Float32 [B, S] of a mixture [B, 1, T, C], taken as no quieter than silence."""
    whole = tf.maximum(masks.energy(mix), silence)
    whole = tf.where(whole > 0, whole, 1.0)  # of windows beyond their tracks
    return _decibels(masks.energy(estimates) / whole + 10 ** (-MOST_SILENT_DB / 10))


def _decibels(ratio):
    return 10 / tf.math.log(10.0) * tf.math.log(ratio)


# Le Roux, Wisdom, Erdogan, Hershey, "SDR - half-baked or well done?", ICASSP 2019; the
# mean is kept.
negative_si_sdr = functools.partial(_ratio, True)
negative_snr = functools.partial(_ratio, False)
