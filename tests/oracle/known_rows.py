"""What was known on the eve of a cutoff: the rows of one customer in one table, as they stood that night.

A row is there if it happened and was known on a local day before the cutoff. Its outcome is there if the
outcome's own local day lies before the cutoff too; until then the column is empty, and so are the columns
that become known with it. All times are aware and in the company's time zone: `.date()` is the local day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from churn.data.tables import Table

Row = Mapping[str, Any]
"""A row as the source has it: aware local times, plain numbers, names; None where it says nothing."""


@dataclass(frozen=True)
class KnownTable:
    """One customer, one table, one cutoff: `rows` in the order of the store, the future cut off.

    `data_start` is the first day of anybody's row that was known by then.
    """

    table: Table
    today: date
    signed_up: date
    data_start: date
    rows: tuple[Row, ...]


def as_known(rows: Iterable[Row], table: Table, today: date) -> list[Row]:
    """Return the rows as they stood on the eve of `today`."""
    return [
        _masked(row, table, today)
        for row in rows
        if row[table.time].date() < today and row["known_at"].date() < today
    ]


def _masked(row: Row, table: Table, today: date) -> Row:
    later = {
        column.name
        for column in table.of_role("outcome")
        if row[column.name] is not None and row[column.name].date() >= today
    }
    later |= {column.name for column in table.columns if column.known_with in later}
    return {name: None if name in later else value for name, value in row.items()}


def data_start(everybody: Iterable[Row], table: Table, today: date) -> date:
    """Return the first day of the rows that were known on the eve of `today`; `today` where there is none."""
    return min((row[table.time].date() for row in as_known(everybody, table, today)), default=today)


def in_store_order(rows: Iterable[Row], table: Table) -> list[Row]:
    """Order rows of one customer by time, then by the day they were known, then by what they say.

    What is missing comes last. Of scheduled times only the day counts.
    """

    def said(row: Row) -> tuple[Any, ...]:
        cells: list[Any] = []
        for column in table.columns:
            value = row.get(column.name)
            if column.role in ("id", "time", "known", "row"):
                continue
            if isinstance(value, str | bool | int | float) or value is None:
                cells.append((value is None, 0 if value is None else value))
            elif column.role == "scheduled":
                cells.append((False, value.date()))
            else:
                cells.append((False, value.timestamp()))
        known = max(row["known_at"].date(), row[table.time].date())
        return row[table.time].date(), row[table.time].timestamp(), known, *cells

    return sorted(rows, key=said)
