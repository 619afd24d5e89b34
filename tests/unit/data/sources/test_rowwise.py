"""Only SQL that looks at one row at a time may be asked of some rows apart from the others."""

from __future__ import annotations

import duckdb
import pytest

from churn.data.sources.rowwise import is_rowwise

COLUMNS = ["id", "ts", "name", "price", "qty", "Kunde Nr"]


@pytest.mark.parametrize(
    "sql",
    [
        '"Kunde Nr"',
        "price * qty",
        "ts::DATE",
        "CASE WHEN qty > 0 THEN lower(name) END",
        "strptime(ts, '%d.%m.%Y')",
        "ts BETWEEN '2024-01-01' AND '2024-02-01' AND name NOT LIKE 'test%'",
    ],
)
def test_sql_of_one_row_is_row_by_row(sql: str) -> None:
    with duckdb.connect() as connection:
        assert is_rowwise(connection, ["id", sql], COLUMNS)


@pytest.mark.parametrize(
    "sql",
    [
        "row_number() OVER (ORDER BY ts)",
        "max(ts)",
        "ts = (SELECT max(ts) FROM orders)",
        "ts < now()",
        "ts < current_date",
        "random() < 0.5",
        "of_another_dialect(ts)",
        "1 +",
        "1) FROM t; SELECT (2",
    ],
)
def test_sql_that_looks_elsewhere_or_is_not_understood_is_not(sql: str) -> None:
    with duckdb.connect() as connection:
        assert not is_rowwise(connection, ["id", sql], COLUMNS)
