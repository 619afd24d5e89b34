"""Sums over customers, with the interval of chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churn.metrics.standard_errors import Z_95

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Total:
    """A sum over customers, with a 95 % interval that contains only the effect of chance."""

    value: float
    low: float
    high: float


def expected_total(probability: Floats, value_at_risk: Floats | None = None) -> Total:
    """Return how many customers leave on average (or how much value), with the 95 % interval of chance.

    Each customer is assumed to leave with the given probability, independently of the other customers. The
    interval is the normal approximation for a sum of independent yes-or-no draws.

    Args:
        probability: One probability a customer, shape (customers,).
        value_at_risk: The value at risk of each customer in currency, shape (customers,). NaN is an unknown
            value and counts as 0. None if the churners are counted instead.
    """
    if value_at_risk is None:
        value_at_risk = probability
    at_stake = np.divide(value_at_risk, probability, out=np.zeros(len(probability)), where=probability > 0)
    deviation = float(np.sqrt(np.nansum(at_stake**2 * probability * (1 - probability))))
    total = float(np.nansum(value_at_risk))
    return Total(total, max(0.0, total - Z_95 * deviation), total + Z_95 * deviation)
