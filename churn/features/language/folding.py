"""Verbs that fold: each cutoff and window costs one or two look-ups a customer, however many rows there are.

Each row is read once per table and selection, whatever the number of cutoffs and windows.
"""

from __future__ import annotations

import numpy as np

from churn.data.tables import STORED_UNITS
from churn.errors import SignalError
from churn.features.language.arithmetic import ratio
from churn.features.language.cost import Cost
from churn.features.language.reader import Array
from churn.features.language.view import View

SHORTEST_HALF_LIFE_DAYS = 5
"""Decay weights are whole 2**-30ths in periods of 28 days; rounding would falsify faster decays."""


class FoldingVerbs(View):
    """Counts, sums, extremes, days, latest values and trends of counts."""

    cost = Cost.FOLDS

    def count(self) -> Array:
        """Count the rows; missing where the customer or the table's data did not exist yet."""
        return self._where_covered(self.reader.count(self.rows, self.window))

    def active_days(self) -> Array:
        """Count the distinct local days with a row."""
        self._refuse_lacking("active_days")
        return self._where_covered(self.reader.days(self.rows, self.window))

    def total(self, value: str) -> Array:
        """Sum a value over the rows where it is given, in its own unit."""
        column = self._value(value)
        rows = self._rows_with(column.name)
        return self._where_covered(
            self.reader.total(rows, column.name, self.window) / STORED_UNITS[column.type]
        )

    def mean(self, value: str) -> Array:
        """Average a value over the rows where it is given; missing where there are none.

        Also missing where `total` is: where the customer or the table's data did not exist yet.
        """
        column = self._value(value)
        return ratio(self.total(value), self.reader.count(self._rows_with(column.name), self.window))

    def highest(self, value: str) -> Array:
        """Return the highest value; missing where none is given."""
        column = self._value(value)
        value_in_store = self.reader.extreme(self._rows_with(column.name), column.name, self.window, True)
        return value_in_store / STORED_UNITS[column.type]

    def lowest(self, value: str) -> Array:
        """Return the lowest value; missing where none is given."""
        column = self._value(value)
        value_in_store = self.reader.extreme(self._rows_with(column.name), column.name, self.window, False)
        return value_in_store / STORED_UNITS[column.type]

    def mean_hours_to(self, outcome: str) -> Array:
        """Average the hours from a row's own time to its outcome, over rows whose outcome is known."""
        column = f"{self._outcome(outcome)}_after"
        rows = self.having(outcome)._rows_with(column)
        seconds = self.reader.total(rows, column, self.window)
        return ratio(seconds / 3600.0, self.reader.count(rows, self.window))

    def mean_days_to(self, outcome: str) -> Array:
        """Average the days from a row's own time to its outcome, over rows whose outcome is known."""
        return self.mean_hours_to(outcome) / 24.0

    def days_since_last(self) -> Array:
        """Return the days from the latest row to the cutoff; missing where there is none."""
        return self.reader.cutoff - self.reader.outermost(self.rows, self.window, True, "day")

    def days_since_first(self) -> Array:
        """Return the days from the first row of the window to the cutoff; missing where there is none."""
        return self.reader.cutoff - self.reader.outermost(self.rows, self.window, False, "day")

    def latest(self, value: str) -> Array:
        """Return the value of the latest row that gives one; missing where there is none."""
        column = self._value(value)
        value_in_store = self.reader.outermost(self._rows_with(column.name), self.window, True, column.name)
        return value_in_store / STORED_UNITS[column.type]

    def latest_level(self, level: str) -> Array:
        """Return the code of the level of the latest row that gives one; missing where there is none.

        The codes are those of the store; a signal names the column with `level_of`.
        """
        column = self._level(level)
        return self.reader.outermost(self._rows_with(column), self.window, True, column)

    def days_until(self, scheduled: str) -> Array:
        """Return the days from the cutoff to a scheduled time of the latest row that gives one."""
        column = self._scheduled(scheduled)
        return self.reader.outermost(self._rows_with(column), self.window, True, column) - self.reader.cutoff

    def per(self, days: int, quiet_days: int = 0) -> Array:
        """Return the usual count per `days`, over the part of the window after sign-up.

        `quiet_days` without a row are added, which draws the rate of a short time towards 0.
        Missing where no day of the window is covered, or fewer than `days` with those that are added.
        """
        covered_days = self.reader.covered_days(self.window)
        length = covered_days + quiet_days
        enough = (covered_days > 0) & (length >= days)
        return np.where(
            enough, self.reader.count(self.rows, self.window) * days / np.where(enough, length, 1), np.nan
        )

    def slope(self, per_days: int = 28) -> Array:
        """Return the least-squares slope of the daily count over the window: the change per `per_days`.

        `sum (x - mean x) y / sum (x - mean x)^2`, x the day, y the rows of that day.
        Missing where the window is not covered from its start.
        """
        length = self._days
        if length < 2:
            raise SignalError(f"{self.signal}: slope needs a window of two days or more.")
        count = self.reader.count(self.rows, self.window)
        first = self.reader.cutoff - self.window[0]
        since_first = self.reader.total(self.rows, "day", self.window) - first * count
        slope = (since_first - (length - 1) / 2 * count) * (12 * per_days / (length**3 - length))
        is_covered = self.reader.covered_days(self.window) >= length
        return self._where_covered(slope if is_covered.all() else np.where(is_covered, slope, np.nan))

    def decayed_count(self, half_life_days: int) -> Array:
        """Count the rows, each weighing `0.5 ** (age in days / half_life_days)`; the age of yesterday is 1.

        Weights are rounded to 2**-30 of their 28-day period, so that sums are exact.
        """
        if half_life_days < SHORTEST_HALF_LIFE_DAYS:
            raise SignalError(
                f"{self.signal}: a half-life of {half_life_days} days is too short; "
                f"{SHORTEST_HALF_LIFE_DAYS} or more."
            )
        return self._where_covered(self.reader.decayed_count(self.rows, half_life_days, self.window))

    def mean_gap(self) -> Array:
        """Average the days between successive active days; missing with fewer than two."""
        self._refuse_lacking("mean_gap")
        between = self.days_since_first() - self.days_since_last()
        return ratio(between, self.reader.days(self.rows, self.window) - 1)

    def tenure_days(self) -> Array:
        """Return the days since the customer signed up."""
        return self.reader.tenure()
