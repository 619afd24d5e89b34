"""Verbs of the view language that count rows per week; they cost one look-up per customer and week.

The k-th week is `[end - 7 k days, end - 7 (k - 1) days)`, where `end` is the end of the window. A week is
covered if the sign-up and the table's first row lie on the week's first day or earlier. Only covered weeks
are used. The value of a verb is missing if fewer than four weeks are covered.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from churn.errors import SignalError
from churn.features.language.arithmetic import ratio
from churn.features.language.cost import Cost
from churn.features.language.reader import Array
from churn.features.language.view import View

MIN_WEEKS = 4


class WeekVerbs(View):
    """Measure weekly activity, such as the share of active weeks, or how far activity has fallen."""

    cost = Cost.WEEKS

    def active_weeks(self) -> Array:
        """Return the share of the window's weeks that have a row."""
        weeks, is_covered = self._weeks()
        return self._if_enough(
            is_covered, ratio((weeks > 0).sum(axis=0).astype(np.float64), is_covered.sum(axis=0))
        )

    def inactive_weeks(self) -> Array:
        """Count the successive weeks without a row, back from the end of the window."""
        weeks, is_covered = self._weeks()
        silent = np.logical_and.accumulate((weeks == 0) & is_covered, axis=0)
        return self._if_enough(is_covered, silent.sum(axis=0).astype(np.float64))

    def quieting_rate(self) -> Array:
        """Return the estimated probability that an active week is followed by a week without a row.

        The estimate is `(k + 1) / (n + 2)`. Here n is the number of active weeks before the window's last
        week, and k is the number of these weeks that were followed by a week without a row.
        """
        weeks, is_covered = self._weeks()
        active = (weeks[1:] > 0) & is_covered[1:]
        silent_after = active & (weeks[:-1] == 0)
        return self._if_enough(is_covered, (silent_after.sum(axis=0) + 1.0) / (active.sum(axis=0) + 2.0))

    def drawdown(self) -> Array:
        """Divide the last four weeks' row count by the highest row count of any four successive weeks."""
        weeks, is_covered = self._weeks()
        four = np.stack([weeks[k : k + 4].sum(axis=0) for k in range(len(weeks) - 3)])
        return self._if_enough(is_covered, ratio(four[0], four.max(axis=0)))

    def shortfall(self) -> Array:
        """Return how many rows are missing since weekly counts fell below their mean, divided by the mean.

        This is a one-sided CUSUM. The sum S starts at 0. From the oldest week on, `S = max(0, S + m - y)`,
        where y is the count of a week and m is the mean count of all weeks. The value is the last S, divided
        by m.
        Source: Page 1954.
        """
        return self._cusum()[0]

    def shortfall_weeks(self) -> Array:
        """Return the number of weeks since the shortfall began, that is, since `shortfall` was last 0."""
        return self._cusum()[1]

    def _cusum(self) -> tuple[Array, Array]:
        weeks, is_covered = self._weeks()
        mean = ratio(weeks.sum(axis=0), is_covered.sum(axis=0).astype(np.float64))
        missing, since = np.zeros(weeks.shape[1]), np.zeros(weeks.shape[1])
        for week, in_reach in zip(weeks[::-1], is_covered[::-1], strict=True):
            missing = np.where(in_reach, np.maximum(missing + mean - week, 0.0), missing)
            since = np.where(missing > 1e-9 * np.maximum(mean, 1.0), since + 1, 0.0)
        return self._if_enough(is_covered, ratio(missing, mean)), self._if_enough(is_covered, since)

    def _weeks(self) -> tuple[Array, npt.NDArray[np.bool_]]:
        """Return each customer's number of rows in each week, and a mask of the covered weeks.

        Both have the shape `[weeks, customers]`; the last week comes first. A week that is not covered gets
        the number 0.
        """
        numbers = range(1, self._days // 7 + 1)
        if len(numbers) < MIN_WEEKS:
            raise SignalError(
                f"{self.signal}: verbs that count rows per week, such as `active_weeks()`, need a window of "
                f"{7 * MIN_WEEKS} days or more."
            )
        skip = self.window[1]
        views = [self.last(skip + 7 * k, skip=skip + 7 * (k - 1)) for k in numbers]
        is_covered = np.stack([view.reader.covered_days(view.window) >= 7 for view in views])
        counts = np.stack([view.reader.count(view.rows, view.window) for view in views])
        return np.where(is_covered, counts, 0.0), is_covered

    def _if_enough(self, is_covered: npt.NDArray[np.bool_], values: Array) -> Array:
        return np.where(is_covered.sum(axis=0) >= MIN_WEEKS, values, np.nan)
