"""Move the level of log-odds to newer labels: one number, and only where the labels ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.optimize import brentq

from churn.metrics.metrics import Floats, Ints
from churn.metrics.standard_errors import clustered_difference
from churn.model.scorer import sigmoid

FEWEST = 100
"""Customers who left, or were expected to, below which no level is moved."""
SURE = 1.959964


def fit_shift(logits: Floats, left: Floats, customer: Ints) -> dict[str, Any]:
    """Fit what to add to log-odds so that about as many are expected to leave as did leave.

    Nothing is added below 100 customers who left, nor where chance alone makes such a difference in one of
    twenty cases. Customers count as independent, rows do not: the windows of weekly cutoffs overlap, so that
    one leaver stands in several. Else it is the shift of maximum likelihood times `1 - 1 / z^2`, z being the
    difference over its standard error: of what was seen, that much is expected to last.

    Args:
        logits: The log-odds of the rows.
        left: Their outcomes.
        customer: An integer per customer.

    Source: Steyerberg (2019), Clinical prediction models, 2nd edition, chapter 20 (recalibration in the
        large); James and Stein (1961), Estimation with quadratic loss (the factor).
    """
    expected = sigmoid(logits)
    difference, error = clustered_difference(left, expected, customer)
    leavers = max(_customers(left, customer), _customers(expected, customer))
    by = 0.0
    if leavers >= FEWEST and abs(difference) > SURE * error:
        by = (1 - (error / difference) ** 2) * level_shift(logits, float(left.sum()))
    return {"method": "shifted", "by": by, "of": {"method": "none"}}


def _customers(chance: Floats, customer: Ints) -> float:
    """Return how many customers leave, each by the largest chance of their rows: the least it can be."""
    who = np.unique(customer, return_inverse=True)[1]
    largest = np.zeros(who.max(initial=-1) + 1)
    np.maximum.at(largest, who, chance)
    return float(largest.sum())


def level_shift(logits: Floats, leavers: float) -> float:
    """Return what to add to log-odds so that so many are expected to leave; half a row from none and all."""
    wanted = min(max(leavers, 0.5), len(logits) - 0.5)
    return float(brentq(lambda by: float(sigmoid(logits + by).sum()) - wanted, -40.0, 40.0))


def shifted(calibration: Mapping[str, Any], by: float) -> dict[str, Any]:
    """Return a calibration whose log-odds are moved once more; shifts add up.

    >>> shifted({"method": "shifted", "by": 0.5, "of": {"method": "none"}}, 0.25)
    {'method': 'shifted', 'by': 0.75, 'of': {'method': 'none'}}
    """
    before: Mapping[str, Any] = {"by": 0.0, "of": calibration}
    if calibration["method"] == "shifted":
        before = calibration
    return {"method": "shifted", "by": before["by"] + by, "of": dict(before["of"])}
