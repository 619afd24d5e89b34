"""Count the rows of a table by day, as known before a cutoff, to see how regularly a source delivers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from churn.data.sql import identifier
from churn.data.store import Store, day_number
from churn.data.tables import EMPTIED_VALUE, STORED_UNITS, Column, Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MISSING_KIND = "(no value)"
"""The name under which rows without a value in a kind column are counted."""


@dataclass(frozen=True)
class DailyValues:
    """Statistics of a column of numbers on each day, the newest day first.

    Attributes:
        present: The number of rows with a value, shape (days,).
        n_nonzero: The number of rows with a value other than 0, shape (days,).
        median: The median of the absolute values other than 0, shape (days,); NaN on a day without such
            values.
    """

    present: Ints
    n_nonzero: Ints
    median: Floats


@dataclass(frozen=True)
class DailyRows:
    """The number of rows of a table on each day before the cutoff, the newest day first.

    If the table also states when a row became known, a row counts on the day on which it became known.

    Attributes:
        table: The name of the table.
        newest_day: The day number (days since 1970-01-01) of the newest row that was known before the cutoff;
            None if there is no such row.
        rows: The number of rows on each day, shape (days,). The last element is the earliest day.
        outcomes: The number of outcomes on each day, by column. An outcome is a later event of a row, such as
            the payment of an invoice.
        values: The daily statistics (`DailyValues`) of each column of numbers, by the name of the column.
        kinds: The number of rows of each kind on each day, by column (such as `channel`) and kind (such as
            `email`).
    """

    table: str
    newest_day: int | None
    rows: Ints
    outcomes: Mapping[str, Ints]
    values: Mapping[str, DailyValues]
    kinds: Mapping[str, Mapping[str, Ints]]


def read_daily_rows(store: Store, contract: Table, cutoff: date, days: int) -> DailyRows:
    """Count the rows of a table on each of the days before a cutoff, as known before the cutoff.

    The day of the table's first row and all earlier days are left out, because a table that begins in the
    middle of a day has too few rows on this day.

    Args:
        store: The store.
        contract: The table's name and its columns; the table must be in the store.
        cutoff: The cutoff.
        days: At most this number of days before the cutoff is counted.
    """
    table = contract.name
    stored = store.tables[table]
    clock = "known_day" if stored.two_clocks else "day"
    columns = [
        column for column in contract.columns if _is_stored(column, stored.columns) and table != "customers"
    ]
    numbers = [c.name for c in columns if c.type in STORED_UNITS and c.role == "value" and not c.known_with]
    end = day_number(cutoff)
    visible = store.visible_before(table, cutoff)
    source = f"{store.scan(table)} WHERE {visible}"
    recent = f"{source} AND {clock} >= {end - days}"
    aggregates = "".join(
        f", count({name}), count({name}) FILTER (WHERE {name} <> 0), "
        f"median(abs({name})) FILTER (WHERE {name} <> 0)"
        for name in (f"nullif({identifier(number)}, {EMPTIED_VALUE})" for number in numbers)
    )
    with store.connect() as connection:
        first, newest = connection.execute(f"SELECT min({clock}), max({clock}) FROM {source}").fetchall()[0]
        rows = connection.execute(f"SELECT {clock}, count(*){aggregates} FROM {recent} GROUP BY 1").fetchall()
        n_days = min(days, end - 1 - first) if first is not None else 0
        counts = _by_day(end, n_days, ((row[0], row[1]) for row in rows))
        values = {}
        for index, name in enumerate(numbers):
            present, n_nonzero, median = (
                [(row[0], row[2 + 3 * index + part]) for row in rows] for part in range(3)
            )
            values[name] = DailyValues(
                _by_day(end, n_days, present),
                _by_day(end, n_days, n_nonzero),
                _medians_by_day(end, n_days, median),
            )
        outcomes = {}
        for name in (column.name for column in columns if column.role == "outcome"):
            day = identifier(f"{name}_day")
            by_outcome = connection.execute(
                f"SELECT {day}, count(*) FROM {source} AND {day} >= {end - days} AND {day} < {end} GROUP BY 1"
            ).fetchall()
            outcomes[name] = _by_day(end, n_days, by_outcome)
        kinds = {}
        for column in columns:
            if column.type == "level" and column.name in stored.levels and not column.known_with:
                by_kind = connection.execute(
                    f"SELECT {clock}, {identifier(column.name)}, count(*) FROM {recent} GROUP BY 1, 2"
                ).fetchall()
                kinds[column.name] = _kinds_by_day(end, n_days, by_kind, stored.levels[column.name])
    return DailyRows(table, newest, counts, outcomes, values, kinds)


def _is_stored(column: Column, stored_columns: tuple[str, ...]) -> bool:
    return (f"{column.name}_day" if column.role == "outcome" else column.name) in stored_columns


def _by_day(end: int, n_days: int, rows: Iterable[tuple[Any, ...]]) -> Ints:
    counts = np.zeros(n_days, dtype=np.int64)
    for day, count in rows:
        if 0 <= end - 1 - day < n_days:
            counts[end - 1 - day] = count
    return counts


def _medians_by_day(end: int, n_days: int, rows: Iterable[tuple[Any, ...]]) -> Floats:
    medians = np.full(n_days, np.nan)
    for day, median in rows:
        if 0 <= end - 1 - day < n_days and median is not None:
            medians[end - 1 - day] = median
    return medians


def _kinds_by_day(
    end: int, n_days: int, rows: Iterable[tuple[Any, ...]], levels: tuple[str, ...]
) -> dict[str, Ints]:
    kinds: dict[str, Ints] = {}
    for day, code, count in rows:
        name = MISSING_KIND if code is None or not 0 <= code < len(levels) else levels[code]
        if 0 <= end - 1 - day < n_days:
            kinds.setdefault(name, np.zeros(n_days, dtype=np.int64))[end - 1 - day] += count
    return dict(sorted(kinds.items()))
