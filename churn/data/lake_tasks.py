"""What Spark's tasks do with a range of customers, one after the other: look, compare, write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from churn.data.ends import Days, days_of, days_stored
from churn.data.judging import order_of
from churn.data.lake_range import Levels, Work, naming, open_duckdb, open_range, read_all
from churn.data.seen import Seen
from churn.data.sql import literal
from churn.data.writing import COPY_OPTIONS, TableWriter


@dataclass(frozen=True)
class Survey:
    """What all ranges must know of each other before the first row is written."""

    customers: int
    levels: Levels


@dataclass(frozen=True)
class Written:
    """The facts of a written range by table, and the days of the label's table."""

    seen: Mapping[str, Seen]
    days: Days


def count_days(work: Work, number: int) -> dict[str, Days]:
    """Count the rows of each table by local day."""
    days: dict[str, Days] = {}
    with open_range(work, number) as opened:
        for name, staged in opened.tables.items():
            with naming(name):
                days[name] = days_of(opened.connection, staged)
    return days


def survey(work: Work, number: int) -> Survey:
    """Count the good customers, find the levels, and leave the keys of the sound rows as `keys`.

    Once it is known which keys stand in several ranges, only their tables are looked at again.
    """
    levels: dict[str, Mapping[str, tuple[str, ...]]] = {}
    customers = 0
    with open_range(work, number) as opened:
        for name in ("customers", *sorted(work.crossing)) if work.crossing else opened.tables:
            with naming(name):
                writer = opened.writer(name)
                if name == "customers":
                    customers = writer.write().rows
                levels[name] = writer.found_levels()
                if name != "customers" and opened.tables[name].has("row_id"):
                    sound = f"FROM ({writer.judged}) WHERE __broken IS NULL AND row_id IS NOT NULL"
                    opened.leave(f"SELECT DISTINCT {literal(name)} AS of_table, row_id {sound}", "keys", name)
    return Survey(customers, levels)


def claim(work: Work, number: int) -> None:
    """Leave the range's first row of each key that other ranges hold too, as `claims`."""
    with open_range(work, number) as opened:
        opened.writer("customers").write()
        for name in sorted(work.crossing):
            staged = opened.tables[name]
            writer = TableWriter(opened.connection, staged, work.present, opened.aside, opened.aside)
            crossing = read_all(work.left("crossing", f"of_table={name}"))
            with naming(name):
                opened.leave(
                    f"SELECT row_id, {order_of(staged)}, {number} AS __range "
                    f"FROM ({writer.judged}) SEMI JOIN {crossing} USING (row_id) "
                    "WHERE __broken IS NULL",
                    "claims",
                    name,
                )


def write(work: Work, number: int) -> Written:
    """Write the range's part of every table of the store; leave its rejects as `rejected`."""
    seen: dict[str, Seen] = {}
    with open_range(work, number) as opened:
        for name in opened.tables:
            with naming(name):
                seen[name] = opened.writer(name).write()
                if seen[name].rejects:
                    opened.put(opened.aside / f"{name}.parquet", work.left("rejected", name))
        days = days_stored(opened.connection, opened.aside / work.core_table)
        for name in opened.tables:
            opened.put(opened.aside / name / f"{opened.part}.parquet", work.store / name)
    return Written(seen, days)


def gather_rejects(work: Work, number: int) -> None:
    """Make one ordered file of what all ranges rejected of one table, counted as in `selections`."""
    name = work.selections[number].wanted.table.name
    if not work.left("rejected", name).exists():
        return
    whole = literal(str(work.rejects / f"{name}.parquet"))
    rows = f"SELECT * FROM {read_all(work.left('rejected', name))} ORDER BY ALL"
    with open_duckdb(work) as connection:
        connection.execute(f"COPY ({rows}) TO {whole} ({COPY_OPTIONS})").fetchall()
