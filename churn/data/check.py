"""Describe the tables of the store for `churn check`."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from churn.data.sql import identifier
from churn.data.store import Store, date_of_day


def describe_tables(store: Store) -> Iterator[str]:
    """Describe each table: rows, customers, first and last day, missing values, rejected rows, equal rows."""
    with store.connect() as connection:
        for name, table in store.tables.items():
            yield f"{name}: {table.rows:,} rows of {table.customers:,} customers{_period(store, name)}"
            for column, count in table.missing.items():
                if not column.endswith("_after"):
                    share = count / table.rows
                    yield f"  {column.removesuffix('_day')}: missing in {count:,} rows ({share:.1%})"
            for column, near_name in table.near_names.items():
                yield (
                    f"  not read: '{column}'. The table has no '{near_name}'; if this is it, map it under "
                    f"'columns' of {name}"
                )
            if table.unused_columns:
                yield (
                    f"  not used: {', '.join(table.unused_columns)}. These columns hold today's values, "
                    "which may differ from the values at an earlier cutoff. If a column never changes, list "
                    "it under 'static'; if it changes, give its 'history'"
                )
            if "valid_to_day" in table.columns:
                yield from _early_ends(connection, store, name)
            for rule, count in table.rejects.items():
                yield f"  rejected: {count:,} rows break '{rule}', see rejects/{name}.parquet"
            if equal_rows := _count_equal_rows(connection, store, name):
                yield (
                    f"  equal rows: {equal_rows:,}, all kept. To drop them, set 'distinct: true'; "
                    "to show that they are different events, map a 'row_id'"
                )


def _count_equal_rows(connection: duckdb.DuckDBPyConnection, store: Store, table: str) -> int:
    """Count the rows that equal an earlier row; the first of several equal rows is not counted."""
    columns = ", ".join(identifier(column) for column in store.tables[table].columns)
    row = connection.execute(
        f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM {store.scan(table)} "
        f"GROUP BY {columns} HAVING count(*) > 1)"
    ).fetchone()
    return int(row[0]) if row else 0


def _early_ends(connection: duckdb.DuckDBPyConnection, store: Store, table: str) -> Iterator[str]:
    """Yield a line if, in most rows, `valid_to` is one day before the `valid_from` of the next value.

    Then `valid_to` is probably the last day of a value, but `churn` needs the first day after the value.
    """
    row = connection.execute(
        "SELECT count(*) FILTER (begins = valid_to_day + 1), count(valid_to_day) FROM (SELECT valid_to_day, "
        f'lead(day) OVER (PARTITION BY customer ORDER BY "at") AS begins FROM {store.scan(table)}) '
        "WHERE begins IS NOT NULL"
    ).fetchone()
    early, ends = row or (0, 0)
    if ends and early > ends / 2:
        yield (
            f"  {early:,} of {ends:,} values end one day before the next value begins, so the attribute "
            "has no value on the day between. If valid_to is the last day of the value, map it as its "
            "column + interval 1 day"
        )


def _period(store: Store, name: str) -> str:
    table = store.tables[name]
    if table.first_day is None or table.last_day is None:
        return ""
    clocks = ", two clocks" if table.two_clocks else ""
    return f", {date_of_day(table.first_day)} to {date_of_day(table.last_day)}{clocks}"
