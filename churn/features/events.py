"""The view that a signal is written on, and its verbs; each verb ends in one number per customer.

A view is already cut at the cutoff on both clocks and clipped to the signal's look-back: what a signal could
not have known, it cannot ask for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from churn.data.tables import UNITS_PER, Column, Table
from churn.errors import SignalError, did_you_mean
from churn.features.cells import LongArray, Selection
from churn.features.reader import Array, Reader, Window


@dataclass(frozen=True)
class Shrunk:
    """A rate of hits in trials, drawn towards the cohort's rate once everybody's is known."""

    hits: Array
    trials: Array
    strength: float

    def towards(self, rate: float) -> Array:
        """Return `(hits + strength * rate) / (trials + strength)`; missing where nothing was tried."""
        with np.errstate(invalid="ignore"):
            drawn = (self.hits + self.strength * rate) / (self.trials + self.strength)
        return np.where(self.trials > 0, drawn, np.nan)


__all__ = ["Array", "Events", "Shrunk", "ratio", "shrunk"]

ALL = Selection()


@dataclass(frozen=True)
class Events:
    """The events of one table as known at the cutoff, in `[cutoff - days, cutoff - skip)`."""

    table: Table
    reader: Reader
    signal: str
    looks_back: int
    window: Window
    rows: Selection = ALL

    def last(self, days: int, skip: int = 0) -> Events:
        """Look at `[cutoff - days, cutoff - skip)` only.

        Raises:
            SignalError: the window reaches further than the signal's look-back, or is empty.
        """
        if days > self.looks_back:
            raise SignalError(
                f"{self.signal}: asks for {days} days, but looks back {self.looks_back}. Raise looks_back."
            )
        if not 0 <= skip < days:
            raise SignalError(f"{self.signal}: the window [cutoff - {days} d, cutoff - {skip} d) is empty.")
        return replace(self, window=(days, skip))

    def by(self, outcome: str) -> Events:
        """Place each row at the time of an outcome instead of its own; rows without it are left out."""
        return replace(self, rows=replace(self.rows, placed=self._outcome(outcome)))

    def having(self, outcome: str) -> Events:
        """Keep the rows whose outcome was known before the cutoff."""
        return replace(self, rows=replace(self.rows, having=self._outcome(outcome)))

    def lacking(self, outcome: str) -> Events:
        """Keep the rows whose outcome was not known before the cutoff."""
        return replace(self, rows=replace(self.rows, lacking=self._outcome(outcome)))

    def count(self) -> Array:
        """Count the rows; missing where the customer or the table's data did not exist yet."""
        return self._defined(self._count(self.rows).astype(np.float64))

    def active_days(self) -> Array:
        """Count the distinct local days with a row."""
        self._refuse_lacking("active_days")
        return self._defined(self.reader.days(self.rows, self.window).astype(np.float64))

    def total(self, value: str) -> Array:
        """Sum a value over the rows where it is given, in its own unit."""
        self._refuse_lacking("total")
        column = self._value(value)
        rows = replace(self.rows, value=column.name)
        return self._defined(self.reader.total(rows, column.name, self.window) / UNITS_PER[column.type])

    def mean(self, value: str) -> Array:
        """Average a value over the rows where it is given; missing where there are none."""
        column = self._value(value)
        return ratio(self.total(value), self._count(replace(self.rows, value=column.name)).astype(np.float64))

    def mean_hours_to(self, outcome: str) -> Array:
        """Average the hours from a row's own time to its outcome, over rows whose outcome is known."""
        column = f"{self._outcome(outcome)}_after"
        rows = replace(self.rows, having=outcome, value=column)
        seconds = self.reader.total(rows, column, self.window).astype(np.float64)
        return ratio(seconds / 3600.0, self._count(rows).astype(np.float64))

    def mean_days_to(self, outcome: str) -> Array:
        """Average the days from a row's own time to its outcome, over rows whose outcome is known."""
        return self.mean_hours_to(outcome) / 24.0

    def days_since_last(self) -> Array:
        """Return the days from the latest row to the cutoff; missing where there is none."""
        return self.reader.age(self.rows, self.window, True, self._clock)

    def days_since_first(self) -> Array:
        """Return the days from the first row of the window to the cutoff; missing where there is none."""
        return self.reader.age(self.rows, self.window, False, self._clock)

    def latest(self, value: str) -> Array:
        """Return the value of the latest row that gives one; missing where there is none."""
        column = self._value(value)
        rows = replace(self.rows, value=column.name)
        return self.reader.outermost(rows, self.window, True, column.name) / UNITS_PER[column.type]

    def previous(self, value: str) -> Array:
        """Return the value of the row before the latest among those that give one; missing without two.

        An ordered verb: it passes over the rows of the look-back once per cutoff.
        """
        column = self._value(value)
        rows = replace(self.rows, value=column.name)
        return self.reader.previous(rows, self.window, column.name) / UNITS_PER[column.type]

    def days_until(self, scheduled: str) -> Array:
        """Return the days from the cutoff to a scheduled time of the latest row that gives one."""
        found = self.table.column(scheduled)
        if found is None or found.role != "scheduled":
            raise self._no_column(scheduled, [c.name for c in self.table.of_role("scheduled")])
        column = f"{scheduled}_day"
        return -self.reader.age(replace(self.rows, value=column), self.window, True, column)

    def per(self, days: int) -> Array:
        """Return the usual count per so many days, over the part of the window after sign-up.

        Missing where less than so many days are covered.
        """
        covered = self.reader.covered_days(self.window)
        with np.errstate(invalid="ignore", divide="ignore"):
            usual = self._count(self.rows) * days / covered
        return np.where(covered >= days, usual, np.nan)

    def run_lacking(self, outcome: str) -> Array:
        """Count the rows since the latest one whose outcome is known; missing where there are no rows.

        An ordered verb: it passes over the rows of the look-back once per cutoff.
        """
        run = self.reader.run_lacking(self.rows, self._outcome(outcome), self.window).astype(np.float64)
        return np.where(self._count(self.rows) > 0, run, np.nan)

    def kinds(self) -> Array:
        """Count the distinct kinds.

        An ordered verb: it passes over the rows of the look-back once per cutoff.
        """
        if self.table.column("kind") is None:
            raise self._no_column("kind", [])
        return self._defined(self.reader.kinds(self.rows, self.window).astype(np.float64))

    def tenure_days(self) -> Array:
        """Return the days since the customer signed up."""
        return self.reader.tenure()

    @property
    def _clock(self) -> str:
        return f"{self.rows.placed}_day" if self.rows.placed else "day"

    def _count(self, rows: Selection) -> LongArray:
        if rows.lacking is None:
            return self.reader.count(rows, self.window)
        every = replace(rows, lacking=None)
        return self.reader.count(every, self.window) - self.reader.count(
            replace(every, having=rows.lacking), self.window
        )

    def _defined(self, values: Array) -> Array:
        if not self.reader.reaches(self.window):
            return np.full_like(values, np.nan)
        return np.where(self.reader.covered_days(self.window) > 0, values, np.nan)

    def _outcome(self, name: str) -> str:
        outcomes = [column.name for column in self.table.of_role("outcome")]
        if name not in outcomes:
            raise self._no_column(name, outcomes)
        return name

    def _value(self, name: str) -> Column:
        column = self.table.column(name)
        if column is None or column.type not in UNITS_PER:
            raise self._no_column(name, [c.name for c in self.table.columns if c.type in UNITS_PER])
        outcome = column.known_with
        if outcome and outcome not in (self.rows.placed, self.rows.having):
            raise SignalError(
                f"{self.signal}: {self.table.name}.{name} is known only with {outcome}. "
                f"Write {self.table.name}.by('{outcome}') first."
            )
        return column

    def _refuse_lacking(self, verb: str) -> None:
        if self.rows.lacking:
            raise SignalError(
                f"{self.signal}: {verb} does not work on lacking(); count() and days_since_* do."
            )

    def _no_column(self, name: str, fitting: list[str]) -> SignalError:
        there = ", ".join(fitting) or "none"
        return SignalError(
            f"{self.signal}: {self.table.name} has no fitting column '{name}'.{did_you_mean(name, fitting)} "
            f"Those that fit: {there}."
        )


def ratio(part: Array, whole: Array, prior: float = 0.0) -> Array:
    """Return `(part + prior) / (whole + prior)`; missing where either is missing or the divisor is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        result = (part + prior) / (whole + prior)
    return np.where(np.isfinite(result), result, np.nan)


def shrunk(hits: Array, trials: Array, strength: float = 4.0) -> Shrunk:
    """Draw a rate towards the cohort's rate, so that 1 of 1 is not 100 %."""
    return Shrunk(np.nan_to_num(hits), np.nan_to_num(trials), strength)
