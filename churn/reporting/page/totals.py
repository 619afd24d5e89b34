"""Sums over customers, with an interval for the effect of chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churn.metrics.standard_errors import Z_95

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Total:
    """A sum over customers, with a 95 % interval for chance; the interval does not include errors of the
    model.
    """

    value: float
    low: float
    high: float


def expected_total(probability: Floats, value_at_risk: Floats | None = None) -> Total:
    """Return the expected number of customers who leave (or the expected lost value), with the 95 % interval
    of chance.

    It is assumed that each customer leaves with the given probability, independently of the other customers.
    The interval is the normal approximation for a sum of independent yes-or-no draws.

    Args:
        probability: The probability of each customer, shape (customers,).
        value_at_risk: The value at risk of each customer in currency, shape (customers,). NaN means an
            unknown value and counts as 0. If `value_at_risk` is None, the result is the expected number of
            churners.
    """
    if value_at_risk is None:
        value_at_risk = probability
    at_stake = np.divide(value_at_risk, probability, out=np.zeros(len(probability)), where=probability > 0)
    deviation = float(np.sqrt(np.nansum(at_stake**2 * probability * (1 - probability))))
    total = float(np.nansum(value_at_risk))
    return Total(total, max(0.0, total - Z_95 * deviation), total + Z_95 * deviation)
