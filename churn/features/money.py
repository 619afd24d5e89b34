"""The money that customers paid before a cutoff, and their monthly revenue, as known at the cutoff."""

from __future__ import annotations

from datetime import date

import pandas as pd

from churn.data.store import Store, day_number
from churn.data.tables import STORED_UNITS


def money_before(store: Store, cutoff: date, days: int) -> pd.DataFrame:
    """Return customer_id and the net money of `[cutoff - days, cutoff)` in currency, as known at the cutoff.

    The money is the sum of the payments received in the window. If payments have no `paid_at`, it is the sum
    of the orders that were not returned; without orders, it is the sum of the payments by their own day. The
    frame is empty if the store has neither table.

    Args:
        store: The store to read.
        cutoff: The end of the window. What happened or became known on this day or later does not count.
        days: The length of the window in days.
    """
    end = day_number(cutoff)
    start = end - days
    if store.has("payments") and "paid_at_day" in store.tables["payments"].columns:
        # Money counts on the day of its payment, which may lie before the due date.
        if_known = f" AND known_day < {end}" if store.tables["payments"].two_clocks else ""
        return _sum(store, "payments", "amount", f"paid_at_day >= {start} AND paid_at_day < {end}{if_known}")
    for table in ("orders", "payments"):
        if store.has(table):
            condition = f"{store.visible_before(table, cutoff)} AND day >= {start}"
            if "returned_at_day" in store.tables[table].columns:
                condition += f" AND (returned_at_day IS NULL OR returned_at_day >= {end})"
            return _sum(store, table, "amount", condition)
    return pd.DataFrame({"customer_id": pd.Series(dtype="str"), "money": pd.Series(dtype="float64")})


def mrr_at(store: Store, cutoff: date) -> pd.DataFrame:
    """Return customer_id and the monthly recurring revenue in currency of contracts that run at the cutoff.

    The frame is empty if the store has no contracts, or if the contracts have no column `mrr`.
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
