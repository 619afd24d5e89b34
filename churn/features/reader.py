"""The questions that a view asks; the engine answers them, a tracer notes them."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from churn.features.cells import LongArray, Selection

Array = npt.NDArray[np.float64]
Window = tuple[int, int]
"""`(days, skip)` before the cutoff: `[cutoff - days, cutoff - skip)`."""


class Reader(Protocol):
    """Answers about one table, one block of customers and one cutoff; when traced, notes the question."""

    @property
    def n(self) -> int:
        """Return the number of customers."""

    def count(self, selection: Selection, window: Window) -> LongArray:
        """Count rows."""

    def total(self, selection: Selection, column: str, window: Window) -> LongArray:
        """Sum a stored integer column."""

    def days(self, selection: Selection, window: Window) -> LongArray:
        """Count distinct local days."""

    def outermost(self, selection: Selection, window: Window, latest: bool, column: str) -> Array:
        """Return a stored column of the latest or first row, `nan` where there is none."""

    def age(self, selection: Selection, window: Window, latest: bool, column: str) -> Array:
        """Return the days from a day column of the latest or first row to the cutoff."""

    def covered_days(self, window: Window) -> Array:
        """Return how many days of the window lie after both the sign-up and the table's first row."""

    def reaches(self, window: Window) -> bool:
        """Tell whether the table's data go back to the window's start."""

    def previous(self, selection: Selection, window: Window, column: str) -> Array:
        """Return a stored column of the row before the latest, `nan` where there are not two."""

    def run_lacking(self, selection: Selection, outcome: str, window: Window) -> LongArray:
        """Count the rows after the latest one whose outcome is known."""

    def kinds(self, selection: Selection, window: Window) -> LongArray:
        """Count the distinct kinds."""

    def tenure(self) -> Array:
        """Return the days since sign-up."""
