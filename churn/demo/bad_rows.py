"""Add bad rows as in a real export, at small and known rates; ingest must reject them.

Each bad row is an *additional* row: a damaged or exact copy of a good row. All good rows stay, so that a test
can check that ingest keeps exactly the good rows. Rows that reach the warehouse late are good rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from churn.demo import world as w
from churn.demo.columns import timestamps
from churn.demo.world import Values, seconds_at

SMALLEST_TABLE = 200
"""The smallest table that gets bad rows; in a smaller table one bad row would be too large a share."""

BAD_ROW_RATES = {
    "repeated": 0.004,
    "dangling_id": 0.002,
    "missing_id": 0.001,
    "missing_time": 0.001,
    "years_ahead": 0.001,
    "epoch_zero": 0.001,
    "impossible_rating": 0.003,
    "negative_amount": 0.002,
}
_EVENT = ("repeated", "dangling_id", "missing_id", "missing_time", "years_ahead", "epoch_zero")
BAD_ROWS_BY_TABLE = {
    "customers": ("repeated", "missing_id"),
    "logins": _EVENT,
    "interactions": _EVENT,
    "payments": (*_EVENT, "negative_amount"),
    "emails": _EVENT,
    "surveys": (*_EVENT, "impossible_rating"),
    "tickets": _EVENT,
    "orders": (*_EVENT, "negative_amount"),
    "subscriptions": ("repeated", "dangling_id", "missing_id", "missing_time"),
    "referrals": _EVENT,
    "consents": ("repeated", "dangling_id", "missing_id", "missing_time"),
    "contacts": (),
    "loyalty": _EVENT,
    "setup_steps": (),
}
TIME_COLUMNS = {
    "customers": "signed_up_at",
    "logins": "happened_at",
    "interactions": "happened_at",
    "payments": "due_at",
    "emails": "sent_at",
    "surveys": "asked_at",
    "tickets": "opened_at",
    "orders": "ordered_at",
    "subscriptions": "started_at",
    "referrals": "happened_at",
    "consents": "given_at",
    "contacts": "contacted_at",
    "loyalty": "happened_at",
    "setup_steps": "happened_at",
}


@dataclass(frozen=True)
class DirtyTable:
    """A table with its bad rows at the end, the number of its good rows, and the number of its bad rows by
    kind.
    """

    table: pa.Table
    n_good: int
    n_bad: dict[str, int]


def add_bad_rows(
    name: str,
    table: pa.Table,
    first_row_id: int,
    unknown_ids: Callable[[Values], pa.Array],
    rng: np.random.Generator,
) -> DirtyTable:
    """Give each row a number, and add damaged or exact copies of some rows.

    Args:
        name: The canonical table.
        table: The good rows.
        first_row_id: The first free row number. A damaged copy gets a new number; an exact copy keeps the
            number of its row.
        unknown_ids: A function that turns random integers into ids that no customer has.
        rng: The random generator that chooses the rows to copy, and the wrong values of the copies.
    """
    n_good = table.num_rows
    table = _number_rows(name, table, first_row_id)
    parts, n_bad, next_row_id = [table], {}, first_row_id + n_good
    for kind in BAD_ROWS_BY_TABLE[name]:
        count = max(1, round(BAD_ROW_RATES[kind] * n_good)) if n_good >= SMALLEST_TABLE else 0
        if count == 0:
            continue
        copies = table.take(pa.array(np.sort(rng.choice(n_good, count, replace=False))))
        if kind != "repeated":
            copies = _number_rows(name, _damage(name, kind, copies, unknown_ids, rng), next_row_id)
            next_row_id += count
        parts.append(copies)
        n_bad[kind] = copies.num_rows
    return DirtyTable(pa.concat_tables(parts), n_good, n_bad)


def _number_rows(name: str, table: pa.Table, first: int) -> pa.Table:
    if name == "customers":
        return table
    numbers = pa.array(np.arange(first, first + table.num_rows, dtype=np.int64))
    if "row_id" in table.column_names:
        return table.set_column(table.column_names.index("row_id"), "row_id", numbers)
    return table.append_column("row_id", numbers)


def _damage(
    name: str,
    kind: str,
    rows: pa.Table,
    unknown_ids: Callable[[Values], pa.Array],
    rng: np.random.Generator,
) -> pa.Table:
    size, time = rows.num_rows, TIME_COLUMNS[name]
    if kind == "dangling_id":
        return _replace(rows, "customer_id", unknown_ids(rng.integers(0, 2**31, size)))
    if kind == "missing_id":
        return _replace(rows, "customer_id", pa.nulls(size, rows.schema.field("customer_id").type))
    if kind == "missing_time":
        return _replace(rows, time, pa.nulls(size, pa.timestamp("us")))
    if kind == "years_ahead":
        days = w.HISTORY_DAYS + rng.integers(2 * w.YEAR_DAYS, 15 * w.YEAR_DAYS, size)
        return _replace(rows, time, timestamps(seconds_at(days, rng.integers(6 * 3600, 22 * 3600, size))))
    if kind == "epoch_zero":
        return _replace(rows, time, timestamps(rng.integers(0, w.DAY_SECONDS, size)))
    if kind == "impossible_rating":
        return _replace(rows, "rating", pa.array(rng.choice([-1, 11, 12, 99], size).astype(np.int32)))
    if kind == "negative_amount":
        return _replace(rows, "amount", pa.array(-np.round(rng.uniform(1.0, 200.0, size), 2)))
    raise AssertionError(f"no way to damage rows with {kind}")


def _replace(rows: pa.Table, column: str, values: pa.Array) -> pa.Table:
    return rows.set_column(rows.column_names.index(column), column, values)
