"""What the store says about the company's data, table by table."""

from __future__ import annotations

from collections.abc import Iterator

from churn.data.sql import quoted
from churn.data.store import Store, day_of


def described(store: Store) -> Iterator[str]:
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
            for rule, count in table.rejects.items():
                yield f"  rejected: {count:,} rows break '{rule}', see rejects/{name}.parquet"
            columns = ", ".join(quoted(column) for column in table.columns)
            row = connection.execute(
                f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM {store.scan(name)} "
                f"GROUP BY {columns} HAVING count(*) > 1)"
            ).fetchone()
            equal = int(row[0]) if row else 0
            if equal:
                way_out = "'distinct: true' drops them, a 'row_id' tells them apart"
                yield f"  equal rows: {equal:,}, all kept; {way_out}"


def _times(store: Store, name: str) -> str:
    table = store.tables[name]
    if table.first_day is None or table.last_day is None:
        return ""
    clock = ", two clocks" if table.two_clocks else ""
    return f", {day_of(table.first_day)} to {day_of(table.last_day)}{clock}"
