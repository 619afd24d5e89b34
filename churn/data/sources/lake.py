"""Spark tables as a source: the rows stay on the executors, and Spark tasks process them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import duckdb
import pyarrow.parquet as pq

from churn.data.sources.source import Source
from churn.data.sources.spark import (
    arrow_schema,
    check_rows_found,
    count_rows,
    open_session,
    run_tasks,
    spark_errors,
)
from churn.data.sql import first_line, parquet_rows
from churn.errors import SourceError
from churn.secrets import show_address

C = TypeVar("C")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Lake(Source):
    """An open Spark session with its tables.

    Args:
        session: The Spark session.
        scratch: A folder that the driver and all executors reach by the same path.
    """

    session: Any
    scratch: Path

    @property
    def has_duckdb_sql(self) -> bool:
        """Return False: Spark answers queries in its own dialect."""
        return False

    def quote(self, name: str) -> str:
        """Quote a name as Spark does."""
        return "`" + name.replace("`", "``") + "`"

    def frame(self, query: str) -> Any:
        """Return the Spark frame of a query; Spark reads the rows when the frame is written."""
        return self.session.sql(query)

    def columns(self, origin: str) -> list[str]:
        """Return the column names of a table, or of a query that is written in Spark's dialect."""
        return list(self.frame(f"SELECT * FROM {origin}").columns)

    def view(self, name: str, select: str) -> None:
        """Let the executors write a query's rows as files, and create a view of the files in `connection`.

        `ingest` does not need this method, because it reads rows in Spark tasks.

        Raises:
            SourceError: The driver does not find the rows that the executors wrote.
        """
        folder = self.scratch / uuid4().hex
        frame, count_written = count_rows(self.frame(select))
        frame.write.parquet(str(folder))
        files = sorted(folder.glob("*.parquet"))
        if not files:
            files = [folder / "empty.parquet"]
            pq.write_table(arrow_schema(frame).empty_table(), files[0])
        super().view(name, f"SELECT * FROM {parquet_rows(*files)}")
        rows = self.connection.execute(f"SELECT count(*) FROM {name}").fetchone()
        check_rows_found(folder, rows_written=count_written(), rows_found=int(rows[0]) if rows else 0)

    def checksum(self, query: str, columns: Sequence[str]) -> str:
        """Return how many rows a query has, and a checksum of them that does not depend on their order."""
        values = ", ".join(self.quote(name) for name in columns)
        total = f"sum(CAST(xxhash64({values}) AS DECIMAL(38, 0)))"
        row = self.frame(f"SELECT count(*), {total} FROM ({query}\n) AS checked").first()
        return f"{row[0]} rows {row[1]}"

    def state(self, query: str, columns: Sequence[str]) -> str:
        """Return a checksum of the rows of a query."""
        return self.checksum(query, columns)

    def run(self, task: Callable[[C, int], R], context: C, count: int) -> list[R]:
        """Run `task(context, number)` as a Spark task for each number below `count`; return the results."""
        return run_tasks(self.session, partial(task, context), count)


@contextmanager
def open_lake(connection: duckdb.DuckDBPyConnection, uri: str, scratch: Path) -> Iterator[Lake]:
    """Open a Spark session as a source.

    Args:
        connection: The DuckDB connection of the source.
        uri: `spark://host:port/database`, or `spark:///database` for the active session.
        scratch: A folder that the driver and all executors reach by the same path.

    Raises:
        SourceError: pyspark is not installed, or the session or the database cannot be opened.
    """
    address = show_address(uri)
    host, _, database = uri.removeprefix("spark://").partition("/")
    session = open_session("source: spark://", host)
    try:
        if database:
            session.catalog.setCurrentDatabase(database)
        tables = tuple(sorted(table.name for table in session.catalog.listTables()))
    except spark_errors() as error:
        raise SourceError(f"source: {address} cannot be opened: {first_line(error)}") from None
    errors: tuple[type[Exception], ...] = (duckdb.Error, *spark_errors())
    yield Lake(connection, tables, address, errors, session=session, scratch=scratch)
