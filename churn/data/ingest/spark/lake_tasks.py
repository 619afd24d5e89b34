"""A range of customers, open in a Spark task: its rows as the source said them, in a DuckDB of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import duckdb

from churn.data.ingest.rules import order_of_repeats, rows_with_broken_rule
from churn.data.ingest.staging import Selection, StagedTable, create_typed_view, raw_view
from churn.data.ingest.type_casts import create_utc_of
from churn.data.ingest.watermark import RowsByDay, rows_by_day, stored_rows_by_day
from churn.data.ingest.writing import COPY_OPTIONS, TablePart, TableStats, TableWriter, levels_in_source
from churn.data.sql import connect, first_line, internal_name, literal
from churn.errors import SourceError
from churn.params import EngineParams

Levels = Mapping[str, Mapping[str, tuple[str, ...]]]
"""By table and column, the names of the levels in order."""


@dataclass(frozen=True)
class TaskContext:
    """What every task knows; each is given the number of its range besides.

    Args:
        selections: What was read of each table, customers first.
        files: By table and number, the files with the range's rows as the source said them.
        store: Where the parts of the store go.
        rejects: Where the rejects go, one file a table.
        folder: Where tasks leave what other tasks read.
        core_table: The table that the label is about.
        present: The date around which the data end.
        crossing: Tables with keys in several ranges; what was claimed says where the first row stands.
        levels: The levels over all ranges.
        first_codes: By number, the code of the range's first customer.
    """

    selections: tuple[Selection, ...]
    files: Mapping[str, Sequence[Sequence[str]]]
    store: Path
    rejects: Path
    folder: Path
    timezone: str
    engine: EngineParams
    core_table: str
    present: str | None = None
    crossing: frozenset[str] = frozenset()
    levels: Levels | None = None
    first_codes: Sequence[int] | None = None

    @property
    def ranges(self) -> int:
        """Return how many ranges there are."""
        return len(self.files["customers"])

    def left(self, what: str, table: str) -> Path:
        """Return the folder where tasks leave what others read of a table."""
        return self.folder / what / table


@dataclass(frozen=True)
class CustomerRange:
    """An open range of customers; `aside` is a folder of this attempt's own, as Spark may try twice."""

    work: TaskContext
    number: int
    connection: duckdb.DuckDBPyConnection
    aside: Path
    tables: dict[str, StagedTable] = field(default_factory=dict)

    @property
    def part(self) -> str:
        """Return the name of the range's files, in the order of the customers."""
        return f"part-{self.number:05d}"

    def writer(self, table: str) -> TableWriter:
        """Return the writer of the range's part of a table, with all that is known of the other ranges."""
        work = self.work
        part = TablePart(
            name=self.part,
            first_code=work.first_codes[self.number] if work.first_codes else 0,
            levels=work.levels[table] if work.levels else None,
            elsewhere=self._elsewhere(table) if table in work.crossing else None,
        )
        return TableWriter(self.connection, self.tables[table], work.present, self.aside, self.aside, part)

    def leave(self, sql: str, what: str, table: str) -> None:
        """Write rows for other tasks."""
        path = self.aside / "left.parquet"
        self.connection.execute(f"COPY ({sql}) TO {literal(str(path))} ({COPY_OPTIONS})").fetchall()
        self.put(path, self.work.left(what, table))

    def put(self, path: Path, folder: Path) -> None:
        """Put a finished file in place under the range's name."""
        folder.mkdir(parents=True, exist_ok=True)
        path.replace(folder / f"{self.part}.parquet")

    def _elsewhere(self, table: str) -> str:
        """Return SQL of the keys whose first row stands in another range."""
        name = internal_name(f"elsewhere_{table}")
        first = f"row_number() OVER (PARTITION BY row_id ORDER BY {order_of_repeats(self.tables[table])}) = 1"
        self.connection.execute(
            f"CREATE TEMP TABLE IF NOT EXISTS {name} AS SELECT row_id "
            f"FROM {read_folder(self.work.left('claims', table))} "
            f"QUALIFY {first} AND __range <> {self.number}"
        ).fetchall()
        return f"SELECT row_id FROM {name}"


@contextmanager
def open_range(work: TaskContext, number: int) -> Iterator[CustomerRange]:
    """Open a range of customers with its tables typed.

    Raises:
        SourceError: a table's rows cannot be read.
    """
    aside = work.folder / f"try-{uuid4().hex}"
    aside.mkdir(parents=True)
    try:
        with open_duckdb(work) as connection:
            opened = CustomerRange(work, number, connection, aside)
            for selection in work.selections:
                name = selection.wanted.table.name
                with table_errors(name):
                    rows = _rows(work.files[name], number)
                    connection.execute(f"CREATE VIEW {raw_view(selection.wanted)} AS {rows}").fetchall()
                    opened.tables[name] = create_typed_view(connection, selection, work.timezone)
            yield opened
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def open_duckdb(work: TaskContext) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB that spills to the machine's own disk and knows the company's time zone."""
    spill = Path(tempfile.mkdtemp(prefix="churn-"))
    try:
        with connect(work.engine, spill) as connection:
            create_utc_of(connection, work.timezone)
            yield connection
    finally:
        shutil.rmtree(spill, ignore_errors=True)


@contextmanager
def table_errors(table: str) -> Iterator[None]:
    """Say what goes wrong with a table's rows with its name.

    Raises:
        SourceError: instead of DuckDB's own error.
    """
    try:
        yield
    except duckdb.Error as error:
        raise SourceError(f"{table}: cannot be read as the parameters say: {first_line(error)}") from None


def read_folder(folder: Path) -> str:
    """Return SQL that reads all that tasks left in a folder."""
    return f"read_parquet({literal(str(folder / '*.parquet'))})"


def _rows(files: Sequence[Sequence[str]], number: int) -> str:
    """Return the SQL of a range's rows as the source said them."""
    paths = ", ".join(literal(path) for path in files[number])
    return f"SELECT * FROM read_parquet([{paths}], hive_partitioning = false)"


@dataclass(frozen=True)
class RangeSurvey:
    """What a range holds that matters to others: good customers, and levels that its rows name."""

    customers: int
    levels: Levels


@dataclass(frozen=True)
class RangeResult:
    """The facts of a written range, the levels of its good rows, and the days of the label's table."""

    seen: Mapping[str, TableStats]
    levels: Levels
    days: RowsByDay


def count_rows_by_day(work: TaskContext, number: int) -> dict[str, RowsByDay]:
    """Count the rows of each table by local day."""
    days: dict[str, RowsByDay] = {}
    with open_range(work, number) as opened:
        for name, staged in opened.tables.items():
            with table_errors(name):
                days[name] = rows_by_day(opened.connection, staged)
    return days


def survey_range(work: TaskContext, number: int) -> RangeSurvey:
    """Look at what matters to other ranges; leave the hashes of each table's keys as `keys`, in buckets."""
    levels: dict[str, Mapping[str, tuple[str, ...]]] = {}
    with open_range(work, number) as opened:
        with table_errors("customers"):
            customers = opened.writer("customers").write().rows
        for name, staged in opened.tables.items():
            with table_errors(name):
                levels[name] = levels_in_source(opened.connection, staged)
                if name != "customers" and staged.has("row_id") and work.ranges > 1:
                    _leave_keys(opened, staged)
    return RangeSurvey(customers, levels)


def _leave_keys(opened: CustomerRange, staged: StagedTable) -> None:
    name, ranges = staged.wanted.table.name, opened.work.ranges
    keys = (
        f"SELECT DISTINCT {literal(name)} AS of_table, hash(row_id) AS key, key % {ranges} AS bucket "
        f"FROM {staged.typed} WHERE row_id IS NOT NULL"
    )
    aside = opened.aside / "keys"
    options = "FORMAT parquet, PARTITION_BY (bucket), OVERWRITE"
    opened.connection.execute(f"COPY ({keys}) TO {literal(str(aside))} ({options})").fetchall()
    for path in aside.glob("bucket=*/*.parquet"):
        opened.put(path, opened.work.folder / "keys" / path.parent.name / name)


def compare_keys(work: TaskContext, number: int) -> set[str]:
    """Leave the keys of a bucket that several ranges hold as `crossing`; return the tables that have any."""
    keys = work.folder / "keys" / f"bucket={number}"
    if not keys.exists():
        return set()
    files = literal(str(keys / "*" / "*.parquet"))
    with open_duckdb(work) as connection:
        connection.execute(
            f"CREATE TABLE crossing AS SELECT of_table, key FROM read_parquet({files}) "
            "GROUP BY ALL HAVING count(*) > 1"
        ).fetchall()
        tables = {
            str(row[0]) for row in connection.execute("SELECT DISTINCT of_table FROM crossing").fetchall()
        }
        for name in tables:
            place = work.left("crossing", name)
            place.mkdir(parents=True, exist_ok=True)
            rows = f"SELECT key FROM crossing WHERE of_table = {literal(name)}"
            whole = literal(str(place / f"bucket-{number}.parquet"))
            connection.execute(f"COPY ({rows}) TO {whole} ({COPY_OPTIONS})").fetchall()
    return tables


def claim_keys(work: TaskContext, number: int) -> None:
    """Leave the range's first row of each key that other ranges hold too, as `claims`."""
    with open_range(work, number) as opened:
        opened.writer("customers").write()
        for name in sorted(work.crossing):
            staged = opened.tables[name]
            with table_errors(name):
                judged = rows_with_broken_rule(opened.connection, staged, work.present)
                opened.leave(
                    f"SELECT row_id, {order_of_repeats(staged)}, {number} AS __range FROM ({judged}) "
                    f"WHERE __broken IS NULL AND hash(row_id) IN "
                    f"(SELECT key FROM {read_folder(work.left('crossing', name))})",
                    "claims",
                    name,
                )


def write_range(work: TaskContext, number: int) -> RangeResult:
    """Write the range's part of every table of the store; leave its rejects as `rejected`."""
    seen: dict[str, TableStats] = {}
    levels: dict[str, Mapping[str, tuple[str, ...]]] = {}
    with open_range(work, number) as opened:
        for name in opened.tables:
            with table_errors(name):
                writer = opened.writer(name)
                seen[name] = writer.write()
                levels[name] = writer.levels_used()
                if seen[name].rejects:
                    opened.put(opened.aside / f"{name}.parquet", work.left("rejected", name))
        days = stored_rows_by_day(opened.connection, opened.aside / work.core_table)
        for name in opened.tables:
            opened.put(opened.aside / name / f"{opened.part}.parquet", work.store / name)
    return RangeResult(seen, levels, days)


def gather_rejects(work: TaskContext, number: int) -> None:
    """Make one ordered file of what all ranges rejected of one table, counted as in `selections`."""
    name = work.selections[number].wanted.table.name
    if not work.left("rejected", name).exists():
        return
    whole = literal(str(work.rejects / f"{name}.parquet"))
    rows = f"SELECT * FROM {read_folder(work.left('rejected', name))} ORDER BY ALL"
    with open_duckdb(work) as connection:
        connection.execute(f"COPY ({rows}) TO {whole} ({COPY_OPTIONS})").fetchall()
