"""What the tasks of ingest by Spark do: open a range of customers; count, check and write its rows."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import duckdb

from churn.data.forgotten import NO_CUSTOMERS, ForgottenCustomers
from churn.data.ingest.rules import order_of_repeats, rows_with_broken_rule
from churn.data.ingest.source_errors import table_errors
from churn.data.ingest.staging import StagedTable, TableQuery, create_typed_view, raw_view
from churn.data.ingest.type_casts import create_utc_of
from churn.data.ingest.watermark import RowsByDay, rows_by_day, stored_rows_by_day
from churn.data.ingest.writing import COPY_OPTIONS, TablePart, TableStats, TableWriter, levels_in_source
from churn.data.sql import connect, internal_name, literal, parquet_rows
from churn.params import EngineParams

Levels = Mapping[str, Mapping[str, tuple[str, ...]]]
"""The names of the levels in order, by table and column."""


@dataclass(frozen=True)
class TaskContext:
    """The values that all tasks share; each task also gets the number of its range of customers.

    Args:
        queries: The queries of all tables, customers first.
        files: The files with the unchanged rows of the source, by table and range number.
        store: The folder of the store's tables.
        rejects: The folder of the rejected rows, one file per table.
        folder: The folder into which tasks write the rows that other tasks read.
        timezone: The company's time zone.
        engine: The limits of memory and threads for one task.
        label_table: The table whose rows the label counts.
        present: The approximate last date of the data.
        shared_key_tables: Tables with keys (row ids) that occur in several ranges; the folder `claims` shows
            which range holds the first row of a key.
        levels: The names that occur in each column of the type `level`, over all ranges.
        first_codes: The code (number in the store) of each range's first customer, by range number.
        forgotten: The customers whose rows are left out.
    """

    queries: tuple[TableQuery, ...]
    files: Mapping[str, Sequence[Sequence[str]]]
    store: Path
    rejects: Path
    folder: Path
    timezone: str
    engine: EngineParams
    label_table: str
    present: str | None = None
    shared_key_tables: frozenset[str] = frozenset()
    levels: Levels | None = None
    first_codes: Sequence[int] | None = None
    forgotten: ForgottenCustomers = NO_CUSTOMERS

    @property
    def ranges(self) -> int:
        """Return the number of ranges."""
        return len(self.files["customers"])

    def shared_folder(self, topic: str, table: str) -> Path:
        """Return the folder in which tasks share rows of a table with other tasks."""
        return self.folder / topic / table


@dataclass(frozen=True)
class CustomerRange:
    """A range of customers that a task has opened (see `open_range`).

    Args:
        context: The values that all tasks share.
        number: The range's number.
        connection: The DuckDB that holds the range's rows.
        attempt_folder: A folder that only this attempt uses; Spark may run a task twice.
        tables: The views of each table in DuckDB, by the name of the table.
    """

    context: TaskContext
    number: int
    connection: duckdb.DuckDBPyConnection
    attempt_folder: Path
    tables: dict[str, StagedTable] = field(default_factory=dict)

    @property
    def part(self) -> str:
        """Return the name of the range's files; these names follow the order of the customer codes."""
        return f"part-{self.number:05d}"

    def writer(self, table: str) -> TableWriter:
        """Return a writer for those rows of a table that are in the range.

        The writer also gets facts about the other ranges, such as how many customers come before this range.
        """
        context = self.context
        part = TablePart(
            name=self.part,
            first_code=context.first_codes[self.number] if context.first_codes else 0,
            levels=context.levels[table] if context.levels else None,
            keys_elsewhere=self._keys_elsewhere(table) if table in context.shared_key_tables else None,
        )
        folder = self.attempt_folder
        return TableWriter(self.connection, self.tables[table], context.present, folder, folder, part)

    def share(self, sql: str, topic: str, table: str) -> None:
        """Write the rows of a query to a folder that other tasks read.

        Args:
            sql: The query.
            topic: The purpose of the rows, as the name of a folder.
            table: The table that the rows belong to.
        """
        path = self.attempt_folder / "shared.parquet"
        self.connection.execute(f"COPY ({sql}) TO {literal(str(path))} ({COPY_OPTIONS})").fetchall()
        self.publish(path, self.context.shared_folder(topic, table))

    def publish(self, path: Path, folder: Path) -> None:
        """Move a finished file to a folder, and name the file after the range."""
        folder.mkdir(parents=True, exist_ok=True)
        path.replace(folder / f"{self.part}.parquet")

    def _keys_elsewhere(self, table: str) -> str:
        """Return SQL that gives the keys whose first row is in another range."""
        name = internal_name(f"elsewhere_{table}")
        order = order_of_repeats(self.tables[table])
        self.connection.execute(
            f"CREATE TEMP TABLE IF NOT EXISTS {name} AS SELECT row_id "
            f"FROM {read_folder(self.context.shared_folder('claims', table))} "
            f"QUALIFY row_number() OVER (PARTITION BY row_id ORDER BY {order}) = 1 "
            f"AND __range <> {self.number}"
        ).fetchall()
        return f"SELECT row_id FROM {name}"


@contextmanager
def open_range(context: TaskContext, number: int) -> Iterator[CustomerRange]:
    """Open a range of customers: connect to DuckDB, and create a typed view of each table.

    Raises:
        SourceError: A table's rows cannot be read.
    """
    attempt_folder = context.folder / f"try-{uuid4().hex}"
    attempt_folder.mkdir(parents=True)
    try:
        with open_duckdb(context) as connection:
            customer_range = CustomerRange(context, number, connection, attempt_folder)
            for query in context.queries:
                name = query.spec.table.name
                with table_errors(name):
                    rows = f"SELECT * FROM {parquet_rows(*map(Path, context.files[name][number]))}"
                    connection.execute(f"CREATE VIEW {raw_view(query.spec)} AS {rows}").fetchall()
                    customer_range.tables[name] = create_typed_view(
                        connection, query, context.timezone, context.forgotten
                    )
            yield customer_range
    finally:
        shutil.rmtree(attempt_folder, ignore_errors=True)


@contextmanager
def open_duckdb(context: TaskContext) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB that sorts on the executor's own disk and knows the company's time zone."""
    spill_folder = Path(tempfile.mkdtemp(prefix="churn-"))
    try:
        with connect(context.engine, spill_folder) as connection:
            create_utc_of(connection, context.timezone)
            yield connection
    finally:
        shutil.rmtree(spill_folder, ignore_errors=True)


def read_folder(folder: Path) -> str:
    """Return the SQL that reads all files of a folder."""
    return parquet_rows(*sorted(folder.glob("*.parquet")))


@dataclass(frozen=True)
class RangeSurvey:
    """The facts about a range that the tasks of other ranges need.

    Args:
        customers: The number of the range's customers whose row breaks no rule.
        levels: The names that occur in each column of the type `level`.
    """

    customers: int
    levels: Levels


@dataclass(frozen=True)
class RangeResult:
    """What a task reports after it has written a range of customers to the store.

    Args:
        stats: The facts about the range's rows, by table.
        levels: The names that occur in the range's good rows (rows that break no rule), for each column of
            the type `level`.
        label_days: The number of the range's good rows by day, in the label's table.
    """

    stats: Mapping[str, TableStats]
    levels: Levels
    label_days: RowsByDay


def count_rows_by_day(context: TaskContext, number: int) -> dict[str, RowsByDay]:
    """Count the rows of each table by local day."""
    days: dict[str, RowsByDay] = {}
    with open_range(context, number) as customer_range:
        for name, staged_table in customer_range.tables.items():
            with table_errors(name):
                days[name] = rows_by_day(customer_range.connection, staged_table)
    return days


def survey_range(context: TaskContext, number: int) -> RangeSurvey:
    """Return the facts about a range that the tasks of other ranges need.

    The hashes of the keys (row ids) in the range are written to the folder `keys`. The hashes are divided
    into buckets, and each bucket has its own folder; equal keys of different ranges are in the same bucket.
    """
    levels: dict[str, Mapping[str, tuple[str, ...]]] = {}
    with open_range(context, number) as customer_range:
        with table_errors("customers"):
            customers = customer_range.writer("customers").write().rows
        for name, staged_table in customer_range.tables.items():
            with table_errors(name):
                levels[name] = levels_in_source(customer_range.connection, staged_table)
                if name != "customers" and staged_table.has("row_id") and context.ranges > 1:
                    _share_keys(customer_range, staged_table)
    return RangeSurvey(customers, levels)


def _share_keys(customer_range: CustomerRange, staged_table: StagedTable) -> None:
    name, ranges = staged_table.spec.table.name, customer_range.context.ranges
    keys = (
        f"SELECT DISTINCT {literal(name)} AS of_table, hash(row_id) AS key, key % {ranges} AS bucket "
        f"FROM {staged_table.typed_view} WHERE row_id IS NOT NULL"
    )
    folder = customer_range.attempt_folder / "keys"
    options = "FORMAT parquet, PARTITION_BY (bucket), OVERWRITE"
    customer_range.connection.execute(f"COPY ({keys}) TO {literal(str(folder))} ({options})").fetchall()
    for path in folder.glob("bucket=*/*.parquet"):
        customer_range.publish(path, customer_range.context.folder / "keys" / path.parent.name / name)


def compare_keys(context: TaskContext, number: int) -> set[str]:
    """Find the keys that occur in several ranges, and return the names of their tables.

    `survey_range` has put the keys of all ranges into buckets, equal keys into the same bucket. This function
    compares the keys of bucket `number`. It writes the hashes of the found keys to the folder `shared_keys`.
    """
    keys = context.folder / "keys" / f"bucket={number}"
    if not keys.exists():
        return set()
    files = parquet_rows(*sorted(keys.glob("*/*.parquet")))
    with open_duckdb(context) as connection:
        connection.execute(
            f"CREATE TABLE shared_keys AS SELECT of_table, key FROM {files} GROUP BY ALL HAVING count(*) > 1"
        ).fetchall()
        rows = connection.execute("SELECT DISTINCT of_table FROM shared_keys").fetchall()
        tables = {str(row[0]) for row in rows}
        for name in tables:
            folder = context.shared_folder("shared_keys", name)
            folder.mkdir(parents=True, exist_ok=True)
            table_keys = f"SELECT key FROM shared_keys WHERE of_table = {literal(name)}"
            path = literal(str(folder / f"bucket-{number}.parquet"))
            connection.execute(f"COPY ({table_keys}) TO {path} ({COPY_OPTIONS})").fetchall()
    return tables


def claim_keys(context: TaskContext, number: int) -> None:
    """Write this range's first good row of each shared key (a row id that occurs in several ranges).

    The rows go to the folder `claims`, which shows which range holds the first row of a key.
    """
    with open_range(context, number) as customer_range:
        customer_range.writer("customers").write()
        for name in sorted(context.shared_key_tables):
            staged_table = customer_range.tables[name]
            with table_errors(name):
                rows = rows_with_broken_rule(customer_range.connection, staged_table, context.present)
                customer_range.share(
                    f"SELECT row_id, {order_of_repeats(staged_table)}, {number} AS __range FROM ({rows}) "
                    f"WHERE __broken IS NULL AND hash(row_id) IN "
                    f"(SELECT key FROM {read_folder(context.shared_folder('shared_keys', name))})",
                    "claims",
                    name,
                )


def write_range(context: TaskContext, number: int) -> RangeResult:
    """Write the good rows of a range of customers to the store, and its rejected rows to `rejects`."""
    stats: dict[str, TableStats] = {}
    levels: dict[str, Mapping[str, tuple[str, ...]]] = {}
    with open_range(context, number) as customer_range:
        folder = customer_range.attempt_folder
        for name in customer_range.tables:
            with table_errors(name):
                writer = customer_range.writer(name)
                stats[name] = writer.write()
                levels[name] = writer.levels_of_good_rows()
                if stats[name].rejects:
                    customer_range.publish(folder / f"{name}.parquet", context.shared_folder("rejects", name))
        label_days = stored_rows_by_day(customer_range.connection, folder / context.label_table)
        for name in customer_range.tables:
            customer_range.publish(folder / name / f"{customer_range.part}.parquet", context.store / name)
    return RangeResult(stats, levels, label_days)


def gather_rejects(context: TaskContext, number: int) -> None:
    """Collect the rejected rows of a table from all ranges of customers in one sorted file.

    `number` is the index of the table in `queries`.
    """
    name = context.queries[number].spec.table.name
    folder = context.shared_folder("rejects", name)
    if not folder.exists():
        return
    path = literal(str(context.rejects / f"{name}.parquet"))
    rows = f"SELECT * FROM {read_folder(folder)} ORDER BY ALL"
    with open_duckdb(context) as connection:
        connection.execute(f"COPY ({rows}) TO {path} ({COPY_OPTIONS})").fetchall()
