"""What was known at one cutoff of one table, for one block of customers: answers to a view's questions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from churn.features.engine.aggregates import Span, TableCells
from churn.features.engine.timeline import IntArray, Timeline
from churn.features.language.reader import Array, BoolArray, LongArray, Selection, Sequence, Window

Given = TypeVar("Given", bound=npt.NDArray[Any])


class Known:
    """Answers from the cells; an answer that was given is kept as long as the cutoff lasts."""

    def __init__(
        self,
        cells: TableCells | None,
        timeline: Timeline,
        ordinal: int,
        signed_up: IntArray,
        data_start: int,
    ) -> None:
        self.cutoff = timeline.cutoffs[ordinal]
        self.signed_up = signed_up
        self.data_start = data_start
        self._cells = cells
        self._timeline = timeline
        self._ordinal = ordinal
        self._given: dict[tuple[Any, ...], Any] = {}

    @property
    def n(self) -> int:
        """Return the number of customers."""
        return len(self.signed_up)

    def count(self, selection: Selection, window: Window) -> Array:
        """Count rows."""
        return self._once(
            ("count", selection, window),
            lambda: self._table.of(selection).count(self._ordinal, self._span(window)),
        )

    def total(self, selection: Selection, column: str, window: Window) -> LongArray:
        """Sum a stored integer column, or the placing day (`day`)."""
        return self._once(
            ("total", selection, column, window),
            lambda: self._table.of(selection).total(self._ordinal, self._span(window), column),
        )

    def days(self, selection: Selection, window: Window) -> Array:
        """Count distinct local days."""
        return self._once(
            ("days", selection, window),
            lambda: self._table.of(selection, distinct=True).count(self._ordinal, self._span(window)),
        )

    def extreme(self, selection: Selection, column: str, window: Window, highest: bool) -> Array:
        """Return the highest or lowest of a stored column, `nan` where there is none."""
        return self._table.of(selection).extreme(self._ordinal, self._span(window), column, highest)

    def decayed(self, selection: Selection, half_life: int, window: Window) -> Array:
        """Sum `0.5 ** (age in days / half_life)`."""
        return self._table.of(selection).decayed(self._ordinal, self._span(window), half_life)

    def outermost(self, selection: Selection, window: Window, latest: bool, column: str) -> Array:
        """Return a stored column (or the placing `day`) of the latest or first row, `nan` without one."""
        return self._once(
            ("outermost", selection, window, latest, column),
            lambda: self._outermost(selection, window, latest, column),
        )

    def sequence(
        self, selection: Selection, window: Window, columns: tuple[str, ...], distinct_days: bool = False
    ) -> Sequence:
        """Return the visible rows themselves, or one row per customer and distinct local day."""
        cells = self._table.of(selection, distinct_days)
        key = "positions", selection, window, distinct_days
        positions = self._once(key, lambda: cells.positions(self._ordinal, self._span(window)))
        chosen = cells.chosen
        found = {name: chosen.at(name, positions) for name in (*columns, "day")}
        return Sequence(self.n, chosen.customer[positions], found)

    def covered_days(self, window: Window) -> Array:
        """Return how many days of the window lie after both the sign-up and the table's first row."""

        def days() -> Array:
            start = np.maximum(self.signed_up, max(self.cutoff - window[0], self.data_start))
            covered: Array = np.maximum(self.cutoff - window[1] - start, 0).astype(np.float64)
            return covered

        return self._once(("covered", window), days)

    def reaches(self, window: Window) -> bool:
        """Tell whether the table's data go back to the window's start."""
        return self.data_start <= self.cutoff - window[0]

    def covers(self, window: Window) -> BoolArray | None:
        """Tell for whom the window can be judged; None stands for everybody."""
        key = "covers", window
        if key not in self._given:
            covered = self.covered_days(window) > 0 if self.reaches(window) else np.zeros(self.n, dtype=bool)
            self._given[key] = None if covered.all() else covered
        return cast("BoolArray | None", self._given[key])

    def tenure(self) -> Array:
        """Return the days since sign-up."""
        days: Array = (self.cutoff - self.signed_up).astype(np.float64)
        return days

    def _outermost(self, selection: Selection, window: Window, latest: bool, column: str) -> Array:
        cells = self._table.of(selection)
        position = cells.outermost(self._ordinal, self._span(window), latest)
        values = np.full(self.n, np.nan)
        some = position >= 0
        values[some] = cells.chosen.at(column, position[some])
        return values

    def _once(self, key: tuple[Any, ...], answer: Callable[[], Given]) -> Given:
        if key not in self._given:
            given = answer()
            given.setflags(write=False)  # others are given the same array
            self._given[key] = given
        return cast(Given, self._given[key])

    def _span(self, window: Window) -> Span:
        return self._timeline.edge(self.cutoff - window[0]), self._timeline.edge(self.cutoff - window[1])

    @property
    def _table(self) -> TableCells:
        assert self._cells is not None  # only the customers table has no events
        return self._cells
