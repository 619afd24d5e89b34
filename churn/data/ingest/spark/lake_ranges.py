"""Spark brings the rows of each range of customers together, on the executors' side of the shared folder."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from churn.data.ingest.staging import Selection, kinds_of, not_understood
from churn.data.ingest.type_casts import typed_column
from churn.data.sources.lake import Lake
from churn.data.sources.spark import arrow_function, arrow_schema, count_rows
from churn.data.sql import literal
from churn.errors import SourceError

RANGE = "__range"

Batches = Iterable[pa.RecordBatch]


def first_ids(lake: Lake, customers: Selection, ranges: int) -> list[str]:
    """Return the first id of each range but the lowest, so that ranges hold about as many customers each.

    Ids compare by their bytes, as they do when customers get their codes.
    """
    raw = lake.frame(customers.query).select("customer_id").distinct()
    ids = raw.select(arrow_function(_Ids(customers), "string")("customer_id").alias("id"))
    ids = ids.where("id IS NOT NULL").repartitionByRange(ranges, "id")
    firsts = ids.mapInArrow(_lowest, "id string").collect()
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
        frame = lake.frame(selection.query)
        number = arrow_function(_Numbers(selection, tuple(firsts)), "int")
        numbered, rows = count_rows(frame.withColumn(RANGE, number("customer_id")))
        gathered = numbered.repartitionById(ranges, RANGE).write.mode("overwrite").partitionBy(RANGE)
        gathered.parquet(str(folder))
        schema = arrow_schema(frame)
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
                    typed = typed_column(self.column, kinds_of(connection, "raw")["customer_id"], "UTC", None)
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
