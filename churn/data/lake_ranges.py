"""Spark brings the rows of each range of customers together, on the executors' side of the shared folder."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from churn.data.lake import Lake
from churn.data.spark import arrow_schema, count_rows
from churn.data.sql import literal
from churn.data.staging import Selection, kinds_of, not_understood, typed_column
from churn.errors import SourceError

RANGE = "__range"

Batches = Iterable[pa.RecordBatch]


def first_ids(lake: Lake, customers: Selection, ranges: int) -> list[str]:
    """Return the first id of each range but the lowest, so that ranges hold about as many customers each.

    Ids compare by their bytes, as they do when customers get their codes.
    """
    ids = lake.frame(customers.query).select("customer_id")
    firsts = ids.mapInArrow(_typed(customers), "id string").where("id IS NOT NULL")
    firsts = firsts.repartitionByRange(ranges, "id").mapInArrow(_lowest, "id string").collect()
    return sorted(row.id for row in firsts)[1:]


def write_ranges(
    lake: Lake, selection: Selection, firsts: Sequence[str], folder: Path
) -> tuple[tuple[str, ...], ...]:
    """Let Spark write a table's rows by range of customers, and return the files of each range.

    Raises:
        SourceError: Spark does not understand or cannot finish the query, or what it wrote is not here.
    """
    ranges = len(firsts) + 1
    try:
        frame = lake.frame(f"SELECT *, CAST(0 AS INT) AS {RANGE} FROM ({selection.query}\n) AS selected")
        numbered = frame.mapInArrow(_numbered(selection, tuple(firsts)), frame.schema)
        numbered, rows = count_rows(numbered)
        gathered = numbered.repartitionById(ranges, RANGE).write.mode("overwrite").partitionBy(RANGE)
        gathered.parquet(str(folder))
        schema = arrow_schema(frame.drop(RANGE))
    except lake.errors as error:
        raise not_understood(selection.wanted, error) from None
    files = [sorted(str(path) for path in folder.glob(f"{RANGE}={n}/*.parquet")) for n in range(ranges)]
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


def _typed(selection: Selection) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    """Return a task that gives the ids of its rows as they are compared, each once a batch."""

    def ids(batches: Batches) -> Iterator[pa.RecordBatch]:
        with _small() as connection:
            for batch in batches:
                raw = batch.column("customer_id").dictionary_encode().dictionary
                typed = _ids(connection, raw, selection)
                yield pa.record_batch({"id": pa.array(typed, pa.string())})

    return ids


def _lowest(batches: Batches) -> Iterator[pa.RecordBatch]:
    """Give the lowest id of a task, if it has any."""
    lowest = min((one for batch in batches for one in batch.column("id").to_pylist()), default=None)
    if lowest is not None:
        yield pa.record_batch({"id": pa.array([lowest], pa.string())})


def _numbered(selection: Selection, firsts: Sequence[str]) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    """Return a task that says of its rows in which range they belong; without an id, in the lowest."""

    def number(batches: Batches) -> Iterator[pa.RecordBatch]:
        with _small() as connection:
            for batch in batches:
                raw = batch.column("customer_id").dictionary_encode()
                ids = _ids(connection, raw.dictionary, selection)
                numbers = pa.array([bisect_right(firsts, one) if one else 0 for one in ids], pa.int32())
                column = numbers.take(raw.indices).fill_null(0)
                yield batch.set_column(batch.schema.get_field_index(RANGE), RANGE, column)

    return number


def _ids(connection: duckdb.DuckDBPyConnection, raw: pa.Array, selection: Selection) -> list[str | None]:
    """Return ids as the staged table has them, in order."""
    connection.register("raw", pa.table({"customer_id": raw}))
    column = selection.wanted.table.of_role("id")[0]
    typed = typed_column(column, kinds_of(connection, "raw")["customer_id"], "UTC", None)
    rows = connection.execute(f"SELECT customer_id FROM (SELECT {typed} FROM raw)").fetchall()
    return [row[0] for row in rows]


def _small() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})
