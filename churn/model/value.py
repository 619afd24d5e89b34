"""The meaning of a probability for the company: the customer's health band and the value at risk."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.params import ValueParams

Floats = npt.NDArray[np.float64]

ODDS_RATIOS = (3.0, 1.5, 2 / 3, 1 / 3)
"""The odds ratios between the health bands 1 to 5."""

DAYS_PER_MONTH = 365.25 / 12

VARIANT = "end of period"
"""The time of the payments: a saved customer pays at the end of each month in which the customer stays."""


def health_band(probability: Floats, base_rate: float) -> Floats:
    """Return the health band of each probability, from 1 (about to leave) to 5 (well).

    The band compares the odds of leaving with the usual odds. Odds ratio at most 1/3 -> 5, at most 2/3 -> 4,
    at most 1.5 -> 3, at most 3 -> 2, above -> 1.

    Args:
        probability: Calibrated, shape (customers,); NaN stays missing.
        base_rate: The usual share that leaves in one horizon, 0 < base_rate < 1.

    Source: the table of retention figures, health score.

    >>> health_band(np.array([0.05, 0.2, 0.6]), 0.2)
    array([5., 3., 1.])
    """
    usual = base_rate / (1 - base_rate)
    with np.errstate(divide="ignore"):
        ratio = probability / (1 - probability) / usual
    # A ratio that is 3 in exact arithmetic must not cross the edge because of its last bit.
    edges = np.array(sorted(ODDS_RATIOS)) * (1 + 1e-12)
    band = 5.0 - np.searchsorted(edges, ratio, side="left")
    return np.where(np.isnan(probability), np.nan, band)


def lifetime_value(margin: Floats, retention: float, discount: float, periods: float) -> Floats:
    """Return the discounted margin of the next `periods` periods; each payment falls at the end of a period.

    Args:
        margin: Money per period and customer, shape (customers,).
        retention: The share of customers who stay from one period to the next, in [0, 1].
        discount: The discount rate per period.
        periods: The number of payments; `math.inf` for no end.

    Source: Fader and Hardie, note 024, cut off after `periods` payments.

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
    """Return the value of each customer if the customer is kept; NaN if the money is missing.

    A customer who was kept is assumed to stay as long as the average customer: the retention comes from
    `base_rate`, not from the probability of the customer. With this probability a certain churner would have
    no value, and the call list would drop the customers for whom it is made.

    Args:
        monthly_money: Net money per month, shape (customers,); NaN where nothing is known.
        base_rate: The share that leaves within one horizon, in [0, 1].
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
    """Return `P(leaves within the horizon) * residual value`; NaN if the money is missing.

    Args:
        probability: Calibrated, shape (customers,), in [0, 1].
        monthly_money, base_rate, horizon_days, terms: The arguments of `residual_value`.
    """
    return probability * residual_value(
        monthly_money, base_rate=base_rate, horizon_days=horizon_days, terms=terms
    )


def monthly_money(
    customers: pd.Series[str], money: pd.DataFrame, mrr: pd.DataFrame, days: int = 91
) -> Floats:
    """Return net money per month and customer, NaN if neither frame has the customer.

    The `mrr` of a live subscription is what will be paid, so it comes first. A customer without a live
    subscription gets the net money of the last `days` days, divided by the months in them.

    Args:
        customers: The ids in the order of the result.
        money: `customer_id, money`, net of returns, known before the cutoff, in `[cutoff - days, cutoff)`.
        mrr: `customer_id, mrr` of subscriptions live at the cutoff; may be empty.
        days: The length of the window of `money`.
    """
    spent, recurring = _by_customer(customers, money, "money"), _by_customer(customers, mrr, "mrr")
    return money_per_month(spent, recurring, days)


def money_per_month(spent_money: Floats, recurring: Floats, days: int) -> Floats:
    """Return net money per month: what recurs, or else what was spent; NaN if neither is known.

    Args:
        spent_money: Net money of the last `days` days, shape (..., customers); NaN without any.
        recurring: Recurring revenue per month, shape (..., customers); NaN without any.
        days: The length of the window of `spent_money`.
    """
    return np.where(np.isnan(recurring), spent_money / round(days / DAYS_PER_MONTH), recurring)


def _by_customer(customers: pd.Series[str], frame: pd.DataFrame, column: str) -> Floats:
    if frame.empty:
        return np.full(len(customers), np.nan)
    values = frame.set_index(frame["customer_id"].astype(str))[column]
    return values.reindex(customers.astype(str)).to_numpy(dtype=np.float64, na_value=np.nan)
