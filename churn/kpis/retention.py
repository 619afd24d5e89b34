"""The retention and the churn of customers in consecutive periods, counted from spells of activity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from churn.data.store import day_number
from churn.kpis.figure import Figure, Period, in_slice, missing_figure
from churn.kpis.periods import bounds_of
from churn.kpis.section import SectionResult
from churn.kpis.segments import Segmentation, segmentations_for
from churn.kpis.spells import ActivitySpells
from churn.metrics.standard_errors import wilson_interval

Ints = npt.NDArray[np.int64]

NOBODY_AT_START = "no customers at the start"
NOBODY_NEW = "no customers acquired in the period"
KINDS_UNKNOWN = "the data cannot tell whether customers left voluntarily"


@dataclass(frozen=True)
class RetentionCounts:
    """Customers by period and segment; each array has the shape `[periods, segments]`.

    Attributes:
        at_start: Customers active at the start of the period (S).
        at_end: Customers active at the end of the period (E).
        n_retained: Customers active both at the start and at the end (S and E).
        n_bounced: Retained customers who left and came back within the period.
        n_acquired: Customers who became active in the period for the first time ever (N).
        acquired_at_end: The acquired customers who are active at the end of the period.
        n_returned: Customers who left before the period and came back in it (R).
        returned_at_end: The returned customers who are active at the end of the period.
        involuntary: Customers who were active at the start but not at the end, and whose last spell ended
            against their will, for example after a failed payment; None if the data do not show this.
    """

    at_start: Ints
    at_end: Ints
    n_retained: Ints
    n_bounced: Ints
    n_acquired: Ints
    acquired_at_end: Ints
    n_returned: Ints
    returned_at_end: Ints
    involuntary: Ints | None


class _Counter:
    """Counts spells by period and segment."""

    def __init__(self, n_periods: int, segment: Ints, n_segments: int) -> None:
        self._n_periods, self._segment, self._n_segments = n_periods, segment, n_segments

    def at(self, rows: npt.NDArray[np.bool_], period: Ints) -> Ints:
        """Count the spells that `rows` selects; `period` says for each spell in which period it counts."""
        cell = period[rows] * self._n_segments + self._segment[rows]
        shape = (self._n_periods, self._n_segments)
        return np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)

    def over(self, first: Ints, last: Ints) -> Ints:
        """Count each spell in the periods from `first` to `last`; a spell with `last` before `first` counts
        in no period.
        """
        is_any = last >= first
        starts = _Counter(self._n_periods + 1, self._segment, self._n_segments)
        change = starts.at(is_any, first) - starts.at(is_any, last + 1)
        counts: Ints = change.cumsum(axis=0)[:-1]
        return counts


def count_retention(
    spells: ActivitySpells, bounds: Sequence[int], segment: Ints, n_segments: int = 1
) -> RetentionCounts:
    """Count customers for consecutive periods `[bounds[k], bounds[k + 1])`.

    Args:
        spells: When customers were active.
        bounds: The day numbers of the bounds of the periods, in ascending order, at least two.
        segment: The segment of each customer, `[customers]`.
        n_segments: The number of segments.
    """
    edges = np.asarray(bounds, dtype=np.int64)
    n_periods = len(edges) - 1
    customer, start, end = spells.customer, spells.start, spells.end
    counter = _Counter(n_periods, segment[customer], n_segments)
    # A spell covers the bounds first .. last: those with start < bound <= end.
    first = np.searchsorted(edges, start, side="right")
    last = np.searchsorted(edges, end, side="right") - 1
    covers = first <= last
    # the period in which the spell starts; -1 stands for the time before all periods
    start_period = first - 1
    is_same = customer[1:] == customer[:-1]
    is_first = np.append(True, ~is_same)[: len(customer)]
    covering = np.flatnonzero(covers)
    follows = customer[covering[1:]] == customer[covering[:-1]]
    next_first = np.full(
        len(customer), n_periods + 2
    )  # for each spell, the first bound that a later spell of the customer covers
    next_first[covering[:-1][follows]] = first[covering[1:][follows]]
    is_back_at_once = covers & (next_first == last + 1)

    # `over` counts bounds; bound k is the start of period k, and bound k + 1 is its end.
    bound_counter = _Counter(n_periods + 1, segment[customer], n_segments)
    at_bound = bound_counter.over(first, last)
    bounced = counter.at(is_back_at_once & (last < n_periods), last)
    retained = counter.over(first, last - 1) + bounced

    in_periods = (start_period >= 0) & (start_period < n_periods)
    reaches_end = _is_active_at_end(spells, edges, start_period)
    is_acquired = is_first & in_periods
    previous_end = np.append(-1, end[:-1])[: len(customer)]
    previous_period = np.append(-2, start_period[:-1])[: len(customer)]
    starts_again = ~is_first & in_periods & (previous_period != start_period)
    is_returned = starts_again & (previous_end < edges[np.clip(start_period, 0, n_periods)])

    is_lost = covers & (last < n_periods) & ~is_back_at_once
    return RetentionCounts(
        at_start=at_bound[:-1],
        at_end=at_bound[1:],
        n_retained=retained,
        n_bounced=bounced,
        n_acquired=counter.at(is_acquired, start_period),
        acquired_at_end=counter.at(is_acquired & reaches_end, start_period),
        n_returned=counter.at(is_returned, start_period),
        returned_at_end=counter.at(is_returned & reaches_end, start_period),
        involuntary=None
        if spells.is_involuntary is None
        else counter.at(is_lost & spells.is_involuntary[_last_spell_before(spells, edges, last + 1)], last),
    )


def _last_spell_before(spells: ActivitySpells, edges: Ints, bound: Ints) -> Ints:
    """Return for each spell the index of the same customer's latest spell that starts before a given day.

    For spell k, this day is `edges[bound[k]]`.
    """
    key = spells.customer << 33
    at = edges[np.clip(bound, 0, len(edges) - 1)]
    return np.maximum(np.searchsorted(key + spells.start, key + at) - 1, 0)


def _is_active_at_end(spells: ActivitySpells, edges: Ints, start_period: Ints) -> npt.NDArray[np.bool_]:
    """Return for each spell whether the customer is active at the end of the period in which the spell
    starts.
    """
    latest = _last_spell_before(spells, edges, start_period + 1)
    bound = edges[np.clip(start_period + 1, 0, len(edges) - 1)]
    is_same = spells.customer[latest] == spells.customer
    result: npt.NDArray[np.bool_] = is_same & (spells.start[latest] < bound) & (spells.end[latest] >= bound)
    return result


class RetentionResult(SectionResult):
    """Customer retention and churn by period and segment."""


def retention_section(
    spells: ActivitySpells,
    periods: Mapping[str, Sequence[Period]],
    segmentations: Sequence[Segmentation],
    cutoff: date,
) -> RetentionResult:
    """Compute retention and churn for all periods and segments.

    Args:
        spells: When customers were active.
        periods: Consecutive periods by kind, such as week or month.
        segmentations: The divisions of the customers into segments; the first has a single segment with
            all customers.
        cutoff: The date up to which the data are known.
    """
    return RetentionResult(figures=tuple(_figures(spells, periods, segmentations, cutoff)))


def _figures(
    spells: ActivitySpells,
    periods: Mapping[str, Sequence[Period]],
    segmentations: Sequence[Segmentation],
    cutoff: date,
) -> Iterator[Figure]:
    certain_until = cutoff - timedelta(spells.wait_days)
    for kind, sequence in periods.items():
        if not sequence:
            continue
        bounds = [day_number(day) for day in bounds_of(sequence)]
        for segmentation in segmentations_for(kind, segmentations):
            counts = count_retention(spells, bounds, segmentation.code, len(segmentation.levels))
            for number, period in enumerate(sequence):
                for part in range(len(segmentation.levels)):
                    figures = _period_figures(counts, number, part, period)
                    if period.end > certain_until:
                        certain_on = period.end + timedelta(spells.wait_days)
                        reason = f"who was active on {period.end} is certain only on {certain_on}"
                        figures = [missing_figure(figure.name, period, reason) for figure in figures]
                    piece = segmentation.slice_of(part)
                    if piece is None:
                        yield from figures
                    elif counts.at_start[number, part] or counts.n_acquired[number, part]:
                        yield from in_slice(figures, piece)


def _period_figures(counts: RetentionCounts, number: int, part: int, period: Period) -> list[Figure]:
    """Return the figures of one period and one segment."""

    def count(array: Ints) -> int:
        return int(array[number, part])

    at_start, retained, acquired = count(counts.at_start), count(counts.n_retained), count(counts.n_acquired)
    bounced, lost = count(counts.n_bounced), at_start - retained
    involuntary = None if counts.involuntary is None else count(counts.involuntary)
    left_early = acquired - count(counts.acquired_at_end)
    back = count(counts.returned_at_end)
    figures = [
        share_figure("crr", period, retained, at_start, NOBODY_AT_START),
        share_figure("customer_churn", period, lost, at_start, NOBODY_AT_START),
        share_figure("bounced", period, bounced, at_start, NOBODY_AT_START),
        share_figure("early_churn", period, left_early, acquired, NOBODY_NEW),
        Figure(name="customers_at_start", period=period, value=at_start, n=at_start),
        Figure(name="new_customers", period=period, value=acquired, n=acquired),
        Figure(
            name="returned_customers",
            period=period,
            value=count(counts.n_returned),
            n=count(counts.n_returned),
        ),
    ]
    for name, value in (
        ("voluntary_churn", None if involuntary is None else lost - involuntary),
        ("involuntary_churn", involuntary),
    ):
        if value is None:
            figures.append(missing_figure(name, period, KINDS_UNKNOWN))
        else:
            figures.append(share_figure(name, period, value, at_start, NOBODY_AT_START))
    if not at_start:
        figures += [
            missing_figure(name, period, NOBODY_AT_START) for name in ("crr_arithmetic", "crr_difference")
        ]
        return figures
    arithmetic = (count(counts.at_end) - acquired) / at_start * 100
    figures.append(Figure(name="crr_arithmetic", period=period, value=arithmetic, n=at_start))
    figures.append(
        Figure(
            name="crr_difference",
            period=period,
            value=(back - left_early) / at_start * 100,
            n=at_start,
            notes=(
                f"{back} came back and are active at the end",
                f"{left_early} joined and left in the period",
            ),
        )
    )
    return figures


def share_figure(name: str, period: Period, part: int, total: int, reason: str) -> Figure:
    """Return a share in per cent with its Wilson interval; the figure is missing if the total is 0.

    Args:
        name: The name of the figure's definition.
        period: The period.
        part: The numerator of the share.
        total: The denominator of the share.
        reason: Why the figure is missing if the total is 0.
    """
    if not total:
        return missing_figure(name, period, reason)
    low, high = wilson_interval(part, total)
    return Figure(name=name, period=period, value=part / total * 100, low=low * 100, high=high * 100, n=total)
