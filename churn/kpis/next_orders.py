"""When each customer is expected to order next, computed from the intervals between the customer's own
orders.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from churn.data.store import date_of_day
from churn.kpis.order_rows import Orders
from churn.params import CsvParams
from churn.scoring.call_list import safe_cell

Ints = npt.NDArray[np.int64]

MIN_ORDER_DAYS = 3
"""A customer with orders on fewer days has no usual interval."""

COLUMNS = ("customer_id", "last_order", "usual_days", "expected_order", "days_overdue")


@dataclass(frozen=True)
class OwnIntervals:
    """The usual interval between a customer's orders, for each customer with enough orders.

    Enough orders are orders on at least `MIN_ORDER_DAYS` different days. Each array has the shape
    `[customers]`.

    Attributes:
        customer: The customer code.
        last_day: The day number of the last order.
        usual_days: The median number of days between two consecutive days with orders.
    """

    customer: Ints
    last_day: Ints
    usual_days: npt.NDArray[np.float64]

    def days_overdue(self, cutoff: int) -> npt.NDArray[np.float64]:
        """Return by how many days the time since the last order exceeds the usual interval; negative if the
        time is shorter.

        Args:
            cutoff: The day number of the cutoff.
        """
        days: npt.NDArray[np.float64] = cutoff - self.last_day - self.usual_days
        return days


def own_intervals(orders: Orders) -> OwnIntervals:
    """Return the usual interval between each customer's orders; several orders on one day count as one.

    Args:
        orders: All orders of each customer, ordered by (customer, day); there is at least one order.
    """
    is_new_day = np.ones(len(orders), dtype=bool)
    is_new_day[1:] = (orders.customer[1:] != orders.customer[:-1]) | (orders.day[1:] != orders.day[:-1])
    customer, day = orders.customer[is_new_day], orders.day[is_new_day]
    is_last = np.append(customer[1:] != customer[:-1], True)
    gap = (np.append(day[1:], 0) - day)[~is_last]
    owner, buyer, last_day = customer[~is_last], customer[is_last], day[is_last]
    order = np.lexsort((gap, owner))
    owner, gap = owner[order], gap[order]
    first = np.searchsorted(owner, buyer)
    count = np.searchsorted(owner, buyer, side="right") - first
    has_own = count >= MIN_ORDER_DAYS - 1
    first, count = first[has_own], count[has_own]
    usual_days = (gap[first + (count - 1) // 2] + gap[first + count // 2]) / 2
    return OwnIntervals(buyer[has_own], last_day[has_own], usual_days)


def next_orders_csv(
    intervals: Sequence[OwnIntervals], ids: Sequence[object], cutoff: int, form: CsvParams
) -> str:
    """Return the list of the expected next orders as CSV for spreadsheets.

    The customers are ordered by the day of the expected order: the customer who is most overdue comes first.

    Args:
        intervals: The usual intervals, one item for each batch; each customer is in one batch only.
        ids: The ids of the customers; each code in `OwnIntervals.customer` is a position in this list.
        cutoff: The day number of the cutoff.
        form: The separators of columns and of decimals.
    """
    rows = []
    for piece in intervals:
        columns = (piece.customer, piece.last_day, piece.usual_days, piece.days_overdue(cutoff))
        rows += list(zip(*(column.tolist() for column in columns), strict=True))
    rows.sort(key=lambda row: (-row[3], str(ids[row[0]])))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n", delimiter=form.separator)
    writer.writerow(COLUMNS)
    for customer, last_day, usual_days, days_overdue in rows:
        last_order = date_of_day(last_day)
        writer.writerow(
            [
                safe_cell(ids[customer]),
                last_order,
                f"{usual_days:g}".replace(".", form.decimal),
                last_order + timedelta(days=int(np.ceil(usual_days))),
                int(days_overdue) if days_overdue >= 1 else "",
            ]
        )
    # Spreadsheets read umlauts correctly only if the text starts with this byte order mark.
    return "\ufeff" + buffer.getvalue()
