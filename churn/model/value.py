"""What is lost when a customer leaves: probability times the residual value of staying."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Variant = Literal["first payment counted", "first payment excluded", "end of period"]

DAYS_PER_MONTH = 365.25 / 12
VARIANT: Variant = "end of period"
"""A customer who is kept pays at the end of this month, of the next if still here, and so on."""


def lifetime_value(
    margin: Floats, retention: float, discount: float, periods: float, variant: Variant = VARIANT
) -> Floats:
    """Return the discounted margin of the next `periods` periods of a contract.

    Args:
        margin: money per period and customer, shape `[customers]`.
        retention: share of customers who stay from one period to the next, 0..1.
        discount: discount rate per period.
        periods: how many payments to count; `math.inf` for no end.
        variant: when the first payment falls.

    Source: Fader and Hardie, note 024, cut off after `periods` payments.

    >>> [round(float(lifetime_value(np.array([100.0]), 0.8, 0.1, math.inf, v)[0]), 2)
    ...  for v in ("first payment counted", "first payment excluded", "end of period")]
    [366.67, 266.67, 333.33]
    """
    shrink = retention / (1 + discount)
    first = {"first payment counted": 1 + discount, "first payment excluded": retention, "end of period": 1.0}
    if math.isclose(shrink, 1.0):
        payments = periods
        factor = first[variant] / (1 + discount) * payments
    else:
        factor = first[variant] / (1 + discount - retention) * (1 - shrink**periods)
    return np.asarray(margin * factor, dtype=np.float64)


def residual_value(
    monthly_money: Floats,
    *,
    base_rate: float,
    horizon_days: int,
    months: int,
    margin: float,
    discount_year: float,
) -> Floats:
    """Return what a customer who is kept is worth, missing where the money is missing.

    It is the value of a customer who is kept and from then on stays like the average one: its retention
    comes from `base_rate`, not from the customer's own probability. With the own probability a certain
    leaver would be worth nothing, and the call list would drop exactly those it is for.

    Args:
        monthly_money: net money per month, shape `[customers]`, NaN where nothing is known.
        base_rate: share that leaves within one horizon, 0 <= base_rate <= 1.
        horizon_days: the length of that horizon.
        months: how many monthly payments count.
        margin: share of the money that is earned.
        discount_year: discount rate per year.
    """
    retention = (1 - base_rate) ** (DAYS_PER_MONTH / horizon_days)
    discount = (1 + discount_year) ** (1 / 12) - 1
    earned = np.maximum(monthly_money, 0.0) * margin
    return lifetime_value(earned, retention, discount, months)


def value_at_risk(
    probability: Floats,
    monthly_money: Floats,
    *,
    base_rate: float,
    horizon_days: int,
    months: int,
    margin: float,
    discount_year: float,
) -> Floats:
    """Return `P(leaves within the horizon) * residual value`, missing where the money is missing.

    Args:
        probability: shape `[customers]`, 0..1.
        monthly_money: as for `residual_value`, and so are the others.
        base_rate: share that leaves within one horizon.
        horizon_days: the length of that horizon.
        months: how many monthly payments count.
        margin: share of the money that is earned.
        discount_year: discount rate per year.
    """
    return probability * residual_value(
        monthly_money,
        base_rate=base_rate,
        horizon_days=horizon_days,
        months=months,
        margin=margin,
        discount_year=discount_year,
    )


def monthly_money(
    customers: pd.Series[str], money: pd.DataFrame, mrr: pd.DataFrame, days: int = 91
) -> Floats:
    """Return net money per month and customer, NaN where neither frame knows the customer.

    A live subscription's `mrr` is what will be paid, so it comes first; without one the net money of the last
    `days` days, spread over the months in them, stands for it.

    Args:
        customers: ids in the order of the result.
        money: `customer_id, money`, net of returns, known before the cutoff, in `[cutoff - days, cutoff)`.
        mrr: `customer_id, mrr` of subscriptions live at the cutoff; may be empty.
        days: the length of the window that `money` sums over.
    """
    spent = _by_customer(customers, money, "money") / round(days / DAYS_PER_MONTH)
    recurring = _by_customer(customers, mrr, "mrr")
    return np.where(np.isnan(recurring), spent, recurring)


def _by_customer(customers: pd.Series[str], frame: pd.DataFrame, column: str) -> Floats:
    if frame.empty:
        return np.full(len(customers), np.nan)
    found = frame.set_index(frame["customer_id"].astype(str))[column]
    return found.reindex(customers.astype(str)).to_numpy(dtype=np.float64, na_value=np.nan)
