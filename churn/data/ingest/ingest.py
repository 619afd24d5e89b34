"""Read the source once: check every row, keep the good, store the bad apart, write the store."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from churn.data.files import replace_folder
from churn.data.folder_lease import hold, new_folder, publish
from churn.data.following import Show, followed
from churn.data.ingest.freshness import fingerprint
from churn.data.ingest.high_water_marks import MARKS, REJECTS, TIES, Mark, last_night, write_marks
from churn.data.ingest.ingest_plan import Plan, Tonight, unreadable
from churn.data.ingest.merging import AmbiguousError, before_of, recode
from churn.data.ingest.spark.lake_store import write_store
from churn.data.ingest.staging import select
from churn.data.ingest.timezones import create_utc_of
from churn.data.ingest.watermark import Days, days_stored, present_of, watermark_of
from churn.data.ingest.writing import Part, TableWriter
from churn.data.sources.address import without_secret
from churn.data.sources.connections import open_source
from churn.data.sources.lake import Lake
from churn.data.sources.table_specs import Wanted, wanted_tables
from churn.data.store import Store, StoredTable, day_of, write_manifest
from churn.errors import SourceError
from churn.params import Params, digest_of

T = TypeVar("T")


def ingest(params: Params, tell: Callable[[str], None], show: Show | None = None) -> Store:
    """Write the store under `params.output` from the source, aside first and then put in place in one step.

    Of a table whose rows do not change later only what is new is read, and written with the rows that the
    store holds: it is the store that reading all would give. Bad rows are counted by named rule and written
    to `output/rejects/<table>.parquet`. What takes long is followed in `show`.

    Raises:
        ParamsError: the parameters name no fitting table or column; nothing is read then.
        SourceError: a table or column is missing, a needed table is empty, or more rows than
            `check.max_rejects` break a rule.
    """
    wanted_tables(params)
    tell(f"ingest: reading {without_secret(params.source)}")
    aside = new_folder(params.output, ".store-")
    with hold(aside):
        try:
            _write_store(params, aside, tell, show)
            publish(aside, params.output / "store")
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        return Store.open(params)


def _write_store(params: Params, folder: Path, tell: Callable[[str], None], show: Show | None) -> None:
    seen = fingerprint(params)  # before reading: what changes meanwhile makes the store old again
    rejects = folder / REJECTS
    rejects.mkdir()
    with open_source(params, params.output / ".scratch") as source:
        if isinstance(source, Lake):
            selections = _of_all(params, partial(select, source))
            tables, days = write_store(source, params, selections, folder, rejects)
            for name, table in tables.items():
                tell(_told(name, table, None))
        else:
            tables, days = _written(Tonight(source, params, last_night(params), tell, show), folder)
        if source.files and fingerprint(params) != seen:  # nobody can say which of the rows were read
            (folder / MARKS).unlink()
    problems = [problem for name, table in tables.items() for problem in _verdict(params, name, table)]
    last = tables[params.label.core_table].last_day
    if last is not None and params.snapshot.watermark is None:
        last = watermark_of(days, tell)
    if not tables["customers"].rows:  # all else follows from it
        problems = [problem for problem in problems if problem.startswith("customers:")]
    _show_rejects(rejects, params.output)
    if problems or last is None:
        raise SourceError(*problems)
    stated = {
        "watermark": (params.snapshot.watermark or day_of(last)).isoformat(),
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


def _of_all(params: Params, do: Callable[[Wanted], T]) -> list[T]:
    """Do something for every table, so that all that is missing is said at once."""
    done: list[T] = []
    problems: list[str] = []
    for wanted in wanted_tables(params):
        try:
            done.append(do(wanted))
        except SourceError as error:
            problems += error.problems
    if problems:
        raise SourceError(*problems)
    return done


def _written(tonight: Tonight, store: Path) -> tuple[dict[str, StoredTable], Days]:
    """Write all tables here; return what was seen of each, and the days of the label's table."""
    source, params, last = tonight.source, tonight.params, tonight.last
    create_utc_of(source.connection, params.timezone)
    plans = _of_all(params, lambda wanted: tonight.plan(select(source, wanted)))
    present = present_of([tonight.days(plan) for plan in plans], params.snapshot.watermark)
    if last and (present or "") < (last.present or ""):  # a row that was good may be from the future now
        plans = [tonight.whole(plan, f"the data end in {present}, not in {last.present}") for plan in plans]
    tables: dict[str, StoredTable] = {}
    marks: dict[str, Mark] = {}
    for plan in plans[:1]:  # customers, whose codes the others need
        _write_table(tonight, plan, present, store, tables, marks)
    if last and not recode(source.connection, last.store):
        plans = [tonight.whole(plan, "customers are gone") for plan in plans]
    for plan in plans[1:]:
        _write_table(tonight, plan, present, store, tables, marks)
    write_marks(store, params, present, marks)
    return tables, days_stored(source.connection, store / params.label.core_table)


def _write_table(
    tonight: Tonight,
    plan: Plan,
    present: str | None,
    store: Path,
    tables: dict[str, StoredTable],
    marks: dict[str, Mark],
) -> None:
    """Write a table as planned, or whole where the new rows do not say which of repeated rows came first."""
    last = tonight.last if plan.since else None
    part = Part(before=before_of(last, plan.name)) if last else Part()
    try:
        writer = TableWriter(tonight.source.connection, plan.staged, present, store, store / REJECTS, part)
        with followed(tonight.source.connection, f"ingest {plan.name}", tonight.show):
            table = replace(writer.write().table(writer.levels), left_out=plan.staged.left_out)
        mark = tonight.mark(plan, present, store / TIES)
    except AmbiguousError:
        whole = tonight.whole(plan, "a stored row_id came again with other values")
        _write_table(tonight, whole, present, store, tables, marks)
        return
    except tonight.source.errors as error:
        raise unreadable(plan.name, error) from None
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
