"""The orders of the store, read in batches that hold all orders of each of their customers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.data.store import Store, day_number
from churn.data.table_rows import RowBatch
from churn.features.language.reader import NEVER
from churn.kpis.table_pass import RowReader

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Orders:
    """Orders, ordered by (customer, day); each array has the shape `[orders]`.

    `WholeOrders` hands on all orders of a customer together, never only some of them.

    Attributes:
        customer: The customer code of the order.
        day: The day number of the order.
        cents: The amount in cents.
        units: The number of pieces, in thousandths; 0 if it is missing.
        returned_on: The day number of the return, `NEVER` if the order was not returned by the cutoff.
    """

    customer: Ints
    day: Ints
    cents: Ints
    units: Ints
    returned_on: Ints

    def __len__(self) -> int:
        """Return the number of orders."""
        return len(self.day)

    def rows(self, selection: slice | npt.NDArray[np.bool_]) -> Orders:
        """Return the orders that a slice or a mask selects."""
        return Orders(
            self.customer[selection],
            self.day[selection],
            self.cents[selection],
            self.units[selection],
            self.returned_on[selection],
        )

    def followed_by(self, later: Orders) -> Orders:
        """Return these orders, with later orders after them."""
        return Orders(
            np.concatenate([self.customer, later.customer]),
            np.concatenate([self.day, later.day]),
            np.concatenate([self.cents, later.cents]),
            np.concatenate([self.units, later.units]),
            np.concatenate([self.returned_on, later.returned_on]),
        )


def no_orders() -> Orders:
    """Return orders without a row."""
    empty = np.zeros(0, dtype=np.int64)
    return Orders(empty, empty, empty, empty, empty)


class WholeOrders(RowReader):
    """Passes the orders that are known at a cutoff to several functions, in batches that hold all orders of
    their customers.
    """

    def __init__(self, store: Store, cutoff: date, takers: Sequence[Callable[[Orders], None]]) -> None:
        """Begin without an order.

        Args:
            store: The store, which must have orders.
            cutoff: Only orders and returns before this midnight count.
            takers: The functions that get each batch; a batch has at least one order.
        """
        stored = store.tables["orders"].columns
        self.columns = [name for name in ("amount", "units", "returned_at_day") if name in stored]
        self._last, self._takers = day_number(cutoff), takers
        self._unfinished_orders = no_orders()

    def add(self, rows: RowBatch) -> None:
        """Pass the orders of a batch to the functions; keep those of the last customer for the next batch.

        The next batch may have more orders of this customer.
        """
        none = np.zeros(len(rows), dtype=np.int64)
        returned_on = none + NEVER
        if "returned_at_day" in self.columns:
            returned_on = rows.column("returned_at_day", NEVER)
        orders = Orders(
            rows.customer,
            rows.day,
            rows.column("amount"),
            rows.column("units") if "units" in self.columns else none,
            np.where(returned_on < self._last, returned_on, NEVER),
        )
        orders = self._unfinished_orders.followed_by(orders.rows(rows.visible_from < self._last))
        if len(orders):
            is_whole = orders.customer < orders.customer[-1]
            self._hand_on(orders.rows(is_whole))
            self._unfinished_orders = orders.rows(~is_whole)

    def close(self) -> None:
        """Pass the orders of the last customer to the functions."""
        self._hand_on(self._unfinished_orders)
        self._unfinished_orders = no_orders()

    def _hand_on(self, orders: Orders) -> None:
        if len(orders):
            for take in self._takers:
                take(orders)
