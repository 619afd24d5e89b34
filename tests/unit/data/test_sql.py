"""A long query is shown in percent, a short one not at all."""

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
    """A query that is so far each time it is asked, and then at its end."""

    def __init__(self, *shares: float) -> None:
        self.shares = list(shares)
        self.asked_for_all = Event()

    def query_progress(self) -> float:
        if len(self.shares) == 1:
            self.asked_for_all.set()
            return self.shares[0]
        return self.shares.pop(0)


def shown_of(query: Query, do: Callable[[], object]) -> list[Any]:
    told: list[Any] = []

    @contextmanager
    def show(label: str, total: int) -> Iterator[Callable[[int], None]]:
        told.append((label, total))
        yield told.append

    with show_query_progress(query, "ingest logins", show):  # type: ignore[arg-type]
        do()
    return told


def test_steps_go_forward_only_and_end_with_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "DELAY_SECONDS", 0.0)
    monkeypatch.setattr(sql, "POLL_SECONDS", 0.001)
    query = Query(-1.0, 20.5, 60.0, 3.0, 100.0)

    told = shown_of(query, lambda: query.asked_for_all.wait())

    assert told[0] == ("ingest logins", 100)
    assert told[1:3] == [20, 40]
    assert sum(told[1:]) == 100


def test_what_is_over_soon_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "DELAY_SECONDS", 3600.0)

    assert shown_of(Query(50.0), lambda: None) == []


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
def test_sql_of_one_row_is_row_by_row(sql: str) -> None:
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
def test_sql_that_looks_elsewhere_or_is_not_understood_is_not(sql: str) -> None:
    with duckdb.connect() as connection:
        assert not is_rowwise(connection, ["id", sql], SOURCE_COLUMNS)
