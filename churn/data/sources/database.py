"""Databases behind ADBC: queries run there, rows arrive as Arrow."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from churn.data.sources.address import without_secret
from churn.data.sources.source import Source
from churn.data.sql import first_line, literal
from churn.errors import SourceError


def _whole(uri: str) -> dict[str, Any]:
    return {"uri": uri}


@dataclass(frozen=True)
class Driver:
    """One kind of database.

    Args:
        module: The package of its ADBC driver; `dbapi` in it connects.
        extra: The extra of this package that installs the driver.
        listing: The query of the names of its tables and views.
        arguments: What `connect` is given, from `source` of params.yaml.
        quotation: The mark before and after a name; one inside is doubled.
        moment: The statement after which all that is read is of one moment; empty where that is so anyway.
        told_by_rows: The aggregate over all columns, `{}`, that tells rows from others, where it can hash.
        told_by_columns: The aggregates over each column, `{}`, that do, where it cannot.
        options: Options of the driver's statements.
    """

    module: str
    extra: str
    listing: str
    arguments: Callable[[str], dict[str, Any]] = _whole
    quotation: str = '"'
    moment: str = ""
    told_by_rows: str = ""
    told_by_columns: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)

    def quote(self, name: str) -> str:
        """Quote a name."""
        return self.quotation + name.replace(self.quotation, 2 * self.quotation) + self.quotation


DRIVERS: dict[str, Driver] = {
    "postgresql": Driver(
        module="adbc_driver_postgresql",
        extra="postgres",
        listing=(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = ANY (current_schemas(false)::text[])"
        ),
        moment="SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        told_by_rows="sum(hashtextextended(ROW({})::text, 0)::numeric)",
    ),
    # SQLite has no hash: numbers, distinct values, ends and sums of its columns, the sums also as of times,
    # change with nearly every rewriting; what only swaps values between rows is not seen.
    "sqlite": Driver(
        module="adbc_driver_sqlite",
        extra="sqlite",
        listing="SELECT name FROM sqlite_master WHERE type IN ('table', 'view')",
        arguments=lambda uri: {"uri": uri.partition(":///")[2]},
        told_by_columns=(
            *("count({})", "count(DISTINCT {})", "min({})", "max({})", "sum({})"),
            "sum(strftime('%s', {}))",
        ),
        options={"adbc.sqlite.query.batch_rows": "65536"},
    ),
}
"""By the scheme of `source`."""


@dataclass(frozen=True, kw_only=True)
class Database(Source):
    """An open database behind ADBC: queries run there, their rows arrive as Arrow and wait in Parquet."""

    remote: Any
    driver: Driver
    scratch: Path
    fetched: dict[str, str] = field(default_factory=dict)

    def quote(self, name: str) -> str:
        """Quote a name as the database does."""
        return self.driver.quote(name)

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        """Open a cursor; a query that fails ends its transaction, as it must not spoil the next."""
        with self.remote.cursor() as cursor:
            try:
                yield cursor
            except self.errors:
                self.remote.rollback()
                raise

    def columns(self, origin: str) -> list[str]:
        """Return the columns of a table or query in the source's dialect."""
        with self._cursor() as cursor:
            cursor.execute(f"SELECT * FROM {origin} LIMIT 0")
            return list(cursor.fetch_arrow_table().column_names)

    def view(self, name: str, select: str) -> None:
        """Fetch a query's rows batch by batch, once, and make them a view of `connection`."""
        path = self.scratch / f"{name}.parquet"
        if self.fetched.get(name) != select:
            with self._cursor() as cursor:
                if self.driver.options:
                    cursor.adbc_statement.set_options(**self.driver.options)
                cursor.execute(select)
                batches = cursor.fetch_record_batch()
                with pq.ParquetWriter(path, batches.schema) as writer:
                    for batch in batches:
                        writer.write_batch(batch)
            self.fetched[name] = select
        super().view(name, f"SELECT * FROM read_parquet({literal(str(path))})")

    def checksum(self, query: str, columns: Sequence[str]) -> str:
        """Return what tells a query's rows, in any order, from other rows: their number and more."""
        told = ["count(*)"]
        if whole := self.driver.told_by_rows:
            told.append(whole.format(", ".join(self.quote(name) for name in columns)))
        told += [one.format(self.quote(name)) for name in columns for one in self.driver.told_by_columns]
        with self._cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(told)} FROM ({query}\n) AS checked")
            number, *others = cursor.fetchone()
        return f"{number} rows {' '.join(str(value) for value in others)}"

    def state(self, query: str, columns: Sequence[str]) -> str:
        """Return the checksum of a query's rows."""
        return self.checksum(query, columns)


@contextmanager
def open_database(
    connection: duckdb.DuckDBPyConnection, scheme: str, uri: str, scratch: Path
) -> Iterator[Database]:
    """Connect to a database; `uri` may hold a password, no message does.

    Raises:
        SourceError: the driver is not installed, or the database cannot be opened.
    """
    driver = DRIVERS[scheme]
    try:
        module = importlib.import_module(f"{driver.module}.dbapi")
    except ImportError:
        raise SourceError(
            f"source: {scheme}:// needs its driver. Install it with `pip install 'churn[{driver.extra}]'`."
        ) from None
    place = without_secret(uri)
    try:
        remote = module.connect(**driver.arguments(uri))
    except module.Error as error:
        raise SourceError(f"source: {place} cannot be opened: {first_line(error)} Mend 'source'.") from None
    with remote:
        with remote.cursor() as cursor:
            if driver.moment:
                cursor.execute(driver.moment)
            cursor.execute(driver.listing)
            tables = tuple(sorted(str(row[0]) for row in cursor.fetchall()))
        errors = (duckdb.Error, module.Error)
        yield Database(connection, tables, place, errors, remote=remote, driver=driver, scratch=scratch)
