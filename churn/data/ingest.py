"""Read the source once: check every row, keep the good, store the bad apart, write the store."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from churn.data.connections import open_source
from churn.data.ends import Days, days_of, days_stored, present_of, watermark_of
from churn.data.files import replace_folder
from churn.data.freshness import fingerprint
from churn.data.lake import Lake
from churn.data.lake_store import write_store
from churn.data.source import Source
from churn.data.sql import first_line
from churn.data.staging import select, stage
from churn.data.store import Store, StoredTable, day_of, write_manifest
from churn.data.tables import Wanted, wanted_tables
from churn.data.timezones import create_utc_of
from churn.data.writing import TableWriter
from churn.errors import SourceError
from churn.params import Params, digest_of

T = TypeVar("T")


def ingest(params: Params, tell: Callable[[str], None]) -> Store:
    """Write the store under `params.output` from the source, aside first and then renamed.

    Bad rows are counted by named rule and written to `output/rejects/<table>.parquet`.

    Raises:
        ParamsError: params.yaml names no fitting table or column.
        SourceError: a table or column is missing, a needed table is empty, or more rows than
            `check.max_rejects` break a rule.
    """
    wanted = wanted_tables(params)
    seen = fingerprint(params)  # before reading: what changes meanwhile makes the store old again
    output = params.output
    aside, bad = output / ".store.new", output / ".rejects.new"
    for folder in (aside, bad):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    with open_source(params, output / ".scratch") as source:
        if isinstance(source, Lake):
            tables, days = write_store(source, params, _of_all(params, partial(select, source)), aside, bad)
            for name, table in tables.items():
                tell(_told(name, table))
        else:
            tables, days = _written(source, params, aside, bad, tell)
    problems = [problem for name, table in tables.items() for problem in _verdict(params, name, table)]
    last = tables[params.label.core_table].last_day
    if last is not None and params.snapshot.watermark is None:
        last = watermark_of(days, tell)
    if not tables["customers"].rows:  # all else follows from it
        problems = [problem for problem in problems if problem.startswith("customers:")]
    replace_folder(bad, output / "rejects")
    if problems or last is None or len(tables) != len(wanted):
        shutil.rmtree(aside)
        raise SourceError(*problems)
    stated = {
        "watermark": (params.snapshot.watermark or day_of(last)).isoformat(),
        "fingerprint": seen,
        "digest": digest_of({name: table.digest for name, table in tables.items()}),
    }
    write_manifest(aside, stated, tables)
    replace_folder(aside, output / "store")
    return Store.open(params)


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


def _written(
    source: Source, params: Params, store: Path, rejects: Path, tell: Callable[[str], None]
) -> tuple[dict[str, StoredTable], Days]:
    """Write all tables here; return what was seen of each, and the days of the label's table."""
    create_utc_of(source.connection, params.timezone)
    staged = _of_all(params, lambda wanted: stage(source, wanted, params.timezone))
    days = [days_of(source.connection, one) for one in staged]
    present = present_of(days, params.snapshot.watermark)
    tables: dict[str, StoredTable] = {}
    for one in staged:
        name = one.wanted.table.name
        try:
            writer = TableWriter(source.connection, one, present, store, rejects)
            tables[name] = replace(writer.write().table(writer.levels), left_out=one.left_out)
        except source.errors as error:
            raise SourceError(f"{name}: cannot be read as params.yaml says: {first_line(error)}") from None
        tell(_told(name, tables[name]))
    return tables, days_stored(source.connection, store / params.label.core_table)


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


def _told(name: str, table: StoredTable) -> str:
    rejected = sum(table.rejects.values())
    line = f"  {name}: {table.rows:,} rows of {table.customers:,} customers"
    return f"{line}, {rejected:,} rows rejected" if rejected else line
