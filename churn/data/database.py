"""Databases behind ADBC: queries run there, rows arrive as Arrow."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from churn.data.address import without_secret
from churn.data.source import Source
from churn.data.sql import first_line, literal
from churn.errors import SourceError

DRIVERS = {"postgresql": "adbc_driver_postgresql", "sqlite": "adbc_driver_sqlite"}
"""ADBC drivers by the scheme of `source`; another database is a driver's name away."""

EXTRAS = {"postgresql": "postgres", "sqlite": "sqlite"}
"""The extra of this package that brings a scheme's driver."""

LISTINGS = {
    "postgresql": (
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = ANY (current_schemas(false)::text[])"
    ),
    "sqlite": "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')",
}


CHECKSUMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "postgresql": ("sum(hashtextextended(ROW({})::text, 0)::numeric)", ()),
    "sqlite": (
        "",
        ("count({})", "count(DISTINCT {})", "min({})", "max({})", "sum({})", "sum(strftime('%s', {}))"),
    ),
}
"""By scheme the aggregates that tell rows from others, over all columns together and over each.

PostgreSQL hashes each row. SQLite has no hash: the numbers, the distinct values, the ends and the sums of its
columns, also as times, change with nearly every rewriting; what only swaps values between rows is not seen.
"""

SNAPSHOTS = {"postgresql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"}
"""By scheme how all that is read is of one moment; SQLite does so by itself."""


@dataclass(frozen=True, kw_only=True)
class Database(Source):
    """An open database behind ADBC: queries run there, their rows arrive as Arrow and wait in Parquet."""

    remote: Any
    scheme: str
    scratch: Path
    fetched: dict[str, str] = field(default_factory=dict)

    def columns(self, origin: str) -> list[str]:
        """Return the columns of a table or query in the source's dialect."""
        with self.remote.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {origin} LIMIT 0")
            return list(cursor.fetch_arrow_table().column_names)

    def view(self, name: str, select: str) -> None:
        """Fetch a query's rows batch by batch, once, and make them a view of `connection`."""
        path = self.scratch / f"{name}.parquet"
        if self.fetched.get(name) != select:
            with self.remote.cursor() as cursor:
                cursor.execute(select)
                batches = cursor.fetch_record_batch()
                with pq.ParquetWriter(path, batches.schema) as writer:
                    for batch in batches:
                        writer.write_batch(batch)
            self.fetched[name] = select
        super().view(name, f"SELECT * FROM read_parquet({literal(str(path))})")

    def checksum(self, query: str, columns: Sequence[str]) -> str:
        """Return what tells a query's rows, in any order, from other rows: their number and more."""
        whole, each = CHECKSUMS[self.scheme]
        told = ["count(*)"]
        if whole:
            told.append(whole.format(", ".join(self.quote(name) for name in columns)))
        told += [one.format(self.quote(name)) for name in columns for one in each]
        with self.remote.cursor() as cursor:
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
    try:
        driver = importlib.import_module(f"{DRIVERS[scheme]}.dbapi")
    except ImportError:
        raise SourceError(
            f"source: {scheme}:// needs its driver. Install it with `pip install 'churn[{EXTRAS[scheme]}]'`."
        ) from None
    place = without_secret(uri)
    try:
        address = uri.removeprefix("sqlite:///") if scheme == "sqlite" else uri
        remote = driver.connect(address, autocommit=True)  # a broken query must not spoil the next
    except driver.Error as error:
        raise SourceError(f"source: {place} cannot be opened: {first_line(error)} Mend 'source'.") from None
    with remote:
        with remote.cursor() as cursor:
            if scheme in SNAPSHOTS:
                cursor.execute(SNAPSHOTS[scheme])
            cursor.execute(LISTINGS[scheme])
            tables = tuple(sorted(str(row[0]) for row in cursor.fetchall()))
        errors = (duckdb.Error, driver.Error)
        yield Database(connection, tables, place, errors, remote=remote, scheme=scheme, scratch=scratch)
