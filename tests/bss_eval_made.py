"""Signals for BSS Eval, museval's scores of them, and what it is to be the same."""

import warnings

import numpy as np

from Scores import museval_file

ROUNDING = 150  # dB; above, only rounding is measured


def museval(references, estimates, window, hop, taps=512, **options):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        *values, _ = museval_file.metrics().bss_eval(
            references, estimates, window, hop, filters_len=taps, **options
        )
    return np.stack(values)


def assert_same(found, expected, atol=1e-6):
    for special in (np.isnan, np.isposinf, np.isneginf):
        np.testing.assert_array_equal(special(found), special(expected))
    measured = np.isfinite(expected) & ~((found > ROUNDING) & (expected > ROUNDING))
    np.testing.assert_allclose(found[measured], expected[measured], rtol=0, atol=atol)


def tracks(n_sources=3, n_time=5000, n_channels=2, seed=0):
    rng = np.random.default_rng(seed)
    references = rng.normal(size=(n_sources, n_time, n_channels))
    return references, blurred(references)


def blurred(references, noise=0.05, seed=1):
    """Each source with some of the others, filtered, and with noise."""
    rng = np.random.default_rng(seed)
    leak = 0.1 * references.sum(axis=0) + 0.1 * np.roll(references, 3, axis=1)
    level = noise * references.std(axis=(1, 2), keepdims=True)
    return references + leak + level * rng.normal(size=references.shape)
