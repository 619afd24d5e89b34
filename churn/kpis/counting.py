"""Count the rows of a table by period and by the segment of the row's customer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from churn.data.store import day_number
from churn.kpis.figure import Figure, Period, in_slice, missing_figure
from churn.kpis.periods import bounds_of
from churn.kpis.segments import Segmentation, segmentations_for

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

OUTSIDE = -1


def missing_figures(names: Sequence[str], period: Period, reason: str) -> tuple[Figure, ...]:
    """Return for each name a figure that has no value; the figure gives the reason.

    Args:
        names: The names of the figures.
        period: The period.
        reason: Why the figures are missing.
    """
    return tuple(missing_figure(name, period, reason) for name in names)


def period_index(periods: Sequence[Period], days: npt.NDArray[np.integer]) -> Ints:
    """Return for each day number the index of its period, or `OUTSIDE` if the day is in no period.

    The periods follow each other without a gap.
    """
    bounds = np.array([day_number(day) for day in bounds_of(periods)], dtype=np.int64)
    index = np.searchsorted(bounds, days, side="right") - 1
    return np.where((index >= 0) & (index < len(periods)), index, OUTSIDE).astype(np.int64)


def count_cells(period: Ints, segment: Ints, shape: tuple[int, int], rows: Bools | None = None) -> Ints:
    """Count rows by period and segment, `[periods, segments]`.

    Args:
        period: The index of each row's period; rows in no period (`OUTSIDE`) do not count.
        segment: The index of the segment of each row's customer.
        shape: The number of periods, and the number of segments.
        rows: The rows that count; by default all rows.
    """
    selection = period >= 0 if rows is None else rows & (period >= 0)
    cell = period[selection] * shape[1] + segment[selection]
    return np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)


def sum_cells(
    period: Ints, segment: Ints, shape: tuple[int, int], amounts: Ints, rows: Bools | None = None
) -> Ints:
    """Sum amounts (whole numbers) by period and segment, `[periods, segments]`.

    A sum is exact as long as it is below 2^53.

    Args:
        period: The index of each row's period; rows in no period (`OUTSIDE`) do not count.
        segment: The index of the segment of each row's customer.
        shape: The number of periods, and the number of segments.
        amounts: The amount of each row.
        rows: The rows that count; by default all rows.
    """
    selection = period >= 0 if rows is None else rows & (period >= 0)
    cell = period[selection] * shape[1] + segment[selection]
    weights = amounts[selection].astype(np.float64)
    return np.bincount(cell, weights=weights, minlength=shape[0] * shape[1]).reshape(shape).astype(np.int64)


Cells = Mapping[str, Ints]
"""Counts or sums by name, `[periods, segments]` each."""


def figures_by_segment(
    periods: Mapping[str, Sequence[Period]],
    segmentations: Sequence[Segmentation],
    cells_of: Callable[[Sequence[Period], Segmentation], Cells],
    figures_of: Callable[[Period, Mapping[str, int]], Sequence[Figure]],
) -> Iterator[Figure]:
    """Yield the figures of all periods, and of all segments with at least one row.

    Args:
        periods: Consecutive periods by kind, such as week or month.
        segmentations: The divisions of the customers into segments; the first has a single segment with
            all customers.
        cells_of: A function that counts the rows of consecutive periods by segment.
        figures_of: A function that computes the figures of one period from its counts.
    """
    for kind, sequence in periods.items():
        if not sequence:
            continue
        for segmentation in segmentations_for(kind, segmentations):
            cells = cells_of(sequence, segmentation)
            for number, period in enumerate(sequence):
                for part in range(len(segmentation.levels)):
                    counts = {name: int(values[number, part]) for name, values in cells.items()}
                    piece = segmentation.slice_of(part)
                    if piece is None:
                        yield from figures_of(period, counts)
                    elif any(counts.values()):
                        yield from in_slice(figures_of(period, counts), piece)
