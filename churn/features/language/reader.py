"""The questions that a view asks of its table; the engine answers them, a tracer notes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
LongArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Window = tuple[int, int]
"""`(days, skip)` before the cutoff: `[cutoff - days, cutoff - skip)`."""


class Selection(NamedTuple):
    """Which rows of a table count, and when.

    Attributes:
        placed_by: The outcome at whose time a row is placed; None for the row's own time.
        known_outcomes: Outcomes that must be known.
        open_outcomes: Outcomes that must not be known.
        value: The column that must be given.
    """

    placed_by: str | None = None
    known_outcomes: tuple[str, ...] = ()
    open_outcomes: tuple[str, ...] = ()
    value: str | None = None

    @property
    def outcomes(self) -> set[str]:
        """Return the outcomes that decide whether and when a row counts."""
        return {name for name in (self.placed_by, *self.known_outcomes, *self.open_outcomes) if name}


ALL_ROWS = Selection()


@dataclass(frozen=True)
class RowSequence:
    """Rows in the order (customer, placing time): parallel arrays, one item a row, `[m]`.

    Attributes:
        n: How many customers there are, also those without rows.
        customer: The customer of each row, counted from 0.
        columns: `day` is the placing day; other columns are as in the store, missing days as `NEVER`.
    """

    n: int
    customer: npt.NDArray[Any]
    columns: dict[str, npt.NDArray[Any]]


class Reader(Protocol):
    """Answers about one table, one block of customers and one cutoff, or notes what is asked for.

    Arrays have one item a customer, `[n]`. Each method takes the `selection` of rows that count and a
    `window`, `(days, skip)`, in which they must lie.
    """

    @property
    def n(self) -> int:
        """Return the number of customers."""

    @property
    def cutoff(self) -> int:
        """Return the cutoff's day number."""

    def count(self, selection: Selection, window: Window) -> Array:
        """Count the rows."""

    def total(self, selection: Selection, column: str, window: Window) -> LongArray:
        """Sum a column.

        Args:
            selection: The rows that count.
            column: A stored integer column, or `day` for the placing day.
            window: The window.
        """

    def days(self, selection: Selection, window: Window) -> Array:
        """Count distinct local days."""

    def extreme(self, selection: Selection, column: str, window: Window, highest: bool) -> Array:
        """Return the highest or lowest value of a column, `nan` without one.

        Args:
            selection: The rows that count.
            column: A stored column.
            window: The window.
            highest: Whether the highest value is returned, not the lowest.
        """

    def decayed_count(self, selection: Selection, half_life: int, window: Window) -> Array:
        """Sum `0.5 ** (age in days / half_life)` over the rows.

        Args:
            selection: The rows that count.
            half_life: In days.
            window: The window.
        """

    def outermost(self, selection: Selection, window: Window, latest: bool, column: str) -> Array:
        """Return the value of the latest or first row, `nan` without one.

        Args:
            selection: The rows that count.
            window: The window.
            latest: Whether the latest row is taken, not the first.
            column: A stored column, or `day` for the placing day.
        """

    def sequence(
        self, selection: Selection, window: Window, columns: tuple[str, ...], distinct_days: bool = False
    ) -> RowSequence:
        """Return the rows themselves, in their order.

        Args:
            selection: The rows that count.
            window: The window.
            columns: The stored columns to return beside `day`.
            distinct_days: Whether only one row per customer and local day is returned.
        """

    def covered_days(self, window: Window) -> Array:
        """Return how many days of the window lie after both the sign-up and the table's first row."""

    def reaches(self, window: Window) -> bool:
        """Tell whether the table's data go back to the window's start."""

    def covers(self, window: Window) -> BoolArray | None:
        """Return a mask of the customers for whom the window is covered; None if for all.

        It is covered if the data reach back to its start and it does not end before the sign-up.
        """

    def tenure(self) -> Array:
        """Return the days since sign-up."""
