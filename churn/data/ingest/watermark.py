"""Find the last day of the data: of all tables (the present), and of the label's table (the watermark).

Rows whose times are too far after the present are rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import duckdb

from churn.data.ingest.staging import StagedTable
from churn.data.sql import identifier, parquet_rows
from churn.data.store import date_of_day, day_number, day_number_sql, part_files

MAX_HOLE_DAYS = 31
"""The longest hole, in days, before the last 1 % of the events; events after a longer hole do not count."""

FIRST_DAY, LAST_DAY = day_number(date.min), day_number(date.max)
"""The first and last day number that Python's `date` can hold; a broken clock may write a later day."""

RowsByDay = Sequence[tuple[int, int]]
"""Pairs of a local day number and the number of rows on this day, in the order of the days."""


def rows_by_day(connection: duckdb.DuckDBPyConnection, staged_table: StagedTable) -> RowsByDay:
    """Count a staged table's rows by local day; rows without a time are not counted."""
    local = identifier(f"{staged_table.spec.table.time}__local")
    return connection.execute(
        f"SELECT {day_number_sql(local)}::BIGINT, count(*) FROM {staged_table.typed_view} "
        f"WHERE {local} IS NOT NULL AND isfinite({local}) GROUP BY 1 ORDER BY 1"
    ).fetchall()


def stored_rows_by_day(connection: duckdb.DuckDBPyConnection, folder: Path) -> RowsByDay:
    """Count the rows of a table of the store by local day."""
    rows = parquet_rows(*part_files(folder))
    return connection.execute(f"SELECT day, count(*) FROM {rows} GROUP BY 1 ORDER BY 1").fetchall()


def present_date(tables: Sequence[RowsByDay], watermark: date | None) -> str | None:
    """Return the approximate last date of the data, as ISO text, or None if there are no rows.

    For each table, take the day up to which 99 % of its rows lie (90 % if a watermark is given). The
    present is the latest of these days, or the watermark if that is later. A row more than a year after the
    present comes from a broken clock. A row up to a year after the present may be right, even if it is
    after the watermark.
    """
    ends = [watermark] if watermark else []
    for table in tables:
        bulk = (0.9 if watermark else 0.99) * sum(count for _, count in table)
        rows_so_far = 0
        for day, count in table:
            rows_so_far += count
            if rows_so_far >= bulk:
                ends.append(date_of_day(min(max(day, FIRST_DAY), LAST_DAY)))
                break
    return max(ends).isoformat() if ends else None


def watermark_day(table: RowsByDay, echo: Callable[[str], None]) -> int:
    """Return the day number up to which the rows of the label's table have no hole of more than a month.

    The watermark is not the day of the last row: one row with a wrong date would move it. If the watermark is
    too late, labels count as matured although their outcomes are still unknown.

    Args:
        table: The good rows of the label's table by day; at least one day.
        echo: Prints a line if rows after a hole are ignored.
    """
    rows, last_day = sum(count for _, count in table), table[-1][0]
    rows_so_far, end = 0, table[0][0]
    for day, count in table:
        if rows - rows_so_far <= max(0.01 * rows, 1) and rows_so_far and day - end > MAX_HOLE_DAYS:
            break
        rows_so_far, end = rows_so_far + count, day
    if end < last_day:
        echo(
            f"  after {date_of_day(end)}, the label's table has no rows for more than {MAX_HOLE_DAYS} days. "
            "So the data count as complete only up to this day (the watermark). The "
            f"{rows - rows_so_far:,} rows after this hole, up to {date_of_day(last_day)}, do not count for "
            "the watermark. If these rows are right, set snapshot.watermark to the day up to which the data "
            "are complete."
        )
    return end
