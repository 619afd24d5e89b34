"""The limit: read exactly the columns that the features need and group each table once by customer."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.engine.cells import Cell, columns_of
from benchmarks.engine.rivals.sql import connect, fetched
from churn.data.sql import identifier
from churn.data.store import Store


def limit(store: Store, wanted: Mapping[str, tuple[Cell, ...]]) -> int:
    """Read and group, one aggregate a column, and return the rows that were counted."""
    total = 0
    with connect(store) as connection:
        for table, cells in wanted.items():
            columns = ", ".join(_aggregate(name) for name in columns_of(cells))
            sql = f"SELECT customer, count(*) AS n, {columns} FROM {store.scan(table)} GROUP BY customer"
            total += int(fetched(connection, sql)["n"].sum())
    return total


def _aggregate(name: str) -> str:
    return f"{'max' if name == 'at' or name.endswith('_day') or name == 'day' else 'sum'}({identifier(name)})"
