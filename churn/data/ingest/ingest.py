"""Read the source into the store: check each row, keep the good rows, store the bad ones as rejects.

Where possible, `ingest` reads only the rows of a table that are new since the last ingest. The store is then
the same as after an ingest of all rows.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeVar

from churn.data.files import create_folder, lease_folder, publish_folder, replace_folder
from churn.data.forgotten import NO_CUSTOMERS, ForgottenCustomers, mark_fingerprint, read_forgotten
from churn.data.ingest.incremental import (
    MARKS_FILE,
    REJECTS_FOLDER,
    TIES_FOLDER,
    TYPES_CHANGED,
    HighWaterMark,
    LastIngest,
    NewRowsReader,
    RewrittenError,
    can_be_read_back,
    last_ingest,
    reader_for,
    stage_new_rows,
    write_marks,
)
from churn.data.ingest.merging import AmbiguousError, recode_customers, stored_rows_of
from churn.data.ingest.rejects import placeholder_line, respelt_ids, table_problems
from churn.data.ingest.source_errors import table_errors
from churn.data.ingest.spark.lake_store import write_lake_store
from churn.data.ingest.staging import (
    StagedTable,
    TableQuery,
    column_types,
    create_raw_view,
    create_typed_view,
    raw_view,
    table_query,
)
from churn.data.ingest.type_casts import create_utc_of
from churn.data.ingest.watermark import (
    RowsByDay,
    present_date,
    rows_by_day,
    stored_rows_by_day,
    watermark_day,
)
from churn.data.ingest.writing import TablePart, TableWriter
from churn.data.sources.connections import open_source
from churn.data.sources.folder import describe_unread, scan_folder
from churn.data.sources.lake import Lake
from churn.data.sources.source import Source
from churn.data.sources.table_specs import TableSpec, table_specs
from churn.data.sql import Progress, parquet_rows, show_query_progress
from churn.data.store import DamagedStoreError, Store, StoredTable, date_of_day, part_files, write_manifest
from churn.errors import SourceError
from churn.params import Params, digest_of
from churn.secrets import show_address, without_password

T = TypeVar("T")


def ingest(params: Params, echo: Callable[[str], None], progress: Progress | None = None) -> Store:
    """Write the store under `params.output` from the source and publish it in one step.

    If a table only gets new rows and its old rows never change, only the rows after the last high-water mark
    are read. The new store then holds the rows of the earlier store and the new rows. Bad rows are written to
    `output/rejects/<table>.parquet`, and each of them is counted under the first rule that it breaks.

    Args:
        params: The parameters.
        echo: Prints a line per table.
        progress: Shows the progress of long queries; None shows nothing.

    Raises:
        ParamsError: A table or column that the parameters name is wrong or missing; no row is read then.
        SourceError: A table or column is missing, a needed table is empty, or more rows than
            `check.max_rejects` break a rule.
    """
    table_specs(params)
    echo(f"ingest: reading {show_address(params.source)}")
    try:
        Store.open(params)
    except DamagedStoreError as error:
        echo(f"  {error.problems[0].rpartition('. Run ')[0]}; the source is read again")
    except SourceError:
        pass  # there is no store yet
    folder = create_folder(params.output, ".store-")
    with lease_folder(folder):
        try:
            _write_store(params, folder, echo, progress)
            publish_folder(folder, params.output / "store")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return Store.open(params)


def fresh_store(params: Params) -> Store | None:
    """Return the store; None if the source or the parameters that shape it have changed since the ingest."""
    try:
        store = Store.open(params)
    except SourceError:
        return None
    return store if store.fingerprint == fingerprint(params) else None


def fingerprint(params: Params) -> str:
    """Return a digest that changes if the store must be written again.

    It is the digest of the source's state, of the parameters that shape the store, and of the list of
    forgotten customers, whose rows are left out. The state of a file is its name, size and time of change.
    The state of a table in a database or in Spark is a checksum of its rows.
    """
    shaping = params.model_dump(
        mode="json",
        include={
            **dict.fromkeys(("source", "timezone", "tables", "events"), True),
            "label": {"kind", "table"},
            "check": {"max_rejects"},
        },
    )
    shaping["source"] = without_password(params.source)
    shaping |= {"mood": True} if params.signals.mood else {}
    source = digest_of([_source_state(params), shaping, params.snapshot.watermark])
    return mark_fingerprint(source, read_forgotten(params.output))


def _source_state(params: Params) -> list[str | None] | list[tuple[str, int, int]]:
    source = params.source.removeprefix("duckdb:///")
    if "://" in source:
        with open_source(params, params.output / ".scratch") as opened_source:
            return [_table_state(opened_source, spec) for spec in table_specs(params)]
    root = Path(source)
    if not root.is_dir():
        return [(root.name, *_file_state(root))] if root.exists() else []
    scan = scan_folder(root, (params.output, params.models))
    paths = [path for table_paths in scan.files.values() for path in table_paths]
    unread = [(str(entry.path), 0, 0) for entry in scan.unread if entry.is_table]
    return [*((str(path.relative_to(root)), *_file_state(path)) for path in paths), *unread]


def _file_state(path: Path) -> tuple[int, int]:
    """Return the size and the time of change of a file, or zeros for a file that has disappeared."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return 0, 0
    return stat.st_size, stat.st_mtime_ns


def _table_state(source: Source, spec: TableSpec) -> str | None:
    """Return the checksum of a table, or None if it cannot be read; `ingest` reports the reason."""
    try:
        query = table_query(source, spec)
        return source.state(query.query, query.columns)
    except SourceError:
        return None
    except source.errors:
        return None


def _write_store(
    params: Params, folder: Path, echo: Callable[[str], None], progress: Progress | None
) -> None:
    state_before = fingerprint(params)  # a change while rows are read makes the store outdated
    rejects = folder / REJECTS_FOLDER
    rejects.mkdir()
    specs, watermark = table_specs(params), params.snapshot.watermark
    forgotten = read_forgotten(params.output)
    with open_source(params, params.output / ".scratch") as source:
        if isinstance(source, Lake):
            queries = _for_all(specs, partial(table_query, source))
            tables, label_days = write_lake_store(
                source,
                queries,
                folder,
                rejects,
                timezone=params.timezone,
                engine=params.engine,
                label_table=params.label.core_table,
                watermark=watermark,
                forgotten=forgotten,
            )
            for name, table in tables.items():
                echo(_summary(name, table, None))
        else:
            for line in describe_unread(source.unread):
                echo(f"  {line}")
            last = last_ingest(params)
            planner = IngestPlanner(source, params.timezone, last, echo, progress, forgotten)
            tables, marks, present = _write_tables(planner, specs, watermark, folder)
            write_marks(folder, params, present, marks)
            label_days = stored_rows_by_day(source.connection, folder / params.label.core_table)
        customers = parquet_rows(*part_files(folder / "customers"))
        respelt = list(respelt_ids(source.connection, customers, tables, rejects))
        # The source changed during the reading, so nobody knows which state of a row was read.
        if source.files and fingerprint(params) != state_before:
            (folder / MARKS_FILE).unlink()
    problems = [problem for name in tables for problem in table_problems(params, name, tables, rejects)]
    problems += respelt
    for name, table in tables.items():
        for line in placeholder_line(name, table, rejects):
            echo(f"  {line}")
    last_day = tables[params.label.core_table].last_day
    if last_day is not None and watermark is None:
        last_day = watermark_day(label_days, echo)
    if not tables["customers"].rows:  # without customers, all other tables have problems, too
        problems = [problem for problem in problems if problem.startswith("customers:")]
    _publish_rejects(rejects, params.output)
    if problems or last_day is None:
        raise SourceError(*problems)
    write_manifest(
        folder,
        tables,
        watermark=watermark or date_of_day(last_day),
        digest=digest_of({name: table.digest for name, table in tables.items()}),
        fingerprint=state_before,
    )


def _publish_rejects(rejects: Path, output: Path) -> None:
    """Copy the rejected rows to the output folder, even if no store will be written."""
    copy = output / ".rejects.new"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(rejects, copy)
    replace_folder(copy, output / "rejects")


def _for_all(specs: tuple[TableSpec, ...], function: Callable[[TableSpec], T]) -> list[T]:
    """Return the function's result for each table; the errors of all tables are raised together."""
    results: list[T] = []
    problems: list[str] = []
    for spec in specs:
        try:
            results.append(function(spec))
        except SourceError as error:
            problems += error.problems
    if problems:
        raise SourceError(*problems)
    return results


@dataclass(frozen=True)
class TablePlan:
    """The plan for one table: which of its rows an ingest reads.

    Args:
        query: The table's query.
        staged_table: The table's views in DuckDB; they hold the rows that this ingest reads.
        types: DuckDB's types of the columns of the source.
        reader: The reader of the table's new rows; None if all rows are always read.
        last_mark: The last ingest's high-water mark, after which rows are read; None if all rows are read.
    """

    query: TableQuery
    staged_table: StagedTable
    types: Mapping[str, str]
    reader: NewRowsReader | None
    last_mark: HighWaterMark | None

    @property
    def name(self) -> str:
        """Return the table's name."""
        return self.query.spec.table.name


@dataclass(frozen=True)
class IngestPlanner:
    """Plans which rows of each table are read; if there was no earlier ingest, all rows are read.

    Args:
        source: The source.
        timezone: The company's time zone.
        last: The last ingest.
        echo: Prints the reason why a whole table is read again.
        progress: Shows the progress of long queries; None shows nothing.
        forgotten: The customers whose rows are left out.
    """

    source: Source
    timezone: str
    last: LastIngest | None
    echo: Callable[[str], None]
    progress: Progress | None = None
    forgotten: ForgottenCustomers = NO_CUSTOMERS

    def plan(self, query: TableQuery) -> TablePlan:
        """Plan to read only the new rows of a table, if they can be found and the old rows have not changed.

        Raises:
            SourceError: The source does not understand the query.
        """
        name = query.spec.table.name
        reader = reader_for(self.source, query, self.forgotten)
        mark = self.last.marks.get(name) if self.last else None
        if reader is None or mark is None or self.last is None:
            return self._plan_all_rows(query, reader)
        try:
            with table_errors(name, self.source.errors):
                new_rows = reader.new_rows(mark, self.last.ties(name))
                if column_types(self.source.connection, f"SELECT * FROM ({new_rows})") != mark.types:
                    raise RewrittenError(TYPES_CHANGED)
        except RewrittenError as reason:
            self.echo(f"  {name}: {reason}: the whole table is read again")
            return self._plan_all_rows(query, reader)
        stage_new_rows(self.source, query, new_rows, mark.types, self.last.rejects(name))
        staged_table = create_typed_view(self.source.connection, query, self.timezone, self.forgotten)
        return TablePlan(query, staged_table, mark.types, reader, mark)

    def read_all_rows(self, plan: TablePlan, reason: str) -> TablePlan:
        """Return a plan that reads all rows of a table, and print why it does not read only the new rows."""
        if plan.last_mark is None:
            return plan
        self.echo(f"  {plan.name}: {reason}: the whole table is read again")
        return self._plan_all_rows(plan.query, plan.reader)

    def _plan_all_rows(self, query: TableQuery, reader: NewRowsReader | None) -> TablePlan:
        create_raw_view(self.source, query)
        with table_errors(query.spec.table.name, self.source.errors):
            return self._typed_plan(query, reader)

    def _typed_plan(self, query: TableQuery, reader: NewRowsReader | None) -> TablePlan:
        types = column_types(self.source.connection, raw_view(query.spec))
        staged_table = create_typed_view(self.source.connection, query, self.timezone, self.forgotten)
        return TablePlan(query, staged_table, types, reader if can_be_read_back(types) else None, None)

    def rows_by_day(self, plan: TablePlan) -> RowsByDay:
        """Count the rows of a table by local day, both the rows that are read and the stored rows."""
        with table_errors(plan.name, self.source.errors):
            days = Counter(dict(rows_by_day(self.source.connection, plan.staged_table)))
        if plan.last_mark and self.last:
            folder = self.last.store.folder / plan.name
            days.update(dict(stored_rows_by_day(self.source.connection, folder)))
        return sorted(days.items())

    def new_mark(self, plan: TablePlan, present: str | None, ties: Path) -> HighWaterMark | None:
        """Return the new high-water mark of a table: how far it has been read.

        If new rows are found by their `known_at`, the rows with the largest `known_at` are written to the
        folder `ties`. The next ingest may find more rows with the same time, and must know the old ones.
        """
        if plan.reader is None:
            return None
        mark = plan.reader.new_mark(plan.staged_table, plan.types, present, plan.last_mark)
        if mark:
            plan.reader.write_ties(mark, ties / f"{plan.name}.parquet")
        return mark


def _write_tables(
    planner: IngestPlanner, specs: tuple[TableSpec, ...], watermark: date | None, folder: Path
) -> tuple[dict[str, StoredTable], dict[str, HighWaterMark], str | None]:
    """Write all tables; return their counts, new high-water marks, and the data's approximate last date."""
    source, last = planner.source, planner.last
    create_utc_of(source.connection, planner.timezone)
    plans = _for_all(specs, lambda spec: planner.plan(table_query(source, spec)))
    present = present_date([planner.rows_by_day(plan) for plan in plans], watermark)
    if last and (present or "") < (last.present or ""):  # a stored row may be too far in the future now
        reason = f"the data end in {present}, not in {last.present}"
        plans = [planner.read_all_rows(plan, reason) for plan in plans]
    tables: dict[str, StoredTable] = {}
    marks: dict[str, HighWaterMark] = {}
    # The table of customers comes first: the other tables need the codes of customers.
    for plan in plans[:1]:
        _write_table(planner, plan, present, folder, tables, marks)
    if last and not recode_customers(source.connection, last.store):
        plans = [planner.read_all_rows(plan, "customers disappeared") for plan in plans]
    for plan in plans[1:]:
        _write_table(planner, plan, present, folder, tables, marks)
    return tables, marks, present


def _write_table(
    planner: IngestPlanner,
    plan: TablePlan,
    present: str | None,
    folder: Path,
    tables: dict[str, StoredTable],
    marks: dict[str, HighWaterMark],
) -> None:
    """Write a table as planned.

    If a new row and a stored row have the same key, and it is unclear which of the two must be kept, all rows
    of the table are read.
    """
    last = planner.last if plan.last_mark else None
    connection = planner.source.connection
    part = TablePart(stored_rows=stored_rows_of(last.store, plan.name)) if last else TablePart()
    try:
        with table_errors(plan.name, planner.source.errors):
            rejects = folder / REJECTS_FOLDER
            writer = TableWriter(connection, plan.staged_table, present, folder, rejects, part)
            with show_query_progress(connection, f"ingest {plan.name}", planner.progress):
                table = writer.write().stored_table(writer.levels, plan.staged_table.unread)
            mark = planner.new_mark(plan, present, folder / TIES_FOLDER)
    except AmbiguousError:
        whole_table = planner.read_all_rows(plan, "a stored row_id came again with other values")
        _write_table(planner, whole_table, present, folder, tables, marks)
        return
    tables[plan.name] = table
    if mark:
        marks[plan.name] = mark
    planner.echo(_summary(plan.name, table, last.store.tables[plan.name] if last else None))
    if n_rows := plan.staged_table.forgotten_rows:
        rows = "1 row" if n_rows == 1 else f"{n_rows:,} rows"
        planner.echo(f"    {rows} of forgotten customers left out; erase them in the source too")


def _summary(name: str, table: StoredTable, last: StoredTable | None) -> str:
    rejects = sum(table.rejects.values())
    line = f"  {name}: {table.rows:,} rows of {table.customers:,} customers"
    line = f"{line}, {rejects:,} rows rejected" if rejects else line
    near_names = ", ".join(f"'{column}' (not '{near}')" for column, near in table.near_names.items())
    line = f"{line}; not read, but nearly a name of this table: {near_names}" if near_names else line
    return f"{line}; {table.rows_read - last.rows_read:,} new rows read" if last else line
