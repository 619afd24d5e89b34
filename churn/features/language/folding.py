"""Verbs of the view language for sums, extremes and latest rows.

A value costs one or two look-ups per customer, cutoff and window; the cost does not depend on the number of
rows. Before the first look-up, the selected rows (see `Selection`) are read once, for all cutoffs and windows
together.
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
"""The shortest half-life of a decay.

Rows are first summed within fixed periods of 28 days. Within a period, weights are rounded to multiples of
2**-30, so a shorter half-life would give wrong sums.
"""


class FoldingVerbs(View):
    """Verbs that return counts, sums, extremes, numbers of days, latest values and trends."""

    cost = Cost.FOLDS

    def count(self) -> Array:
        """Count the rows.

        The count is missing if the window ends before the customer's sign-up or begins before the table's
        data.
        """
        return self._where_covered(self.reader.count(self.rows, self.window))

    def active_days(self) -> Array:
        """Count the distinct days with a row, in the company's time zone."""
        self._refuse_lacking("active_days")
        return self._where_covered(self.reader.days(self.rows, self.window))

    def total(self, value: str) -> Array:
        """Sum a value over the rows in which the value is not missing, in the unit of the value."""
        column = self._value(value)
        rows = self._rows_with(column.name)
        return self._where_covered(
            self.reader.total(rows, column.name, self.window) / STORED_UNITS[column.type]
        )

    def mean(self, value: str) -> Array:
        """Average a value over the rows in which it is not missing; without such a row, the mean is missing.

        The mean is also missing if the window ends before the customer's sign-up or begins before the
        table's data.
        """
        column = self._value(value)
        return ratio(self.total(value), self.reader.count(self._rows_with(column.name), self.window))

    def highest(self, value: str) -> Array:
        """Return the highest value, or missing if no row gives a value."""
        column = self._value(value)
        value_in_store = self.reader.extreme(self._rows_with(column.name), column.name, self.window, True)
        return value_in_store / STORED_UNITS[column.type]

    def lowest(self, value: str) -> Array:
        """Return the lowest value, or missing if no row gives a value."""
        column = self._value(value)
        value_in_store = self.reader.extreme(self._rows_with(column.name), column.name, self.window, False)
        return value_in_store / STORED_UNITS[column.type]

    def mean_hours_to(self, outcome: str) -> Array:
        """Average the hours from a row's own time to the time of its outcome, if the outcome is known."""
        column = f"{self._outcome(outcome)}_after"
        rows = self.having(outcome)._rows_with(column)
        seconds = self.reader.total(rows, column, self.window)
        return ratio(seconds / 3600.0, self.reader.count(rows, self.window))

    def mean_days_to(self, outcome: str) -> Array:
        """Average the days from a row's own time to the time of its outcome, if the outcome is known."""
        return self.mean_hours_to(outcome) / 24.0

    def never(self) -> Array:
        """Return 1 if there is no row since the customer's sign-up, and 0 if there is a row.

        If no row is found, but the window or the table's data begin after the sign-up, an earlier row may
        exist. The value is then missing.
        """
        count = self.reader.count(self.rows, self.window)
        days_since_sign_up = self.reader.tenure() - self.window[1]
        is_covered = self.reader.covered_days(self.window) >= days_since_sign_up
        return np.where(count > 0, 0.0, np.where(is_covered, 1.0, np.nan))

    def days_since_last(self) -> Array:
        """Return the days from the latest row to the cutoff, or missing if there are no rows."""
        return self.reader.cutoff - self.reader.outermost(self.rows, self.window, True, "day")

    def days_since_first(self) -> Array:
        """Return the days from the first row of the window to the cutoff, or missing if there are no rows."""
        return self.reader.cutoff - self.reader.outermost(self.rows, self.window, False, "day")

    def latest(self, value: str) -> Array:
        """Return the value of the latest row that gives a value, or missing if no row gives a value."""
        column = self._value(value)
        value_in_store = self.reader.outermost(self._rows_with(column.name), self.window, True, column.name)
        return value_in_store / STORED_UNITS[column.type]

    def latest_level(self, level: str) -> Array:
        """Return the latest name in the column `level`, as a code; missing if no row gives a name.

        The code is the number under which the store keeps the name. A signal that uses the verb must state
        the column in its `level_of`.
        """
        column = self._level(level)
        return self.reader.outermost(self._rows_with(column), self.window, True, column)

    def days_until(self, scheduled: str) -> Array:
        """Take the latest row with a `scheduled` time; return the days from the cutoff to this time."""
        column = self._scheduled(scheduled)
        return self.reader.outermost(self._rows_with(column), self.window, True, column) - self.reader.cutoff

    def per(self, days: int, quiet_days: int = 0) -> Array:
        """Return the row count per `days` days, as if there were `quiet_days` more days without a row.

        A day of the window is covered if the customer can have rows on this day. Days before the sign-up, or
        before the start of the table's data, are not covered. The result is `count * days / length`, where
        `length` is the number of covered days plus `quiet_days`. `quiet_days` thus acts like added days
        without a row: if few days are covered, it draws the result towards 0. The result is missing if no day
        is covered, or if `length` is below `days`.

        Args:
            days: The length of time to which the count refers, such as 28 for a count per 28 days.
            quiet_days: Days without a row that are added to the covered days.
        """
        covered_days = self.reader.covered_days(self.window)
        length = covered_days + quiet_days
        enough = (covered_days > 0) & (length >= days)
        return np.where(
            enough, self.reader.count(self.rows, self.window) * days / np.where(enough, length, 1), np.nan
        )

    def slope(self, per_days: int = 28) -> Array:
        """Fit a least-squares line to the daily row counts, and return how much it rises in `per_days` days.

        The slope per day is `sum (x - mean x) y / sum (x - mean x)^2`, where x is the day and y is the number
        of rows on day x. The slope is missing if the sign-up or the table's data began after the window's
        start.
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
        """Count the rows; a row's weight halves with every `half_life_days` days of age.

        The weight is `0.5 ** (age in days / half_life_days)`. A row of the day before the cutoff has age 1.
        Rows are first summed within fixed periods of 28 days, then the periods are added up. Within a period,
        weights are rounded to multiples of 2**-30, so that the sum of the period is exact.
        """
        if half_life_days < SHORTEST_HALF_LIFE_DAYS:
            raise SignalError(
                f"{self.signal}: a half-life of {half_life_days} days is too short. "
                f"Take {SHORTEST_HALF_LIFE_DAYS} days or more."
            )
        return self._where_covered(self.reader.decayed_count(self.rows, half_life_days, self.window))

    def mean_gap(self) -> Array:
        """Average the days from one active day to the next; missing if fewer than two days are active."""
        self._refuse_lacking("mean_gap")
        between = self.days_since_first() - self.days_since_last()
        return ratio(between, self.reader.days(self.rows, self.window) - 1)

    def tenure_days(self) -> Array:
        """Return the days since the customer signed up."""
        return self.reader.tenure()
