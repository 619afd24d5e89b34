"""The gamma-gamma model of the value of an order, and the value of customers without contracts.

The mean value z of a customer's orders is spread around the customer's own mean; own means differ between
customers. z given the own mean follows a gamma distribution with the shape p x for x orders, and its rate
follows gamma(q, v). The model needs the number and the value of orders to be independent.

Source: Fader and Hardie 2013, The gamma-gamma model of monetary value, note 025.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import gammaln

from churn.features.language.btyd import LifetimeModel, expected_events

Floats = npt.NDArray[np.float64]

MIN_CUSTOMERS = 100
"""With fewer customers who came again, the spread between customers is not known."""

MAX_LOG = 12.0
"""The bound on the log of each parameter; a parameter at its bound means that there is no maximum."""


@dataclass(frozen=True)
class OrderValueModel:
    """The fitted parameters; `v` has the unit of the values."""

    p: float
    q: float
    v: float

    def expected_value(self, count: Floats, mean: Floats) -> Floats:
        """Return the expected value of an order of each customer, `[n]`.

        Args:
            count: The number of orders in the mean; 0 gives the mean of all customers.
            mean: The mean value of these orders; not used where the count is 0.
        """
        paid = np.where(count > 0, count * mean, 0.0)
        result: Floats = self.p * (self.v + paid) / (self.p * count + self.q - 1)
        return result


def fit_order_values(count: Floats, mean: Floats) -> OrderValueModel | None:
    """Fit the model by maximum likelihood.

    The result is None for fewer than 100 customers, without a maximum, and if the mean of all customers is
    infinite.

    Args:
        count: The number of orders of each customer, at least 1, `[n]`.
        mean: The mean value of these orders, above 0, `[n]`.
    """
    if len(count) < MIN_CUSTOMERS:
        return None
    unit = float(mean.mean())
    x, z = count, mean / unit

    def loss(logs: Floats) -> float:
        p, q, v = np.exp(logs)
        value = (
            gammaln(p * x + q)
            - gammaln(p * x)
            - gammaln(q)
            + q * np.log(v)
            + (p * x - 1) * np.log(z)
            + p * x * np.log(x)
            - (p * x + q) * np.log(x * z + v)
        )
        return -float(value.mean())

    search = minimize(loss, np.log([1.0, 2.0, 1.0]), method="L-BFGS-B", bounds=[(-MAX_LOG, MAX_LOG)] * 3)
    p, q, v = np.exp(search.x)
    if np.abs(search.x).max() >= MAX_LOG - 1e-6 or q <= 1:
        return None
    return OrderValueModel(float(p), float(q), float(v) * unit)


def discounted_orders(
    model: LifetimeModel,
    x: Floats,
    recency: Floats,
    age: Floats,
    *,
    months: int,
    days_per_month: float,
    discount: float,
) -> Floats:
    """Return the expected orders of the next months, each discounted to today, `[n]`.

    An order of month k, counted from 1, is worth `(1 + discount) ** -k` orders.

    Args:
        model: The fitted BG/NBD model, with days as the unit of time.
        x: The orders after the first, `[n]`.
        recency: The days from the first order to the last, `[n]`.
        age: The days from the first order to the cutoff, `[n]`.
        months: How many months ahead.
        days_per_month: The length of a month in days.
        discount: The discount rate of a month.
    """
    total, before = np.zeros(len(x)), np.zeros(len(x))
    for month in range(1, months + 1):
        expected = expected_events(model, x, recency, age, month * days_per_month)
        total = total + (expected - before) / (1 + discount) ** month
        before = expected
    return total
