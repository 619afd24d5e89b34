"""The progress of long queries, and whether SQL depends on one row alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import duckdb
import pytest

from churn.data import sql
from churn.data.sql import is_rowwise, show_query_progress


class Query:
    """A connection whose query reports one share after another; the last share stays."""

    def __init__(self, *shares: float) -> None:
        self.shares = list(shares)
        self.is_at_last_share = Event()

    def query_progress(self) -> float:
        if len(self.shares) == 1:
            self.is_at_last_share.set()
            return self.shares[0]
        return self.shares.pop(0)


def progress_of(query: Query, function: Callable[[], object]) -> list[Any]:
    calls: list[Any] = []

    @contextmanager
    def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
        calls.append((label, total))
        yield calls.append

    with show_query_progress(query, "ingest logins", progress):  # type: ignore[arg-type]
        function()
    return calls


def test_progress_never_decreases_and_ends_at_100_percent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "DELAY_SECONDS", 0.0)
    monkeypatch.setattr(sql, "POLL_SECONDS", 0.001)
    query = Query(-1.0, 20.5, 60.0, 3.0, 100.0)

    calls = progress_of(query, lambda: query.is_at_last_share.wait())

    assert calls[0] == ("ingest logins", 100)
    assert calls[1:3] == [20, 40]
    assert sum(calls[1:]) == 100


def test_a_short_query_shows_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "DELAY_SECONDS", 3600.0)

    assert progress_of(Query(50.0), lambda: None) == []


SOURCE_COLUMNS = ["id", "ts", "name", "price", "qty", "Kunde Nr"]


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
def test_sql_over_the_columns_of_a_row_is_rowwise(sql: str) -> None:
    with duckdb.connect() as connection:
        assert is_rowwise(connection, ["id", sql], SOURCE_COLUMNS)


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
def test_sql_over_other_rows_clocks_or_unknown_functions_is_not_rowwise(sql: str) -> None:
    with duckdb.connect() as connection:
        assert not is_rowwise(connection, ["id", sql], SOURCE_COLUMNS)
