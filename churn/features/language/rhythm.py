"""Verbs (methods that a signal calls) for the rhythm of a customer's active days, such as the gaps.

At each cutoff, a verb passes once over the rows of its window.

A gap is the number of days between two successive active days. Two rows on one day make no gap.
"""

from __future__ import annotations

import numpy as np

from churn.features.language.arithmetic import ratio
from churn.features.language.cost import Cost
from churn.features.language.reader import Array, RowSequence
from churn.features.language.runs import (
    at_position,
    line_per_customer,
    per_customer,
    quantile_per_customer,
    run_bounds,
)
from churn.features.language.view import View


class RhythmVerbs(View):
    """Verbs for active days: the gaps between them, the silence since the last one, and their weekdays."""

    cost = Cost.PASSES

    def gap_spread(self) -> Array:
        """Return the standard deviation, in days, of the gaps between active days.

        The standard deviation is missing with fewer than two gaps.
        """
        rows, gaps = self._gaps()
        n = per_customer(rows)
        mean = ratio(per_customer(rows, gaps), n)
        off = gaps - mean[rows.customer]
        return np.where(n >= 2, np.sqrt(ratio(per_customer(rows, off * off), n)), np.nan)

    def gap_quantile(self, share: float) -> Array:
        """Return a quantile of the gaps (days between active days), such as the median with `share` 0.5.

        The quantile is the shortest gap for which at least `share` of the gaps are equal to it or shorter.
        """
        rows, gaps = self._gaps()
        return quantile_per_customer(rows, gaps, share)

    def last_gap(self) -> Array:
        """Return the latest gap in days, or missing with fewer than two active days."""
        rows, gaps = self._gaps()
        start, end = run_bounds(rows)
        return at_position(gaps, end - 1, end > start)

    def longest_gap(self) -> Array:
        """Return the longest gap in days, or missing with fewer than two active days."""
        return self.gap_quantile(1.0)

    def gap_rank(self) -> Array:
        """Return the share of gaps that are not longer than the time since the last active day."""
        rows, gaps = self._gaps()
        silence = self.reader.cutoff - self.reader.outermost(self.rows, self.window, True, "day")
        return ratio(
            per_customer(rows, (gaps <= silence[rows.customer]).astype(np.float64)), per_customer(rows)
        )

    def gap_trend(self) -> Array:
        """Return the slope of a least-squares line through ln(gap): above 0 if the gaps grow longer.

        The slope is the rise from one gap to the next. It is missing with fewer than three gaps.
        """
        rows, gaps = self._gaps()
        start, _ = run_bounds(rows)
        nth = np.arange(len(gaps)) - start[rows.customer]
        return line_per_customer(rows, nth.astype(np.float64), np.log(gaps), 0.0)[1]

    def burstiness(self) -> Array:
        """Return `(s - m) / (s + m)`, with the mean m and standard deviation s of gaps between active days.

        The value is -1 if all gaps are equal, about 0 if events are random, and near 1 if events come in
        bursts. Source: Goh and Barabasi 2008.
        """
        spread = self.gap_spread()
        rows, gaps = self._gaps()
        mean = ratio(per_customer(rows, gaps), per_customer(rows))
        return ratio(spread - mean, spread + mean)

    def clumpiness(self) -> Array:
        """Return how clumped the active days are: 0 if they are evenly spaced, near 1 if they form clumps.

        The n active days cut the window into n + 1 parts. Let x be the length of a part as a share of the
        window. The value is `1 + sum(x ln x) / ln(n + 1)`, with the sum over all parts. The value is missing
        if there is no active day. The value is also missing if the sign-up or the table's first row is later
        than the window's first day.
        Source: Zhang, Bradlow and Small 2015.
        """
        rows = self._active_day_rows()
        start, end = run_bounds(rows)
        n, days = end - start, rows.columns["day"]
        first = at_position(days, start, n > 0) - (self.reader.cutoff - self.window[0])
        last = self.reader.cutoff - self.window[1] - at_position(days, end - 1, n > 0)
        gap_rows, gaps = self._gaps()

        def information(share: Array) -> Array:
            return np.where(share > 0, share * np.log(np.where(share > 0, share, 1.0)), 0.0)

        total = information(first / self._days) + information(last / self._days)
        total = total + per_customer(gap_rows, information(gaps / self._days))
        is_covered = self.reader.covered_days(self.window) >= self._days
        return np.where((n > 0) & is_covered, 1 + ratio(total, np.log(n + 1.0)), np.nan)

    def weekday_entropy(self) -> Array:
        """Return `-sum(p ln p) / ln 7`, where p is the share of a weekday among the active days.

        The entropy is 0 if all active days fall on one weekday, and 1 if all weekdays have equal shares.
        """
        counts = self._weekdays()
        total = counts.sum(axis=1)
        share = counts / np.where(total > 0, total, 1.0)[:, None]
        parts = np.where(share > 0, share * np.log(np.where(share > 0, share, 1.0)), 0.0)
        return np.where(total > 0, np.maximum(-parts.sum(axis=1) / np.log(7), 0.0), np.nan)

    def missed_weekdays(self) -> Array:
        """Of the earlier active days, return the share on weekdays without activity in the last week.

        The last week is the window's last seven days; the earlier days lie before it in the same window. A
        weekday without activity in the last week is missed.
        """
        usual, recent = self._earlier(7)._weekdays(), self._recent(7)._weekdays()
        return ratio(np.where(recent > 0, 0.0, usual).sum(axis=1), usual.sum(axis=1))

    def _active_day_rows(self) -> RowSequence:
        self._refuse_lacking("rhythm")
        return self.reader.sequence(self.rows, self.window, (), distinct_days=True)

    def _gaps(self) -> tuple[RowSequence, Array]:
        """Return one row per gap, ordered by customer and time, and each gap's length in days, `[gaps]`."""
        rows = self._active_day_rows()
        day = rows.columns["day"]
        of_same_customer = rows.customer[1:] == rows.customer[:-1]
        return RowSequence(rows.n, rows.customer[1:][of_same_customer], {}), np.diff(day)[
            of_same_customer
        ].astype(np.float64)

    def _weekdays(self) -> Array:
        """Return the number of active days per customer and weekday, `[n, 7]`."""
        rows = self._active_day_rows()
        key = rows.customer.astype(np.int64) * 7 + rows.columns["day"] % 7
        return np.bincount(key, minlength=7 * rows.n).reshape(rows.n, 7).astype(np.float64)
