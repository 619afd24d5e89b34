"""The questions that a signal may ask about a table: the engine answers them, a tracer only records them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
LongArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
NEVER = np.iinfo(np.int32).max
"""The day number of something that has not happened."""

Window = tuple[int, int]
"""The pair `(days, skip)`, which stands for `[cutoff - days, cutoff - skip)`."""


class Selection(NamedTuple):
    """Tells which rows of a table count for a signal, and which column gives the time of these rows.

    An outcome is a column with the time of a later event of the row, such as `closed_at` of a ticket.

    Attributes:
        placed_by: The outcome whose time counts as the time of a row; None for the row's own time.
        known_outcomes: The outcomes whose times must be known for a row to count.
        open_outcomes: The outcomes whose times must still be unknown for a row to count.
        value: A row counts only if it has a value in this column; None if no value is needed.
        names: Pairs `(column, name)`. A row counts only if, for each pair, the column holds the name.
    """

    placed_by: str | None = None
    known_outcomes: tuple[str, ...] = ()
    open_outcomes: tuple[str, ...] = ()
    value: str | None = None
    names: tuple[tuple[str, str], ...] = ()

    @property
    def outcomes(self) -> set[str]:
        """Return the names of the outcomes (columns such as `closed_at`) that this selection uses."""
        return {name for name in (self.placed_by, *self.known_outcomes, *self.open_outcomes) if name}


ALL_ROWS = Selection()


@dataclass(frozen=True)
class RowSequence:
    """Rows ordered by customer, then by time: arrays with one item per row, `[m]`.

    If `Selection.placed_by` names an outcome of a row, such as `closed_at`, the time of this outcome counts
    in place of the row's own time.

    Attributes:
        n: The number of customers, including customers without rows.
        customer: The number of each row's customer, from 0 to `n - 1`.
        columns: The values of each column. The column `day` holds the day of the row's time; other columns
            are as in the store. A missing day is `NEVER`.
    """

    n: int
    customer: npt.NDArray[Any]
    columns: dict[str, npt.NDArray[Any]]


class Reader(Protocol):
    """Answers the questions that a view asks about one table, one block of customers and one cutoff.

    A signal gets a view (`Events`) of a table. The view asks, for example, how many rows each customer has.
    A tracer is a reader that gives no answers: it records the questions, to learn what a signal reads.

    Arrays have one item per customer, `[n]`. Most methods take the parameters `selection` and `window`.
    `selection` states which rows count. `window` is a pair `(days, skip)`: the rows must lie in
    `[cutoff - days, cutoff - skip)`.
    """

    @property
    def n(self) -> int:
        """Return the number of customers."""

    @property
    def cutoff(self) -> int:
        """Return the cutoff's day number."""

    def count(self, selection: Selection, window: Window) -> Array:
        """Count each customer's rows."""

    def total(self, selection: Selection, column: str, window: Window) -> LongArray:
        """Sum a column of each customer's rows.

        Args:
            selection: The rows that count.
            column: A stored integer column, or `day` for the day on which a row counts (see `Selection`).
            window: The days on which the rows must lie: `(days, skip)` is `[cutoff - days, cutoff - skip)`.
        """

    def days(self, selection: Selection, window: Window) -> Array:
        """Count the distinct days (of the company's time zone) on which each customer has rows."""

    def extreme(self, selection: Selection, column: str, window: Window, highest: bool) -> Array:
        """Return each customer's highest or lowest value of a column; `nan` if there is no value.

        Args:
            selection: The rows that count.
            column: A stored column.
            window: The days on which the rows must lie: `(days, skip)` is `[cutoff - days, cutoff - skip)`.
            highest: True for the highest value, False for the lowest value.
        """

    def decayed_count(self, selection: Selection, half_life: int, window: Window) -> Array:
        """Sum `0.5 ** (age in days / half_life)` over each customer's rows.

        Args:
            selection: The rows that count.
            half_life: The half-life in days.
            window: The days on which the rows must lie: `(days, skip)` is `[cutoff - days, cutoff - skip)`.
        """

    def outermost(self, selection: Selection, window: Window, latest: bool, column: str) -> Array:
        """Return a column's value in each customer's latest or first row; `nan` if there is no row.

        Args:
            selection: The rows that count.
            window: The days on which the rows must lie: `(days, skip)` is `[cutoff - days, cutoff - skip)`.
            latest: True for the latest row, False for the first row.
            column: A stored column, or `day` for the day on which a row counts (see `Selection`).
        """

    def sequence(
        self, selection: Selection, window: Window, columns: tuple[str, ...], distinct_days: bool = False
    ) -> RowSequence:
        """Return the rows ordered by customer and time; `selection` says which column gives the time.

        Args:
            selection: The rows that count.
            window: The days on which the rows must lie: `(days, skip)` is `[cutoff - days, cutoff - skip)`.
            columns: The stored columns to return in addition to `day`.
            distinct_days: Whether only one row per customer and day (of the company's time zone) is returned.
        """

    def covered_days(self, window: Window) -> Array:
        """Count the days of the window on which a customer could have rows.

        The count begins with the day of the sign-up or of the table's first row, whichever is later.
        """

    def reaches(self, window: Window) -> bool:
        """Tell whether the table's data go back to the window's start."""

    def covers(self, window: Window) -> BoolArray | None:
        """Return a mask, `[n]`, of the customers whose data cover the window; None means all customers.

        A customer's data cover the window if the table's data reach back to the start of the window, and the
        customer signed up before the end of the window.
        """

    def tenure(self) -> Array:
        """Return the days from the sign-up to the cutoff."""
