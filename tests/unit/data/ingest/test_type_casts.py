"""The fast conversion to UTC gives the same times as DuckDB's own, and texts lose blanks at their ends."""

from __future__ import annotations

import duckdb
import pytest

from churn.data.ingest.type_casts import create_utc_of, typed_column
from churn.data.tables import CANONICAL_TABLES, Column, ColumnType


@pytest.mark.parametrize(
    "timezone",
    [
        "UTC",
        "Europe/Berlin",
        "America/Sao_Paulo",  # its clocks changed at midnight
        "Asia/Kolkata",  # half hours
        "Australia/Lord_Howe",  # half an hour of summer time
        "Africa/Casablanca",  # four changes a year
        "Pacific/Apia",  # lost a whole day
    ],
)
def test_each_local_time_is_converted_as_by_duckdb_or_to_the_first_of_two(timezone: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        create_utc_of(connection, timezone)
        connection.execute(
            "CREATE TABLE times AS "
            "SELECT TIMESTAMP '1994-12-25' + to_minutes(37 * i) AS t FROM range(712_000) r(i) "
            "UNION ALL SELECT TIMESTAMP '1969-12-25' + to_minutes(797 * i) FROM range(93_000) r(i)"
        )

        connection.execute(
            "CREATE TABLE read AS "
            f"SELECT t, utc_of(t) AS utc, timezone('UTC', timezone('{timezone}', t)) AS second FROM times"
        )
        rows = connection.execute(
            f"SELECT utc < second AND timezone('{timezone}', timezone('UTC', utc)) = t FROM read "
            "WHERE utc IS DISTINCT FROM second"
        ).fetchall()

    assert all(is_first_of_two for (is_first_of_two,) in rows)
    assert bool(rows) == (timezone not in ("UTC", "Asia/Kolkata"))


@pytest.mark.parametrize(
    ("timezone", "local", "utc"),
    [
        ("Europe/Berlin", "2024-10-27 02:30", "2024-10-27 00:30:00"),
        ("Europe/Berlin", "2024-10-27 03:00", "2024-10-27 02:00:00"),
        ("America/Sao_Paulo", "2018-02-17 23:30", "2018-02-18 01:30:00"),
        ("Australia/Lord_Howe", "2024-04-07 01:45", "2024-04-06 14:45:00"),
        ("Europe/Berlin", "2024-03-31 02:30", "2024-03-31 01:30:00"),
    ],
    ids=["shown twice", "shown once", "twice before midnight", "half an hour twice", "skipped"],
)
def test_a_local_time_of_the_night_on_which_the_clocks_change_is_the_first_of_two(
    timezone: str, local: str, utc: str
) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        create_utc_of(connection, timezone)

        row = connection.execute(f"SELECT utc_of(TIMESTAMP '{local}')::VARCHAR").fetchone()

    assert row == (utc,)


@pytest.mark.parametrize("blank", ["\t", "\r", "\n", "\u00a0", "\u3000", "\u2028", " \t\u00a0", "\x1f"])
def test_a_text_loses_blanks_of_every_kind_at_its_ends_only(blank: str) -> None:
    texts = [f"{blank}C 1", f"C 1{blank}", f"{blank}C 1{blank}", f"C{blank}1", f"Ç 1{blank}", blank]
    column = typed_column(Column("plan", "level", "attribute"), "VARCHAR", "UTC", None)
    with duckdb.connect() as connection:
        values = [
            connection.execute(
                f"SELECT plan FROM (SELECT {column} FROM (SELECT ? AS plan))", [text]
            ).fetchone()
            for text in texts
        ]

    assert values == [("C 1",), ("C 1",), ("C 1",), (f"C{blank}1",), ("Ç 1",), (None,)]


@pytest.mark.parametrize("text", ["2024-05-09 ", "\t2024-05-09", "2024-05-09\u00a0"])
def test_a_time_is_read_without_the_blanks_at_its_ends(text: str) -> None:
    column = typed_column(Column("placed", "instant", "time"), "VARCHAR", "UTC", None)
    with duckdb.connect() as connection:
        create_utc_of(connection, "UTC")

        row = connection.execute(
            f"SELECT placed::VARCHAR FROM (SELECT {column} FROM (SELECT ? AS placed))", [text]
        ).fetchone()

    assert row == ("2024-05-09 00:00:00",)


@pytest.mark.parametrize("text", ["12.5 ", "\t12.5", "12.5\u00a0"])
def test_a_number_is_read_without_the_blanks_at_its_ends(text: str) -> None:
    column = typed_column(Column("amount", "money", "value"), "VARCHAR", "UTC", None)
    with duckdb.connect() as connection:
        row = connection.execute(
            f"SELECT amount FROM (SELECT {column} FROM (SELECT ? AS amount))", [text]
        ).fetchone()

    assert row == (12.5,)


@pytest.mark.parametrize(("column_type", "number"), [("money", None), ("number", 1.0)])
def test_true_is_no_amount_of_money(column_type: ColumnType, number: float | None) -> None:
    column = typed_column(Column("amount", column_type, "value"), "BOOLEAN", "UTC", None)
    with duckdb.connect() as connection:
        row = connection.execute(
            f"SELECT amount, amount__raw FROM (SELECT {column} FROM (SELECT true AS amount))"
        ).fetchone()

    assert row == (number, True)


def test_true_is_no_cost_of_a_contact() -> None:
    cost = CANONICAL_TABLES["contacts"].column("cost")
    assert cost is not None

    column = typed_column(cost, "BOOLEAN", "UTC", None)

    assert duckdb.sql(f"SELECT {column} FROM (SELECT true AS cost)").fetchall() == [(None, True)]
