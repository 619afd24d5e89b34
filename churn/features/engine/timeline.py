"""Hold the cutoffs of a job and the boundaries of its windows, in local days since 1970-01-01."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int32]

GRID_DAYS = 28
"""The length of a grid period in days; period k is `[k * GRID_DAYS, (k + 1) * GRID_DAYS)`.

The weight of a day in a decayed sum depends on the distance to the end of the day's period. The grid is fixed
and does not depend on a job's bins, so a day has the same weights in every job.
"""


@dataclass(frozen=True)
class Timeline:
    """All cutoffs of a job, ascending, and the boundaries of every window of one table.

    Two consecutive boundaries enclose a bin `[boundary, next boundary)`. Every window
    `[cutoff - days, cutoff - skip)` consists of whole bins.
    """

    cutoffs: tuple[int, ...]
    boundaries: tuple[int, ...]

    @classmethod
    def over(
        cls, cutoffs: Iterable[int], windows: Iterable[tuple[int, int]], on_grid: bool = False
    ) -> Timeline:
        """Return the timeline of one table, with the bins between its boundaries.

        Args:
            cutoffs: The day numbers of the cutoffs, in any order.
            windows: The windows `[cutoff - days, cutoff - skip)`, each as `(days, skip)`.
            on_grid: Whether bins must also end where grid periods (`GRID_DAYS`) end; decayed sums need this.
        """
        ascending = tuple(sorted(set(cutoffs)))
        edges = {cutoff - back for cutoff in ascending for window in windows for back in window}
        edges |= set(ascending)
        if on_grid:
            first, last = min(edges), max(edges)
            edges |= set(range(first - first % GRID_DAYS + GRID_DAYS, last, GRID_DAYS))
        return cls(ascending, tuple(sorted(edges)))

    @property
    def first_day(self) -> int:
        """Return the first day of the window that begins earliest."""
        return self.boundaries[0]

    @property
    def end_day(self) -> int:
        """Return the last cutoff; no window contains this day or a later day."""
        return self.boundaries[-1]

    @property
    def bins(self) -> int:
        """Return the number of bins of the timeline."""
        return len(self.boundaries) - 1

    def edge(self, day: int) -> int:
        """Return the number of bins that end at or before a boundary."""
        return self._edges[day]

    def bin_of(self, days: IntArray) -> IntArray:
        """Return the bin of each day, `[m]`; days must lie in `[first_day, end_day)`."""
        bins: IntArray = self._bin_of_day.take(days - self.first_day, mode="clip")  # clip saves a check
        return bins

    def first_cutoff_after(self, days: IntArray) -> IntArray:
        """Return the index in `cutoffs` of the first cutoff after each day, `[m]`; `len(cutoffs)` if none."""
        # Clip first, because NEVER minus a day before 1970 would not fit a 32-bit integer.
        offset = np.clip(days, self.first_day, self.end_day) - self.first_day
        return self._cutoff_after_day[offset]

    @cached_property
    def _edges(self) -> dict[int, int]:
        return {day: edge for edge, day in enumerate(self.boundaries)}

    @cached_property
    def _bin_of_day(self) -> IntArray:
        days = np.arange(self.first_day, self.end_day)
        return (np.searchsorted(self.boundaries, days, side="right") - 1).astype(np.int32)

    @cached_property
    def _cutoff_after_day(self) -> IntArray:
        days = np.arange(self.first_day, self.end_day + 1)
        return np.searchsorted(self.cutoffs, days, side="right").astype(np.int32)
