"""The figures of orders: repeat purchases, order value, intervals between orders, returns, revenue from new
and from existing customers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt

from churn.data.store import day_number
from churn.features.language.reader import NEVER
from churn.kpis.counting import OUTSIDE, Cells, count_cells, figures_by_segment, period_index, sum_cells
from churn.kpis.figure import Figure, Period, missing_figure
from churn.kpis.next_orders import MIN_ORDER_DAYS, OwnIntervals, own_intervals
from churn.kpis.order_rows import Orders
from churn.kpis.retention import share_figure
from churn.kpis.section import SectionResult
from churn.kpis.segments import Segmentation, segmentations_for
from churn.kpis.voice import MIN_FOLLOWED, median_of_curve
from churn.labels.kaplan_meier import curve_of_counts

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NO_ORDERS = "no orders: map tables.orders"
NO_ORDER = "no order in the period"
NO_RETURNS = "no returns are known: map tables.orders with returned_at"
NO_UNITS = "no units are known: map tables.orders with units"
CENTS = 100
PERIOD_NAMES = (
    "repeat_purchase_rate",
    "repeat_purchase_cohort",
    "orders",
    "order_value",
    "revenue",
    "revenue_per_customer",
    "new_customer_revenue",
    "existing_customer_revenue",
    "existing_revenue_share",
    "return_rate_money",
    "return_rate_units",
)
WINDOW_NAMES = ("purchase_interval", "purchase_interval_naive", "overdue_buyers")


class OrdersResult(SectionResult):
    """The figures of orders by period and segment."""


@dataclass(frozen=True)
class OrderTerms:
    """The settings by which the figures of orders are computed.

    Attributes:
        revenue: Whether a returned order counts as 0 (`net`) or with the amount at which it was sold
            (`gross`).
        repeat_days: The number of days after the first order in which a second order counts as a repeat.
        return_days: The number of days after an order in which its return counts.
        has_returns: Whether the source has the day on which an order was returned.
        has_units: Whether the source has the number of pieces of an order.
    """

    revenue: Literal["net", "gross"]
    repeat_days: int
    return_days: int
    has_returns: bool = True
    has_units: bool = True


@dataclass
class _Gaps:
    """The gaps between the order days of customers, counted by length in days."""

    n_ended: Ints
    n_open: Ints
    n_buyers: int = 0
    n_overdue: int = 0
    intervals: list[OwnIntervals] = field(default_factory=list)

    def add(self, orders: Orders, cutoff: int) -> None:
        """Count the gaps between order days; `orders` must hold all orders of its customers."""
        is_new_day = np.ones(len(orders), dtype=bool)
        is_new_day[1:] = (orders.customer[1:] != orders.customer[:-1]) | (orders.day[1:] != orders.day[:-1])
        customer, day = orders.customer[is_new_day], orders.day[is_new_day]
        is_last = np.ones(len(day), dtype=bool)
        is_last[:-1] = customer[1:] != customer[:-1]
        gap = np.append(day[1:], 0) - day
        np.add.at(self.n_ended, gap[~is_last], 1)
        np.add.at(self.n_open, cutoff - day[is_last], 1)
        own = own_intervals(orders)
        self.intervals.append(own)
        self.n_buyers += len(own.customer)
        self.n_overdue += int((own.days_overdue(cutoff) > 0).sum())


class OrderTally:
    """Counts and sums orders by period and segment; all orders of a customer must be added in one batch."""

    def __init__(
        self,
        periods: Mapping[str, Sequence[Period]],
        segmentations: Sequence[Segmentation],
        terms: OrderTerms,
        *,
        first: date,
        cutoff: date,
    ) -> None:
        """Begin without an order.

        Args:
            periods: Consecutive periods by kind, such as week or month.
            segmentations: The divisions of the customers into segments; the first has a single segment with
                all customers.
            terms: The settings by which the figures are computed.
            first: The day of the first order.
            cutoff: The date up to which the data are known.
        """
        self._periods, self._segmentations, self._terms = periods, segmentations, terms
        self._window = Period(kind="window", start=first, end=cutoff)
        width = (cutoff - first).days + 1
        self._gaps = _Gaps(np.zeros(width, dtype=np.int64), np.zeros(width, dtype=np.int64))
        self._tallies: dict[tuple[str, str | None], dict[str, Ints]] = {}

    def add(self, orders: Orders) -> None:
        """Add a batch of at least one order; it must hold all orders of its customers."""
        self._gaps.add(orders, day_number(self._window.end))
        for kind, sequence in self._periods.items():
            for segmentation in segmentations_for(kind, self._segmentations) if sequence else ():
                cells = order_cells(orders, sequence, segmentation, self._terms)
                tally = self._tallies.setdefault((kind, segmentation.by), {})
                for name, values in cells.items():
                    tally[name] = tally[name] + values if name in tally else values

    @property
    def intervals(self) -> Sequence[OwnIntervals]:
        """Return, for each added batch, its customers' usual intervals between orders."""
        return self._gaps.intervals

    def figures(self) -> Iterator[Figure]:
        """Yield the figures of all orders that were added so far."""

        def cells_of(sequence: Sequence[Period], segmentation: Segmentation) -> Cells:
            return self._tallies.get((sequence[0].kind, segmentation.by), {})

        def figures_of(period: Period, counts: Mapping[str, int]) -> list[Figure]:
            return _period_figures(period, counts, self._terms, self._window.end)

        if self._tallies:
            yield from figures_by_segment(self._periods, self._segmentations, cells_of, figures_of)
        yield from _gap_figures(self._gaps, self._window)


def orders_section(tally: OrderTally | None, latest: Period) -> OrdersResult:
    """Return the section with the figures of orders.

    Args:
        tally: The counts and sums of all orders; None if the store has no orders.
        latest: The latest period. If the store has no orders, each figure is reported once, as missing in
            this period.
    """
    if tally is None:
        names = (*PERIOD_NAMES, *WINDOW_NAMES)
        return OrdersResult(figures=tuple(missing_figure(name, latest, NO_ORDERS) for name in names))
    return OrdersResult(figures=tuple(tally.figures()))


def order_cells(
    orders: Orders, sequence: Sequence[Period], segmentation: Segmentation, terms: OrderTerms
) -> dict[str, Ints]:
    """Count and sum orders by period and segment; the orders of each customer must be complete.

    Args:
        orders: The orders, ordered by (customer, day).
        sequence: Consecutive periods.
        segmentation: The division of the customers into segments.
        terms: The settings by which the figures are computed.
    """
    shape = (len(sequence), len(segmentation.levels))
    period, segment = period_index(sequence, orders.day), segmentation.code[orders.customer]
    is_first = np.ones(len(orders), dtype=bool)
    is_first[1:] = orders.customer[1:] != orders.customer[:-1]
    first_row = np.maximum.accumulate(np.where(is_first, np.arange(len(orders)), 0))
    is_of_new = (period[first_row] == period) & (period != OUTSIDE)
    starts_period = is_first.copy()  # the first order of a customer in a period
    starts_period[1:] |= period[1:] != period[:-1]
    is_second = np.zeros(len(orders), dtype=bool)  # the second order of a customer in a period
    is_second[1:] = ~starts_period[1:] & starts_period[:-1]
    is_returned = orders.returned_on < NEVER
    revenue = np.where(is_returned & (terms.revenue == "net"), 0, orders.cents)
    in_window = orders.returned_on - orders.day <= terms.return_days
    comes_again = np.zeros(len(orders), dtype=bool)
    comes_again[:-1] = ~is_first[1:] & (orders.day[1:] - orders.day[:-1] <= terms.repeat_days)

    def count(rows: Bools | None = None) -> Ints:
        return count_cells(period, segment, shape, rows)

    def total(amounts: Ints, rows: Bools | None = None) -> Ints:
        return sum_cells(period, segment, shape, amounts, rows)

    return {
        "orders": count(),
        "buyers": count(starts_period),
        "repeat_buyers": count(is_second),
        "first_buyers": count(is_first),
        "second_in_time": count(is_first & comes_again),
        "revenue": total(revenue),
        "new_revenue": total(revenue, is_of_new),
        "sold_cents": total(orders.cents),
        "returned_cents": total(orders.cents, in_window),
        "sold_units": total(orders.units),
        "returned_units": total(orders.units, in_window),
    }


def _period_figures(
    period: Period, counts: Mapping[str, int], terms: OrderTerms, cutoff: date
) -> list[Figure]:
    n_orders, n_buyers, revenue = counts["orders"], counts["buyers"], counts["revenue"]
    n_first = counts["first_buyers"]
    is_net = terms.revenue == "net" and terms.has_returns
    notes = (f"net of the returns known on {cutoff}" if is_net else "gross: returns are not taken off",)

    def money(name: str, cents: float, n: int) -> Figure:
        return Figure(name=name, period=period, value=cents / CENTS, n=n, notes=notes)

    figures = [
        share_figure("repeat_purchase_rate", period, counts["repeat_buyers"], n_buyers, NO_ORDER),
        _cohort_figure(period, counts["second_in_time"], n_first, terms.repeat_days, cutoff),
        Figure(name="orders", period=period, value=n_orders, n=n_orders),
        money("revenue", revenue, n_orders),
        money("new_customer_revenue", counts["new_revenue"], n_first),
        money("existing_customer_revenue", revenue - counts["new_revenue"], n_buyers - n_first),
    ]
    if n_orders:
        figures += [
            money("order_value", revenue / n_orders, n_orders),
            money("revenue_per_customer", revenue / n_buyers, n_buyers),
        ]
    else:
        figures += [
            missing_figure(name, period, NO_ORDER) for name in ("order_value", "revenue_per_customer")
        ]
    if revenue:
        share = (revenue - counts["new_revenue"]) / revenue * 100
        figures.append(
            Figure(name="existing_revenue_share", period=period, value=share, n=n_buyers, notes=notes)
        )
    else:
        figures.append(missing_figure("existing_revenue_share", period, "no revenue in the period"))
    return [*figures, *_return_figures(period, counts, terms, cutoff)]


def _cohort_figure(period: Period, n_again: int, n_first: int, repeat_days: int, cutoff: date) -> Figure:
    known_on = period.end + timedelta(repeat_days)
    if known_on > cutoff:
        reason = f"the {repeat_days} days for a second order end on {known_on}"
        return missing_figure("repeat_purchase_cohort", period, reason)
    figure = share_figure(
        "repeat_purchase_cohort", period, n_again, n_first, "no customer had the first order in the period"
    )
    return figure.model_copy(update={"notes": (f"second order within {repeat_days} days",)})


def _return_figures(
    period: Period, counts: Mapping[str, int], terms: OrderTerms, cutoff: date
) -> Iterator[Figure]:
    closed_on = period.end + timedelta(terms.return_days)
    notes = (f"returned within {terms.return_days} days",)
    for name, what, has_column, reason in (
        ("return_rate_money", "cents", terms.has_returns, NO_RETURNS),
        ("return_rate_units", "units", terms.has_units and terms.has_returns, NO_UNITS),
    ):
        sold = counts[f"sold_{what}"]
        if not has_column:
            yield missing_figure(name, period, reason if terms.has_returns else NO_RETURNS)
        elif closed_on > cutoff:
            yield missing_figure(name, period, f"the return window of {terms.return_days} days is open")
        elif not sold:
            yield missing_figure(name, period, "nothing was sold in the period")
        else:
            value = counts[f"returned_{what}"] / sold * 100
            yield Figure(name=name, period=period, value=value, n=counts["orders"], notes=notes)


def _gap_figures(gaps: _Gaps, window: Period) -> Iterator[Figure]:
    n_over = np.append(0, (gaps.n_ended + gaps.n_open).cumsum()[:-1])
    at_risk = int((gaps.n_ended + gaps.n_open).sum()) - n_over
    n = int(at_risk[0])
    curve = curve_of_counts(at_risk, gaps.n_ended, MIN_FOLLOWED)
    yield median_of_curve("purchase_interval", window, curve, n)
    n_ended = int(gaps.n_ended.sum())
    if n_ended:
        mean = float((gaps.n_ended * np.arange(len(gaps.n_ended))).sum()) / n_ended
        yield Figure(name="purchase_interval_naive", period=window, value=mean, n=n_ended, notes=("biased",))
    else:
        yield missing_figure("purchase_interval_naive", window, "no customer ordered on two days")
    reason = f"no customer ordered on {MIN_ORDER_DAYS} days"
    yield share_figure("overdue_buyers", window, gaps.n_overdue, gaps.n_buyers, reason)
