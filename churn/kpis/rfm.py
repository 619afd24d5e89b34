"""The RFM grid: the observed churn of customers by recency and frequency of their orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.data.store import Store, day_number
from churn.data.table_rows import RowBatch
from churn.data.tables import STORED_UNITS
from churn.features.language.reader import NEVER
from churn.kpis.observed_churn import NO_CUTOFF, ChurnShare, Outcomes, churn_share
from churn.kpis.table_pass import RowReader, SumsAt
from churn.metrics.interval import Part

Floats = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]

WINDOW_DAYS = 365
"""Orders of the last year before the cutoff count."""

N_CLASSES = 5
NO_ORDER = "no order in the last year"
NO_ORDERS = "no orders: map tables.orders"

RFM_DEFINITION = (
    f"the grid uses the orders of the {WINDOW_DAYS} days before each past cutoff. An order counts if it was "
    "known at the cutoff and was not returned before the cutoff. Recency is the number of days since the "
    "last order, frequency is the number of orders, and money is the sum of their amounts. Recency, "
    f"frequency and money are each divided into up to {N_CLASSES} classes with equally many customers. "
    "Customers with the same value are always in the same class, so there can be fewer classes. The limits "
    "of the classes are the same at all cutoffs. Class 1 is the worst class: the oldest last order, the "
    "fewest orders, the least money"
)


@dataclass(frozen=True)
class RfmValues:
    """The recency, frequency and money of each customer at each cutoff; NaN for a customer without orders.

    Recency is in days, frequency is the number of orders, and money is in currency. Each array has the shape
    `[cutoffs, customers]`.
    """

    recency: npt.NDArray[np.floating]
    frequency: npt.NDArray[np.floating]
    money: Floats


class OrdersAtCutoffs(RowReader):
    """Collects the recency, the frequency and the money of each customer's orders at several cutoffs."""

    def __init__(self, store: Store, cutoffs: Sequence[date]) -> None:
        """Begin without an order.

        Args:
            store: The store, which must have orders.
            cutoffs: The cutoffs.
        """
        self._ends = [day_number(cutoff) for cutoff in cutoffs]
        shape = (len(cutoffs), store.n_customers)
        self._last_day, self._n_orders = np.full(shape, -1, np.int32), np.zeros(shape, np.int32)
        self._has_returns = "returned_at_day" in store.tables["orders"].columns
        bounds = [(end - WINDOW_DAYS, end) for end in self._ends]
        until = "returned_at_day" if self._has_returns else None
        self._money = SumsAt(store.n_customers, bounds, amount="amount", until=until)
        self.columns = self._money.columns

    def add(self, rows: RowBatch) -> None:
        """Add some orders."""
        self._money.add(rows)
        first = int(rows.customer[0])
        own = slice(first, int(rows.customer[-1]) + 1)
        seen = rows.visible_from
        for number, end in enumerate(self._ends):
            is_counted = (rows.day >= end - WINDOW_DAYS) & (seen < end)
            if self._has_returns:
                is_counted &= rows.column("returned_at_day", NEVER) >= end
            customer, day = rows.customer[is_counted] - first, rows.day[is_counted]
            if not len(customer):
                continue
            size = own.stop - first
            begins = np.flatnonzero(np.diff(customer, prepend=-1))
            owner = customer[begins] + first
            last = np.maximum(self._last_day[number, owner], np.maximum.reduceat(day, begins))
            self._last_day[number, owner] = last
            self._n_orders[number, own] += np.bincount(customer, minlength=size).astype(np.int32)

    def values(self) -> RfmValues:
        """Return the values. Recency and frequency take 4 bytes each: whole numbers up to 2^24 are exact."""
        recency, frequency = (np.full(self._n_orders.shape, np.nan, dtype=np.float32) for _ in range(2))
        for row, end in enumerate(self._ends):
            has_orders = self._n_orders[row] > 0
            recency[row, has_orders] = end - self._last_day[row, has_orders]
            frequency[row, has_orders] = self._n_orders[row, has_orders]
        return RfmValues(recency, frequency, money=self._money.sums / STORED_UNITS["money"])


def class_edges(values: npt.NDArray[np.floating], n_classes: int) -> Floats:
    """Return the upper edges of all classes except the last; equal values are always in one class.

    Args:
        values: The values, without NaN.
        n_classes: The largest number of classes.

    >>> class_edges(np.array([1.0, 1.0, 1.0, 2.0, 3.0]), 5).tolist()
    [1.0, 2.0]
    """
    if not len(values):
        return np.zeros(0)
    shares = np.arange(1, n_classes) / n_classes
    edges = np.unique(np.quantile(values, shares, method="inverted_cdf"))
    return np.asarray(edges[edges < values.max()], dtype=np.float64)


def classes_of(values: npt.NDArray[np.floating], edges: Floats, *, is_lower_better: bool = False) -> Classes:
    """Return the class of each value: 1 is the worst class, and 0 stands for NaN; the shape is that of
    `values`.

    Args:
        values: The values.
        edges: The upper edges of all classes except the last.
        is_lower_better: Whether the lowest values are in the best class.
    """
    position = np.searchsorted(edges, values, side="left")
    number = len(edges) + 1 - position if is_lower_better else position + 1
    return np.where(np.isnan(values), 0, number).astype(np.int8)


class RfmClass(Part):
    """A class of recency, frequency or money, with the lowest and the highest value in it,
    `[lowest, highest]`.
    """

    number: int
    lowest: float
    highest: float


class RfmCell(ChurnShare):
    """The observed churn of the customers in a cell, and the money of their orders.

    `money` is the total amount of a customer's orders in the year before a cutoff, averaged over the
    customers.
    """

    recency_class: int
    frequency_class: int
    money: float | None


class Rfm(Part):
    """The RFM grid.

    Attributes:
        definition: How the classes are formed.
        cutoffs: The past cutoffs.
        recency, frequency, money: The classes by recency, by frequency and by money, each with the worst
            class first.
        cells: The cells of the grid, each a class of recency and a class of frequency.
        by_money: The observed churn by class of money.
        without_orders: The observed churn of customers without an order.
        reason: Why there is no grid.
    """

    definition: str
    cutoffs: tuple[date, ...]
    recency: tuple[RfmClass, ...]
    frequency: tuple[RfmClass, ...]
    money: tuple[RfmClass, ...]
    cells: tuple[RfmCell, ...]
    by_money: tuple[ChurnShare, ...]
    without_orders: ChurnShare | None
    reason: str | None


def rfm_section(values: RfmValues | None, outcomes: Outcomes) -> Rfm:
    """Return the RFM grid, or the reason why there is none; `values` is None if there are no orders."""
    if values is None:
        return _missing_rfm(NO_ORDERS)
    if not outcomes.cutoffs:
        return _missing_rfm(NO_CUTOFF)
    return rfm_grid(values, outcomes)


def rfm_grid(values: RfmValues, outcomes: Outcomes) -> Rfm:
    """Return the observed churn by class of recency and frequency, and by class of money."""
    is_counted = outcomes.is_counted & ~np.isnan(values.recency)
    if not is_counted.any():
        return _missing_rfm("no customer at risk at the cutoffs has an order in the year before")
    recency, recency_class = _dimension(values.recency, is_counted, is_lower_better=True)
    frequency, frequency_class = _dimension(values.frequency, is_counted)
    money, money_class = _dimension(values.money, is_counted)
    cells = []
    for r in recency:
        for f in frequency:
            mask = (recency_class == r.number) & (frequency_class == f.number)
            share = churn_share(f"R{r.number} F{f.number}", mask, outcomes)
            is_inside = mask & outcomes.is_counted
            mean = float(values.money[is_inside].mean()) if is_inside.any() else None
            cells.append(
                RfmCell(**share.as_json(), recency_class=r.number, frequency_class=f.number, money=mean)
            )
    return Rfm(
        definition=RFM_DEFINITION,
        cutoffs=outcomes.cutoffs,
        recency=recency,
        frequency=frequency,
        money=money,
        cells=tuple(cells),
        by_money=tuple(churn_share(f"M{m.number}", money_class == m.number, outcomes) for m in money),
        without_orders=churn_share(NO_ORDER, np.isnan(values.recency), outcomes),
        reason=None,
    )


def _dimension(
    values: npt.NDArray[np.floating], is_counted: Bools, *, is_lower_better: bool = False
) -> tuple[tuple[RfmClass, ...], Classes]:
    """Return the classes of recency, frequency or money, the worst class first, and the class of each
    value.
    """
    edges = class_edges(values[is_counted], N_CLASSES)
    number = classes_of(values, edges, is_lower_better=is_lower_better)
    classes = []
    for class_number in range(1, len(edges) + 2):
        inside = values[is_counted & (number == class_number)]
        classes.append(RfmClass(number=class_number, lowest=float(inside.min()), highest=float(inside.max())))
    return tuple(classes), number


def _missing_rfm(reason: str) -> Rfm:
    return Rfm(
        definition=RFM_DEFINITION,
        cutoffs=(),
        recency=(),
        frequency=(),
        money=(),
        cells=(),
        by_money=(),
        without_orders=None,
        reason=reason,
    )
