"""The questions that a view asks; the engine answers them, a tracer notes them."""

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
    """Which rows: placed by which clock, with which outcomes known or lacking, with which value present."""

    placed: str | None = None
    having: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    value: str | None = None

    @property
    def outcomes(self) -> set[str]:
        """Return the outcomes that decide whether a row counts."""
        return {name for name in (self.placed, *self.having, *self.lacking) if name}


EVERY = Selection()


@dataclass(frozen=True)
class Sequence:
    """Rows in the order (customer, placing time): the customer of each, counted from 0, and its columns.

    `columns["day"]` is the placing day; the others are as the store has them, missing days as `NEVER`.
    """

    n: int
    customer: npt.NDArray[Any]
    columns: dict[str, npt.NDArray[Any]]


class Reader(Protocol):
    """Answers about one table, one block of customers and one cutoff; when traced, notes the question."""

    @property
    def n(self) -> int:
        """Return the number of customers."""

    @property
    def cutoff(self) -> int:
        """Return the cutoff's day number."""

    def count(self, selection: Selection, window: Window) -> Array:
        """Count rows."""

    def total(self, selection: Selection, column: str, window: Window) -> LongArray:
        """Sum a stored integer column, or the placing day (`day`)."""

    def days(self, selection: Selection, window: Window) -> Array:
        """Count distinct local days."""

    def extreme(self, selection: Selection, column: str, window: Window, highest: bool) -> Array:
        """Return the highest or lowest of a stored column, `nan` where there is none."""

    def decayed(self, selection: Selection, half_life: int, window: Window) -> Array:
        """Sum `0.5 ** (age in days / half_life)`."""

    def outermost(self, selection: Selection, window: Window, latest: bool, column: str) -> Array:
        """Return a stored column (or the placing `day`) of the latest or first row, `nan` without one."""

    def sequence(
        self, selection: Selection, window: Window, columns: tuple[str, ...], distinct_days: bool = False
    ) -> Sequence:
        """Return the visible rows themselves, or one row per customer and distinct local day."""

    def covered_days(self, window: Window) -> Array:
        """Return how many days of the window lie after both the sign-up and the table's first row."""

    def reaches(self, window: Window) -> bool:
        """Tell whether the table's data go back to the window's start."""

    def covers(self, window: Window) -> BoolArray | None:
        """Tell for whom the window can be judged: the data reach it, and it is not all before the sign-up.

        None stands for everybody.
        """

    def tenure(self) -> Array:
        """Return the days since sign-up."""
