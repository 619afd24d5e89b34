"""The population stability index: how far a distribution has moved, and how large the index is by chance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

Floats = npt.NDArray[np.float64]

PSEUDO_COUNT = 0.5
"""The number of rows that is added to each bin, so that an empty bin has no infinite logarithm (Jeffreys'
prior).
"""


def population_stability_index(before: Floats, after: Floats) -> float:
    """Return the population stability index of two lists of counts over the same bins; 0 if they are equal.

    With the shares `p` and `q` of the bins, the index is `sum((q - p) * log(q / p))`. Half a row is added to
    each bin that has rows in at least one of the lists; other bins do not count. The result is NaN if a list
    holds no row.

    Source: Siddiqi (2006), Credit risk scorecards, chapter 8; the symmetric divergence of Kullback and
        Leibler (1951), On information and sufficiency, Annals of Mathematical Statistics 22.

    >>> round(population_stability_index(np.array([500.0, 500.0]), np.array([250.0, 750.0])), 3)
    0.274
    """
    if not before.sum() > 0 or not after.sum() > 0:
        return float("nan")
    is_used = (before > 0) | (after > 0)
    smoothed = [counts[is_used] + PSEUDO_COUNT for counts in (before, after)]
    p, q = (counts / counts.sum() for counts in smoothed)
    return float(np.sum((q - p) * np.log(q / p)))


def psi_by_chance(n_bins: int, n_before: float, n_after: float, probability: float) -> float:
    """Return the limit that the stability index exceeds with a given probability although nothing has moved.

    Two samples of one distribution have an index of about `(1 / n_before + 1 / n_after) * X`, where X follows
    the chi-squared distribution with `n_bins - 1` degrees of freedom. So the mean of this index is
    `(n_bins - 1) * (1 / n_before + 1 / n_after)`, not 0. With few rows, a fixed limit such as .25 therefore
    means nothing.

    Args:
        n_bins: The number of bins.
        n_before: The number of independent rows in the first sample, above 0.
        n_after: The number of independent rows in the second sample, above 0.
        probability: The probability, in (0, 1).

    Source: Yurdakul and Naranjo (2020), Statistical properties of the population stability index, Journal of
        Risk Model Validation 14(4).

    >>> round(psi_by_chance(10, 1000, 1000, 0.05), 4)
    0.0338
    """
    return float(chi2.isf(probability, max(1, n_bins - 1)) * (1 / n_before + 1 / n_after))
