"""The reference: one customer, one cutoff, plain Python over dated rows; slow, and readable in ten minutes.

It answers the same questions as the engine (`Reader`), straight from their definitions: a row is visible if
it happened and was known before the cutoff's local midnight; an outcome is known at the later of its own time
and the row's `known_at`; days are local days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from churn.data.tables import EMPTIED, UNITS_PER, Column, Table
from churn.features.reader import EVERY, Selection, Sequence, Window
from churn.features.rows import NEVER

Row = Mapping[str, Any]
"""A row as the source has it: aware datetimes, plain numbers, None where missing; in the source's order."""


@dataclass(frozen=True)
class Naive:
    """Answers about one table for one customer at one cutoff."""

    table: Table
    rows: list[Row]
    everybody: list[Row]
    signed_up: date
    today: date
    zone: ZoneInfo
    n: int = 1

    @property
    def cutoff(self) -> int:
        return _number(self.today)

    def count(self, selection: Selection, window: Window) -> np.ndarray:
        return _one(float(len(self._rows(selection, window))))

    def total(self, selection: Selection, column: str, window: Window) -> np.ndarray:
        return _one(sum(self._stored(row, column, selection) for row in self._rows(selection, window)))

    def days(self, selection: Selection, window: Window) -> np.ndarray:
        return _one(float(len({self._day(row, selection) for row in self._rows(selection, window)})))

    def extreme(self, selection: Selection, column: str, window: Window, highest: bool) -> np.ndarray:
        values = [self._stored(row, column, selection) for row in self._rows(selection, window)]
        return _one(np.nan if not values else float(max(values) if highest else min(values)))

    def decayed(self, selection: Selection, half_life: int, window: Window) -> np.ndarray:
        days = [self._stored(row, "day", selection) for row in self._rows(selection, window)]
        return _one(sum((0.5 ** ((self.cutoff - day) / half_life) for day in days), 0.0))

    def outermost(self, selection: Selection, window: Window, latest: bool, column: str) -> np.ndarray:
        rows = self._rows(selection, window)
        if not rows:
            return _one(np.nan)
        return _one(float(self._stored(rows[-1 if latest else 0], column, selection)))

    def sequence(
        self, selection: Selection, window: Window, columns: tuple[str, ...], distinct_days: bool = False
    ) -> Sequence:
        rows = self._rows(selection, window)
        if distinct_days:
            first_of_day = {self._day(row, selection): row for row in reversed(rows)}
            rows = [first_of_day[day] for day in sorted(first_of_day)]
        found = {
            name: np.array(
                [NEVER if (v := self._stored(row, name, selection)) is None else v for row in rows],
                dtype=np.int64,
            )
            for name in (*columns, "day")
        }
        return Sequence(1, np.zeros(len(rows), dtype=np.int64), found)

    def covered_days(self, window: Window) -> np.ndarray:
        start = max(self.today - timedelta(window[0]), self.signed_up, self._data_start())
        end = self.today - timedelta(window[1])
        return _one(float(max((end - start).days, 0)))

    def reaches(self, window: Window) -> bool:
        return self._data_start() <= self.today - timedelta(window[0])

    def covers(self, window: Window) -> np.ndarray | None:
        return (self.covered_days(window) > 0) & self.reaches(window)

    def tenure(self) -> np.ndarray:
        return _one(float((self.today - self.signed_up).days))

    def _rows(self, selection: Selection, window: Window) -> list[Row]:
        """The visible rows of a selection in the window, ordered by placing instant, then as in the store."""
        first, end = self.today - timedelta(window[0]), self.today - timedelta(window[1])
        kept = []
        for row in self.rows:
            day = self._day(row, selection)
            if day is None or not first <= day < end or not self._visible(row):
                continue
            if selection.placed and not self._known(row, selection.placed):
                continue
            if not all(self._known(row, outcome) for outcome in selection.having):
                continue
            if any(self._known(row, outcome) for outcome in selection.lacking):
                continue
            if selection.value and self._stored(row, selection.value) is None:
                continue
            kept.append(row)
        # As seconds: Python compares times of one zone by the clock on the wall.
        return sorted(kept, key=lambda row: row[selection.placed or self.table.time].timestamp())

    def _visible(self, row: Row) -> bool:
        return row[self.table.time] < self._midnight() and row["known_at"] < self._midnight()

    def _known(self, row: Row, outcome: str) -> bool:
        return row[outcome] is not None and max(row[outcome], row["known_at"]) < self._midnight()

    def _day(self, row: Row, selection: Selection) -> date | None:
        placed = row[selection.placed or self.table.time]
        return placed.astimezone(self.zone).date() if placed is not None else None

    def _midnight(self) -> datetime:
        return datetime.combine(self.today, time(), tzinfo=self.zone)

    def _data_start(self) -> date:
        days = [self._day(row, Selection()) for row in self.everybody if self._visible(row)]
        return min([day for day in days if day is not None], default=self.today)

    def _stored(self, row: Row, column: str, selection: Selection = EVERY) -> Any:
        """A value as the store holds it: whole cents, thousandths, seconds, day numbers."""
        if column == "day":
            return _number(self._day(row, selection))
        if column.endswith("_day"):
            when = row[column.removesuffix("_day")]
            return None if when is None else _number(when.astimezone(self.zone).date())
        if column.endswith("_after"):
            when = row[column.removesuffix("_after")]
            # Through UTC: Python subtracts times of one zone by the clock on the wall.
            return None if when is None else int(when.timestamp() - row[self.table.time].timestamp())
        found = self.table.column(column)
        value = row[column]
        if found is not None and found.may_be_emptied and value is None:
            value = "" if found.type == "level" else EMPTIED / UNITS_PER[found.type]
        if found is not None and found.type == "level":
            return None if value is None else levels_of(found).index(value)
        return None if value is None or found is None else round(value * UNITS_PER[found.type])


def levels_of(column: Column) -> tuple[str, ...]:
    """The names that a level has in random worlds, in their order."""
    return ("", "a", "b", "c") if column.may_be_emptied else ("a", "b", "c")


def _one(value: float) -> np.ndarray:
    return np.array([value])


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days
