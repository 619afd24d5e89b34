"""Compute counts, sums and extremes for each customer and each bin of days.

The rows of a block are ordered by (customer, time), so the rows of one customer in one bin form a run. The
start positions of the runs are enough to count rows and to find the latest row. The total of any window is
the difference of two prefix sums at these positions. A row is steady if it counts at every cutoff after its
day. Rows that are not steady stand in a short list; they are added at each cutoff at which they count. All
sums are sums of integers, so they do not depend on the order of blocks, threads and machines.
"""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise

import numpy as np

from churn.features.engine.row_selection import SCALE, SelectedRows, decay_weights, distinct_days, select_rows
from churn.features.engine.rows import AnyInt, Rows
from churn.features.engine.timeline import GRID_DAYS, IntArray, Timeline
from churn.features.language.reader import Array, LongArray, Selection

LOWEST, HIGHEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max
Span = tuple[int, int]
"""A range of bins, `[start, end)`."""


class Aggregates:
    """The counts, sums and extremes of the selected rows of one table, for one block of `n` customers.

    Each method takes the index of a cutoff in `timeline.cutoffs`, and a span of bins.
    """

    def __init__(self, rows: SelectedRows, timeline: Timeline) -> None:
        self.rows = rows
        self.timeline = timeline
        self.n = rows.source.n
        self._prefix: dict[str, LongArray] = {}
        self._extremes: dict[tuple[str, bool], LongArray] = {}
        self._unsteady_at: dict[int, LongArray] = {}

    def count(self, ordinal: int, span: Span) -> Array:
        """Count each customer's rows in the window, `[n]`."""
        counts: Array = np.subtract(self._edges[span[1]], self._edges[span[0]], dtype=np.float64)
        unsteady = self._unsteady_in(ordinal, span)
        if len(unsteady):
            counts += np.bincount(self.rows.customer[unsteady], minlength=self.n)
        return counts

    def total(self, ordinal: int, span: Span, column: str) -> LongArray:
        """Sum an integer column over each customer's rows in the window, `[n]`.

        Args:
            ordinal: The index of the cutoff in `timeline.cutoffs`.
            span: The bins `[start, end)` of the window.
            column: A stored integer column, or the name `day` for the day on which a row counts.
        """
        if column not in self._prefix:
            self._prefix[column] = self._prefix_of(self._steady_of(self.rows.column(column)))
        prefix = self._prefix[column]
        sums: LongArray = prefix[span[1]] - prefix[span[0]]
        unsteady = self._unsteady_in(ordinal, span)
        if len(unsteady):
            np.add.at(sums, self.rows.customer[unsteady], self.rows.at(column, unsteady))
        return sums

    def decayed_count(self, ordinal: int, span: Span, half_life: int) -> Array:
        """Sum `0.5 ** (age in days / half_life)` over each customer's rows in the window, `[n]`.

        The rows of each fixed period of `GRID_DAYS` days are summed first; these sums have no rounding
        error. Then the sums of the periods are added. So the result is the same to the last digit, however
        the days are cut into bins.

        Args:
            ordinal: The index of the cutoff in `timeline.cutoffs`.
            span: The bins `[start, end)` of the window.
            half_life: The number of days after which a weight is halved.
        """
        name = f"decayed {half_life}"
        if name not in self._prefix:
            weights = decay_weights(self.rows.day, half_life, GRID_DAYS)
            self._prefix[name] = self._prefix_of(self._steady_of(weights))
        prefix, boundaries = self._prefix[name], self.timeline.boundaries
        cutoff = self.timeline.cutoffs[ordinal]
        unsteady = self._unsteady_in(ordinal, span)
        total = np.zeros(self.n)
        start = span[0]
        while start < span[1]:
            period_end = boundaries[start] - boundaries[start] % GRID_DAYS + GRID_DAYS
            end = self.timeline.edge(period_end) if period_end < boundaries[span[1]] else span[1]
            period_sum = prefix[end] - prefix[start]
            if len(unsteady):
                bins = self._bins_of(unsteady)
                of_period = unsteady[(bins >= start) & (bins < end)]
                weights = decay_weights(self.rows.day[of_period], half_life, GRID_DAYS)
                np.add.at(period_sum, self.rows.customer[of_period], weights)
            total += period_sum * (2.0 ** ((period_end - cutoff) / half_life) / SCALE)
            start = end
        return total

    def extreme(self, ordinal: int, span: Span, column: str, highest: bool) -> Array:
        """Return the highest or lowest value, `[n]`; `nan` for a customer without a value.

        Args:
            ordinal: The index of the cutoff in `timeline.cutoffs`.
            span: The bins `[start, end)` of the window.
            column: A stored column.
            highest: True for the highest value, False for the lowest value.
        """
        key = column, highest
        missing, ufunc = (LOWEST, np.maximum) if highest else (HIGHEST, np.minimum)
        if key not in self._extremes:
            extremes = np.full((self.timeline.bins, self.n), missing, dtype=np.int64)
            starts, cells = self._runs
            if len(starts):
                steady = self._steady_of(self.rows.column(column)).astype(np.int64, copy=False)
                extremes.ravel()[cells] = ufunc.reduceat(steady, starts)
            self._extremes[key] = extremes
        values = ufunc.reduce(self._extremes[key][span[0] : span[1]], axis=0)
        unsteady = self._unsteady_in(ordinal, span)
        if len(unsteady):
            ufunc.at(values, self.rows.customer[unsteady], self.rows.at(column, unsteady))
        return np.where(values == missing, np.nan, values)

    def outermost(self, ordinal: int, span: Span, latest: bool) -> LongArray:
        """Return the position of each customer's latest or first row in the window, `[n]`; -1 if none.

        Args:
            ordinal: The index of the cutoff in `timeline.cutoffs`.
            span: The bins `[start, end)` of the window.
            latest: True for the latest row, False for the first row.
        """
        start, end = self._edges[span[0]], self._edges[span[1]]
        positions = self._steady_position(end - 1 if latest else start)
        positions[end <= start] = -1 if latest else HIGHEST
        unsteady = self._unsteady_in(ordinal, span)
        if len(unsteady):
            combine = np.maximum if latest else np.minimum
            combine.at(positions, self.rows.customer[unsteady], unsteady)
        if not latest:
            positions[positions == HIGHEST] = -1
        return positions

    def positions(self, ordinal: int, span: Span) -> LongArray:
        """Return the positions of the window's rows among the selected rows, ascending, `[rows]`."""
        starts = self._edges[span[0]].astype(np.int64)
        lengths = self._edges[span[1]] - starts  # in 64 bits, like `starts`
        ends = np.cumsum(lengths)
        steady = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - lengths), lengths)
        positions = self._steady_position(steady)
        unsteady = self._unsteady_in(ordinal, span)
        return np.sort(np.concatenate([positions, unsteady])) if len(unsteady) else positions

    @cached_property
    def _steady(self) -> LongArray | None:
        """Return the positions of the rows that count at every cutoff after their day; None if all rows do.

        Such rows are called steady. The positions are those among the selected rows.
        """
        return None if self.rows.steady is None else np.flatnonzero(self.rows.steady)

    def _steady_of(self, values: AnyInt) -> AnyInt:
        return values if self._steady is None else values[self._steady]

    def _steady_position(self, position: AnyInt) -> LongArray:
        """Turn positions among the steady rows into positions among all selected rows.

        A row is steady if it counts at every cutoff after its day.
        """
        if self._steady is None:
            all_steady: LongArray = position.astype(np.int64)
            return all_steady
        if not len(self._steady):
            return np.full(len(position), -1, dtype=np.int64)
        positions: LongArray = self._steady[np.clip(position, 0, len(self._steady) - 1)]
        return positions

    @cached_property
    def _runs(self) -> tuple[LongArray, LongArray]:
        """Return the start of each run of rows, and its cell `bin * n + customer`, `[runs]`.

        A row is steady if it counts at every cutoff after its day. A run holds the steady rows of one
        customer in one bin.
        """
        # The cells of a block fit 31 bits.
        cell = self.timeline.bin_of(self._steady_of(self.rows.day)) * np.int32(self.n)
        cell += self._steady_of(self.rows.customer)
        new = np.empty(len(cell), dtype=bool)
        new[:1] = True
        np.not_equal(cell[1:], cell[:-1], out=new[1:])
        starts = np.flatnonzero(new)
        return starts, cell[starts].astype(np.int64)

    @cached_property
    def _edges(self) -> IntArray:
        """Return for each bin and customer the position of the first row in this bin or later.

        Only steady rows (see `_runs`) have positions here. The shape is `[bins + 1, n]`. A customer's rows in
        bins `[start, end)` have positions `[edges[start], edges[end])`.
        """
        starts, cells = self._runs
        edges = np.zeros((self.timeline.bins + 1, self.n), dtype=np.int32)
        rows = len(self.rows.day) if self._steady is None else len(self._steady)
        edges.ravel()[cells + self.n] = np.diff(starts, append=rows)
        np.cumsum(edges.sum(axis=0, dtype=np.int32)[:-1], out=edges[0, 1:])
        for previous, current in pairwise(edges):  # three times as fast as cumsum along the first axis
            current += previous
        return edges

    def _prefix_of(self, weights: AnyInt) -> LongArray:
        """For each position in `_edges`, sum the weights before this position, `[bins + 1, n]`."""
        sums = np.zeros(len(weights) + 1, dtype=np.int64)
        np.cumsum(weights, out=sums[1:])
        return sums[self._edges]

    @cached_property
    def _unsteady(self) -> LongArray:
        """Return the positions of the rows that are not steady (see `_runs`).

        Such a row does not count at every cutoff after its day, for example because it became known late.
        """
        if self.rows.steady is None:
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(~self.rows.steady)

    def _unsteady_in(self, ordinal: int, span: Span) -> LongArray:
        """Return the positions of the window's rows that count only at some cutoffs, among them this cutoff.

        Such rows are unsteady: they do not count at every cutoff after their day. The positions are those in
        `self.rows`.
        """
        rows, unsteady = self.rows, self._unsteady
        if not len(unsteady):
            return unsteady
        if ordinal not in self._unsteady_at:
            assert rows.begin is not None
            counts = rows.begin[unsteady] <= ordinal
            if rows.end is not None:
                counts &= rows.end[unsteady] > ordinal
            self._unsteady_at[ordinal] = unsteady[counts]
        unsteady = self._unsteady_at[ordinal]
        bins = self._bins_of(unsteady)
        return unsteady[(bins >= span[0]) & (bins < span[1])]

    def _bins_of(self, unsteady: LongArray) -> IntArray:
        return self.timeline.bin_of(self.rows.day[unsteady])


class TableAggregates:
    """The aggregates of one table for one block of customers; each is computed when it is first used."""

    def __init__(self, rows: Rows, timeline: Timeline) -> None:
        self.rows = rows
        self.timeline = timeline
        self._selected_rows: dict[Selection, SelectedRows] = {}
        self._aggregates: dict[tuple[Selection, bool], Aggregates] = {}

    def of(self, selection: Selection, distinct: bool = False) -> Aggregates:
        """Return the aggregates of the selected rows, or of the distinct local days of these rows."""
        if selection.value and selection.value not in self.rows.present:
            selection = selection._replace(value=None)  # no value is missing, so no row is excluded
        key = selection, distinct
        if key not in self._aggregates:
            rows = self._select(selection)
            self._aggregates[key] = Aggregates(distinct_days(rows) if distinct else rows, self.timeline)
        return self._aggregates[key]

    def _select(self, selection: Selection) -> SelectedRows:
        if selection not in self._selected_rows:
            self._selected_rows[selection] = select_rows(self.rows, self.timeline, selection)
        return self._selected_rows[selection]
