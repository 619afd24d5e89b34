"""Run ingest in Spark, from Spark's driver: split rows by customer, run tasks, combine their results.

A range of customers holds all customers whose ids lie between two given ids.
"""

from __future__ import annotations

import shutil
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from itertools import accumulate
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from churn.data.forgotten import NO_CUSTOMERS, ForgottenCustomers
from churn.data.ingest.source_errors import sql_error
from churn.data.ingest.spark.lake_tasks import (
    Levels,
    RangeResult,
    RangeSurvey,
    TaskContext,
    claim_keys,
    compare_keys,
    count_rows_by_day,
    gather_rejects,
    survey_range,
    write_range,
)
from churn.data.ingest.staging import TableQuery, column_types
from churn.data.ingest.type_casts import typed_column
from churn.data.ingest.watermark import RowsByDay, present_date
from churn.data.ingest.writing import add_stats
from churn.data.sources.lake import Lake
from churn.data.sources.spark import arrow_function, arrow_schema, check_rows_found, count_rows
from churn.data.sql import parquet_rows
from churn.data.store import StoredTable
from churn.params import EngineParams

ROWS_PER_RANGE = 2_000_000
"""The number of rows of the largest table in one range of customers; a range is one task and one file."""

PARALLEL_TABLES = 4
"""How many tables Spark splits at the same time, because one small table does not keep all executors busy."""

RANGE_COLUMN = "__range"


def write_lake_store(
    lake: Lake,
    queries: Sequence[TableQuery],
    store: Path,
    rejects: Path,
    *,
    timezone: str,
    engine: EngineParams,
    label_table: str,
    watermark: date | None,
    forgotten: ForgottenCustomers = NO_CUSTOMERS,
) -> tuple[dict[str, StoredTable], RowsByDay]:
    """Let Spark write the store and the rejects; return the stored tables, and the label table's rows by day.

    Spark first groups the source's rows by range of customers. Three rounds of tasks follow, with one task
    per range. The first round counts rows by day, which shows where the data end. In the second round, each
    task reports facts that other ranges need: the number of customers, the names in columns of the type
    `level`, and the keys that several ranges hold. The third round checks, sorts and writes the rows. The
    code for staging, rules and writing is the same as for all other sources.

    Args:
        lake: The source.
        queries: The queries of all tables, customers first.
        store: The folder of the store's tables.
        rejects: The folder of the rejects.
        timezone: The company's time zone.
        engine: The limits of memory and threads for all tasks together.
        label_table: The table whose rows the label counts.
        watermark: The day up to which the data are complete, or None if it is not given.
        forgotten: The customers whose rows are left out.

    Raises:
        SourceError: A table cannot be read, or Spark's driver does not find the files of the executors.
    """
    folder = lake.scratch / "lake"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        ranges = -(-_rows_of_largest_table(lake, queries) // ROWS_PER_RANGE)
        starts = range_starts(lake, queries[0], ranges) if ranges > 1 else []
        context = TaskContext(
            queries=tuple(queries),
            files=_split_tables(lake, queries, starts, folder / "raw"),
            store=store,
            rejects=rejects,
            folder=folder,
            timezone=timezone,
            engine=engine.for_one_of(engine.processes or engine.threads),
            label_table=label_table,
            forgotten=forgotten,
        )
        return _run_tasks(lake, context, watermark)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run_tasks(
    lake: Lake, context: TaskContext, watermark: date | None
) -> tuple[dict[str, StoredTable], RowsByDay]:
    names = [query.spec.table.name for query in context.queries]
    days = lake.run(count_rows_by_day, context, context.ranges)
    days_by_table = [_sum_days([range_days[name] for range_days in days]) for name in names]
    context = replace(context, present=present_date(days_by_table, watermark))
    results, levels = _write_ranges(lake, _with_survey(lake, context))
    if any(stats.rejects for result in results for stats in result.stats.values()):
        lake.run(gather_rejects, context, len(names))
    tables: dict[str, StoredTable] = {}
    for name, query in zip(names, context.queries, strict=True):
        stats = add_stats([result.stats[name] for result in results])
        tables[name] = stats.stored_table(levels[name], query.unread)
    return tables, _sum_days([result.label_days for result in results])


def _rows_of_largest_table(lake: Lake, queries: Sequence[TableQuery]) -> int:
    counts = " UNION ALL ".join(
        f"SELECT count(*) AS rows FROM ({query.query}\n) AS selected" for query in queries
    )
    return int(lake.frame(f"SELECT max(rows) FROM ({counts}) AS counts").first()[0])


def _with_survey(lake: Lake, context: TaskContext) -> TaskContext:
    """Return `context` with facts about all ranges, such as the first customer code of each range."""
    surveys: list[RangeSurvey] = lake.run(survey_range, context, context.ranges)
    if context.ranges > 1:
        tables = frozenset().union(*lake.run(compare_keys, context, context.ranges))
        context = replace(context, shared_key_tables=tables)
    if context.shared_key_tables:
        lake.run(claim_keys, context, context.ranges)
    customers = [survey.customers for survey in surveys]
    levels = _union([survey.levels for survey in surveys])
    return replace(context, levels=levels, first_codes=[0, *accumulate(customers[:-1])])


def _write_ranges(lake: Lake, context: TaskContext) -> tuple[list[RangeResult], Levels]:
    """Write all ranges of customers; return their results, and the levels (text values) of each column.

    If a level occurs only in rows that break a rule, all ranges are written again without this level.
    """
    results = lake.run(write_range, context, context.ranges)
    levels = _union([result.levels for result in results])
    if levels == context.levels:
        return results, levels
    return lake.run(write_range, replace(context, levels=levels), context.ranges), levels


def _union(parts: Sequence[Levels]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Combine the levels (text values) of all ranges of customers; sort the levels of each column."""
    union: dict[str, dict[str, set[str]]] = {}
    for part in parts:
        for table, columns in part.items():
            names_by_column = union.setdefault(table, {})
            for column, names in columns.items():
                names_by_column.setdefault(column, set()).update(names)
    return {
        table: {column: tuple(sorted(names)) for column, names in sorted(columns.items())}
        for table, columns in union.items()
    }


def _sum_days(parts: Sequence[RowsByDay]) -> RowsByDay:
    """Return the number of rows of each day, summed over all ranges of customers."""
    days: dict[int, int] = {}
    for part in parts:
        for day, count in part:
            days[day] = days.get(day, 0) + count
    return sorted(days.items())


def range_starts(lake: Lake, customers: TableQuery, ranges: int) -> list[str]:
    """Return the first id of each range except range 0; all ranges hold about equally many customers.

    Range 0 has the lowest ids. Ids are compared by their bytes. In the store, the customers have codes
    (numbers from 0) in the order of their ids.

    Args:
        lake: The source.
        customers: The query of customers.
        ranges: The number of ranges.
    """
    raw_ids = lake.frame(customers.query).select("customer_id").distinct()
    ids = raw_ids.select(arrow_function(_TypedIds(customers), "string")("customer_id").alias("id"))
    ids = ids.where("id IS NOT NULL").repartitionByRange(ranges, "id")
    starts = ids.mapInArrow(_lowest_id, "id string").collect()
    return sorted(row.id for row in starts)[1:]


def _split_tables(
    lake: Lake, queries: Sequence[TableQuery], starts: Sequence[str], folder: Path
) -> dict[str, Sequence[Sequence[str]]]:
    """Let Spark write all tables by range of customers, several tables at once; return the files."""
    names = [query.spec.table.name for query in queries]
    with ThreadPoolExecutor(PARALLEL_TABLES) as pool:
        files = pool.map(
            lambda query: split_into_ranges(lake, query, starts, folder / query.spec.table.name), queries
        )
        return dict(zip(names, files, strict=True))


def split_into_ranges(
    lake: Lake, query: TableQuery, starts: Sequence[str], folder: Path
) -> tuple[tuple[str, ...], ...]:
    """Let Spark write a table's rows by range of customers; return the files of each range.

    Args:
        lake: The source.
        query: The table's query.
        starts: The first id of each range except range 0, which has the lowest ids.
        folder: The folder into which the rows are written.

    Raises:
        SourceError: Spark does not understand or cannot finish the query, or Spark's driver does not find
            all files.
    """
    ranges = len(starts) + 1
    try:
        frame = lake.frame(query.query)
        range_number = arrow_function(_RangeNumbers(query, tuple(starts)), "int")
        observed_frame, count = count_rows(frame.withColumn(RANGE_COLUMN, range_number("customer_id")))
        by_range = observed_frame.repartitionById(ranges, RANGE_COLUMN).write.mode("overwrite")
        by_range.partitionBy(RANGE_COLUMN).parquet(str(folder))
        schema = arrow_schema(frame)
    except lake.errors as error:
        raise sql_error(lake, query.spec, error) from None
    files = [
        sorted(str(path) for path in folder.glob(f"{RANGE_COLUMN}={n}/*.parquet")) for n in range(ranges)
    ]
    _check_files(folder, files, count())
    empty_file = folder / "empty.parquet"
    pq.write_table(schema.empty_table(), empty_file)
    return tuple(tuple(paths) or (str(empty_file),) for paths in files)


def _check_files(folder: Path, files: Sequence[Sequence[str]], rows_written: int) -> None:
    paths = [Path(path) for range_files in files for path in range_files]
    rows_here = 0
    if paths:
        with duckdb.connect() as connection:
            row = connection.execute(f"SELECT count(*) FROM {parquet_rows(*paths)}").fetchone()
            rows_here = int(row[0]) if row else 0
    check_rows_found(folder, rows_written=rows_written, rows_found=rows_here)


def _lowest_id(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the lowest customer id that a task of Spark reads; nothing if the task has no ids."""
    lowest = min((value for batch in batches for value in batch.column("id").to_pylist()), default=None)
    if lowest is not None:
        yield pa.record_batch({"id": pa.array([lowest], pa.string())})


class _TypedIds:
    """Casts the source's customer ids to the type that they have in the staged table."""

    def __init__(self, query: TableQuery) -> None:
        self.column = query.spec.table.of_role("id")[0]

    def __call__(self, batches: Iterator[pa.Array]) -> Iterator[pa.Array]:
        """Yield the typed ids of each batch of raw ids."""
        with duckdb.connect(config={"threads": 1}) as connection:
            typed_id = ""
            for batch in batches:
                connection.register("raw", pa.table({"customer_id": batch}))
                if not typed_id:
                    duckdb_type = column_types(connection, "raw")["customer_id"]
                    typed_id = typed_column(self.column, duckdb_type, "UTC", None)
                rows = connection.execute(f"SELECT customer_id FROM (SELECT {typed_id} FROM raw)")
                yield rows.to_arrow_table()["customer_id"].combine_chunks()


class _RangeNumbers:
    """Maps each customer id to the number of its range of customers; rows without an id go to range 0."""

    def __init__(self, query: TableQuery, starts: tuple[str, ...]) -> None:
        self.typed_ids = _TypedIds(query)
        self.starts = starts

    def __call__(self, batches: Iterator[pa.Array]) -> Iterator[pa.Array]:
        """Yield the number of the range of each id."""
        for ids in self.typed_ids(batches):
            dictionary_ids = ids.dictionary_encode()
            numbers = [bisect_right(self.starts, value) for value in dictionary_ids.dictionary.to_pylist()]
            yield pa.array(numbers, pa.int32()).take(dictionary_ids.indices).fill_null(0)
