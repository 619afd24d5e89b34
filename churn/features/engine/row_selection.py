"""Select the rows of a block of customers, and find the cutoffs at which each row counts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from churn.features.engine.rows import AnyInt, BoolArray, Rows
from churn.features.engine.timeline import IntArray, Timeline
from churn.features.language.reader import NEVER, LongArray, Selection

SCALE = 1 << 30
"""The weights in decayed sums are whole multiples of 1 / SCALE, so that the sums are exact."""


@dataclass(frozen=True)
class SelectedRows:
    """The `m` selected rows of a table, ordered by customer and placing time: arrays with a value per row.

    A row's placing time decides in which windows the row counts. The placing time is the row's own time, or
    the time in the column that `Selection.placed_by` names, such as `closed_at`.

    Attributes:
        source: All rows of the block of customers.
        position: The position of each row in `source`; None if all rows are selected.
        customer: The customer, counted from 0 in the block.
        day: The day number of the placing time.
        begin: The ordinal of the first cutoff at which the row counts.
        end: The ordinal of the first cutoff at which the row does not count any more; NEVER if it always
            counts.
        steady: Whether the row counts at every cutoff after `day`.

    If all rows are steady, `begin`, `end` and `steady` are None. If `Selection.open_outcomes`
    names outcomes, a row stops counting as soon as it has one of them; otherwise, `end` is None.
    """

    source: Rows
    position: LongArray | None
    customer: IntArray
    day: IntArray
    begin: IntArray | None
    end: IntArray | None
    steady: BoolArray | None

    def column(self, name: str) -> AnyInt:
        """Return a column of these rows; for the name `day`, return the attribute `day`."""
        if name == "day":
            return self.day
        return _take(self.source.columns[name], self.position)

    def at(self, name: str, positions: LongArray) -> AnyInt:
        """Return a column for some of these rows, chosen by their positions."""
        if name == "day":
            return self.day[positions]
        return self.source.columns[name][positions if self.position is None else self.position[positions]]


def select_rows(rows: Rows, timeline: Timeline, selection: Selection) -> SelectedRows:
    """Select rows, and order them by customer and placing time.

    A row's placing time decides in which windows the row counts.

    Args:
        rows: All rows of the block of customers.
        timeline: The cutoffs at which signals are computed, and the windows of the table.
        selection: The rule that decides which rows count, and whether a row's placing time is its own time or
            the time of an outcome, such as `closed_at`.
    """
    day = rows.columns[f"{selection.placed_by}_day"] if selection.placed_by else rows.day
    known_day = rows.known_day if day is rows.day else np.maximum(rows.known_day, day)
    keep: BoolArray | None = None
    if selection.placed_by or rows.at is not None:  # otherwise, only rows in some window were read
        keep = (day >= timeline.first_day) & (day < timeline.end_day)
    for name in selection.known_outcomes:
        outcome = rows.columns[f"{name}_day"]
        keep = _and(keep, outcome != NEVER)
        known_day = np.maximum(known_day, outcome)
    if selection.value in rows.present:
        keep = _and(keep, rows.present[selection.value])
    for level, level_name in selection.names:
        keep = _and(keep, rows.has_name(level, level_name))
    position = None if keep is None else np.flatnonzero(keep)
    if selection.placed_by:
        assert position is not None
        # By day first: bins hold local days, and a change of clocks may set the time back by an hour.
        # The sort is stable, so outcomes of the same second stay in the order of the store.
        instant = rows.outcome_instant(selection.placed_by)[position]
        position = position[np.lexsort((instant, day[position], rows.customer[position]))]
    if known_day is rows.day and not selection.open_outcomes:  # one clock: rows are known when they happen
        customer = _take(rows.customer, position)
        return SelectedRows(rows, position, customer, _take(day, position), None, None, None)
    day = _take(day, position)
    after_day = timeline.first_cutoff_after(day)
    begin = after_day
    if known_day is not rows.day:
        begin = np.maximum(timeline.first_cutoff_after(_take(known_day, position)), after_day)
    end = None
    if selection.open_outcomes:
        outcome = np.minimum.reduce([rows.columns[f"{name}_day"] for name in selection.open_outcomes])
        end = timeline.first_cutoff_after(_take(np.maximum(rows.known_day, outcome), position))
        end[end == len(timeline.cutoffs)] = NEVER
    result = SelectedRows(rows, position, _take(rows.customer, position), day, begin, end, None)
    return _drop_rows_that_never_count(result, after_day, timeline)


def _drop_rows_that_never_count(rows: SelectedRows, after_day: IntArray, timeline: Timeline) -> SelectedRows:
    """Drop the rows that count at no cutoff, and set `steady` for the rows that remain."""
    assert rows.begin is not None
    begin, end = rows.begin, rows.end
    keep = begin < len(timeline.cutoffs)
    steady = begin == after_day
    if end is not None:
        keep &= begin < end
        steady &= end == NEVER
    if not keep.all():
        positions = np.flatnonzero(keep)
        rows = replace(
            rows,
            position=positions if rows.position is None else rows.position[positions],
            customer=rows.customer[positions],
            day=rows.day[positions],
            begin=begin[positions],
            end=None if end is None else end[positions],
        )
        steady = steady[positions]
    if steady.all():
        return replace(rows, begin=None, end=None)
    return replace(rows, steady=steady)


def distinct_days(rows: SelectedRows) -> SelectedRows:
    """Reduce a selection to one row per customer and day.

    At a cutoff, the one row counts if at least one of the original rows of this customer and day counts.
    """
    assert rows.end is None  # questions about days are not allowed after `lacking()`
    new = np.empty(len(rows.day), dtype=bool)
    new[:1] = True
    np.not_equal(rows.customer[1:], rows.customer[:-1], out=new[1:])
    new[1:] |= rows.day[1:] != rows.day[:-1]
    starts = np.flatnonzero(new)
    days = replace(
        rows,
        position=starts if rows.position is None else rows.position[starts],
        customer=rows.customer[starts],
        day=rows.day[starts],
    )
    if rows.begin is None or not len(starts):
        return days
    assert rows.steady is not None  # `begin` and `steady` are either both given or both None
    begin = np.minimum.reduceat(rows.begin, starts)
    steady = np.logical_or.reduceat(rows.steady, starts)
    return replace(days, begin=begin, steady=steady)


def decay_weights(days: IntArray, half_life: int, grid_days: int) -> npt.NDArray[np.int64]:
    """Return the weight of each day in a decayed sum, in units of 1 / SCALE.

    Time is cut into grid periods. The weight of a day is `0.5 ** (d / half_life)`, where `d` is the number of
    days to the end of the day's grid period.

    Args:
        days: Day numbers, `[m]`.
        half_life: The number of days after which a weight is halved.
        grid_days: The length of a grid period in days. A grid period begins on each day whose number is a
            multiple of this length.
    """
    period = np.arange(1, grid_days + 1)
    by_day = np.rint(SCALE * np.exp2(-period / half_life)).astype(np.int64)
    weights: LongArray = by_day[grid_days - 1 - days % grid_days]
    return weights


def _and(mask: BoolArray | None, condition: BoolArray) -> BoolArray:
    return condition if mask is None else mask & condition


def _take(values: AnyInt, position: LongArray | None) -> AnyInt:
    return values if position is None else values[position]
