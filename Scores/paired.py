"""Statistics of pairs: intervals by bootstrap, p-values by permutation, corrections.

Hesterberg, "What Teachers Should Know About the Bootstrap", The American Statistician
69(4), 2015 (expanded percentile interval); Holm, "A Simple Sequentially Rejective
Multiple Test Procedure", Scandinavian Journal of Statistics 6(2), 1979.
"""

import numpy as np
import scipy.stats

EXACT = 14  # pairs up to which all sign flips are tried
RESAMPLES = 10000


def interval(values, statistic, confidence=0.95, resamples=RESAMPLES, seed=0):
    """Expanded percentile interval of a statistic of tracks.

    Args:
      values: float [N, ...], N tracks; they are drawn whole, so columns stay paired.
      statistic: f([resamples, N, ...]) -> [resamples], of axis 1.
      confidence: Between 0 and 1.
      resamples: How many.
      seed: Of the draws.

    Returns:
      (low, high); NaN with fewer than two tracks.
    """
    values = np.asarray(values, float)
    n = len(values)
    if n < 2:
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    drawn = []
    for part in _parts(resamples, n):
        drawn.append(statistic(values[rng.integers(0, n, [part, n])]))
    # The bootstrap's spread is short of the factor (N - 1) / N and of Student's tails.
    t = scipy.stats.t.ppf((1 + confidence) / 2, n - 1) * np.sqrt(n / (n - 1))
    tail = scipy.stats.norm.cdf(-t)
    low, high = np.quantile(np.concatenate(drawn), [tail, 1 - tail])
    return float(low), float(high)


def sign_flip_p(differences, resamples=RESAMPLES, seed=0):
    """Two-sided p-value of a mean of paired differences, under flips of their signs.

    Args:
      differences: float [N].
      resamples: Random flips beyond `EXACT` tracks.
      seed: Of them.

    Returns:
      p from 2^(1 - N), or 1 / (resamples + 1), to 1.
    """
    differences = np.asarray(differences, float)
    n = len(differences)
    if n == 0:
        return 1.0
    # Sums that are equal on paper may differ in the last bits.
    least = abs(differences.sum()) - 1e-12 * np.abs(differences).sum()
    if n <= EXACT:
        flips = 1 - 2.0 * (np.arange(2**n)[:, np.newaxis] >> np.arange(n) & 1)
        return float(np.mean(np.abs(flips @ differences) >= least))
    rng = np.random.default_rng(seed)
    count = 0
    for part in _parts(resamples, n):
        flips = 1 - 2.0 * rng.integers(0, 2, [part, n])
        count += np.sum(np.abs(flips @ differences) >= least)
    return float((count + 1) / (resamples + 1))


def holm(p):
    """Corrects p-values for their number: a list as long, in the same order."""
    p = np.asarray(p, float)
    order = np.argsort(p, kind="stable")
    corrected = np.minimum(1, p[order] * np.arange(len(p), 0, -1))
    found = np.empty(len(p))
    found[order] = np.maximum.accumulate(corrected)
    return found.tolist()


def _parts(resamples, n):
    """Cuts resamples so that a part holds some million values."""
    step = max(1, 2**21 // n)
    return [min(step, resamples - k) for k in range(0, resamples, step)]
