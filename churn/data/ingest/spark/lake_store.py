"""Spark writes the store: its tasks take ranges of customers, and facts about them come to the driver."""

from __future__ import annotations

import shutil
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

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
from churn.data.ingest.staging import Selection, column_types, sql_error
from churn.data.ingest.type_casts import typed_column
from churn.data.ingest.watermark import RowsByDay, present_date
from churn.data.ingest.writing import add_stats
from churn.data.sources.lake import Lake
from churn.data.sources.spark import arrow_function, arrow_schema, count_rows
from churn.data.sql import literal
from churn.data.store import StoredTable
from churn.errors import SourceError
from churn.params import Params

ROWS_PER_RANGE = 2_000_000
"""Rows of the largest table in one range of customers: a task's work, and one file of the store."""

TABLES_AT_ONCE = 4
"""Small tables do not keep all executors busy; Spark divides its tasks among so many."""


def write_lake_store(
    lake: Lake, params: Params, selections: Sequence[Selection], store: Path, rejects: Path
) -> tuple[dict[str, StoredTable], RowsByDay]:
    """Let Spark write the store and the rejects; return each table's facts and the label table's days.

    First Spark brings the rows of each range of customers together, as the source said them. Its tasks then
    look at their range three times: they count days, which says by what present clocks are judged; they tell
    what matters to other ranges, namely numbers of customers, levels, and keys that several ranges hold; they
    judge, sort and write. Staging, rules and writing are those of every other source.

    Raises:
        SourceError: a table cannot be read, or executors and driver do not share the folder.
    """
    folder = lake.scratch / "lake"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        return _written(lake, params, selections, store, rejects, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _written(
    lake: Lake, params: Params, selections: Sequence[Selection], store: Path, rejects: Path, folder: Path
) -> tuple[dict[str, StoredTable], RowsByDay]:
    ranges = -(-_most_rows(lake, selections) // ROWS_PER_RANGE)
    firsts = range_starts(lake, selections[0], ranges) if ranges > 1 else []
    names = [selection.wanted.table.name for selection in selections]
    work = TaskContext(
        selections=tuple(selections),
        files=_write_all(lake, selections, firsts, folder / "raw"),
        store=store,
        rejects=rejects,
        folder=folder,
        timezone=params.timezone,
        engine=params.engine.for_one_of(params.engine.processes or params.engine.threads),
        core_table=params.label.core_table,
    )
    days = lake.run(count_rows_by_day, work, work.ranges)
    by_day = [_sum_days([one[name] for one in days]) for name in names]
    work = replace(work, present=present_date(by_day, params.snapshot.watermark))
    written, levels = _write_parts(lake, _surveyed(lake, work))
    if any(seen.rejects for one in written for seen in one.seen.values()):
        lake.run(gather_rejects, work, len(names))
    tables: dict[str, StoredTable] = {}
    for selection in selections:
        name = selection.wanted.table.name
        seen = add_stats([one.seen[name] for one in written])
        tables[name] = replace(seen.table(levels[name]), left_out=selection.left_out)
    return tables, _sum_days([one.days for one in written])


def _most_rows(lake: Lake, selections: Sequence[Selection]) -> int:
    counts = " UNION ALL ".join(
        f"SELECT count(*) AS rows FROM ({selection.query}\n) AS selected" for selection in selections
    )
    return int(lake.frame(f"SELECT max(rows) FROM ({counts}) AS counts").first()[0])


def _write_all(
    lake: Lake, selections: Sequence[Selection], firsts: Sequence[str], raw: Path
) -> dict[str, Sequence[Sequence[str]]]:
    """Let Spark write the rows of every table by range, several tables at once."""
    names = [selection.wanted.table.name for selection in selections]
    with ThreadPoolExecutor(TABLES_AT_ONCE) as pool:
        files = pool.map(
            lambda one: split_into_ranges(lake, one, firsts, raw / one.wanted.table.name), selections
        )
        return dict(zip(names, files, strict=True))


def _surveyed(lake: Lake, work: TaskContext) -> TaskContext:
    """Return the work with what its ranges know of each other."""
    found: list[RangeSurvey] = lake.run(survey_range, work, work.ranges)
    if work.ranges > 1:
        crossing = frozenset().union(*lake.run(compare_keys, work, work.ranges))
        work = replace(work, crossing=crossing)
    if work.crossing:
        lake.run(claim_keys, work, work.ranges)
    customers = [one.customers for one in found]
    levels = _united([one.levels for one in found])
    return replace(work, levels=levels, first_codes=[0, *accumulate(customers[:-1])])


def _write_parts(lake: Lake, work: TaskContext) -> tuple[list[RangeResult], Levels]:
    """Write all ranges; once more if levels that only bad rows name have taken a number."""
    written = lake.run(write_range, work, work.ranges)
    used = _united([one.levels for one in written])
    if used == work.levels:
        return written, used
    return lake.run(write_range, replace(work, levels=used), work.ranges), used


def _united(parts: Sequence[Levels]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the levels of all ranges by table and column, in the order of their names."""
    united: dict[str, dict[str, set[str]]] = {}
    for part in parts:
        for table, columns in part.items():
            found = united.setdefault(table, {})
            for column, names in columns.items():
                found.setdefault(column, set()).update(names)
    return {
        table: {column: tuple(sorted(names)) for column, names in sorted(columns.items())}
        for table, columns in united.items()
    }


def _sum_days(parts: Sequence[RowsByDay]) -> RowsByDay:
    """Add up the rows of all ranges by day."""
    days: dict[int, int] = {}
    for part in parts:
        for day, count in part:
            days[day] = days.get(day, 0) + count
    return sorted(days.items())


RANGE_COLUMN = "__range"

Batches = Iterable[pa.RecordBatch]


def range_starts(lake: Lake, customers: Selection, ranges: int) -> list[str]:
    """Return the first id of each range but the lowest, so that ranges hold about as many customers each.

    Ids compare by their bytes, as they do when customers get their codes.
    """
    raw = lake.frame(customers.query).select("customer_id").distinct()
    ids = raw.select(arrow_function(_Ids(customers), "string")("customer_id").alias("id"))
    ids = ids.where("id IS NOT NULL").repartitionByRange(ranges, "id")
    firsts = ids.mapInArrow(_lowest, "id string").collect()
    return sorted(row.id for row in firsts)[1:]


def split_into_ranges(
    lake: Lake, selection: Selection, firsts: Sequence[str], folder: Path
) -> tuple[tuple[str, ...], ...]:
    """Let Spark write a table's rows by range of customers, and return the files of each range.

    Raises:
        SourceError: Spark does not understand or cannot finish the query, or what it wrote is not here.
    """
    ranges = len(firsts) + 1
    try:
        frame = lake.frame(selection.query)
        number = arrow_function(_Numbers(selection, tuple(firsts)), "int")
        numbered, rows = count_rows(frame.withColumn(RANGE_COLUMN, number("customer_id")))
        gathered = (
            numbered.repartitionById(ranges, RANGE_COLUMN).write.mode("overwrite").partitionBy(RANGE_COLUMN)
        )
        gathered.parquet(str(folder))
        schema = arrow_schema(frame)
    except lake.errors as error:
        raise sql_error(selection.wanted, error) from None
    files = [
        sorted(str(path) for path in folder.glob(f"{RANGE_COLUMN}={n}/*.parquet")) for n in range(ranges)
    ]
    _check(folder, files, rows())
    nothing = folder / "empty.parquet"
    pq.write_table(schema.empty_table(), nothing)
    return tuple(tuple(some) or (str(nothing),) for some in files)


def _check(folder: Path, files: Sequence[Sequence[str]], written: int) -> None:
    paths = ", ".join(literal(path) for some in files for path in some)
    found = 0
    if paths:
        with duckdb.connect() as connection:
            row = connection.execute(f"SELECT count(*) FROM read_parquet([{paths}])").fetchone()
            found = int(row[0]) if row else 0
    if found != written:
        raise SourceError(
            f"output: Spark's executors wrote {written:,} rows to {folder}, and {found:,} of them are here. "
            "Let 'output' be a folder that the driver and all executors reach under the same path."
        )


def _lowest(batches: Batches) -> Iterator[pa.RecordBatch]:
    """Give the lowest id of a task, if it has any."""
    lowest = min((one for batch in batches for one in batch.column("id").to_pylist()), default=None)
    if lowest is not None:
        yield pa.record_batch({"id": pa.array([lowest], pa.string())})


class _Ids:
    """Gives ids as the staged table has them."""

    def __init__(self, selection: Selection) -> None:
        self.column = selection.wanted.table.of_role("id")[0]

    def __call__(self, batches: Iterator[pa.Array]) -> Iterator[pa.Array]:
        """Yield the typed ids of each batch of raw ones."""
        with duckdb.connect(config={"threads": 1}) as connection:
            typed = ""
            for batch in batches:
                connection.register("raw", pa.table({"customer_id": batch}))
                if not typed:
                    typed = typed_column(
                        self.column, column_types(connection, "raw")["customer_id"], "UTC", None
                    )
                rows = connection.execute(f"SELECT customer_id FROM (SELECT {typed} FROM raw)")
                yield rows.to_arrow_table()["customer_id"].combine_chunks()


class _Numbers:
    """Says of raw ids in which range they belong; rows without one go to the lowest."""

    def __init__(self, selection: Selection, firsts: tuple[str, ...]) -> None:
        self.ids = _Ids(selection)
        self.firsts = firsts

    def __call__(self, batches: Iterator[pa.Array]) -> Iterator[pa.Array]:
        """Yield the number of the range of each id."""
        for typed in self.ids(batches):
            found = typed.dictionary_encode()
            numbers = [bisect_right(self.firsts, one) for one in found.dictionary.to_pylist()]
            yield pa.array(numbers, pa.int32()).take(found.indices).fill_null(0)
