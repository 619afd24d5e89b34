"""A lake as a source: Spark reads its tables, and its executors write what is wanted as Parquet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from churn.data.source import Source
from churn.data.sql import literal
from churn.errors import SourceError


@dataclass(frozen=True, kw_only=True)
class Lake(Source):
    """An open Spark session; rows go from its executors to files, not through the driver.

    The output folder must be one that the executors reach.
    """

    session: Any
    scratch: Path
    written: dict[str, str] = field(default_factory=dict)

    def quote(self, name: str) -> str:
        """Quote a name as Spark does."""
        return "`" + name.replace("`", "``") + "`"

    def columns(self, origin: str) -> list[str]:
        """Return the columns of a table or query in Spark's dialect."""
        return list(self.session.sql(f"SELECT * FROM {origin}").columns)

    def view(self, name: str, select: str) -> None:
        """Let Spark write a query's rows, once, and make them a view of `connection`."""
        folder = self.scratch / name
        if self.written.get(name) != select:
            self.session.sql(select).write.mode("overwrite").parquet(str(folder))
            self.written[name] = select
        super().view(name, f"SELECT * FROM read_parquet({literal(str(folder / '*.parquet'))})")

    def count(self, origin: str) -> int:
        """Count the rows of a table or query."""
        return int(self.session.sql(f"SELECT count(*) FROM {origin}").first()[0])


@contextmanager
def open_lake(connection: duckdb.DuckDBPyConnection, uri: str, scratch: Path) -> Iterator[Lake]:
    """Take the active Spark session, or start one: `spark://host:port/database`, or `spark:///database`.

    Without a host the session is the active one, or one as Spark's own configuration says.

    Raises:
        SourceError: pyspark is not installed, or there is no session or database to be had.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise SourceError(
            "source: spark:// needs Spark. Install it with `pip install 'churn[spark]'`; it needs Java 17."
        ) from None
    host, _, database = uri.removeprefix("spark://").partition("/")
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.appName("churn")
    if host:
        builder = builder.master(f"spark://{host}")
    try:
        session = builder.getOrCreate()
        # Spark's own default is a 96-bit format that has no stated zone.
        session.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        if database:
            session.catalog.setCurrentDatabase(database)
        tables = tuple(sorted(table.name for table in session.catalog.listTables()))
    except (PySparkException, RuntimeError) as error:
        raise SourceError(f"source: {uri} cannot be opened: {str(error).splitlines()[0]}") from None
    errors = (duckdb.Error, PySparkException)
    yield Lake(connection, tables, uri, errors, session=session, scratch=scratch)
