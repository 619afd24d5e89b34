"""The health band that a probability stands for: 1 (about to leave) to 5 (well)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ODDS_RATIOS = (3.0, 1.5, 2 / 3, 1 / 3)


def band_of(probability: Floats, base_rate: float) -> Floats:
    """Return the band 1..5 of each probability: the odds of leaving against the usual odds.

    Odds ratio at most 1/3 -> 5, at most 2/3 -> 4, at most 1.5 -> 3, at most 3 -> 2, above -> 1.

    Args:
        probability: calibrated, shape `[customers]`, NaN stays missing.
        base_rate: the trailing share that left in one horizon, 0 < base_rate < 1.

    Source: the table of retention figures, health score.

    >>> band_of(np.array([0.05, 0.2, 0.6]), 0.2)
    array([5., 3., 1.])
    """
    usual = base_rate / (1 - base_rate)
    with np.errstate(divide="ignore"):
        ratio = probability / (1 - probability) / usual
    # A ratio that is 3 in exact arithmetic must not fall over the edge by the last bit.
    edges = np.array(sorted(ODDS_RATIOS)) * (1 + 1e-12)
    band = 5.0 - np.searchsorted(edges, ratio, side="left")
    return np.where(np.isnan(probability), np.nan, band)
