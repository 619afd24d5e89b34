"""Cutoffs and window boundaries as local day numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int32]

GRID_DAYS = 28
"""Decayed sums weigh a day against the end of its period `[k * GRID_DAYS, (k + 1) * GRID_DAYS)`.

A fixed grid, instead of the bins of a job, makes the weights of a day the same in every job.
"""


@dataclass(frozen=True)
class Timeline:
    """All cutoffs of a job, ascending, and for one table the boundaries of every window in use.

    Consecutive boundaries are bins `[boundary, next boundary)`; every window `[cutoff - days, cutoff - skip)`
    is a run of whole bins.
    """

    cutoffs: tuple[int, ...]
    boundaries: tuple[int, ...]

    @classmethod
    def over(
        cls, cutoffs: Iterable[int], windows: Iterable[tuple[int, int]], on_grid: bool = False
    ) -> Timeline:
        """Lay out the bins for windows `(days, skip)` before each cutoff; `on_grid` cuts at the grid too."""
        ordered = tuple(sorted(set(cutoffs)))
        edges = {cutoff - back for cutoff in ordered for window in windows for back in window} | set(ordered)
        if on_grid:
            first, last = min(edges), max(edges)
            edges |= set(range(first - first % GRID_DAYS + GRID_DAYS, last, GRID_DAYS))
        return cls(ordered, tuple(sorted(edges)))

    @property
    def first_day(self) -> int:
        """Return the first day that any window reaches."""
        return self.boundaries[0]

    @property
    def end_day(self) -> int:
        """Return the day after the last that any window reaches: the last cutoff."""
        return self.boundaries[-1]

    @property
    def bins(self) -> int:
        """Return the number of bins."""
        return len(self.boundaries) - 1

    def edge(self, day: int) -> int:
        """Return the number of bins that end at or before a boundary."""
        return self._edges[day]

    def bin_of(self, days: IntArray) -> IntArray:
        """Return the bin of each day; days must lie in `[first_day, end_day)`."""
        bins: IntArray = self._bin_of_day.take(days - self.first_day, mode="clip")  # clip spares a check
        return bins

    def seen(self, days: IntArray) -> IntArray:
        """Return for each day the ordinal of the first cutoff after it; `len(cutoffs)` if there is none."""
        # Clipped first: a day that never comes, less a day before 1970, would not fit an integer.
        offset = np.clip(days, self.first_day, self.end_day) - self.first_day
        return self._seen_of_day[offset]

    @cached_property
    def _edges(self) -> dict[int, int]:
        return {day: edge for edge, day in enumerate(self.boundaries)}

    @cached_property
    def _bin_of_day(self) -> IntArray:
        days = np.arange(self.first_day, self.end_day)
        return (np.searchsorted(self.boundaries, days, side="right") - 1).astype(np.int32)

    @cached_property
    def _seen_of_day(self) -> IntArray:
        days = np.arange(self.first_day, self.end_day + 1)
        return np.searchsorted(self.cutoffs, days, side="right").astype(np.int32)
