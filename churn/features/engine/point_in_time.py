"""Answer the questions that a signal asks about its table, from the rows that were known at one cutoff."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from churn.features.engine.aggregates import Span, TableAggregates
from churn.features.engine.timeline import IntArray, Timeline
from churn.features.language.reader import Array, BoolArray, LongArray, RowSequence, Selection, Window

AnyArray = TypeVar("AnyArray", bound=npt.NDArray[Any])


class PointInTime:
    """A `Reader` of one table, one block of customers and one cutoff; it computes each answer once."""

    def __init__(
        self,
        aggregates: TableAggregates | None,
        timeline: Timeline,
        ordinal: int,
        signed_up: IntArray,
        data_start: int,
    ) -> None:
        self.cutoff = timeline.cutoffs[ordinal]
        self.signed_up = signed_up
        self.data_start = data_start
        self._aggregates = aggregates
        self._timeline = timeline
        self._ordinal = ordinal
        self._answers: dict[tuple[Any, ...], Any] = {}

    @property
    def n(self) -> int:
        """Return the number of customers."""
        return len(self.signed_up)

    def count(self, selection: Selection, window: Window) -> Array:
        """Count each customer's rows."""
        return self._once(
            ("count", selection, window),
            lambda: self._table.of(selection).count(self._ordinal, self._span(window)),
        )

    def total(self, selection: Selection, column: str, window: Window) -> LongArray:
        """Sum a column of each customer's rows.

        Args:
            selection: The rows that count.
            column: A stored integer column, or `day` for the day on which a row counts (see `Selection`).
            window: The pair `(days, skip)`, which stands for `[cutoff - days, cutoff - skip)`.
        """
        return self._once(
            ("total", selection, column, window),
            lambda: self._table.of(selection).total(self._ordinal, self._span(window), column),
        )

    def days(self, selection: Selection, window: Window) -> Array:
        """Count the distinct local days on which each customer has rows."""
        return self._once(
            ("days", selection, window),
            lambda: self._table.of(selection, distinct=True).count(self._ordinal, self._span(window)),
        )

    def extreme(self, selection: Selection, column: str, window: Window, highest: bool) -> Array:
        """Return each customer's highest or lowest value of a stored column; `nan` if there is no value.

        Args:
            selection: The rows that count.
            column: A stored column.
            window: The pair `(days, skip)`, which stands for `[cutoff - days, cutoff - skip)`.
            highest: True for the highest value, False for the lowest value.
        """
        return self._table.of(selection).extreme(self._ordinal, self._span(window), column, highest)

    def decayed_count(self, selection: Selection, half_life: int, window: Window) -> Array:
        """Sum `0.5 ** (age in days / half_life)` over each customer's rows.

        Args:
            selection: The rows that count.
            half_life: The half-life in days.
            window: The pair `(days, skip)`, which stands for `[cutoff - days, cutoff - skip)`.
        """
        return self._table.of(selection).decayed_count(self._ordinal, self._span(window), half_life)

    def outermost(self, selection: Selection, window: Window, latest: bool, column: str) -> Array:
        """Return a column's value in each customer's latest or first row; `nan` if there is no row.

        Args:
            selection: The rows that count.
            window: The pair `(days, skip)`, which stands for `[cutoff - days, cutoff - skip)`.
            latest: True for the latest row, False for the first row.
            column: A stored column, or `day` for the day on which a row counts (see `Selection`).
        """
        return self._once(
            ("outermost", selection, window, latest, column),
            lambda: self._outermost(selection, window, latest, column),
        )

    def sequence(
        self, selection: Selection, window: Window, columns: tuple[str, ...], distinct_days: bool = False
    ) -> RowSequence:
        """Return the rows ordered by customer and time; `Selection` says which time of a row counts.

        Args:
            selection: The rows that count.
            window: The pair `(days, skip)`, which stands for `[cutoff - days, cutoff - skip)`.
            columns: The stored columns to return in addition to `day`.
            distinct_days: Whether only one row per customer and local day is returned.
        """
        aggregates = self._table.of(selection, distinct_days)
        key = "positions", selection, window, distinct_days
        positions = self._once(key, lambda: aggregates.positions(self._ordinal, self._span(window)))
        rows = aggregates.rows
        values = {name: rows.at(name, positions) for name in (*columns, "day")}
        return RowSequence(self.n, rows.customer[positions], values)

    def covered_days(self, window: Window) -> Array:
        """Count the days of the window on which a customer could have rows.

        The count begins with the day of the sign-up or of the table's first row, whichever is later.
        """

        def days() -> Array:
            start = np.maximum(self.signed_up, max(self.cutoff - window[0], self.data_start))
            n_days: Array = np.maximum(self.cutoff - window[1] - start, 0).astype(np.float64)
            return n_days

        return self._once(("covered", window), days)

    def reaches(self, window: Window) -> bool:
        """Tell whether the table's data go back to the window's start."""
        return self.data_start <= self.cutoff - window[0]

    def covers(self, window: Window) -> BoolArray | None:
        """Return a mask of the customers whose data cover the window, `[n]`; None means all customers.

        A customer's data cover the window if the table's data reach back to the start of the window, and the
        customer signed up before the end of the window.
        """
        key = "covers", window
        if key not in self._answers:
            is_covered = (
                self.covered_days(window) > 0 if self.reaches(window) else np.zeros(self.n, dtype=bool)
            )
            self._answers[key] = None if is_covered.all() else is_covered
        return cast("BoolArray | None", self._answers[key])

    def tenure(self) -> Array:
        """Return the days from the sign-up to the cutoff."""
        days: Array = (self.cutoff - self.signed_up).astype(np.float64)
        return days

    def _outermost(self, selection: Selection, window: Window, latest: bool, column: str) -> Array:
        aggregates = self._table.of(selection)
        position = aggregates.outermost(self._ordinal, self._span(window), latest)
        values = np.full(self.n, np.nan)
        has_row = position >= 0
        values[has_row] = aggregates.rows.at(column, position[has_row])
        return values

    def _once(self, key: tuple[Any, ...], compute: Callable[[], AnyArray]) -> AnyArray:
        if key not in self._answers:
            answer = compute()
            answer.setflags(write=False)  # the array cannot be changed, because signals share it
            self._answers[key] = answer
        return cast(AnyArray, self._answers[key])

    def _span(self, window: Window) -> Span:
        return self._timeline.edge(self.cutoff - window[0]), self._timeline.edge(self.cutoff - window[1])

    @property
    def _table(self) -> TableAggregates:
        assert self._aggregates is not None  # only the customers table has no events
        return self._aggregates
