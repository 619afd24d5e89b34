"""Databases as sources through ADBC: queries run in the database, rows arrive as Arrow."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from churn.data.sources.source import Source
from churn.data.sql import first_line, parquet_rows
from churn.errors import SourceError
from churn.secrets import Address, AddressError, show_address

LIBPQ_SETTINGS = frozenset(
    (
        *("host", "hostaddr", "port", "dbname", "user", "password", "passfile", "require_auth"),
        *("channel_binding", "connect_timeout", "client_encoding", "options", "application_name"),
        *("fallback_application_name", "keepalives", "keepalives_idle", "keepalives_interval"),
        *("keepalives_count", "tcp_user_timeout", "replication", "gssencmode", "sslmode", "requiressl"),
        *("sslnegotiation", "sslcompression", "sslcert", "sslkey", "sslpassword", "sslcertmode"),
        *("sslrootcert", "sslcrl", "sslcrldir", "sslsni", "requirepeer", "ssl_min_protocol_version"),
        *("ssl_max_protocol_version", "min_protocol_version", "max_protocol_version", "krbsrvname"),
        *("gsslib", "gssdelegation", "scram_client_key", "scram_server_key", "service", "servicefile"),
        *("target_session_attrs", "load_balance_hosts", "oauth_issuer", "oauth_client_id"),
        *("oauth_client_secret", "oauth_scope", "ssl"),
    )
)
"""The settings that libpq knows; they follow the ? of an address.

Source: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
"""


def libpq_uri(address: Address) -> str:
    """Return the address with all special characters encoded, so that libpq reads the same parts as `churn`.

    Raises:
        AddressError: A setting in the address is unknown to PostgreSQL.
    """
    if any(name not in LIBPQ_SETTINGS for name, _ in address.settings):
        raise AddressError(
            "PostgreSQL does not know a setting after the ? in this address. Inside a value, write & as "
            "%26 and = as %3D"
        )
    return address.canonical


def _libpq_argument(address: Address) -> dict[str, Any]:
    return {"uri": libpq_uri(address)}


def _sqlite_argument(address: Address) -> dict[str, Any]:
    """Return the path of the SQLite file; refuse a missing file, because SQLite would create it."""
    path = address.path.removeprefix("/")
    if not Path(path).is_file() or address.settings:
        raise AddressError("there is no such file. Write sqlite:///FILE without a question mark and settings")
    return {"uri": path}


@dataclass(frozen=True)
class Driver:
    """How to read one kind of database through ADBC.

    Args:
        module: The package of the ADBC driver; its module `dbapi` connects.
        extra: The name of the optional dependency of `churn` that installs the driver.
        list_tables: The query that returns the names of the tables and views.
        connect_arguments: The keyword arguments of `connect`, from the parsed `source` in params.yaml.
        quote_mark: The mark before and after a name; a mark inside a name is doubled.
        snapshot_statement: The statement that makes all later queries read the data of one moment; empty if
            the driver needs no such statement.
        row_checksum: An SQL aggregate whose result changes when a row changes; `{}` stands for the names of
            all columns. Empty if the database has no hash function.
        column_checksums: SQL aggregates whose results change when the values of a column change; `{}` stands
            for the name of the column. They replace `row_checksum` if the database has no hash function.
        options: The driver's options for fetching rows, such as the number of rows per batch.
    """

    module: str
    extra: str
    list_tables: str
    connect_arguments: Callable[[Address], dict[str, Any]] = _libpq_argument
    quote_mark: str = '"'
    snapshot_statement: str = ""
    row_checksum: str = ""
    column_checksums: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)

    def quote(self, name: str) -> str:
        """Quote a name."""
        return self.quote_mark + name.replace(self.quote_mark, 2 * self.quote_mark) + self.quote_mark


DRIVERS: dict[str, Driver] = {
    "postgresql": Driver(
        module="adbc_driver_postgresql",
        extra="postgres",
        list_tables=(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = ANY (current_schemas(false)::text[])"
        ),
        snapshot_statement="SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        row_checksum="sum(hashtextextended(ROW({})::text, 0)::numeric)",
    ),
    # SQLite has no hash function. Nearly every change of the rows changes a column's counts, distinct counts,
    # extremes or sums, or the sum of its values as times. Two swapped values are not noticed.
    "sqlite": Driver(
        module="adbc_driver_sqlite",
        extra="sqlite",
        list_tables="SELECT name FROM sqlite_master WHERE type IN ('table', 'view')",
        connect_arguments=_sqlite_argument,
        column_checksums=(
            *("count({})", "count(DISTINCT {})", "min({})", "max({})", "sum({})"),
            "sum(strftime('%s', {}))",
        ),
        options={"adbc.sqlite.query.batch_rows": "65536"},
    ),
}
"""The drivers of databases, by the scheme in the address `source`."""


@dataclass(frozen=True, kw_only=True)
class Database(Source):
    """An open database: its rows arrive as Arrow and are stored as Parquet files until they are read.

    Args:
        remote: The ADBC connection.
        driver: How to read this kind of database.
        scratch: The folder of the Parquet files.
        queries: For each view that was created, by its name, the query that gave its rows.
    """

    remote: Any
    driver: Driver
    scratch: Path
    queries: dict[str, str] = field(default_factory=dict)

    @property
    def has_duckdb_sql(self) -> bool:
        """Return False, because a database answers queries in its own dialect."""
        return False

    def quote(self, name: str) -> str:
        """Quote a name as the database does."""
        return self.driver.quote(name)

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        """Open a cursor; if a query fails, its transaction is rolled back, so that the next query works."""
        with self.remote.cursor() as cursor:
            try:
                yield cursor
            except self.errors:
                self.remote.rollback()
                raise

    def columns(self, origin: str) -> list[str]:
        """Return the columns of `origin`: a table, or a query in the SQL dialect of the source."""
        with self._cursor() as cursor:
            cursor.execute(f"SELECT * FROM {origin} LIMIT 0")
            return list(cursor.fetch_arrow_table().column_names)

    def view(self, name: str, select: str) -> None:
        """Fetch a query's rows once, in batches, and create a view of them in `connection`."""
        path = self.scratch / f"{name}.parquet"
        if self.queries.get(name) != select:
            with self._cursor() as cursor:
                if self.driver.options:
                    cursor.adbc_statement.set_options(**self.driver.options)
                cursor.execute(select)
                batches = cursor.fetch_record_batch()
                with pq.ParquetWriter(path, batches.schema) as writer:
                    for batch in batches:
                        writer.write_batch(batch)
            self.queries[name] = select
        super().view(name, f"SELECT * FROM {parquet_rows(path)}")

    def checksum(self, query: str, columns: Sequence[str]) -> str:
        """Return how many rows a query has, and a checksum of them that does not depend on their order."""
        names = [self.quote(name) for name in columns]
        aggregates = ["count(*)"]
        if self.driver.row_checksum:
            aggregates.append(self.driver.row_checksum.format(", ".join(names)))
        aggregates += [aggregate.format(name) for name in names for aggregate in self.driver.column_checksums]
        with self._cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(aggregates)} FROM ({query}\n) AS checked")
            rows, *checksums = cursor.fetchone()
        return f"{rows} rows {' '.join(str(value) for value in checksums)}"

    def state(self, query: str, columns: Sequence[str]) -> str:
        """Return the checksum of a query's rows."""
        return self.checksum(query, columns)


@contextmanager
def open_database(
    connection: duckdb.DuckDBPyConnection, scheme: str, uri: str, scratch: Path
) -> Iterator[Database]:
    """Connect to a database.

    Args:
        connection: The DuckDB that reads the fetched rows.
        scheme: The scheme of the address, a key of `DRIVERS`.
        uri: The address. The address may hold a password, so no message shows it.
        scratch: The folder for fetched rows.

    Raises:
        SourceError: The driver is not installed, the address can be read in two ways, or the database
            cannot be opened.
    """
    driver = DRIVERS[scheme]
    try:
        module = importlib.import_module(f"{driver.module}.dbapi")
    except ImportError:
        raise SourceError(
            f"source: {scheme}:// needs a driver that is not installed. Install it with `pip "
            f"install 'churn[{driver.extra}]'`."
        ) from None
    try:
        address = Address.parse(uri)
        arguments = driver.connect_arguments(address)
    except AddressError as error:
        raise SourceError(f"source: {show_address(uri)} cannot be opened: {error}.") from None
    try:
        remote = module.connect(**arguments)
    except module.Error as error:
        raise SourceError(
            f"source: {address.public_text} cannot be opened: {first_line(error)} Correct 'source'."
            f"{_advice_about_codes(address)}"
        ) from None
    with remote:
        with remote.cursor() as cursor:
            if driver.snapshot_statement:
                cursor.execute(driver.snapshot_statement)
            cursor.execute(driver.list_tables)
            tables = tuple(sorted(str(row[0]) for row in cursor.fetchall()))
        errors = (duckdb.Error, module.Error)
        yield Database(
            connection, tables, address.public_text, errors, remote=remote, driver=driver, scratch=scratch
        )


def _advice_about_codes(address: Address) -> str:
    """Return a hint if the decoded password still contains codes such as `%40`."""
    if address.password is None or not re.search(r"%[0-9A-Fa-f]{2}", address.password):
        return ""
    return " Write the password into the environment variable as it is, without codes such as %40."
