"""The view of a table that a signal reads: a selection of its rows, and a window of days.

A view holds only rows that had happened and were known before the cutoff, and only rows within the signal's
look-back. A signal therefore cannot read anything that was not known at the cutoff.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from churn.data.tables import STORED_UNITS, Column, Table
from churn.errors import SignalError, did_you_mean
from churn.features.language.cost import Cost
from churn.features.language.reader import ALL_ROWS, Array, Reader, Selection, Window


@dataclass(frozen=True)
class View:
    """The events of one table in a window of days before the cutoff, as known at the cutoff.

    The window `(days, skip)` stands for `[cutoff - days, cutoff - skip)`.
    """

    cost: ClassVar[Cost] = Cost.CHOOSES

    table: Table
    reader: Reader
    signal: str
    looks_back: int
    window: Window
    rows: Selection = ALL_ROWS

    def last(self, days: int, skip: int = 0) -> Self:
        """Set the window to `[cutoff - days, cutoff - skip)`.

        Raises:
            SignalError: the window reaches further back than the signal's look-back, or the window is empty.
        """
        if days > self.looks_back:
            raise SignalError(
                f"{self.signal}: the signal reads {days} days, but its looks_back is {self.looks_back}. "
                "Raise looks_back."
            )
        if not 0 <= skip < days:
            raise SignalError(f"{self.signal}: the window [cutoff - {days} d, cutoff - {skip} d) is empty.")
        return replace(self, window=(days, skip))

    def week(self, k: int) -> Self:
        """Set the window to the k-th week before the cutoff, `[cutoff - 7 k days, cutoff - 7 (k - 1) days)`.

        The last week before the cutoff is week 1.
        """
        return self.last(days=7 * k, skip=7 * (k - 1))

    def by(self, outcome: str) -> Self:
        """Place each row at the time of its outcome (such as `opened_at`), not at its own time.

        Rows without this outcome are left out.
        """
        return replace(self, rows=self.rows._replace(placed_by=self._outcome(outcome)))

    def having(self, outcome: str) -> Self:
        """Keep the rows whose outcome was known before the cutoff."""
        return replace(
            self, rows=self.rows._replace(known_outcomes=(*self.rows.known_outcomes, self._outcome(outcome)))
        )

    def lacking(self, outcome: str) -> Self:
        """Keep the rows whose outcome was not known before the cutoff."""
        return replace(
            self, rows=self.rows._replace(open_outcomes=(*self.rows.open_outcomes, self._outcome(outcome)))
        )

    def only(self, level: str, name: str) -> Self:
        """Keep the rows with `name` in the column `level`, for example 'earn' in the column 'kind'.

        The data contract of the table must list the names that this column can hold.

        Raises:
            SignalError: the contract lists no names for the column, or not this name.
        """
        stated = {column.name: column.names for column in self.table.columns if column.names}
        if level not in stated:
            raise self._no_column(level, list(stated))
        if name not in stated[level]:
            raise SignalError(
                f"{self.signal}: {self.table.name}.{level} is never '{name}'."
                f"{did_you_mean(name, stated[level])} The column can hold: {', '.join(stated[level])}."
            )
        return replace(self, rows=self.rows._replace(names=(*self.rows.names, (level, name))))

    def _recent(self, days: int) -> Self:
        """Keep only the last `days` days of the window."""
        return self.last(self.window[1] + days, skip=self.window[1])

    def _earlier(self, days: int) -> Self:
        """Cut the last `days` days off the window."""
        return self.last(self.window[0], skip=self.window[1] + days)

    @property
    def _days(self) -> int:
        """Return the length of the window in days."""
        return self.window[0] - self.window[1]

    def _rows_with(self, column: str) -> Selection:
        """Return the view's selection of rows, limited to rows that have a value in this column."""
        return self.rows._replace(value=column)

    def _where_covered(self, values: Array) -> Array:
        """Return the values; missing for customers whose data do not cover the window (`Reader.covers`)."""
        is_covered = self.reader.covers(self.window)
        return values if is_covered is None else np.where(is_covered, values, np.nan)

    def _outcome(self, name: str) -> str:
        outcomes = [column.name for column in self.table.of_role("outcome")]
        if name not in outcomes:
            raise self._no_column(name, outcomes)
        return name

    def _value(self, name: str) -> Column:
        column = self.table.column(name)
        if column is None or column.type not in STORED_UNITS:
            raise self._no_column(name, [c.name for c in self.table.columns if c.type in STORED_UNITS])
        outcome = column.known_with
        if outcome and outcome not in (self.rows.placed_by, *self.rows.known_outcomes):
            raise SignalError(
                f"{self.signal}: {self.table.name}.{name} becomes known only at the time in {outcome}. "
                f"In the signal, write {self.table.name}.by('{outcome}') instead of {self.table.name}."
            )
        return column

    def _level(self, name: str) -> str:
        levels = [column.name for column in self.table.columns if column.type == "level"]
        if name not in levels:
            raise self._no_column(name, levels)
        return name

    def _scheduled(self, name: str) -> str:
        column = self.table.column(name)
        if column is None or column.role != "scheduled":
            raise self._no_column(name, [c.name for c in self.table.of_role("scheduled")])
        return f"{name}_day"

    def _kind(self) -> str:
        if self.table.column("kind") is None:
            raise self._no_column("kind", [])
        return "kind"

    def _refuse_lacking(self, verb: str) -> None:
        if self.rows.open_outcomes:
            raise SignalError(
                f"{self.signal}: {verb} does not work on lacking(), which keeps only rows whose outcome "
                "is not known yet. Such a row drops out once its outcome becomes known. Use "
                "count, total or days_since_*, or leave out lacking()."
            )

    def _no_column(self, name: str, fitting: list[str]) -> SignalError:
        names = ", ".join(fitting) or "none"
        return SignalError(
            f"{self.signal}: {self.table.name} has no column '{name}' that this verb of "
            f"the view language can use.{did_you_mean(name, fitting)} The verb can use: {names}."
        )
