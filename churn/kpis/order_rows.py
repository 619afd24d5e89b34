"""The orders of the store, some whole customers at a time, so that memory does not grow with the orders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from churn.data.store import Store, day_number
from churn.features.language.reader import NEVER

Ints = npt.NDArray[np.int64]

BATCH_ROWS = 1 << 20
"""The number of rows that are in memory at a time, if no single customer has more."""


@dataclass(frozen=True)
class Orders:
    """Orders of whole customers, ordered by (customer, day), `[orders]` each.

    Attributes:
        customer: The customer code.
        day: The day number of the order.
        cents: The amount in cents.
        units: The number of pieces in thousandths; 0 if missing.
        returned_on: The day number of the return, `NEVER` if it was not returned by the cutoff.
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
        """Return some of the orders."""
        return Orders(
            self.customer[selection],
            self.day[selection],
            self.cents[selection],
            self.units[selection],
            self.returned_on[selection],
        )

    def followed_by(self, later: Orders) -> Orders:
        """Return these orders and then later ones."""
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


def read_orders(store: Store, cutoff: date, batch_rows: int = BATCH_ROWS) -> Iterator[Orders]:
    """Yield the orders known at a cutoff, in batches of whole customers.

    Args:
        store: The store; it has orders.
        cutoff: Only orders and returns before this midnight count.
        batch_rows: About how many rows a batch holds.
    """
    stored = store.tables["orders"].columns
    wanted_columns = ["customer", "day", "amount"]
    wanted_columns += [name for name in ("units", "returned_at_day", "known_day") if name in stored]
    last = day_number(cutoff)
    rest = no_orders()
    for path in store.files("orders"):
        with store.damage_in_words(path), pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_rows, columns=wanted_columns):
                columns = {
                    name: batch[name].fill_null(NEVER if name == "returned_at_day" else 0).to_numpy()
                    for name in wanted_columns
                }
                rest = rest.followed_by(_visible_orders(columns, last))
                if len(rest):
                    is_whole = rest.customer < rest.customer[-1]  # the last customer may go on
                    yield rest.rows(is_whole)
                    rest = rest.rows(~is_whole)
    if len(rest):
        yield rest


def _visible_orders(columns: dict[str, npt.NDArray[np.integer]], last: int) -> Orders:
    n = len(columns["day"])
    returned_on = columns.get("returned_at_day", np.full(n, NEVER)).astype(np.int64)
    orders = Orders(
        columns["customer"].astype(np.int64),
        columns["day"].astype(np.int64),
        columns["amount"].astype(np.int64),
        columns.get("units", np.zeros(n, dtype=np.int64)).astype(np.int64),
        np.where(returned_on < last, returned_on, NEVER),
    )
    is_visible = orders.day < last
    if "known_day" in columns:
        is_visible &= columns["known_day"] < last
    return orders.rows(is_visible)
