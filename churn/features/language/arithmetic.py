"""Arithmetic of signals that keeps missing values missing."""

from __future__ import annotations

import numpy as np

from churn.features.language.cost import Cost
from churn.features.language.reader import Array

COST = Cost.COMPUTES


def ratio(part: Array, total: Array, prior: float = 0.0) -> Array:
    """Return `(part + prior) / (total + prior)`; missing where either is missing or the divisor is 0.

    Args:
        part: A number of each customer, `[n]`.
        total: A number of each customer, `[n]`.
        prior: Is added to both; it draws the ratio of small numbers towards 1.
    """
    divisor = total + prior if prior else total
    with np.errstate(invalid="ignore", divide="ignore"):
        result = (part + prior if prior else part) / divisor
    result[divisor == 0] = np.nan
    return result


def log_ratio(recent: Array, before: Array) -> Array:
    """Return `ln((recent + 1) / (before + 1))`: below 0 for less than before; missing where either is."""
    return np.log((recent + 1) / (before + 1))


def drop_score(recent: Array, expected: Array) -> Array:
    """Return how many standard deviations of a Poisson count the recent count lies from the expected one.

    `(recent - expected) / sqrt(expected + 1)`; missing where either is.
    """
    return (recent - expected) / np.sqrt(expected + 1)
