"""What signals need, learnt by running each once on nobody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from churn.data.tables import Table
from churn.errors import SignalError
from churn.features.cells import LongArray, Selection
from churn.features.events import Events, Shrunk
from churn.features.reader import Array, Window
from churn.features.signal import Signal


@dataclass
class Need:
    """What the signals of one table ask for: windows, stored columns and placing outcomes."""

    windows: set[Window] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)
    placed: set[str] = field(default_factory=set)


@dataclass
class Tracer:
    """A reader with no customers that notes every question."""

    need: Need
    n: int = 0

    def count(self, selection: Selection, window: Window) -> LongArray:
        """Note a count."""
        self._note(selection, window)
        return np.zeros(0, dtype=np.int64)

    def total(self, selection: Selection, column: str, window: Window) -> LongArray:
        """Note a sum."""
        self._note(selection, window, column)
        return np.zeros(0, dtype=np.int64)

    def days(self, selection: Selection, window: Window) -> LongArray:
        """Note a count of days."""
        return self.count(selection, window)

    def outermost(self, selection: Selection, window: Window, latest: bool, column: str) -> Array:
        """Note a look at the latest or first row."""
        self._note(selection, window, column)
        return np.zeros(0)

    def age(self, selection: Selection, window: Window, latest: bool, column: str) -> Array:
        """Note a look at the age of the latest or first row."""
        return self.outermost(selection, window, latest, column)

    def covered_days(self, window: Window) -> Array:
        """Note the window."""
        self.need.windows.add(window)
        return np.zeros(0)

    def reaches(self, window: Window) -> bool:
        """Note the window."""
        self.need.windows.add(window)
        return True

    def previous(self, selection: Selection, window: Window, column: str) -> Array:
        """Note an ordered look at the rows."""
        self._note(selection, window, column)
        return np.zeros(0)

    def run_lacking(self, selection: Selection, outcome: str, window: Window) -> LongArray:
        """Note an ordered look at the rows."""
        self._note(selection, window, f"{outcome}_day")
        return np.zeros(0, dtype=np.int64)

    def kinds(self, selection: Selection, window: Window) -> LongArray:
        """Note a look at the kinds."""
        self._note(selection, window, "kind")
        return np.zeros(0, dtype=np.int64)

    def tenure(self) -> Array:
        """Need nothing but the customers."""
        return np.zeros(0)

    def _note(self, selection: Selection, window: Window, column: str | None = None) -> None:
        self.need.windows.add(window)
        outcomes = {selection.placed, selection.having, selection.lacking} - {None}
        self.need.columns |= {f"{outcome}_day" for outcome in outcomes}
        self.need.columns |= {name for name in (column, selection.value) if name and name != "day"}
        if selection.placed:
            self.need.placed.add(selection.placed)
            self.need.columns.add(f"{selection.placed}_after")  # with it the outcomes of one day are ordered


def view_of(signal: Signal, table: Table, reader: object) -> Events:
    """Return the view that a signal's function gets."""
    return Events(table, reader, signal.name, signal.looks_back, (signal.looks_back, 0))  # type: ignore[arg-type]


def trace(signals: Iterable[Signal], table: Table, need: Need) -> set[str]:
    """Note in `need` what the signals of one table ask for; return the names of those that are shrunk.

    Raises:
        SignalError: signals ask for what they may not, or do not return one number per customer; all at once.
    """
    shrunk: set[str] = set()
    problems: list[str] = []
    for signal in signals:
        if signal.function is None:
            continue
        try:
            found = signal.function(view_of(signal, table, Tracer(need)))
        except SignalError as error:
            problems += error.problems
            continue
        if isinstance(found, Shrunk):
            shrunk.add(signal.name)
        elif not isinstance(found, np.ndarray) or found.shape != (0,):
            problems.append(
                f"{signal.name}: must end in one number per customer, not {type(found).__name__}."
            )
    if problems:
        raise SignalError(*problems)
    return shrunk
