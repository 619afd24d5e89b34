"""Counts, sums and extremes per (bin, customer), from which every window is one or two look-ups.

The rows of a block are ordered by (customer, time), so those of one customer in one bin stand together: where
each such run begins is enough to count rows and to find the latest, and prefix sums at these places turn the
total of any window into a difference. What an earlier cutoff could not know stays apart as a short list and
is added at each later cutoff. All sums are of integers, so no order of blocks, threads or machines can change
a digit.
"""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise

import numpy as np

from churn.features.engine.row_selection import SCALE, Chosen, choose, decay_weights, distinct_days
from churn.features.engine.rows import AnyInt, Rows
from churn.features.engine.timeline import GRID_DAYS, IntArray, Timeline
from churn.features.language.reader import Array, LongArray, Selection

LOWEST, HIGHEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max
Span = tuple[int, int]
"""Bins `[start, end)`."""


class Cells:
    """One selection of one table, for one block of customers."""

    def __init__(self, chosen: Chosen, timeline: Timeline) -> None:
        self.chosen = chosen
        self.timeline = timeline
        self.n = chosen.rows.n
        self._prefix: dict[str, LongArray] = {}
        self._extremes: dict[tuple[str, bool], LongArray] = {}
        self._listed_at: dict[int, LongArray] = {}

    def count(self, ordinal: int, span: Span) -> Array:
        """Count the rows."""
        found: Array = np.subtract(self._edges[span[1]], self._edges[span[0]], dtype=np.float64)
        listed = self._listed_in(ordinal, span)
        if len(listed):
            found += np.bincount(self.chosen.customer[listed], minlength=self.n)
        return found

    def total(self, ordinal: int, span: Span, column: str) -> LongArray:
        """Sum an integer column of the rows."""
        if column not in self._prefix:
            self._prefix[column] = self._prefix_of(self._steady_of(self.chosen.column(column)))
        prefix = self._prefix[column]
        found: LongArray = prefix[span[1]] - prefix[span[0]]
        listed = self._listed_in(ordinal, span)
        if len(listed):
            np.add.at(found, self.chosen.customer[listed], self.chosen.at(column, listed))
        return found

    def decayed(self, ordinal: int, span: Span, half_life: int) -> Array:
        """Sum `0.5 ** (age in days / half_life)`, one grid period after another: bins do not matter."""
        name = f"decayed {half_life}"
        if name not in self._prefix:
            weights = decay_weights(self.chosen.day, half_life, GRID_DAYS)
            self._prefix[name] = self._prefix_of(self._steady_of(weights))
        prefix, boundaries = self._prefix[name], self.timeline.boundaries
        cutoff = self.timeline.cutoffs[ordinal]
        listed = self._listed_in(ordinal, span)
        found = np.zeros(self.n)
        start = span[0]
        while start < span[1]:
            period_end = boundaries[start] - boundaries[start] % GRID_DAYS + GRID_DAYS
            end = self.timeline.edge(period_end) if period_end < boundaries[span[1]] else span[1]
            summed = prefix[end] - prefix[start]
            if len(listed):
                bins = self._bins_of_listed(listed)
                here = listed[(bins >= start) & (bins < end)]
                add = decay_weights(self.chosen.day[here], half_life, GRID_DAYS)
                np.add.at(summed, self.chosen.customer[here], add)
            found += summed * (2.0 ** ((period_end - cutoff) / half_life) / SCALE)
            start = end
        return found

    def extreme(self, ordinal: int, span: Span, column: str, highest: bool) -> Array:
        """Return the highest or lowest value, `nan` where there is none."""
        key = column, highest
        none, ufunc = (LOWEST, np.maximum) if highest else (HIGHEST, np.minimum)
        if key not in self._extremes:
            extremes = np.full((self.timeline.bins, self.n), none, dtype=np.int64)
            starts, cells = self._runs
            if len(starts):
                steady = self._steady_of(self.chosen.column(column)).astype(np.int64, copy=False)
                extremes.ravel()[cells] = ufunc.reduceat(steady, starts)
            self._extremes[key] = extremes
        found = ufunc.reduce(self._extremes[key][span[0] : span[1]], axis=0)
        listed = self._listed_in(ordinal, span)
        if len(listed):
            ufunc.at(found, self.chosen.customer[listed], self.chosen.at(column, listed))
        return np.where(found == none, np.nan, found)

    def outermost(self, ordinal: int, span: Span, latest: bool) -> LongArray:
        """Return the position of the latest or first row among the chosen, -1 where there is none."""
        start, end = self._edges[span[0]], self._edges[span[1]]
        found = self._steady_position(end - 1 if latest else start)
        found[end <= start] = -1 if latest else HIGHEST
        listed = self._listed_in(ordinal, span)
        if len(listed):
            combine = np.maximum if latest else np.minimum
            combine.at(found, self.chosen.customer[listed], listed)
        if not latest:
            found[found == HIGHEST] = -1
        return found

    def positions(self, ordinal: int, span: Span) -> LongArray:
        """Return the positions of the rows among the chosen, in their order."""
        starts = self._edges[span[0]].astype(np.int64)
        lengths = self._edges[span[1]] - starts  # in 64 bits, as starts are
        before = np.cumsum(lengths)
        steady = np.arange(before[-1] if len(before) else 0) + np.repeat(starts - (before - lengths), lengths)
        found = self._steady_position(steady)
        listed = self._listed_in(ordinal, span)
        return np.sort(np.concatenate([found, listed])) if len(listed) else found

    @cached_property
    def _steady(self) -> LongArray | None:
        """The positions of the steady rows; None where all are."""
        return None if self.chosen.steady is None else np.flatnonzero(self.chosen.steady)

    def _steady_of(self, values: AnyInt) -> AnyInt:
        return values if self._steady is None else values[self._steady]

    def _steady_position(self, position: AnyInt) -> LongArray:
        """Return where a steady row stands among the chosen; a position before the first stays as it is."""
        if self._steady is None:
            at_once: LongArray = position.astype(np.int64)
            return at_once
        if not len(self._steady):
            return np.full(len(position), -1, dtype=np.int64)
        found: LongArray = self._steady[np.clip(position, 0, len(self._steady) - 1)]
        return found

    @cached_property
    def _runs(self) -> tuple[LongArray, LongArray]:
        """Where each run of steady rows of a customer in a bin begins, and its cell `bin * n + customer`."""
        # The cells of a block fit 31 bits.
        cell = self.timeline.bin_of(self._steady_of(self.chosen.day)) * np.int32(self.n)
        cell += self._steady_of(self.chosen.customer)
        new = np.empty(len(cell), dtype=bool)
        new[:1] = True
        np.not_equal(cell[1:], cell[:-1], out=new[1:])
        starts = np.flatnonzero(new)
        return starts, cell[starts].astype(np.int64)

    @cached_property
    def _edges(self) -> IntArray:
        """Where the steady rows of a customer at or after the start of a bin begin: `[bins + 1, n]`.

        Rows of a customer in bins `[start, end)` are those at positions `[edges[start], edges[end])`.
        """
        starts, cells = self._runs
        edges = np.zeros((self.timeline.bins + 1, self.n), dtype=np.int32)
        rows = len(self.chosen.day) if self._steady is None else len(self._steady)
        edges.ravel()[cells + self.n] = np.diff(starts, append=rows)
        np.cumsum(edges.sum(axis=0, dtype=np.int32)[:-1], out=edges[0, 1:])
        for before, here in pairwise(edges):  # three times as fast as cumsum along the first axis
            here += before
        return edges

    def _prefix_of(self, weights: AnyInt) -> LongArray:
        """Return the sums of the weights before each edge: `[bins + 1, n]`."""
        sums = np.zeros(len(weights) + 1, dtype=np.int64)
        np.cumsum(weights, out=sums[1:])
        return sums[self._edges]

    @cached_property
    def _listed(self) -> LongArray:
        """The positions of the rows that are not steady."""
        if self.chosen.steady is None:
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(~self.chosen.steady)

    def _listed_in(self, ordinal: int, span: Span) -> LongArray:
        """Return the positions of listed rows that count at a cutoff, in these bins."""
        chosen, listed = self.chosen, self._listed
        if not len(listed):
            return listed
        if ordinal not in self._listed_at:
            assert chosen.seen is not None
            counts = chosen.seen[listed] <= ordinal
            if chosen.gone is not None:
                counts &= chosen.gone[listed] > ordinal
            self._listed_at[ordinal] = listed[counts]
        listed = self._listed_at[ordinal]
        bins = self._bins_of_listed(listed)
        return listed[(bins >= span[0]) & (bins < span[1])]

    def _bins_of_listed(self, listed: LongArray) -> IntArray:
        return self.timeline.bin_of(self.chosen.day[listed])


class TableCells:
    """All cells of one table for one block of customers, built on demand and kept."""

    def __init__(self, rows: Rows, timeline: Timeline) -> None:
        self.rows = rows
        self.timeline = timeline
        self._chosen: dict[Selection, Chosen] = {}
        self._cells: dict[tuple[Selection, bool], Cells] = {}

    def of(self, selection: Selection, distinct: bool = False) -> Cells:
        """Return the cells of a selection, or of its distinct local days."""
        if selection.value and selection.value not in self.rows.present:
            selection = selection._replace(value=None)  # always given: it chooses nothing
        key = selection, distinct
        if key not in self._cells:
            chosen = self._chosen_of(selection)
            self._cells[key] = Cells(distinct_days(chosen) if distinct else chosen, self.timeline)
        return self._cells[key]

    def _chosen_of(self, selection: Selection) -> Chosen:
        if selection not in self._chosen:
            self._chosen[selection] = choose(self.rows, self.timeline, selection)
        return self._chosen[selection]
