"""Read the source once: check every row, keep the good, store the bad apart, write the store."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from churn.data.files import lease_folder, new_folder, publish_folder, replace_folder
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
from churn.data.ingest.spark.lake_store import write_lake_store
from churn.data.ingest.staging import (
    Selection,
    StagedTable,
    column_types,
    create_raw_view,
    create_typed_view,
    raw_view,
    selection_for,
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
from churn.data.sources.address import without_secret
from churn.data.sources.connections import open_source
from churn.data.sources.folder import source_files
from churn.data.sources.lake import Lake
from churn.data.sources.source import Source
from churn.data.sources.table_specs import TableSpec, table_specs
from churn.data.sql import Progress, first_line, show_query_progress
from churn.data.store import Store, StoredTable, date_of_day, write_manifest
from churn.errors import SourceError
from churn.params import Params, digest_of

T = TypeVar("T")


def ingest(params: Params, tell: Callable[[str], None], show: Progress | None = None) -> Store:
    """Write the store under `params.output` from the source, aside first and then put in place in one step.

    Of a table whose rows do not change later only what is new is read, and written with the rows that the
    store holds: it is the store that reading all would give. Bad rows are counted by named rule and written
    to `output/rejects/<table>.parquet`. What takes long is followed in `show`.

    Raises:
        ParamsError: the parameters name no fitting table or column; nothing is read then.
        SourceError: a table or column is missing, a needed table is empty, or more rows than
            `check.max_rejects` break a rule.
    """
    table_specs(params)
    tell(f"ingest: reading {without_secret(params.source)}")
    aside = new_folder(params.output, ".store-")
    with lease_folder(aside):
        try:
            _write_store(params, aside, tell, show)
            publish_folder(aside, params.output / "store")
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        return Store.open(params)


def _write_store(params: Params, folder: Path, tell: Callable[[str], None], show: Progress | None) -> None:
    seen = fingerprint(params)  # before reading: what changes meanwhile makes the store old again
    rejects = folder / REJECTS_FOLDER
    rejects.mkdir()
    with open_source(params, params.output / ".scratch") as source:
        if isinstance(source, Lake):
            selections = _of_all(params, partial(selection_for, source))
            tables, days = write_lake_store(source, params, selections, folder, rejects)
            for name, table in tables.items():
                tell(_told(name, table, None))
        else:
            tables, days = _written(IngestPlanner(source, params, last_ingest(params), tell, show), folder)
        if source.files and fingerprint(params) != seen:  # nobody can say which of the rows were read
            (folder / MARKS_FILE).unlink()
    problems = [problem for name, table in tables.items() for problem in _verdict(params, name, table)]
    last = tables[params.label.core_table].last_day
    if last is not None and params.snapshot.watermark is None:
        last = watermark_day(days, tell)
    if not tables["customers"].rows:  # all else follows from it
        problems = [problem for problem in problems if problem.startswith("customers:")]
    _show_rejects(rejects, params.output)
    if problems or last is None:
        raise SourceError(*problems)
    stated = {
        "watermark": (params.snapshot.watermark or date_of_day(last)).isoformat(),
        "fingerprint": seen,
        "digest": digest_of({name: table.digest for name, table in tables.items()}),
    }
    write_manifest(folder, stated, tables)


def _show_rejects(rejects: Path, output: Path) -> None:
    """Put a copy of the rejects where people look, also where there will be no store."""
    shown = output / ".rejects.new"
    shutil.rmtree(shown, ignore_errors=True)
    shutil.copytree(rejects, shown)
    replace_folder(shown, output / "rejects")


def _of_all(params: Params, do: Callable[[TableSpec], T]) -> list[T]:
    """Do something for every table, so that all that is missing is said at once."""
    done: list[T] = []
    problems: list[str] = []
    for wanted in table_specs(params):
        try:
            done.append(do(wanted))
        except SourceError as error:
            problems += error.problems
    if problems:
        raise SourceError(*problems)
    return done


def _written(tonight: IngestPlanner, store: Path) -> tuple[dict[str, StoredTable], RowsByDay]:
    """Write all tables here; return what was seen of each, and the days of the label's table."""
    source, params, last = tonight.source, tonight.params, tonight.last
    create_utc_of(source.connection, params.timezone)
    plans = _of_all(params, lambda wanted: tonight.plan(selection_for(source, wanted)))
    present = present_date([tonight.days(plan) for plan in plans], params.snapshot.watermark)
    if last and (present or "") < (last.present or ""):  # a row that was good may be from the future now
        plans = [tonight.whole(plan, f"the data end in {present}, not in {last.present}") for plan in plans]
    tables: dict[str, StoredTable] = {}
    marks: dict[str, HighWaterMark] = {}
    for plan in plans[:1]:  # customers, whose codes the others need
        _write_table(tonight, plan, present, store, tables, marks)
    if last and not recode_customers(source.connection, last.store):
        plans = [tonight.whole(plan, "customers are gone") for plan in plans]
    for plan in plans[1:]:
        _write_table(tonight, plan, present, store, tables, marks)
    write_marks(store, params, present, marks)
    return tables, stored_rows_by_day(source.connection, store / params.label.core_table)


def _write_table(
    tonight: IngestPlanner,
    plan: TablePlan,
    present: str | None,
    store: Path,
    tables: dict[str, StoredTable],
    marks: dict[str, HighWaterMark],
) -> None:
    """Write a table as planned, or whole where the new rows do not say which of repeated rows came first."""
    last = tonight.last if plan.since else None
    part = TablePart(before=stored_rows_of(last, plan.name)) if last else TablePart()
    try:
        writer = TableWriter(
            tonight.source.connection, plan.staged, present, store, store / REJECTS_FOLDER, part
        )
        with show_query_progress(tonight.source.connection, f"ingest {plan.name}", tonight.show):
            table = replace(writer.write().table(writer.levels), left_out=plan.staged.left_out)
        mark = tonight.mark(plan, present, store / TIES_FOLDER)
    except AmbiguousError:
        whole = tonight.whole(plan, "a stored row_id came again with other values")
        _write_table(tonight, whole, present, store, tables, marks)
        return
    except tonight.source.errors as error:
        raise unreadable_table(plan.name, error) from None
    tables[plan.name] = table
    if mark:
        marks[plan.name] = mark
    tonight.tell(_told(plan.name, table, last.store.tables[plan.name] if last else None))


def _verdict(params: Params, name: str, table: StoredTable) -> list[str]:
    rejected = sum(table.rejects.values())
    if table.rows_read and rejected > params.check.max_rejects * table.rows_read:
        rules = ", ".join(f"{count:,} break '{rule}'" for rule, count in table.rejects.items())
        share = rejected / table.rows_read
        return [
            f"{name}: {rejected:,} of {table.rows_read:,} rows ({share:.1%}) are unfit, more than "
            f"check.max_rejects ({params.check.max_rejects:.1%}): {rules}. "
            f"See {params.output.name}/rejects/{name}.parquet; mend the source or its mapping."
        ]
    if table.rows == 0 and rejected:
        rules = ", ".join(f"{count:,} break '{rule}'" for rule, count in table.rejects.items())
        return [
            f"{name}: all {table.rows_read:,} rows are unfit: {rules}. See {params.output.name}/rejects/"
            f"{name}.parquet; mend the source or its mapping (times in another form: 'time_format')."
        ]
    if table.rows == 0 and name in ("customers", params.label.core_table):
        return [
            f"{name}: the table is empty, and nothing can be said without it. Mend 'source' or the mapping."
        ]
    return []


def _told(name: str, table: StoredTable, before: StoredTable | None) -> str:
    rejected = sum(table.rejects.values())
    line = f"  {name}: {table.rows:,} rows of {table.customers:,} customers"
    line = f"{line}, {rejected:,} rows rejected" if rejected else line
    return f"{line}; {table.rows_read - before.rows_read:,} new rows read" if before else line


@dataclass(frozen=True)
class TablePlan:
    """What is read of one table.

    Args:
        selection: What the table is in the source.
        staged: The rows that are read.
        types: DuckDB's types of the columns as the source gave them.
        reader: What tells news of the table, if anything does.
        since: Where last night's reading ended, if only what came after is read.
    """

    selection: Selection
    staged: StagedTable
    types: Mapping[str, str]
    reader: NewRowsReader | None
    since: HighWaterMark | None

    @property
    def name(self) -> str:
        """Return the table's name."""
        return self.selection.wanted.table.name


@dataclass(frozen=True)
class IngestPlanner:
    """Plans what is read of each table; without a last night everything is."""

    source: Source
    params: Params
    last: LastIngest | None
    tell: Callable[[str], None]
    show: Progress | None = None

    def plan(self, selection: Selection) -> TablePlan:
        """Plan to read what is new, where that can be told and the past is what it was; else all.

        Raises:
            SourceError: the source does not understand the query.
        """
        name = selection.wanted.table.name
        reader = reader_for(self.source, selection)
        mark = self.last.marks.get(name) if self.last else None
        if reader is None or mark is None or self.last is None:
            return self._whole(selection, reader)
        try:
            news = reader.news(mark, self.last.ties / f"{name}.parquet")
            if column_types(self.source.connection, f"SELECT * FROM ({news})") != mark.types:
                raise RewrittenError(TYPES_CHANGED)
        except RewrittenError as why:
            self.tell(f"  {name}: {why}: read whole again")
            return self._whole(selection, reader)
        except self.source.errors as error:
            raise unreadable_table(name, error) from None
        stage_new_rows(self.source, selection, news, mark.types, self.last.rejects / f"{name}.parquet")
        staged = create_typed_view(self.source.connection, selection, self.params.timezone)
        return TablePlan(selection, staged, mark.types, reader, mark)

    def whole(self, plan: TablePlan, why: str) -> TablePlan:
        """Plan to read all of a table after all, and say why."""
        if plan.since is None:
            return plan
        self.tell(f"  {plan.name}: {why}: read whole again")
        return self._whole(plan.selection, plan.reader)

    def _whole(self, selection: Selection, reader: NewRowsReader | None) -> TablePlan:
        create_raw_view(self.source, selection)
        types = column_types(self.source.connection, raw_view(selection.wanted))
        staged = create_typed_view(self.source.connection, selection, self.params.timezone)
        return TablePlan(selection, staged, types, reader if can_be_read_back(types) else None, None)

    def days(self, plan: TablePlan) -> RowsByDay:
        """Count the rows of a table by local day: those that are read, and those that are stored."""
        days = Counter(dict(rows_by_day(self.source.connection, plan.staged)))
        if plan.since and self.last:
            stored = self.last.store.folder / plan.name
            days.update(dict(stored_rows_by_day(self.source.connection, stored)))
        return sorted(days.items())

    def mark(self, plan: TablePlan, present: str | None, ties: Path) -> HighWaterMark | None:
        """Return how far a table is read now, and keep what the next night needs with it."""
        mark = plan.reader.mark(plan.staged, plan.types, present, plan.since) if plan.reader else None
        if plan.reader and mark:
            plan.reader.keep(mark, ties / f"{plan.name}.parquet")
        return mark


def unreadable_table(table: str, error: Exception) -> SourceError:
    """Return the error that says which table's rows the source could not give."""
    return SourceError(f"{table}: cannot be read as the parameters say: {first_line(error)}")


def is_fresh(params: Params) -> bool:
    """Tell whether the store stands, and the source and the parameters that shape it are what they were."""
    try:
        return Store.open(params).fingerprint == fingerprint(params)
    except SourceError:
        return False


def fingerprint(params: Params) -> str:
    """Return a digest of the source's state and of the parameters that shape the store.

    Files tell by name, size and time of change; a database or Spark by a checksum of each table's rows.
    """
    shaping = params.model_dump(
        mode="json",
        include={
            **dict.fromkeys(("source", "timezone", "tables", "events"), True),
            "label": {"kind", "table"},
            "check": {"max_rejects"},
        },
    )
    return digest_of([_state(params), shaping, params.snapshot.watermark])


def _state(params: Params) -> list[Any]:
    source = params.source.removeprefix("duckdb:///")
    if "://" in source:
        with open_source(params, params.output / ".scratch") as opened:
            return [_state_of(opened, wanted) for wanted in table_specs(params)]
    place = Path(source)
    files = source_files(place, (params.output, params.models)) if place.is_dir() else [place]
    stats = [(path.relative_to(place), path.stat()) for path in files if path.exists()]
    return [(str(name), stat.st_size, stat.st_mtime_ns) for name, stat in stats]


def _state_of(source: Source, wanted: TableSpec) -> str | None:
    """Return the state of a table; None where it cannot be read, which ingest says in full."""
    try:
        selection = selection_for(source, wanted)
        return source.state(selection.query, selection.columns)
    except SourceError:
        return None
    except source.errors:
        return None
