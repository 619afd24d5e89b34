"""The gamma-gamma model of the value of an order, and of the value of customers without contracts.

The values of a customer's orders vary around the customer's own mean, and these means differ between
customers. The value of each order follows a gamma distribution with the shape p and the rate nu. The
parameter p is the same for all customers. Each customer has its own nu; between customers, nu follows
gamma(q, v). If a customer has x orders, their mean value follows a gamma distribution with the shape `p * x`
and the rate `nu * x`. The model assumes that the number of orders and their value are independent.

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
"""With fewer customers who ordered again, the spread between customers cannot be estimated."""

MAX_LOG = 12.0
"""The bound on the logarithm of each parameter; if a parameter reaches its bound, the likelihood has no
maximum.
"""


@dataclass(frozen=True)
class OrderValueModel:
    """The fitted parameters of the gamma-gamma model; `v` has the unit of the order values."""

    p: float
    q: float
    v: float

    def expected_value(self, count: Floats, mean: Floats) -> Floats:
        """Return the expected value of an order of each customer, `[n]`.

        Args:
            count: The number of orders from which `mean` is computed; a customer with 0 orders gets the mean
                of all customers.
            mean: The mean value of the orders of each customer; not used if the count is 0.
        """
        paid = np.where(count > 0, count * mean, 0.0)
        result: Floats = self.p * (self.v + paid) / (self.p * count + self.q - 1)
        return result


def fit_order_values(count: Floats, mean: Floats) -> OrderValueModel | None:
    """Fit the model by maximum likelihood.

    The result is None for fewer than 100 customers, if the likelihood has no maximum, and if the mean of all
    customers is infinite.

    Args:
        count: The number of orders of each customer, at least 1, `[n]`.
        mean: The mean value of the orders of each customer, above 0, `[n]`.
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
    """Return how many orders are expected in the next months, each discounted to today, `[n]`.

    An order in month k (the next month is 1) counts as `(1 + discount) ** -k` orders.

    Args:
        model: The fitted BG/NBD model, with days as the unit of time.
        x: The number of orders after the first, `[n]`.
        recency: The days from the first order to the last, `[n]`.
        age: The days from the first order to the cutoff, `[n]`.
        months: The number of months ahead.
        days_per_month: The length of a month in days.
        discount: The discount rate of a month.
    """
    total, before = np.zeros(len(x)), np.zeros(len(x))
    for month in range(1, months + 1):
        expected = expected_events(model, x, recency, age, month * days_per_month)
        total = total + (expected - before) / (1 + discount) ** month
        before = expected
    return total
