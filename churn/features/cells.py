"""Sums, extremes and latest rows per (bin, customer), from which every window is one or two look-ups.

The rows of a block are ordered by (customer, time), so the rows of one customer in one bin stand together:
one pass finds the runs, and prefix sums along the bins turn any window into a difference. What was known only
after a cutoff had passed it by stays apart as a short list and is added at each later cutoff. All sums are of
integers, so no order of blocks, threads or machines can change a digit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churn.features.rows import NEVER, Rows
from churn.features.timeline import IntArray, Timeline

LongArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Selection:
    """Which rows: placed by which clock, with which outcome known or lacking, with which value present."""

    placed: str | None = None
    having: str | None = None
    lacking: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class Chosen:
    """The rows of a selection, ordered by (customer, placing time): parallel arrays, one item a row.

    A row counts at cutoff ordinal `i` if `seen <= i < gone`; `late`: an earlier cutoff missed it.
    """

    row: LongArray
    customer: IntArray
    day: IntArray
    bin: IntArray
    seen: IntArray
    gone: IntArray
    late: BoolArray


def choose(rows: Rows, timeline: Timeline, selection: Selection) -> Chosen:
    """Pick and order the rows of a selection."""
    day = rows.outcome_day(selection.placed) if selection.placed else rows.day
    known = np.maximum(rows.known_day, day) if selection.placed else rows.known_day
    keep = (day >= timeline.first_day) & (day < timeline.end_day)
    if selection.having:
        outcome = rows.outcome_day(selection.having)
        keep &= outcome != NEVER
        known = np.maximum(known, outcome)
    if selection.value:
        keep &= rows.present[selection.value]
    row = np.flatnonzero(keep)
    if selection.placed:
        # By day first: bins are of local days, and a change of clocks may turn a day back by an hour.
        # The sort is stable, so the store's order stays among outcomes of the same second.
        row = row[np.lexsort((rows.outcome_instant(selection.placed)[row], day[row], rows.customer[row]))]
    placed_day = day[row]
    by_time = timeline.seen(placed_day)
    # With one clock a row is seen when it happens: half of the work of choosing, spared.
    seen = by_time if known is day else np.maximum(timeline.seen(known[row]), by_time)
    gone = np.full(len(row), NEVER, dtype=np.int32)
    if selection.lacking:
        gone = timeline.seen(np.maximum(rows.known_day, rows.outcome_day(selection.lacking))[row])
        gone[gone == len(timeline.cutoffs)] = NEVER
    return Chosen(row, rows.customer[row], placed_day, timeline.bins(placed_day), seen, gone, seen > by_time)


def _runs(chosen: Chosen, kept: LongArray) -> tuple[LongArray, IntArray, IntArray]:
    """Find the runs of equal (customer, bin) among kept rows: their starts, customers and bins."""
    customer, bin_ = chosen.customer, chosen.bin
    if len(kept) < len(customer):
        customer, bin_ = customer[kept], bin_[kept]
    new = np.empty(len(kept), dtype=bool)
    new[:1] = True
    new[1:] = (customer[1:] != customer[:-1]) | (bin_[1:] != bin_[:-1])
    starts = np.flatnonzero(new)
    return starts, customer[starts], bin_[starts]


class Total:
    """Sums of integer weights over any window: prefix sums along the bins, late rows beside them."""

    def __init__(self, chosen: Chosen, weights: LongArray | None, n: int, timeline: Timeline) -> None:
        kept = np.flatnonzero(~chosen.late)
        starts, customer, bin_ = _runs(chosen, kept)
        self._sums = np.zeros((len(timeline.boundaries), n), dtype=np.int64)
        if len(starts):
            sums = (
                np.diff(starts, append=len(kept))
                if weights is None
                else np.add.reduceat(weights[kept], starts)
            )
            self._sums[bin_ + 1, customer] = sums
        np.cumsum(self._sums, axis=0, out=self._sums)
        late = np.flatnonzero(chosen.late)
        self._customer, self._bin, self._seen = chosen.customer[late], chosen.bin[late], chosen.seen[late]
        self._weights = np.ones(len(late), dtype=np.int64) if weights is None else weights[late]

    def at(self, ordinal: int, start: int, end: int) -> LongArray:
        """Return the sum per customer of bins `[start, end)` as known at a cutoff."""
        total: LongArray = self._sums[end] - self._sums[start]
        if len(self._customer):
            counted = (self._seen <= ordinal) & (self._bin >= start) & (self._bin < end)
            np.add.at(total, self._customer[counted], self._weights[counted])
        return total


def distinct_days(chosen: Chosen) -> Chosen:
    """Reduce a selection to one row per customer and day, seen as soon as any of its rows is."""
    new = np.empty(len(chosen.row), dtype=bool)
    new[:1] = True
    new[1:] = (chosen.customer[1:] != chosen.customer[:-1]) | (chosen.day[1:] != chosen.day[:-1])
    starts = np.flatnonzero(new)
    if len(starts) == 0:
        return chosen
    if chosen.late.any():
        seen = np.minimum.reduceat(chosen.seen, starts)
        late = np.logical_and.reduceat(chosen.late, starts)
    else:  # the rows of one day are seen together
        seen, late = chosen.seen[starts], chosen.late[starts]
    return Chosen(
        row=chosen.row[starts],
        customer=chosen.customer[starts],
        day=chosen.day[starts],
        bin=chosen.bin[starts],
        seen=seen,
        gone=chosen.gone[starts],
        late=late,
    )


class Outermost:
    """The latest (or first) row of any window, as a position among the chosen rows; -1 without one."""

    def __init__(self, chosen: Chosen, latest: bool, n: int, timeline: Timeline) -> None:
        self._chosen = chosen
        self._latest = latest
        self._boundaries = timeline.boundaries
        self._none = -1 if latest else np.iinfo(np.int64).max
        listed = chosen.late | (chosen.gone != NEVER)
        kept = np.flatnonzero(~listed)
        starts, customer, bin_ = _runs(chosen, kept)
        self._found = np.full((len(timeline.boundaries), n), self._none, dtype=np.int64)
        if len(starts):
            ends = np.append(starts[1:], len(kept)) - 1
            self._found[bin_ + 1 if latest else bin_, customer] = kept[ends if latest else starts]
        if latest:
            np.maximum.accumulate(self._found, axis=0, out=self._found)
        else:
            np.minimum.accumulate(self._found[::-1], axis=0, out=self._found[::-1])
        self._listed = np.flatnonzero(listed)

    def at(self, ordinal: int, start: int, end: int) -> LongArray:
        """Return the position per customer in bins `[start, end)` as known at a cutoff."""
        chosen = self._chosen
        found: LongArray = self._found[end if self._latest else start].copy()
        some = np.flatnonzero(found != self._none)
        outside = chosen.bin[found[some]] < start if self._latest else chosen.bin[found[some]] >= end
        found[some[outside]] = self._none
        if len(self._listed):
            listed = self._listed
            counted = listed[
                (chosen.seen[listed] <= ordinal)
                & (chosen.gone[listed] > ordinal)
                & (chosen.bin[listed] >= start)
                & (chosen.bin[listed] < end)
            ]
            combine = np.maximum if self._latest else np.minimum
            combine.at(found, chosen.customer[counted], counted)
        found[found == self._none] = -1
        return found


class TableCells:
    """All cells of one table for one block of customers, built on demand and kept."""

    def __init__(self, rows: Rows, timeline: Timeline) -> None:
        self.rows = rows
        self.timeline = timeline
        self._chosen: dict[Selection, Chosen] = {}
        self._totals: dict[tuple[Selection, str], Total] = {}
        self._outermost: dict[tuple[Selection, bool], Outermost] = {}

    @property
    def n(self) -> int:
        """Return the number of customers of the block."""
        return self.rows.n

    def chosen(self, selection: Selection) -> Chosen:
        """Return the rows of a selection."""
        if selection not in self._chosen:
            self._chosen[selection] = choose(self.rows, self.timeline, selection)
        return self._chosen[selection]

    def count(self, selection: Selection) -> Total:
        """Return the cell that counts rows."""
        return self._total(selection, "rows", lambda: (self.chosen(selection), None))

    def total(self, selection: Selection, column: str) -> Total:
        """Return the cell that sums an integer column; the selection keeps rows where it is present."""

        def weighted() -> tuple[Chosen, LongArray]:
            chosen = self.chosen(selection)
            return chosen, self.rows.columns[column][chosen.row]

        return self._total(selection, f"sum of {column}", weighted)

    def days(self, selection: Selection) -> Total:
        """Return the cell that counts distinct local days."""
        return self._total(selection, "days", lambda: (distinct_days(self.chosen(selection)), None))

    def outermost(self, selection: Selection, latest: bool) -> Outermost:
        """Return the cell that finds the latest or the first row."""
        key = selection, latest
        if key not in self._outermost:
            self._outermost[key] = Outermost(self.chosen(selection), latest, self.n, self.timeline)
        return self._outermost[key]

    def _total(
        self, selection: Selection, what: str, weighted: Callable[[], tuple[Chosen, LongArray | None]]
    ) -> Total:
        key = selection, what
        if key not in self._totals:
            self._totals[key] = Total(*weighted(), self.n, self.timeline)
        return self._totals[key]
