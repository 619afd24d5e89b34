"""What a probability means for the company: the customer's health band, and the value at risk."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.params import ValueParams

Floats = npt.NDArray[np.float64]

ODDS_RATIOS = (3.0, 1.5, 2 / 3, 1 / 3)
"""The odds ratios at which the health bands 1 to 5 change."""

DAYS_PER_MONTH = 365.25 / 12

VARIANT = "end of period"
"""The time of the payments: a saved customer pays at the end of each month in which the customer stays."""


def health_band(probability: Floats, base_rate: float) -> Floats:
    """Return the health band of each probability, from 1 (about to leave) to 5 (well).

    The band compares the odds of leaving with the usual odds, which follow from `base_rate`. Odds ratio at
    most 1/3 -> 5, at most 2/3 -> 4, at most 1.5 -> 3, at most 3 -> 2, above 3 -> 1.

    Args:
        probability: The calibrated probabilities, shape (customers,); NaN gives NaN.
        base_rate: The usual share of customers who leave within one horizon, 0 < base_rate < 1.

    Source: the project's definitions of retention figures, entry "health score".

    >>> health_band(np.array([0.05, 0.2, 0.6]), 0.2)
    array([5., 3., 1.])
    """
    usual = base_rate / (1 - base_rate)
    with np.errstate(divide="ignore"):
        ratio = probability / (1 - probability) / usual
    # A ratio of exactly 3 must not cross the edge because of a rounding error.
    edges = np.array(sorted(ODDS_RATIOS)) * (1 + 1e-12)
    band = 5.0 - np.searchsorted(edges, ratio, side="left")
    return np.where(np.isnan(probability), np.nan, band)


def lifetime_value(margin: Floats, retention: float, discount: float, periods: float) -> Floats:
    """Return the discounted margin of the next `periods` periods; each payment is made at the end of a
    period.

    Args:
        margin: The margin of each customer in a period, in currency, shape (customers,).
        retention: The share of customers who stay from one period to the next, in [0, 1].
        discount: The discount rate per period.
        periods: The number of payments; `math.inf` if there is no last payment.

    Source: Fader and Hardie, note 024, with only the first `periods` payments.

    >>> round(float(lifetime_value(np.array([100.0]), 0.8, 0.1, math.inf)[0]), 2)
    333.33
    """
    shrink = retention / (1 + discount)
    if math.isclose(shrink, 1.0):
        factor = 1.0 / (1 + discount) * periods
    else:
        factor = 1.0 / (1 + discount - retention) * (1 - shrink**periods)
    return np.asarray(margin * factor, dtype=np.float64)


def residual_value(
    monthly_money: Floats, *, base_rate: float, horizon_days: int, terms: ValueParams
) -> Floats:
    """Return the value of each customer if the customer stays; NaN if the money is not known.

    A customer who was kept is assumed to stay as long as an average customer. So the share of customers
    who stay from one month to the next comes from `base_rate`, and not from the customer's own probability of
    leaving. Otherwise, a customer who is sure to leave would have no value, and the call list would drop
    exactly the customers for whom it is made.

    Args:
        monthly_money: The net money of each customer per month, shape (customers,); NaN if it is not known.
        base_rate: The share of customers who leave within one horizon, in [0, 1].
        horizon_days: The length of the horizon, in days.
        terms: The number of monthly payments, the margin and the yearly discount rate.
    """
    retention = (1 - base_rate) ** (DAYS_PER_MONTH / horizon_days)
    discount = (1 + terms.discount_year) ** (1 / 12) - 1
    margin_money = np.maximum(monthly_money, 0.0) * terms.margin
    return lifetime_value(margin_money, retention, discount, terms.months)


def value_at_risk(
    probability: Floats, monthly_money: Floats, *, base_rate: float, horizon_days: int, terms: ValueParams
) -> Floats:
    """Return `P(leaves within the horizon) * residual value`; NaN if the money is not known.

    Args:
        probability: The calibrated probabilities, shape (customers,), in [0, 1].
        monthly_money, base_rate, horizon_days, terms: The same arguments as for `residual_value`.
    """
    return probability * residual_value(
        monthly_money, base_rate=base_rate, horizon_days=horizon_days, terms=terms
    )


def monthly_money(
    customers: pd.Series[str], money: pd.DataFrame, mrr: pd.DataFrame, days: int = 91
) -> Floats:
    """Return the net money of each customer per month, NaN for a customer who has no row in `money` and no
    row in `mrr`.

    The `mrr` of a live subscription is what the customer will pay, so it is preferred to `money`. A
    customer without a live subscription gets the net money of the last `days` days, divided by the number of
    months in them.

    Args:
        customers: The ids of the customers, in the order of the result.
        money: The columns `customer_id, money`: net of returns, in `[cutoff - days, cutoff)`, and known
            before the cutoff.
        mrr: The columns `customer_id, mrr` of the subscriptions that are live at the cutoff; it may be empty.
        days: The length of the window of `money`.
    """
    spent, recurring = _by_customer(customers, money, "money"), _by_customer(customers, mrr, "mrr")
    return money_per_month(spent, recurring, days)


def money_per_month(spent_money: Floats, recurring: Floats, days: int) -> Floats:
    """Return the net money per month: the recurring money if it is known, otherwise the spent money; NaN if
    both are unknown.

    Args:
        spent_money: The net money of the last `days` days, shape (..., customers); NaN if there is none.
        recurring: The recurring revenue per month, shape (..., customers); NaN if there is none.
        days: The length of the window of `spent_money`.
    """
    return np.where(np.isnan(recurring), spent_money / round(days / DAYS_PER_MONTH), recurring)


def _by_customer(customers: pd.Series[str], frame: pd.DataFrame, column: str) -> Floats:
    if frame.empty:
        return np.full(len(customers), np.nan)
    values = frame.set_index(frame["customer_id"].astype(str))[column]
    return values.reindex(customers.astype(str)).to_numpy(dtype=np.float64, na_value=np.nan)
