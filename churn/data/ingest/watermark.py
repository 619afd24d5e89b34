"""Where the data end: the present by which clocks are judged, and the day up to which they are complete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import duckdb

from churn.data.ingest.staging import StagedTable
from churn.data.sql import identifier, literal
from churn.data.store import date_of_day, day_number

MAX_HOLE_DAYS = 31
"""The last 1 % of the label's events, beyond a longer hole, do not say up to when the data are complete."""

FIRST_DAY, LAST_DAY = day_number(date.min), day_number(date.max)
"""What a date can say; a table full of later years has no present."""

RowsByDay = Sequence[tuple[int, int]]
"""Rows by local day number, in the order of the days."""


def rows_by_day(connection: duckdb.DuckDBPyConnection, staged: StagedTable) -> RowsByDay:
    """Count a staged table's rows by local day; rows without a time are left out."""
    local = identifier(f"{staged.wanted.table.time}__local")
    return connection.execute(
        f"SELECT ({local}::DATE - DATE '1970-01-01')::BIGINT, count(*) FROM {staged.typed} "
        f"WHERE {local} IS NOT NULL AND isfinite({local}) GROUP BY 1 ORDER BY 1"
    ).fetchall()


def stored_rows_by_day(connection: duckdb.DuckDBPyConnection, table: Path) -> RowsByDay:
    """Count the rows of a table of the store by local day."""
    written = f"read_parquet({literal(str(table / '*.parquet'))})"
    return connection.execute(f"SELECT day, count(*) FROM {written} GROUP BY 1 ORDER BY 1").fetchall()


def present_date(tables: Sequence[RowsByDay], watermark: date | None) -> str | None:
    """Return the date around which the data end: the watermark, or where the bulk of a table's rows ends.

    What lies far beyond it comes from a broken clock; what merely lies after the watermark does not.
    """
    ends = [watermark] if watermark else []
    for days in tables:
        bulk = (0.9 if watermark else 0.99) * sum(count for _, count in days)
        before = 0
        for day, count in days:
            before += count
            if before >= bulk:
                ends.append(date_of_day(min(max(day, FIRST_DAY), LAST_DAY)))
                break
    return max(ends).isoformat() if ends else None


def watermark_day(days: RowsByDay, tell: Callable[[str], None]) -> int:
    """Return the day up to which the label's good rows run without a hole of more than a month.

    The last event alone would let one wrong date move tonight, and labels ripen that nobody knows.
    """
    rows, before, reached, last = sum(count for _, count in days), 0, days[0][0], days[-1][0]
    for day, count in days:
        if rows - before <= max(0.01 * rows, 1) and before and day - reached > MAX_HOLE_DAYS:
            break
        before, reached = before + count, day
    if reached < last:
        tell(
            f"  the watermark is {date_of_day(reached)}: after it comes a hole, "
            f"then {rows - before:,} rows up to {date_of_day(last)}. "
            "State snapshot.watermark if they are right."
        )
    return reached
