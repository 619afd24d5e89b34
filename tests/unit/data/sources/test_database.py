"""The same company gives the same store from files, from SQLite and from a real PostgreSQL."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from churn.data.ingest.ingest import fresh_store, ingest
from churn.data.sources.database import DRIVERS
from churn.data.sql import literal
from churn.errors import SourceError
from churn.params import Params
from tests.servers import running_postgresql

CUSTOMERS = [("ana", date(2023, 1, 1)), ("ben", date(2023, 2, 1)), ("o'neil", date(2023, 3, 1))]
ORDERS = [
    ("ana", datetime(2024, 3, 31, 1, 59), "10.50"),
    ("ana", datetime(2024, 3, 31, 3, 0), "0.29"),
    ("ben", datetime(2024, 10, 27, 2, 30), "19.99"),
    ("o'neil", datetime(2024, 12, 31, 23, 59), "5"),
    ("zoe", datetime(2024, 1, 1), "5"),
]
PURCHASE = {"customer_id": "client", "changed_at": "ts"}
"""The columns of a history made from purchases."""


def params_at(folder: Path, source: str) -> Params:
    return Params.model_validate(
        {
            "source": source,
            "timezone": "Europe/Berlin",
            "tables": {
                "customers": {
                    "query": "select id as customer_id, since as signed_up_at from clients",
                    "history": {
                        "buyer": {"from": "Sales", "columns": PURCHASE | {"value": "client"}},
                        "paid": {"from": "Sales", "columns": PURCHASE | {"value": "price"}, "kind": "number"},
                    },
                },
                "orders": {
                    "from": "Sales",
                    "columns": {"customer_id": "client", "ordered_at": "ts", "amount": "price * 1"},
                    "where": "price >= 0",
                },
            },
            "label": {"kind": "inactivity", "table": "orders", "horizon_days": 7},
            "check": {"max_rejects": 0.5},
            "output": str(folder / "output"),
        }
    )


@pytest.fixture
def from_files(tmp_path: Path) -> Params:
    folder = tmp_path / "files"
    folder.mkdir()
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE clients (id TEXT, since DATE)")
        connection.executemany("INSERT INTO clients VALUES (?, ?)", CUSTOMERS)
        connection.execute("CREATE TABLE sales (client TEXT, ts TIMESTAMP, price DECIMAL(10, 2))")
        connection.executemany("INSERT INTO sales VALUES (?, ?, ?)", ORDERS)
        connection.execute(f"COPY clients TO '{folder}/clients.parquet'")
        connection.execute(f"COPY sales TO '{folder}/Sales.parquet'")
    return params_at(tmp_path, str(folder))


@pytest.fixture
def from_sqlite(tmp_path: Path) -> Params:
    path = tmp_path / "company.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE clients (id TEXT, since TEXT)")
        connection.executemany("INSERT INTO clients VALUES (?, ?)", [(i, str(d)) for i, d in CUSTOMERS])
        connection.execute('CREATE TABLE "Sales" (client TEXT, ts TEXT, price REAL)')
        orders = [(client, str(ts), float(price)) for client, ts, price in ORDERS]
        connection.executemany('INSERT INTO "Sales" VALUES (?, ?, ?)', orders)
    return params_at(tmp_path / "sqlite", f"sqlite:///{path}")


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    with running_postgresql() as address:
        yield address


@pytest.fixture
def from_postgresql(tmp_path: Path, postgresql: str) -> Params:
    run_sql(
        postgresql,
        'DROP TABLE IF EXISTS clients; DROP TABLE IF EXISTS "Sales"',
        "CREATE TABLE clients (id TEXT, since DATE)",
        'CREATE TABLE "Sales" (client TEXT, ts TIMESTAMP, price NUMERIC)',
        *(f"INSERT INTO clients VALUES ({literal(i)}, '{since}')" for i, since in CUSTOMERS),
        *(f"INSERT INTO \"Sales\" VALUES ({literal(c)}, '{ts}', {price})" for c, ts, price in ORDERS),
    )
    return params_at(tmp_path / "postgresql", postgresql)


def run_sql(uri: str, *statements: str) -> None:
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
        for statement in statements:
            for part in statement.split(";"):
                cursor.execute(part)


def digests(params: Params) -> Any:
    store = ingest(params, lambda _: None)
    return store.digest, {name: dict(table.rejects) for name, table in store.tables.items()}


def test_sqlite_gives_the_store_that_files_give(from_files: Params, from_sqlite: Params) -> None:
    assert digests(from_sqlite) == digests(from_files)


def test_postgresql_gives_the_store_that_files_give(from_files: Params, from_postgresql: Params) -> None:
    assert digests(from_postgresql) == digests(from_files)


def test_a_new_row_in_a_database_makes_the_store_outdated(from_postgresql: Params, postgresql: str) -> None:
    ingest(from_postgresql, lambda _: None)
    assert fresh_store(from_postgresql) is not None

    run_sql(postgresql, "INSERT INTO \"Sales\" VALUES ('ana', '2024-05-01', 1)")

    assert fresh_store(from_postgresql) is None


def test_a_missing_table_and_broken_sql_of_a_database_are_reported_together(from_postgresql: Params) -> None:
    tables = from_postgresql.tables
    wrong_tables = {
        "customers": tables["customers"].model_copy(update={"query": "selct 1"}),
        "orders": tables["orders"].model_copy(update={"from_": "sales"}),
    }

    with pytest.raises(SourceError) as caught:
        ingest(from_postgresql.model_copy(update={"tables": wrong_tables}), lambda _: None)

    assert len(caught.value.problems) == 2
    assert "has no table 'sales'. Did you mean 'Sales'?" in str(caught.value)
    assert "params.yaml: tables.customers: the SQL is not understood by the source" in str(caught.value)


def test_a_column_that_a_database_does_not_have_is_named_with_the_nearest_one(
    from_postgresql: Params,
) -> None:
    tables = from_postgresql.tables
    columns = {**tables["orders"].columns, "amount": "prise * 2"}
    wrong_tables = tables | {"orders": tables["orders"].model_copy(update={"columns": columns})}

    with pytest.raises(SourceError) as caught:
        ingest(from_postgresql.model_copy(update={"tables": wrong_tables}), lambda _: None)

    assert "(prise * 2): the rows have no column 'prise'. Did you mean 'price'?" in str(caught.value)


def test_no_message_holds_the_password(tmp_path: Path) -> None:
    params = params_at(tmp_path, "postgresql://someone:hunter2@127.0.0.1:1/company")
    lines: list[str] = []

    with pytest.raises(SourceError) as caught:
        ingest(params, lines.append)

    assert lines == ["ingest: reading postgresql://127.0.0.1:1/company"]
    assert "postgresql://127.0.0.1:1/company cannot be opened" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "module", "extra"),
    [
        ("postgresql://x/y", "adbc_driver_postgresql.dbapi", "postgres"),
        ("sqlite:///x", "adbc_driver_sqlite.dbapi", "sqlite"),
        ("spark:///", "pyspark.sql", "spark"),
    ],
)
def test_a_missing_driver_is_reported_with_its_install_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(SourceError, match=rf"pip install 'churn\[{extra}\]'"):
        ingest(params_at(tmp_path, source), lambda _: None)


def test_a_database_is_added_by_an_entry_in_the_drivers(
    from_files: Params, from_sqlite: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = replace(DRIVERS["sqlite"], quote_mark="`")
    monkeypatch.setitem(DRIVERS, "other", driver)
    source = from_sqlite.source.replace("sqlite:", "other:")

    digests_with_entry = digests(from_sqlite.model_copy(update={"source": source}))

    assert driver.quote("a`b") == "`a``b`"
    assert digests_with_entry == digests(from_files)


FETCH = """
import resource, sys
from pathlib import Path
import duckdb
from churn.data.sources.database import open_database

def peak_megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

connection = duckdb.connect()
with open_database(connection, "postgresql", sys.argv[1], Path(sys.argv[2])) as database:
    database.view("few", "SELECT 1 AS number, repeat('x', 200) AS text")
    before = peak_megabytes()
    database.view("many", "SELECT n AS number, repeat('x', 200) AS text FROM generate_series(1, 600000) n")
    after = peak_megabytes()
    print(connection.execute("SELECT count(*) FROM many").fetchone()[0], after - before)
"""


def test_rows_of_postgresql_are_fetched_batch_by_batch(postgresql: str, tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-c", FETCH, postgresql, str(tmp_path)], capture_output=True, text=True, check=True
    )

    rows, megabytes = process.stdout.split()
    assert int(rows) == 600_000
    assert float(megabytes) < 80  # of 120 MB of rows; one batch with all of them takes 117
