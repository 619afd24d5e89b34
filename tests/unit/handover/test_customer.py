"""A customer in the database of the nights."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from churn.data.sinks.connection import MARK
from churn.handover.customer import database_section, erase_in_database
from churn.params import SinkParams


def test_a_customer_is_counted_and_erased_in_our_tables_alone(tmp_path: Path) -> None:
    sink = SinkParams(connection=f"sqlite:///{tmp_path}/nights.sqlite")
    with closing(sqlite3.connect(tmp_path / "nights.sqlite")) as connection, connection:
        connection.execute(f"CREATE TABLE churn_scores (/* {MARK} */ cutoff DATE, customer_id TEXT)")
        connection.execute("CREATE TABLE churn_calls (cutoff DATE, customer_id TEXT)")
        connection.execute("CREATE TABLE churn_nights (cutoff DATE, score_rows INTEGER, call_rows INTEGER)")
        connection.execute("INSERT INTO churn_nights VALUES ('2024-05-01', 2, 1)")
        for table in ("churn_scores", "churn_calls"):
            connection.executemany(f"INSERT INTO {table} VALUES ('2024-05-01', ?)", [("ann",), ("bob",)])

    section = database_section(sink, "ann", "params.yaml")
    erase_in_database(sink, "ann", "params.yaml")

    with closing(sqlite3.connect(tmp_path / "nights.sqlite")) as connection:
        scores = connection.execute("SELECT customer_id FROM churn_scores").fetchall()
        calls = connection.execute("SELECT customer_id FROM churn_calls").fetchall()
        nights = connection.execute("SELECT score_rows, call_rows FROM churn_nights").fetchall()
    assert section.rows == ({"table": "scores", "rows": 1},)
    assert (scores, calls, nights) == ([("bob",)], [("ann",), ("bob",)], [(1, 1)])


def test_no_byte_of_an_erased_customer_stays_in_a_sqlite_file(tmp_path: Path) -> None:
    sink = SinkParams(connection=f"sqlite:///{tmp_path}/nights.sqlite")
    with closing(sqlite3.connect(tmp_path / "nights.sqlite")) as connection, connection:
        connection.execute(f"CREATE TABLE churn_scores (/* {MARK} */ cutoff DATE, customer_id TEXT)")
        connection.execute("CREATE TABLE churn_nights (cutoff DATE, score_rows INTEGER, call_rows INTEGER)")
        customers = [("customer-4711",), ("customer-4712",)]
        connection.executemany("INSERT INTO churn_scores VALUES ('2024-05-01', ?)", customers)

    erase_in_database(sink, "customer-4711", "params.yaml")

    content = (tmp_path / "nights.sqlite").read_bytes()
    assert b"customer-4711" not in content
    assert b"customer-4712" in content


def test_a_file_that_is_not_there_holds_nobody_and_is_not_created(tmp_path: Path) -> None:
    sink = SinkParams(connection=f"duckdb:///{tmp_path}/nights.duckdb")

    assert database_section(sink, "ann", "params.yaml").rows == ()
    erase_in_database(sink, "ann", "params.yaml")
    assert not (tmp_path / "nights.duckdb").exists()
