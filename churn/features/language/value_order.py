"""Verbs (methods that a signal calls) for values in order of time, such as the previous value or a trend.

At each cutoff, a verb passes once over the rows of its window.
"""

from __future__ import annotations

import numpy as np

from churn.data.tables import STORED_UNITS
from churn.features.language.arithmetic import ratio
from churn.features.language.cost import Cost
from churn.features.language.reader import NEVER, Array, RowSequence
from churn.features.language.runs import (
    at_position,
    line_per_customer,
    per_customer,
    quantile_per_customer,
    run_bounds,
)
from churn.features.language.view import View


class OrderedVerbs(View):
    """Verbs that compute previous values, runs of rows, counts, quantiles, trends and decayed means."""

    cost = Cost.PASSES

    def previous(self, value: str) -> Array:
        """Return the value before the latest value, in order of time; missing with fewer than two values."""
        rows, values = self._values(value)
        start, end = run_bounds(rows)
        return at_position(values, end - 2, end - start >= 2)

    def run_lacking(self, outcome: str) -> Array:
        """Count the rows after the latest row that has the outcome; missing for a customer without rows.

        If no row of a customer has the outcome, all rows count. An outcome counts if it was known before the
        cutoff.
        """
        column = f"{self._outcome(outcome)}_day"
        rows = self.reader.sequence(self.rows, self.window, (column,))
        start, end = run_bounds(rows)
        with_outcome = np.flatnonzero(rows.columns[column] < self.reader.cutoff)
        after = start.copy()
        after[rows.customer[with_outcome]] = (
            with_outcome + 1
        )  # rows are in order of time, so each customer's latest row stays
        return np.where(end > start, end - after, np.nan)

    def quantile(self, value: str, share: float) -> Array:
        """Return a quantile of a value over the rows, such as the median with `share` 0.5.

        The quantile is the lowest value for which at least `share` of the values are equal to it or lower.
        """
        rows, values = self._values(value)
        return quantile_per_customer(rows, values, share)

    def count_at_most(self, value: str, bound: float) -> Array:
        """Count the rows whose value is `bound` or less."""
        rows, values = self._values(value)
        return self._where_covered(per_customer(rows, (values <= bound).astype(np.float64)))

    def count_slower(self, outcome: str, days: int) -> Array:
        """Count the rows whose outcome came more than `days` after the row's own time."""
        column = f"{self._outcome(outcome)}_after"
        rows = self.reader.sequence(self.having(outcome)._rows_with(column), self.window, (column,))
        return self._where_covered(
            per_customer(rows, (rows.columns[column] > days * 86_400).astype(np.float64))
        )

    def count_late(self, outcome: str, scheduled: str) -> Array:
        """Count the rows whose outcome did not come by the end of the row's scheduled day.

        A row counts if its outcome came on a later day, or if the scheduled day is over and the outcome is
        not known. Rows without a scheduled day do not count.
        """
        column, due = f"{self._outcome(outcome)}_day", self._scheduled(scheduled)
        rows = self.reader.sequence(self._rows_with(due), self.window, (column, due))
        is_known = rows.columns[column] < self.reader.cutoff
        end = np.where(is_known, rows.columns[column], self.reader.cutoff)
        return self._where_covered(per_customer(rows, (end > rows.columns[due]).astype(np.float64)))

    def days_until_next(self, scheduled: str, value: str, balance: Array) -> Array:
        """Return the days until the next part of `balance` expires; a row's `value` expires at `scheduled`.

        Each row holds a value (such as the points that a customer earned), which expires at the row's
        scheduled time. The value of a row without a scheduled time never expires. It is assumed that
        customers spend first what expires first. The balance then consists of the values that expire last.
        The result is missing if there is no balance, or if no part of the balance expires at or after the
        cutoff.

        Args:
            scheduled: The column with the time at which the value of a row expires.
            value: The column with the value of a row.
            balance: What is left of the values, one number per customer, `[n]`.
        """
        ends, column = self._scheduled(scheduled), self._value(value)
        rows = self.reader.sequence(self.rows, self.window, (ends, column.name))
        order = np.lexsort((rows.columns[ends], rows.customer))
        customer, day = rows.customer[order], rows.columns[ends][order]
        values = rows.columns[column.name][order]  # whole numbers, so that sums are exact
        sums = np.concatenate([[0], np.cumsum(values)])
        end = run_bounds(rows)[1]
        given_later = sums[end][customer] - sums[1:]
        has_part = given_later < np.rint(balance * STORED_UNITS[column.type])[customer]
        is_ahead = (day >= self.reader.cutoff) & (day < NEVER)
        is_next = np.flatnonzero(has_part & (values > 0) & is_ahead)
        days = np.full(rows.n, np.nan)
        days[customer[is_next][::-1]] = (day[is_next] - self.reader.cutoff)[::-1]  # the earliest stays
        return days

    def trend(self, value: str) -> Array:
        """Fit a least-squares line of a value over time, and return the line's value at the cutoff.

        The result is missing with fewer than three values.
        """
        rows, values = self._values(value)
        return line_per_customer(rows, rows.columns["day"].astype(np.float64), values, self.reader.cutoff)[0]

    def decayed_mean(self, value: str, half_life_days: int) -> Array:
        """Average a value over the rows; a row's weight halves with every `half_life_days` days of age.

        The weight is `0.5 ** (age in days / half_life_days)`.
        """
        rows, values = self._values(value)
        return self._decayed_mean(rows, values, half_life_days)

    def decayed_hours_to(self, outcome: str, half_life_days: int) -> Array:
        """Average the hours from a row to its outcome; a row's weight halves every `half_life_days` days.

        `outcome` is a column of times, such as `first_reply_at`. Rows without a known outcome do not count.
        The weight of a row is `0.5 ** (age in days / half_life_days)`.
        """
        column = f"{self._outcome(outcome)}_after"
        selection = self.having(outcome)._rows_with(column)
        rows = self.reader.sequence(selection, self.window, (column,))
        return self._decayed_mean(rows, rows.columns[column] / 3600.0, half_life_days)

    def _values(self, value: str) -> tuple[RowSequence, Array]:
        column = self._value(value)
        rows = self.reader.sequence(self._rows_with(column.name), self.window, (column.name,))
        return rows, rows.columns[column.name] / STORED_UNITS[column.type]

    def _decayed_mean(self, rows: RowSequence, values: Array, half_life_days: int) -> Array:
        weights = np.exp2((rows.columns["day"] - self.reader.cutoff) / half_life_days)
        return ratio(per_customer(rows, weights * values), per_customer(rows, weights))
