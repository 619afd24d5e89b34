"""Which rows of a block count for a selection, and from which to which cutoff."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from churn.features.engine.rows import NEVER, AnyInt, BoolArray, Rows
from churn.features.engine.timeline import IntArray, Timeline
from churn.features.language.reader import LongArray, Selection

SCALE = 1 << 30
"""Weights of decayed sums are whole 2**-30ths, so that sums of them are exact."""


@dataclass(frozen=True)
class Chosen:
    """The rows of a selection, ordered by (customer, placing time): parallel arrays, one item a row.

    A row counts at cutoff ordinal `i` if `seen <= i < gone`. Where `seen` is None every row is *steady*: it
    counts from the first cutoff after its day on. `row` is None where all rows of the block are chosen.
    """

    rows: Rows
    row: LongArray | None
    customer: IntArray
    day: IntArray
    seen: IntArray | None
    gone: IntArray | None
    steady: BoolArray | None

    def column(self, name: str) -> AnyInt:
        """Return a column of the chosen rows; `day` is the placing day."""
        if name == "day":
            return self.day
        return _of(self.rows.columns[name], self.row)

    def at(self, name: str, positions: LongArray) -> AnyInt:
        """Return a column of some of the chosen rows."""
        if name == "day":
            return self.day[positions]
        return self.rows.columns[name][positions if self.row is None else self.row[positions]]


def choose(rows: Rows, timeline: Timeline, selection: Selection) -> Chosen:
    """Pick and order the rows of a selection."""
    day = rows.columns[f"{selection.placed}_day"] if selection.placed else rows.day
    known = rows.known_day if day is rows.day else np.maximum(rows.known_day, day)
    keep: BoolArray | None = None
    if selection.placed or rows.at is not None:  # else only rows of some window were read
        keep = (day >= timeline.first_day) & (day < timeline.end_day)
    for name in selection.having:
        outcome = rows.columns[f"{name}_day"]
        keep = _both(keep, outcome != NEVER)
        known = np.maximum(known, outcome)
    if selection.value in rows.present:
        keep = _both(keep, rows.present[selection.value])
    row = None if keep is None else np.flatnonzero(keep)
    if selection.placed:
        assert row is not None
        # By day first: bins are of local days, and a change of clocks may turn a day back by an hour.
        # The sort is stable, so the store's order stays among outcomes of the same second.
        row = row[np.lexsort((rows.outcome_instant(selection.placed)[row], day[row], rows.customer[row]))]
    if known is rows.day and not selection.lacking:  # one clock: rows are seen when they happen
        return Chosen(rows, row, _of(rows.customer, row), _of(day, row), None, None, None)
    day = _of(day, row)
    by_time = timeline.seen(day)
    seen = by_time if known is rows.day else np.maximum(timeline.seen(_of(known, row)), by_time)
    gone = None
    if selection.lacking:
        outcome = np.minimum.reduce([rows.columns[f"{name}_day"] for name in selection.lacking])
        gone = timeline.seen(_of(np.maximum(rows.known_day, outcome), row))
        gone[gone == len(timeline.cutoffs)] = NEVER
    return _ever_counted(Chosen(rows, row, _of(rows.customer, row), day, seen, gone, None), by_time, timeline)


def _ever_counted(chosen: Chosen, by_time: IntArray, timeline: Timeline) -> Chosen:
    """Leave out the rows that no cutoff counts, and tell which of the others are steady."""
    assert chosen.seen is not None
    seen, gone = chosen.seen, chosen.gone
    keep = seen < len(timeline.cutoffs)
    steady = seen == by_time
    if gone is not None:
        keep &= seen < gone
        steady &= gone == NEVER
    if not keep.all():
        kept = np.flatnonzero(keep)
        chosen = replace(
            chosen,
            row=kept if chosen.row is None else chosen.row[kept],
            customer=chosen.customer[kept],
            day=chosen.day[kept],
            seen=seen[kept],
            gone=None if gone is None else gone[kept],
        )
        steady = steady[kept]
    if steady.all():
        return replace(chosen, seen=None, gone=None)
    return replace(chosen, steady=steady)


def distinct_days(chosen: Chosen) -> Chosen:
    """Reduce a selection to one row per customer and day, seen as soon as any of its rows is."""
    assert chosen.gone is None  # verbs of days do not work on lacking()
    new = np.empty(len(chosen.day), dtype=bool)
    new[:1] = True
    np.not_equal(chosen.customer[1:], chosen.customer[:-1], out=new[1:])
    new[1:] |= chosen.day[1:] != chosen.day[:-1]
    starts = np.flatnonzero(new)
    days = replace(
        chosen,
        row=starts if chosen.row is None else chosen.row[starts],
        customer=chosen.customer[starts],
        day=chosen.day[starts],
    )
    if chosen.seen is None:
        return days
    if not len(starts):
        return days
    assert chosen.steady is not None  # seen and steady are given together
    seen = np.minimum.reduceat(chosen.seen, starts)
    steady = np.logical_or.reduceat(chosen.steady, starts)
    return replace(days, seen=seen, steady=steady)


def decay_weights(days: IntArray, half_life: int, grid_days: int) -> npt.NDArray[np.int64]:
    """Weigh days by `0.5 ** (days to the end of their grid period / half_life)`, in units of 1 / SCALE."""
    period = np.arange(1, grid_days + 1)
    weights = np.rint(SCALE * np.exp2(-period / half_life)).astype(np.int64)
    found: LongArray = weights[grid_days - 1 - days % grid_days]
    return found


def _both(mask: BoolArray | None, other: BoolArray) -> BoolArray:
    return other if mask is None else mask & other


def _of(values: AnyInt, row: LongArray | None) -> AnyInt:
    return values if row is None else values[row]
