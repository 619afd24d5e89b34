"""Write the results of nights to PostgreSQL through ADBC: rows go in by COPY, in one transaction."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa

from churn.data.sinks.connection import (
    ANSWER_SECONDS,
    KIND,
    MARK,
    SQL_TYPES,
    SinkConnection,
    StoredTable,
    finite,
    refuse_nul,
    stored_tables,
)
from churn.data.sources.database import libpq_uri
from churn.data.sql import first_line, identifier, literal
from churn.errors import BusyError, DeliveryError, ParamsError
from churn.secrets import Address

TYPES = {
    "text": "text",
    "double": "double precision",
    "int8": "smallint",
    "int32": "integer",
    "int64": "bigint",
    "date": "date",
    "boolean": "boolean",
    "timestamp": "timestamp with time zone",
}
KINDS = {"r": "table", "p": "table", "v": "view"}
LOCK_CLASS = 7461
"""The first key of the advisory lock; the second key is a checksum of the schema's name."""

WAYS_OUT = {
    "42501": " Grant the role CREATE on the schema, and SELECT, INSERT and DELETE on its tables.",
    "25006": " The server accepts no writes: name the primary server.",
    "53100": " The server's disk is full.",
}
"""What to do about an error, by PostgreSQL's code of the error."""

LOCK_NOT_AVAILABLE = "55P03"

CATALOGUE = """
SELECT c.relname::text, c.relkind::text, obj_description(c.oid, 'pg_class'), a.attname::text,
    format_type(a.atttypid, a.atttypmod)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = $1 AND c.relname IN ({names})
ORDER BY c.relname, a.attnum
"""


class PostgresqlSink(SinkConnection):
    """An open connection to PostgreSQL."""

    def __init__(self, module: Any, remote: Any, address: str, schema: str) -> None:
        self._module = module
        self._remote = remote
        self.address = address
        self.schema = schema

    def begin(self) -> None:
        """Begin a transaction, and wait for the lock that every writer of this schema takes.

        Readers do not take this lock, so it does not disturb them.
        """
        self.execute(f"SET LOCAL lock_timeout = '{ANSWER_SECONDS}s'")
        key = zlib.crc32(self.schema.encode()) - 2**31
        self.execute(f"SELECT pg_advisory_xact_lock({LOCK_CLASS}, {key})::text")

    def commit(self) -> None:
        """Commit."""
        with self._in_words():
            self._remote.commit()

    def rollback(self) -> None:
        """Roll back; after a lost connection there is no transaction to undo."""
        with suppress(self._module.Error):
            self._remote.rollback()

    def execute(self, sql: str, values: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        """Run a statement with `values` in place of its placeholders, and return its rows."""
        with self._in_words(), self._remote.cursor() as cursor:
            cursor.execute(sql, tuple(values) or None)
            return list(cursor.fetchall()) if cursor.description else []

    def append(self, table: str, rows: pa.Table) -> None:
        """Append rows by COPY."""
        refuse_nul(table, rows, self.address)
        with self._in_words(), self._remote.cursor() as cursor:
            cursor.adbc_ingest(table, finite(rows), mode="append", db_schema_name=self.schema)

    def tables(self, names: Sequence[str]) -> dict[str, StoredTable]:
        """Return the tables and views of the schema that have one of these names."""
        query = CATALOGUE.format(names=", ".join(literal(name) for name in names))
        return stored_tables(self.execute(query, [self.schema]), KINDS)

    def type_of(self, kind: pa.DataType) -> str:
        """Return the name of a type as PostgreSQL spells it."""
        return TYPES[SQL_TYPES[kind]]

    def create_schema(self) -> None:
        """Create the schema if it is missing; this needs the right to create schemas."""
        known = self.execute("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1", [self.schema])
        if not known:
            self.execute(f"CREATE SCHEMA {identifier(self.schema)}")

    def create_table(self, table: str, columns: Sequence[str]) -> None:
        """Create a table."""
        self.execute(f"CREATE TABLE {self.quote(table)} ({', '.join(columns)})")
        self.execute(f"COMMENT ON TABLE {self.quote(table)} IS {literal(MARK)}")

    def replace_view(self, view: str, select: str) -> None:
        """Replace a view without dropping it, so that the rights on the view stay."""
        self.execute(f"CREATE OR REPLACE VIEW {self.quote(view)} AS {select}")
        self.execute(f"COMMENT ON VIEW {self.quote(view)} IS {literal(MARK)}")

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except self._module.Error as error:
            code = str(getattr(error, "sqlstate", "") or "")
            if code == LOCK_NOT_AVAILABLE:
                raise BusyError(
                    f"{self.address}: another program has held a lock in the schema '{self.schema}' for "
                    f"more than {ANSWER_SECONDS} seconds. End that program, or try again later."
                ) from None
            raise DeliveryError(f"{self.address}: {_reason(error)}.{WAYS_OUT.get(code, '')}") from None


@contextmanager
def open_postgresql(text: str, schema: str, file: str) -> Iterator[PostgresqlSink]:
    """Connect to PostgreSQL.

    Args:
        text: The address. The address may hold a password, so no message shows it.
        schema: The schema of the tables.
        file: The name of the parameter file, for messages.

    Raises:
        ParamsError: the driver is not installed, or the address cannot be read.
        DeliveryError: the server does not answer within `ANSWER_SECONDS`, or refuses the connection.
    """
    try:
        module = importlib.import_module("adbc_driver_postgresql.dbapi")
    except ImportError:
        raise ParamsError(
            f"{file}: {KIND}.connection: postgresql:// needs a driver that is not installed. Install "
            "it with `pip install 'churn[postgres]'`."
        ) from None
    address = Address.parse(text)
    uri = libpq_uri(address)
    if all(name != "connect_timeout" for name, _ in address.settings):
        uri += f"{'&' if address.settings else '?'}connect_timeout={ANSWER_SECONDS}"
    try:
        remote = module.connect(uri)
    except module.Error as error:
        raise DeliveryError(
            f"{address.public_text}: the database cannot be opened: {_reason(error)}."
        ) from None
    with remote:
        yield PostgresqlSink(module, remote, address.public_text, schema)


def _reason(error: Exception) -> str:
    """Return the reason of an error on one line, without the words that the driver adds."""
    line = first_line(error).strip()
    for prefix in (
        "IO: ",
        "INVALID_ARGUMENT: ",
        "INTERNAL: ",
        "UNKNOWN: ",
        "ALREADY_EXISTS: ",
        "[libpq] ",
        "Failed to connect: ",
    ):
        line = line.removeprefix(prefix)
    return line.rstrip(" .:")
