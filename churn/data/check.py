"""What the store says about the company's data, table by table."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from churn.data.sql import identifier
from churn.data.store import Store, date_of_day


def describe_tables(store: Store) -> Iterator[str]:
    """Yield lines per table: rows, customers, first and last time, nulls, rejects by rule, equal rows."""
    with store.connect() as connection:
        for name, table in store.tables.items():
            yield f"{name}: {table.rows:,} rows of {table.customers:,} customers{_times(store, name)}"
            for column, count in table.missing.items():
                if not column.endswith("_after"):
                    share = count / table.rows
                    yield f"  {column.removesuffix('_day')}: missing in {count:,} rows ({share:.1%})"
            if table.left_out:
                yield (
                    f"  not used: {', '.join(table.left_out)}: without a history, what such a column says "
                    "today it may not have said at a cutoff; list under 'static' what never changes, give "
                    "the 'history' of what does"
                )
            if "valid_to_day" in table.columns:
                yield from _gaps(connection, store, name)
            for rule, count in table.rejects.items():
                yield f"  rejected: {count:,} rows break '{rule}', see rejects/{name}.parquet"
            columns = ", ".join(identifier(column) for column in table.columns)
            row = connection.execute(
                f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM {store.scan(name)} "
                f"GROUP BY {columns} HAVING count(*) > 1)"
            ).fetchone()
            equal = int(row[0]) if row else 0
            if equal:
                way_out = "'distinct: true' drops them, a 'row_id' tells them apart"
                yield f"  equal rows: {equal:,}, all kept; {way_out}"


def _gaps(connection: duckdb.DuckDBPyConnection, store: Store, name: str) -> Iterator[str]:
    """Yield a line if values mostly end the day before the next begins, so that none holds at its cutoff."""
    row = connection.execute(
        "SELECT count(*) FILTER (begins = valid_to_day + 1), count(valid_to_day) FROM (SELECT valid_to_day, "
        f'lead(day) OVER (PARTITION BY customer ORDER BY "at") AS begins FROM {store.scan(name)}) '
        "WHERE begins IS NOT NULL"
    ).fetchone()
    apart, ended = row or (0, 0)
    if ended and apart > ended / 2:
        yield (
            f"  {apart:,} of {ended:,} values end the day before the next begins, and none holds that night; "
            "if valid_to is the last day on which the value held, map it as its column + interval 1 day"
        )


def _times(store: Store, name: str) -> str:
    table = store.tables[name]
    if table.first_day is None or table.last_day is None:
        return ""
    clock = ", two clocks" if table.two_clocks else ""
    return f", {date_of_day(table.first_day)} to {date_of_day(table.last_day)}{clock}"
