"""One query about all columns of a batch gives what a query about each column gives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import duckdb
import pytest

from churn.init.column_values import (
    SAMPLE_SIZE,
    count_distinct,
    count_words,
    create_texts,
    date_ranges,
    sample_texts,
    texts_of,
)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def test_distinct_values_are_counted_for_each_type(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "CREATE TABLE t AS SELECT i % 7 AS a, i % 3 AS b, (i % 5) / 2.0 AS c, NULL::BIGINT AS d "
        "FROM range(99) r(i)"
    )

    counts = count_distinct(connection, "t", {"a": "BIGINT", "b": "BIGINT", "c": "DOUBLE", "d": "BIGINT"})

    assert counts == {"a": 7, "b": 3, "c": 5, "d": 0}


def test_texts_lose_the_blanks_at_their_ends_and_words_for_no_value_are_counted(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    connection.execute(
        "CREATE TABLE t AS SELECT unnest(['x', ' x', 'N/A', 'n/a', '', NULL]) AS a, "
        "unnest(['y', 'y', 'y', 'z', 'z', 'null']) AS b"
    )

    distinct = create_texts(connection, "t", ["a", "b"])

    assert distinct == [5, 3]
    assert connection.execute(texts_of(0)).fetchall() == [("x", 2)]
    assert sorted(connection.execute(texts_of(1)).fetchall()) == [("y", 3), ("z", 2)]
    assert count_words(connection) == {0: [("N/A", 1), ("n/a", 1)], 1: [("null", 1)]}


def test_the_most_frequent_texts_are_the_sample(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE TABLE t AS SELECT 'v' || greatest(i, 40) AS a FROM range(400) r(i)")
    create_texts(connection, "t", ["a"])

    (sample,) = sample_texts(connection).values()

    assert sample.rows["v40"] == 41
    assert len(sample.rows) == SAMPLE_SIZE
    assert sample.n_rows == 400


@pytest.mark.parametrize("n_rows", [1, 2, 199, 200, 201, 1000, 4321])
def test_the_range_of_many_columns_leaves_out_one_time_in_two_hundred_at_each_end(
    connection: duckdb.DuckDBPyConnection, n_rows: int
) -> None:
    connection.execute(
        "CREATE TABLE t AS SELECT (hash(i) % 3)::INTEGER AS c, "
        "DATE '2020-01-01' + (hash(i, 1) % 500)::INTEGER AS d "
        f"FROM range({n_rows}) r(i)"
    )
    expected = connection.execute(
        "SELECT c, quantile_disc(d, 0.005), quantile_disc(d, 0.995) FROM t GROUP BY c"
    ).fetchall()

    ranges = date_ranges(connection, "SELECT c, d, count(*) AS n FROM t GROUP BY c, d")

    assert ranges == {number: (first, last, False) for number, first, last in expected}


def test_a_day_for_no_value_is_seen_if_it_comes_twice(connection: duckdb.DuckDBPyConnection) -> None:
    days = (
        "SELECT * FROM (VALUES (0, DATE '1970-01-01', 2), (1, DATE '1970-01-01', 1), "
        "(2, DATE '1971-01-01', 9), (3, NULL, 9)) AS days(c, d, n)"
    )

    ranges = date_ranges(connection, days)

    first = date(1970, 1, 1)
    assert ranges == {
        0: (first, first, True),
        1: (first, first, False),
        2: (date(1971, 1, 1), date(1971, 1, 1), False),
    }
