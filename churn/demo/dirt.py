"""The dirt of a real export: rows that must be thrown out, at small known rates.

Every bad row is an *addition*, a spoilt copy of a good one, so the good rows stay whole and a reader can
check that exactly they survive. Late rows are not bad and are counted only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from churn.demo import world as w
from churn.demo.columns import stamps
from churn.demo.world import Array, seconds_at

SMALLEST_TABLE = 200
"""Smaller tables stay clean: one bad row would weigh too much."""

RATES = {
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
KINDS_BY_TABLE = {
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
}
TIME_COLUMN = {
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
}


@dataclass(frozen=True)
class Soiled:
    """A table with its bad rows at the end, how many good rows it has, and how many bad of each kind."""

    table: pa.Table
    good: int
    bad: dict[str, int]


def soil(
    name: str,
    table: pa.Table,
    first_row_id: int,
    strangers: Callable[[Array], pa.Array],
    rng: np.random.Generator,
) -> Soiled:
    """Number the rows and add spoilt copies.

    Args:
        name: the canonical table.
        table: the good rows.
        first_row_id: the first free row number; a spoilt copy has its own, a repeated row has the old one.
        strangers: returns ids that no customer has, for random integers.
        rng: source of the choice of rows and of what spoils them.
    """
    good = table.num_rows
    table = _numbered(name, table, first_row_id)
    parts, bad, free = [table], {}, first_row_id + good
    for kind in KINDS_BY_TABLE[name]:
        count = max(1, round(RATES[kind] * good)) if good >= SMALLEST_TABLE else 0
        if count == 0:
            continue
        copies = table.take(pa.array(np.sort(rng.choice(good, count, replace=False))))
        if kind != "repeated":
            copies = _numbered(name, _spoil(name, kind, copies, strangers, rng), free)
            free += count
        parts.append(copies)
        bad[kind] = copies.num_rows
    return Soiled(pa.concat_tables(parts), good, bad)


def _numbered(name: str, table: pa.Table, first: int) -> pa.Table:
    if name == "customers":
        return table
    numbers = pa.array(np.arange(first, first + table.num_rows, dtype=np.int64))
    if "row_id" in table.column_names:
        return table.set_column(table.column_names.index("row_id"), "row_id", numbers)
    return table.append_column("row_id", numbers)


def _spoil(
    name: str, kind: str, rows: pa.Table, strangers: Callable[[Array], pa.Array], rng: np.random.Generator
) -> pa.Table:
    size, time = rows.num_rows, TIME_COLUMN[name]
    if kind == "dangling_id":
        return _put(rows, "customer_id", strangers(rng.integers(0, 2**31, size)))
    if kind == "missing_id":
        return _put(rows, "customer_id", pa.nulls(size, rows.schema.field("customer_id").type))
    if kind == "missing_time":
        return _put(rows, time, pa.nulls(size, pa.timestamp("us")))
    if kind == "years_ahead":
        days = w.HISTORY_DAYS + rng.integers(2 * w.YEAR_DAYS, 15 * w.YEAR_DAYS, size)
        return _put(rows, time, stamps(seconds_at(days, rng.integers(6 * 3600, 22 * 3600, size))))
    if kind == "epoch_zero":
        return _put(rows, time, stamps(rng.integers(0, w.DAY_SECONDS, size)))
    if kind == "impossible_rating":
        return _put(rows, "rating", pa.array(rng.choice([-1, 11, 12, 99], size).astype(np.int32)))
    if kind == "negative_amount":
        return _put(rows, "amount", pa.array(-np.round(rng.uniform(1.0, 200.0, size), 2)))
    raise AssertionError(f"no way to spoil rows with {kind}")


def _put(rows: pa.Table, column: str, values: pa.Array) -> pa.Table:
    return rows.set_column(rows.column_names.index(column), column, values)
