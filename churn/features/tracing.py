"""What signals need, learnt by running each once on nobody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from churn.data.tables import Table
from churn.errors import SignalError
from churn.features.language.events import Events
from churn.features.language.population import Deferred
from churn.features.language.reader import Array, LongArray, Selection, Sequence, Window
from churn.features.signal import Signal


@dataclass
class Need:
    """What the signals of one table ask for: windows, stored columns, placing outcomes, cuts at the grid."""

    windows: set[Window] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)
    placed: set[str] = field(default_factory=set)
    on_grid: bool = False


@dataclass
class Tracer:
    """A reader with no customers that notes every question."""

    need: Need
    n: int = 0
    cutoff: int = 0

    def count(self, selection: Selection, window: Window) -> Array:
        """Note a count."""
        return self._note(selection, window)

    def total(self, selection: Selection, column: str, window: Window) -> LongArray:
        """Note a sum."""
        return self._note(selection, window, column).astype(np.int64)

    def days(self, selection: Selection, window: Window) -> Array:
        """Note a count of days."""
        return self._note(selection, window)

    def extreme(self, selection: Selection, column: str, window: Window, highest: bool) -> Array:
        """Note a look at the highest or lowest."""
        return self._note(selection, window, column)

    def decayed(self, selection: Selection, half_life: int, window: Window) -> Array:
        """Note a decayed sum."""
        self.need.on_grid = True
        return self._note(selection, window)

    def outermost(self, selection: Selection, window: Window, latest: bool, column: str) -> Array:
        """Note a look at the latest or first row."""
        return self._note(selection, window, column)

    def sequence(
        self, selection: Selection, window: Window, columns: tuple[str, ...], distinct_days: bool = False
    ) -> Sequence:
        """Note a look at the rows themselves."""
        self._note(selection, window, *columns)
        nothing = np.zeros(0, dtype=np.int64)
        return Sequence(0, nothing, dict.fromkeys((*columns, "day"), nothing))

    def covered_days(self, window: Window) -> Array:
        """Note the window."""
        self.need.windows.add(window)
        return np.zeros(0)

    def reaches(self, window: Window) -> bool:
        """Note the window."""
        self.need.windows.add(window)
        return True

    def covers(self, window: Window) -> None:
        """Note the window."""
        self.need.windows.add(window)

    def tenure(self) -> Array:
        """Need nothing but the customers."""
        return np.zeros(0)

    def _note(self, selection: Selection, window: Window, *columns: str) -> Array:
        self.need.windows.add(window)
        self.need.columns |= {f"{outcome}_day" for outcome in selection.outcomes}
        self.need.columns |= {name for name in (*columns, selection.value) if name and name != "day"}
        if selection.placed:
            self.need.placed.add(selection.placed)
            self.need.columns.add(f"{selection.placed}_after")  # with it the outcomes of one day are ordered
        return np.zeros(0)


def view_of(signal: Signal, table: Table, reader: object) -> Events:
    """Return the view that a signal's function gets."""
    return Events(table, reader, signal.name, signal.looks_back, (signal.looks_back, 0))  # type: ignore[arg-type]


def trace(signals: Iterable[Signal], table: Table, need: Need) -> dict[str, type[Deferred]]:
    """Note in `need` what the signals of one table ask for; return those that need everybody, and how.

    Raises:
        SignalError: signals ask for what they may not, or do not return one number per customer; all at once.
    """
    deferred: dict[str, type[Deferred]] = {}
    problems: list[str] = []
    for signal in signals:
        if signal.function is None:
            continue
        try:
            found = signal.function(view_of(signal, table, Tracer(need)))
        except SignalError as error:
            problems += error.problems
            continue
        if isinstance(found, Deferred):
            deferred[signal.name] = type(found)
        elif not isinstance(found, np.ndarray) or found.shape != (0,):
            problems.append(
                f"{signal.name}: must end in one number per customer, not {type(found).__name__}."
            )
    if problems:
        raise SignalError(*problems)
    return deferred
