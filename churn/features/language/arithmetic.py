"""Arithmetic of signals; the result is missing if an operand is missing."""

from __future__ import annotations

import numpy as np

from churn.features.language.cost import Cost
from churn.features.language.reader import Array

COST = Cost.COMPUTES


def ratio(part: Array, total: Array, prior: float = 0.0) -> Array:
    """Return `(part + prior) / (total + prior)`; missing if `part` or `total` is missing or the divisor is 0.

    Args:
        part: The dividend, one number per customer, `[n]`.
        total: The divisor, one number per customer, `[n]`.
        prior: A number that is added to `part` and `total`; it draws the ratio of small numbers towards 1.
    """
    divisor = total + prior if prior else total
    with np.errstate(invalid="ignore", divide="ignore"):
        result = (part + prior if prior else part) / divisor
    result[divisor == 0] = np.nan
    return result


def log_ratio(recent: Array, before: Array) -> Array:
    """Return `ln((recent + 1) / (before + 1))`, which is below 0 if `recent` is the smaller number.

    The result is missing if one of the two numbers is missing.
    """
    return np.log((recent + 1) / (before + 1))


def drop_score(recent: Array, expected: Array) -> Array:
    """Return `(recent - expected) / sqrt(expected + 1)`, below 0 if fewer events came than expected.

    The divisor is nearly the standard deviation of a Poisson count. The result is missing if one of the two
    numbers is missing.
    """
    return (recent - expected) / np.sqrt(expected + 1)
