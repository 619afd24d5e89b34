"""Write the results of nights to DuckDB and SQLite files; wait up to `ANSWER_SECONDS` for a locked file."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from churn.data.sinks.connection import (
    ANSWER_SECONDS,
    MARK,
    SQL_TYPES,
    SinkConnection,
    StoredTable,
    finite,
    stored_tables,
)
from churn.data.sql import first_line, identifier, literal
from churn.errors import BusyError, DeliveryError
from churn.secrets import Address, AddressError

POLL_SECONDS = 0.2

DUCKDB_NAME = "__churn_nights"
"""The name under which the DuckDB file is attached. The file's own name may equal the name of the schema, as
in `duckdb:///churn.duckdb`, and then DuckDB cannot tell them apart.
"""

DUCKDB_TYPES = {
    "text": "VARCHAR",
    "double": "DOUBLE",
    "int8": "TINYINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "date": "DATE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
}
SQLITE_TYPES = {
    "text": "TEXT",
    "double": "REAL",
    "int8": "INTEGER",
    "int32": "INTEGER",
    "int64": "INTEGER",
    "date": "DATE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
}

DUCKDB_CATALOGUE = """
WITH object AS (
    SELECT table_name AS name, 'table' AS kind, comment FROM duckdb_tables()
    WHERE database_name = current_database() AND lower(schema_name) = lower($1)
    UNION ALL
    SELECT view_name, 'view', comment FROM duckdb_views()
    WHERE database_name = current_database() AND lower(schema_name) = lower($1)
)
SELECT o.name, o.kind, o.comment, c.column_name, c.data_type
FROM object o
LEFT JOIN duckdb_columns() c ON c.table_name = o.name
    AND c.database_name = current_database() AND lower(c.schema_name) = lower($1)
WHERE lower(o.name) IN ({names})
ORDER BY o.name, c.column_index
"""


def path_in(address: Address) -> Path:
    """Return the path of the file in an address: `/data/nights.sqlite` in `sqlite:////data/nights.sqlite`.

    Raises:
        AddressError: The address has settings after a `?`, or no path of a file in an existing folder.
    """
    path = Path(address.path.removeprefix("/"))
    if address.settings or not path.name:
        raise AddressError(f"write {address.scheme}:///FILE without a question mark and settings")
    if not path.parent.is_dir():
        raise AddressError("the folder of the file does not exist. Create the folder")
    if path.is_dir():
        raise AddressError("this is a folder, but it should be a file. Name a file in it")
    return path


class DuckDBSink(SinkConnection):
    """An open DuckDB file.

    Its tables have no primary keys, because DuckDB refuses to delete a key and insert it again in one
    transaction.
    """

    has_keys = False

    def __init__(self, connection: duckdb.DuckDBPyConnection, address: str, schema: str) -> None:
        self._connection = connection
        self.address = address
        self.schema = schema

    def begin(self) -> None:
        """Begin a transaction; the open file is locked against other processes."""
        self.execute("BEGIN TRANSACTION")

    def commit(self) -> None:
        """Commit."""
        self.execute("COMMIT")

    def rollback(self) -> None:
        """Roll back."""
        with suppress(duckdb.Error):
            self._connection.execute("ROLLBACK")

    def execute(self, sql: str, values: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        """Run a statement with `values` in place of its placeholders, and return its rows."""
        try:
            return self._connection.execute(sql, list(values) or None).fetchall()
        except duckdb.Error as error:
            raise DeliveryError(f"{self.address}: {first_line(error).rstrip(' .')}.") from None

    def append(self, table: str, rows: pa.Table) -> None:
        """Append rows from Arrow."""
        names = ", ".join(identifier(name) for name in rows.column_names)
        self._connection.register("__churn_rows", finite(rows))
        try:
            self.execute(f"INSERT INTO {self.quote(table)} ({names}) SELECT {names} FROM __churn_rows")
        finally:
            self._connection.unregister("__churn_rows")

    def tables(self, names: Sequence[str]) -> dict[str, StoredTable]:
        """Return the tables and views of the schema that have one of these names."""
        query = DUCKDB_CATALOGUE.format(names=", ".join(literal(name) for name in names))
        return stored_tables(self.execute(query, [self.schema]), {})

    def type_of(self, kind: pa.DataType) -> str:
        """Return the name that DuckDB gives to the type of a column."""
        return DUCKDB_TYPES[SQL_TYPES[kind]]

    def create_schema(self) -> None:
        """Create the schema."""
        self.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(self.schema)}")

    def create_table(self, table: str, columns: Sequence[str]) -> None:
        """Create a table."""
        self.execute(f"CREATE TABLE {self.quote(table)} ({', '.join(columns)})")
        self.execute(f"COMMENT ON TABLE {self.quote(table)} IS {literal(MARK)}")

    def name_in_view(self, table: str) -> str:
        """Return a table's name without its schema, for the SQL of a view.

        DuckDB looks for the table first in the schema of the view.
        """
        return identifier(table)

    def replace_view(self, view: str, select: str) -> None:
        """Replace a view."""
        self.execute(f"USE {identifier(DUCKDB_NAME)}.{identifier(self.schema)}")
        self.execute(f"CREATE OR REPLACE VIEW {self.quote(view)} AS {select}")
        self.execute(f"COMMENT ON VIEW {self.quote(view)} IS {literal(MARK)}")


@contextmanager
def open_duckdb(address: Address, schema: str) -> Iterator[DuckDBSink]:
    """Open a DuckDB file for writing; the file is created if it is missing.

    Raises:
        BusyError: another program holds the file for more than `ANSWER_SECONDS`.
        DeliveryError: the file cannot be opened.
    """
    path = path_in(address)
    limit = time.monotonic() + ANSWER_SECONDS
    with closing(duckdb.connect(config={"autoinstall_known_extensions": False})) as connection:
        while True:
            try:
                connection.execute(f"ATTACH {literal(str(path))} AS {identifier(DUCKDB_NAME)}")
                connection.execute(f"USE {identifier(DUCKDB_NAME)}")
                break
            except duckdb.Error as error:
                if "Could not set lock" not in str(error):
                    raise DeliveryError(f"{address.public_text}: {first_line(error).rstrip(' .')}.") from None
                if time.monotonic() > limit:
                    raise _busy(address.public_text) from None
            time.sleep(POLL_SECONDS)
        yield DuckDBSink(connection, address.public_text, schema)


class SqliteSink(SinkConnection):
    """An open SQLite file.

    SQLite has no schemas, so each table's name begins with the name of the schema and `_`.
    """

    first_value = "?1"

    def __init__(self, connection: sqlite3.Connection, address: str, schema: str) -> None:
        self._connection = connection
        self.address = address
        self.schema = schema

    def begin(self) -> None:
        """Begin a transaction as the only writer; other programs may read the file until the commit."""
        self.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Commit as soon as no other program reads the file."""
        self.execute("COMMIT")

    def rollback(self) -> None:
        """Roll back."""
        with suppress(sqlite3.Error):
            self._connection.execute("ROLLBACK")

    def execute(self, sql: str, values: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        """Run a statement with `values` in place of its placeholders, and return its rows."""
        with self._in_words():
            return list(self._connection.execute(sql, list(values)).fetchall())

    def append(self, table: str, rows: pa.Table) -> None:
        """Append rows: days and times as text in ISO form, booleans as 0 and 1."""
        names = ", ".join(identifier(name) for name in rows.column_names)
        marks = ", ".join("?" for _ in rows.column_names)
        with self._in_words():
            for batch in finite(rows).to_batches(max_chunksize=10_000):
                columns = [[_sqlite_value(value) for value in column.to_pylist()] for column in batch.columns]
                self._connection.executemany(
                    f"INSERT INTO {self.quote(table)} ({names}) VALUES ({marks})", zip(*columns, strict=True)
                )

    def tables(self, names: Sequence[str]) -> dict[str, StoredTable]:
        """Return the tables and views of the schema that have one of these names."""
        marks = ", ".join("?" for _ in names)
        rows = self.execute(
            "SELECT m.name, m.type, m.sql, p.name, p.type FROM sqlite_master m "
            f"LEFT JOIN pragma_table_info(m.name) p WHERE lower(m.name) IN ({marks}) ORDER BY m.name, p.cid",
            [f"{self.schema}_{name}".lower() for name in names],
        )
        return stored_tables([(row[0][len(self.schema) + 1 :], *row[1:]) for row in rows], {})

    def type_of(self, kind: pa.DataType) -> str:
        """Return the name that SQLite gives to the type of a column."""
        return SQLITE_TYPES[SQL_TYPES[kind]]

    def create_schema(self) -> None:
        """Do nothing, because the name of the schema is only a part of the table names."""

    def create_table(self, table: str, columns: Sequence[str]) -> None:
        """Create a table with the comment `MARK` in its SQL; SQLite keeps this SQL in its catalogue."""
        self.execute(f"CREATE TABLE {self.quote(table)} (/* {MARK} */ {', '.join(columns)})")

    def replace_view(self, view: str, select: str) -> None:
        """Replace a view."""
        self.execute(f"DROP VIEW IF EXISTS {self.quote(view)}")
        self.execute(f"CREATE VIEW {self.quote(view)} AS /* {MARK} */ {select}")

    def quote(self, table: str) -> str:
        """Return the quoted name of a table; it begins with the name of the schema."""
        return identifier(f"{self.schema}_{table}")

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise _busy(self.address) from None
            raise DeliveryError(f"{self.address}: {first_line(error).rstrip(' .')}.") from None


def _sqlite_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return int(value) if isinstance(value, bool) else value


@contextmanager
def open_sqlite(address: Address, schema: str) -> Iterator[SqliteSink]:
    """Open a SQLite file for writing; the file is created if it is missing.

    Raises:
        DeliveryError: the file cannot be opened.
    """
    path = path_in(address)
    try:
        connection = sqlite3.connect(path, timeout=ANSWER_SECONDS, isolation_level=None)
        connection.execute("PRAGMA secure_delete = ON")  # no byte of an erased customer stays in a free page
    except sqlite3.Error as error:
        raise DeliveryError(f"{address.public_text}: {first_line(error).rstrip(' .')}.") from None
    with closing(connection):
        yield SqliteSink(connection, address.public_text, schema)


def _busy(address: str) -> BusyError:
    return BusyError(
        f"{address}: another program has kept the file locked for more than {ANSWER_SECONDS} seconds. "
        "Close the file in that program, or try again later."
    )
