"""Read the source once: check every row, keep the good, store the bad apart, write the store."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from churn.data.connections import open_source
from churn.data.files import replace_folder
from churn.data.freshness import fingerprint
from churn.data.source import Source
from churn.data.sql import first_line, literal, quoted
from churn.data.staging import Staged, stage
from churn.data.store import Store, StoredTable, day_of, write_manifest
from churn.data.tables import wanted_tables
from churn.data.timezones import create_utc_of
from churn.data.writing import TableWriter
from churn.errors import SourceError
from churn.params import Params, digest_of

HOLE_DAYS = 31
"""The last 1 % of the label's events, beyond a longer hole, do not say up to when the data are complete."""


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
        create_utc_of(source.connection, params.timezone)
        staged = _stage_all(source, params)
        present = _present(source, staged, params)
        tables: dict[str, StoredTable] = {}
        problems: list[str] = []
        for one in staged:
            name = one.wanted.table.name
            try:
                tables[name] = TableWriter(source, one, present, aside, bad).write()
            except source.errors as error:
                raise SourceError(
                    f"{name}: cannot be read as params.yaml says: {first_line(error)}"
                ) from None
            problems += _verdict(params, name, tables[name])
            tell(_told(name, tables[name]))
        last = tables[params.label.core_table].last_day
        if last is not None and params.snapshot.watermark is None:
            last = _watermark(source, aside / params.label.core_table, last, tell)
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


def _stage_all(source: Source, params: Params) -> list[Staged]:
    """Stage every table, so that all that is missing is said at once."""
    staged: list[Staged] = []
    problems: list[str] = []
    for wanted in wanted_tables(params):
        try:
            staged.append(stage(source, wanted, params.timezone))
        except SourceError as error:
            problems += error.problems
    if problems:
        raise SourceError(*problems)
    return staged


def _present(source: Source, staged: list[Staged], params: Params) -> str | None:
    """Return the date around which the data end: the watermark, or where the bulk of a table's rows ends.

    What lies far beyond it comes from a broken clock; what merely lies after the watermark does not.
    """
    watermark = params.snapshot.watermark
    ends = [watermark.isoformat()] if watermark else []
    for one in staged:
        local = quoted(f"{one.wanted.table.time}__local")
        days = source.connection.execute(
            f"SELECT {local}::DATE::VARCHAR, count(*) FROM {one.typed} "
            f"WHERE {local} IS NOT NULL GROUP BY 1 ORDER BY 1"
        ).fetchall()
        bulk = (0.9 if watermark else 0.99) * sum(count for _, count in days)
        before = 0
        for day, count in days:
            before += count
            if before >= bulk:
                ends.append(str(day))
                break
    return max(ends, default=None)


def _watermark(source: Source, table: Path, last: int, tell: Callable[[str], None]) -> int:
    """Return the day up to which the label's table runs without a hole of more than a month.

    The last event alone would let one wrong date move tonight, and labels ripen that nobody knows.
    """
    days = source.connection.execute(
        f"SELECT day, count(*) FROM read_parquet({literal(str(table / '*.parquet'))}) GROUP BY 1 ORDER BY 1"
    ).fetchall()
    rows, before, reached = sum(count for _, count in days), 0, int(days[0][0])
    for day, count in days:
        if rows - before <= max(0.01 * rows, 1) and before and day - reached > HOLE_DAYS:
            break
        before, reached = before + count, day
    if reached < last:
        tell(
            f"  the watermark is {day_of(reached)}: after it comes a hole, then {rows - before:,} rows up to "
            f"{day_of(last)}. State snapshot.watermark if they are right."
        )
    return reached


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
