"""The value of customers: customer lifetime value (CLV) in four forms, what one percentage point more
retention is worth, and the cost of replacing leavers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from churn.features.language.btyd import fit_lifetimes
from churn.kpis.figure import Figure, Period, missing_figure
from churn.kpis.gamma_gamma import discounted_orders, fit_order_values
from churn.kpis.order_histories import OrderHistories
from churn.kpis.section import SectionResult
from churn.metrics.standard_errors import Z_95, wilson_interval
from churn.model.value import DAYS_PER_MONTH, lifetime_value

Floats = npt.NDArray[np.float64]

ClvVariant = Literal["first payment counted", "first payment excluded", "end of period"]

MAX_LIFESPAN_MONTHS = 120
MAX_SAMPLE = 20_000
MAX_CORRELATION = 0.2
"""If frequency and value of orders correlate more than this, the gamma-gamma model is not trusted."""

POINT = 0.01
NO_MONTH = "no month with customers at the start whose outcome is known"
NO_MONEY = "no money is known in these months: map subscriptions.mrr, or orders"


class ValueResult(SectionResult):
    """The figures of customer value."""


@dataclass(frozen=True)
class MonthCounts:
    """The counts and the money of one month, for the figures of customer value.

    Attributes:
        period: The month.
        at_start: The number of customers who were active at the start of the month.
        n_lost: How many of the customers in `at_start` were not active at the end of the month.
        money: The revenue of the month in currency, or the recurring revenue at its start; None if it is not
            known.
        orders: The number of orders in the month; None if it is not known.
        order_money: The revenue of the month's orders in currency.
    """

    period: Period
    at_start: int
    n_lost: int
    money: float | None
    orders: int | None
    order_money: float | None


@dataclass(frozen=True)
class ValueTerms:
    """The settings for the figures of customer value.

    Attributes:
        variant: How the value of a customer with a contract is computed. With `end of period`, customers pay
            at the end of each period. Otherwise they pay at the start, and the first payment is counted or
            excluded.
        margin: The share of revenue that is margin.
        discount_year: The discount rate per year.
        months: The number of future months that count in the value of a customer without a contract.
        acquisition_cost: What a new customer costs; None if params.yaml does not say.
        has_contracts: Whether customers have contracts; this follows from the kind of the label.
    """

    variant: ClvVariant
    margin: float
    discount_year: float
    months: int
    acquisition_cost: float | None
    has_contracts: bool

    @property
    def discount(self) -> float:
        """Return the discount rate per month."""
        return float((1 + self.discount_year) ** (1 / 12) - 1)


def contractual_value(margin: float, retention: float, discount: float, variant: ClvVariant) -> float:
    """Return the value of a customer with a contract; it is `math.inf` if nobody leaves and nothing is
    discounted.

    Args:
        margin: The margin from one customer in one period.
        retention: The share of customers who stay from one period to the next.
        discount: The discount rate per period.
        variant: Whether the first payment counts, and when payments are made (see `ValueTerms`).

    Source: Fader and Hardie, note 024.

    >>> [round(contractual_value(100, 0.8, 0.1, v), 2) for v in ("first payment counted", "end of period")]
    [366.67, 333.33]
    """
    if discount - retention + 1 <= 0:
        return math.inf
    at_end = float(lifetime_value(np.array([margin]), retention, discount, math.inf)[0])
    factor = {"first payment counted": 1 + discount, "first payment excluded": retention}
    return at_end * factor.get(variant, 1.0)


def value_section(
    months: Sequence[MonthCounts],
    histories: OrderHistories | None,
    spending: Floats | None,
    terms: ValueTerms,
    *,
    window: Period,
    latest: Period,
) -> ValueResult:
    """Compute the figures of customer value.

    Args:
        months: The last 12 months whose outcome is known, the earliest first.
        histories: The order histories of customers; None if there are no orders.
        spending: The revenue of each customer up to the cutoff in currency, 0 for those who paid nothing;
            None if no money is known.
        terms: The settings by which the figures are computed.
        window: The period from the first row of the data to the cutoff.
        latest: The latest period. If no month is usable, the figures from `months` are reported as missing in
            this period. The replacement cost is also missing if no acquisition cost is set.
    """
    figures = [
        _historic(spending, terms, window),
        *_from_churn(months, terms, latest),
        _non_contractual(histories, terms, window),
        _replacement(months, terms, latest),
    ]
    return ValueResult(figures=tuple(figures))


def _historic(spending: Floats | None, terms: ValueTerms, window: Period) -> Figure:
    if spending is None or not len(spending):
        return missing_figure("clv_historic", window, "no payments and no orders")
    value, low, high = mean_with_interval(spending * terms.margin)
    return Figure(
        name="clv_historic",
        period=window,
        value=value,
        low=low,
        high=high,
        n=len(spending),
        notes=(f"margin {terms.margin:g} of revenue",),
    )


def mean_with_interval(values: Floats) -> tuple[float, float | None, float | None]:
    """Return the mean and its 95 % interval; a single value has no interval."""
    mean = float(values.mean())
    if len(values) < 2:
        return mean, None, None
    half = Z_95 * float(values.std(ddof=1)) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def _from_churn(months: Sequence[MonthCounts], terms: ValueTerms, latest: Period) -> Iterator[Figure]:
    """Yield `clv_simple`, `clv_contractual` and `value_of_one_point`, which follow from monthly churn."""
    names = ("clv_simple", "clv_contractual", "value_of_one_point")
    at_start, lost = sum(month.at_start for month in months), sum(month.n_lost for month in months)
    if not at_start:
        yield from (missing_figure(name, latest, NO_MONTH) for name in names)
        return
    period = Period(kind="window", start=months[0].period.start, end=months[-1].period.end)
    low, high = wilson_interval(lost, at_start)
    churn = (lost / at_start, low, high)
    yield _simple(months, churn, terms, period)
    money = [month.money for month in months if month.money is not None]
    if len(money) < len(months) or not sum(money):
        yield from (missing_figure(name, period, NO_MONEY) for name in names[1:])
        return
    margin = sum(money) / at_start * terms.margin
    yield _contractual(margin, churn, at_start, terms, period)
    yield _one_point(margin, churn, months[-1].at_start, terms, period)


def _simple(
    months: Sequence[MonthCounts], churn: tuple[float, float, float], terms: ValueTerms, period: Period
) -> Figure:
    n_orders = sum(month.orders or 0 for month in months)
    if not n_orders or any(month.orders is None for month in months):
        return missing_figure("clv_simple", period, "no orders in these months")
    at_start = sum(month.at_start for month in months)
    order_value = sum(month.order_money or 0.0 for month in months) / n_orders
    frequency = n_orders / at_start
    value, high, low = (order_value * frequency * terms.margin * _lifespan(share) for share in churn)
    notes = [
        f"order value {order_value:.2f} x {frequency:.3f} orders a month x margin {terms.margin:g} x "
        f"{_lifespan(churn[0]):.1f} months"
    ]
    if churn[0] * MAX_LIFESPAN_MONTHS < 1:
        notes.append(f"capped: churn is {churn[0]:.2%} a month, and a life longer than the cap")
    return Figure(
        name="clv_simple", period=period, value=value, low=low, high=high, n=at_start, notes=tuple(notes)
    )


def _lifespan(churn: float) -> float:
    """Return the expected lifespan of a customer in months, at most `MAX_LIFESPAN_MONTHS`."""
    return MAX_LIFESPAN_MONTHS if churn * MAX_LIFESPAN_MONTHS < 1 else 1 / churn


def _contractual(
    margin: float, churn: tuple[float, float, float], n: int, terms: ValueTerms, period: Period
) -> Figure:
    if not terms.has_contracts:
        return missing_figure("clv_contractual", period, "customers have no contracts")
    value, high, low = (
        contractual_value(margin, 1 - share, terms.discount, terms.variant) for share in churn
    )
    if math.isinf(value):
        return missing_figure("clv_contractual", period, "nobody left, and nothing is discounted")
    has_interval = not math.isinf(high)
    notes = (
        terms.variant,
        f"m {margin:.2f}, r {1 - churn[0]:.4f}, d {terms.discount:.4f} a month",
    )
    return Figure(
        name="clv_contractual",
        period=period,
        value=value,
        low=low if has_interval else None,
        high=high if has_interval else None,
        n=n,
        notes=notes,
    )


def _one_point(
    margin: float, churn: tuple[float, float, float], n: int, terms: ValueTerms, period: Period
) -> Figure:
    if churn[0] < POINT:
        return missing_figure("value_of_one_point", period, "monthly retention is above 99%")

    def gain(share: float) -> float:
        after = contractual_value(margin, 1 - share + POINT, terms.discount, "end of period")
        return n * (after - contractual_value(margin, 1 - share, terms.discount, "end of period"))

    value, high, low = gain(churn[0]), gain(churn[1]), gain(churn[2])
    if math.isinf(value):
        return missing_figure("value_of_one_point", period, "nobody would leave, and nothing is discounted")
    is_bounded = churn[1] >= POINT and math.isfinite(high)
    return Figure(
        name="value_of_one_point",
        period=period,
        value=value,
        low=low if is_bounded else None,
        high=high if is_bounded else None,
        n=n,
        notes=(f"m {margin:.2f}, r {1 - churn[0]:.4f}, d {terms.discount:.4f} a month",),
    )


def _non_contractual(histories: OrderHistories | None, terms: ValueTerms, window: Period) -> Figure:
    name = "clv_non_contractual"
    if terms.has_contracts:
        return missing_figure(name, window, "customers have contracts")
    if histories is None or not len(histories.repeats):
        return missing_figure(name, window, "no orders: map tables.orders")
    n_all, histories = len(histories.repeats), histories.sample(MAX_SAMPLE)
    lifetimes = fit_lifetimes(histories.repeats, histories.recency, histories.age)
    has_value = histories.paid_repeats > 0
    count, mean = histories.paid_repeats[has_value], histories.mean[has_value]
    values = fit_order_values(count, mean)
    if lifetimes is None or values is None:
        reason = "the model of orders" if lifetimes is None else "the model of the value of orders"
        reason += " cannot be fitted: too few repeat orders, or no maximum"
        return missing_figure(name, window, reason)
    orders = discounted_orders(
        lifetimes,
        histories.repeats,
        histories.recency,
        histories.age,
        months=terms.months,
        days_per_month=DAYS_PER_MONTH,
        discount=terms.discount,
    )
    money = orders * values.expected_value(histories.paid_repeats, histories.mean) * terms.margin
    correlation = float(np.corrcoef(count, mean)[0, 1]) if count.std() and mean.std() else 0.0
    notes = [
        f"BG/NBD r {lifetimes.r:.4g}, alpha {lifetimes.alpha:.4g} days, a {lifetimes.a:.4g}, "
        f"b {lifetimes.b:.4g}; gamma-gamma p {values.p:.4g}, q {values.q:.4g}, v {values.v:.4g}",
        f"correlation of frequency and value {correlation:+.2f}",
    ]
    if abs(correlation) > MAX_CORRELATION:
        notes.append(f"not to be trusted: the model needs a correlation within {MAX_CORRELATION} of 0")
    if len(money) < n_all:
        notes.append(f"a sample of {len(money)} customers, spread evenly over all {n_all}")
    value, low, high = mean_with_interval(money)
    return Figure(name=name, period=window, value=value, low=low, high=high, n=len(money), notes=tuple(notes))


def _replacement(months: Sequence[MonthCounts], terms: ValueTerms, latest: Period) -> Figure:
    name = "replacement_cost"
    if terms.acquisition_cost is None:
        return missing_figure(name, latest, "set kpis.acquisition_cost, the cost of a new customer")
    if not months or not months[-1].at_start:
        return missing_figure(name, latest, NO_MONTH)
    month, cost = months[-1], terms.acquisition_cost
    low, high = wilson_interval(month.n_lost, month.at_start)
    return Figure(
        name=name,
        period=month.period,
        value=month.n_lost * cost,
        low=low * month.at_start * cost,
        high=high * month.at_start * cost,
        n=month.n_lost,
        notes=(f"{month.n_lost} leavers x {cost:g}",),
    )
