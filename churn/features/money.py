"""The money that customers paid before a cutoff, and their monthly revenue, as known at the cutoff."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pandas as pd

from churn.data.store import Store, day_number
from churn.data.tables import STORED_UNITS


def money_before(store: Store, cutoff: date, days: int) -> pd.DataFrame:
    """Return customer_id and the net money of `[cutoff - days, cutoff)`, as known at the cutoff.

    The money is in units of the currency, not in cents. It is the sum of the payments received in the window.
    If payments have no `paid_at`, the money is the sum of the amounts of the orders that were not returned.
    Without `paid_at` and without orders, each payment counts on the day of its row. The frame is empty if the
    store has no payments and no orders.

    Args:
        store: The store to read.
        cutoff: The end of the window. What happened or became known on this day or later does not count.
        days: The length of the window in days.
    """
    rows, end = money_rows(store), day_number(cutoff)
    if rows is None:
        return pd.DataFrame({"customer_id": pd.Series(dtype="str"), "money": pd.Series(dtype="float64")})
    # Money counts on the day of its payment, which may lie before the due date.
    condition = f"{rows.day} >= {end - days} AND {rows.day} < {end}"
    if store.tables[rows.table].two_clocks:
        condition += f" AND known_day < {end}"
    if rows.until is not None:
        condition += f" AND ({rows.until} IS NULL OR {rows.until} >= {end})"
    return _sum(store, rows.table, "amount", condition)


@dataclass(frozen=True)
class MoneyRows:
    """The rows whose amounts add up to the money that customers paid.

    Attributes:
        table: The table; its column `amount` holds the money.
        day: The column with the day on which the money counts.
        until: The column with the day from which the amount no longer counts; None if amounts never stop
            counting.
    """

    table: str
    day: str = "day"
    until: str | None = None


def money_rows(store: Store) -> MoneyRows | None:
    """Return the rows whose amounts `money_before` adds up; None if there are neither payments nor orders."""
    if store.has("payments") and "paid_at_day" in store.tables["payments"].columns:
        return MoneyRows("payments", "paid_at_day")
    for table in ("orders", "payments"):
        if store.has(table):
            has_returns = "returned_at_day" in store.tables[table].columns
            return MoneyRows(table, until="returned_at_day" if has_returns else None)
    return None


def mrr_at(store: Store, cutoff: date) -> pd.DataFrame:
    """Return customer_id and the monthly recurring revenue of the contracts that run at the cutoff.

    The revenue is in units of the currency, not in cents. The frame is empty if the store has no contracts,
    or if the contracts have no column `mrr`.
    """
    if store.has("subscriptions") and "mrr" in store.tables["subscriptions"].columns:
        return _sum(store, "subscriptions", "mrr", store.in_force(cutoff))
    return pd.DataFrame({"customer_id": pd.Series(dtype="str"), "mrr": pd.Series(dtype="float64")})


def _sum(store: Store, table: str, column: str, condition: str) -> pd.DataFrame:
    name = "money" if column == "amount" else column
    with store.connect() as connection:
        return connection.sql(
            f"SELECT c.customer_id, sum(t.{column}) / {STORED_UNITS['money']}.0 AS {name} "
            f"FROM (SELECT * FROM {store.scan(table)} WHERE {condition} AND {column} IS NOT NULL) t "
            f"JOIN {store.scan('customers')} c USING (customer) GROUP BY 1 ORDER BY 1"
        ).df()
