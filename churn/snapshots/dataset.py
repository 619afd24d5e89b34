"""The labelled rows of all matured snapshots as arrays, ordered by cutoff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LabelledRows:
    """One row per customer and cutoff.

    Attributes:
        names: The signals, sorted.
        levels: For signals that hold text, all their levels; `matrix` holds places in this list.
        matrix: Shape (rows, signals), NaN where missing.
        left: 1.0 where the customer left in the label window, else 0.0.
        customer: A dense integer per customer.
        cutoff: Days since 1970-01-01, never falling.
    """

    names: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]
    matrix: Floats
    left: Floats
    customer: Ints
    cutoff: Ints

    def __len__(self) -> int:
        return len(self.left)

    @property
    def churners(self) -> int:
        """Return the number of rows that left."""
        return int(self.left.sum())

    @property
    def one_class(self) -> bool:
        """Return whether all rows have one outcome, so a model cannot learn: nobody or everybody left."""
        return self.churners in (0, len(self))

    def at(self, cutoffs: Sequence[date]) -> LabelledRows:
        """Return the rows of some cutoffs; neighbours share memory with this object."""
        days = [(cutoff - date(1970, 1, 1)).days for cutoff in cutoffs]
        wanted = np.isin(self.cutoff, days)
        places = np.flatnonzero(wanted)
        if len(places) and places[-1] - places[0] + 1 == len(places):
            return self._take(slice(int(places[0]), int(places[-1]) + 1))
        return self._take(wanted)

    def where(self, wanted: npt.NDArray[np.bool_]) -> LabelledRows:
        """Return the rows for which `wanted` is true."""
        return self._take(wanted)

    def _take(self, places: slice | npt.NDArray[np.bool_]) -> LabelledRows:
        return replace(
            self,
            matrix=self.matrix[places],
            left=self.left[places],
            customer=self.customer[places],
            cutoff=self.cutoff[places],
        )


def thin_customers(rows: LabelledRows, most: int) -> LabelledRows:
    """Return at most about `most` rows: all rows, or the rows of every second, third, … customer."""
    share = -(-len(rows) // most)
    return rows if share <= 1 else rows.where(rows.customer % share == 0)


def cutoffs_of(days: Ints) -> list[date]:
    """Return the distinct cutoffs of some rows, in order.

    >>> cutoffs_of(np.array([17240, 17240, 17268]))
    [datetime.date(2017, 3, 15), datetime.date(2017, 4, 12)]
    """
    return [date.fromordinal(int(day) + date(1970, 1, 1).toordinal()) for day in np.unique(days)]


def scorer_columns(rows: LabelledRows) -> dict[str, Any]:
    """Return the rows as the columns of a scorer: numbers, and text with None for a missing value."""
    columns: dict[str, Any] = {}
    for place, name in enumerate(rows.names):
        values = rows.matrix[:, place]
        if name in rows.levels:
            words = np.array([*rows.levels[name], None], dtype=object)
            columns[name] = words[np.where(np.isnan(values), len(words) - 1, values).astype(np.int64)]
        else:
            columns[name] = values
    return columns


MAX_LEVELS = 100
MIN_LEVEL_ROWS = 20


def frequent_levels(rows: LabelledRows) -> dict[str, tuple[str, ...]]:
    """Return the levels of each text signal seen at least 20 times, at most the 100 commonest, sorted."""
    kept = {}
    for place, name in enumerate(rows.names):
        if name not in rows.levels:
            continue
        codes = rows.matrix[:, place]
        counts = np.bincount(codes[~np.isnan(codes)].astype(np.int64), minlength=len(rows.levels[name]))
        common = np.argsort(-counts, kind="stable")[:MAX_LEVELS]
        kept[name] = tuple(
            rows.levels[name][code] for code in sorted(common) if counts[code] >= MIN_LEVEL_ROWS
        )
    return kept


def recode_levels(rows: LabelledRows, levels: Mapping[str, Sequence[str]]) -> Floats:
    """Return the matrix with text signals counted along `levels`; other levels become missing.

    If no level changes, the result is `rows.matrix` itself: a copy would double the memory of a training.
    """
    if all(tuple(kept) == rows.levels[name] for name, kept in levels.items()):
        return rows.matrix
    matrix = rows.matrix.copy()
    for name, kept in levels.items():
        place = rows.names.index(name)
        new = {level: float(code) for code, level in enumerate(kept)}
        lookup = np.array([*(new.get(level, np.nan) for level in rows.levels[name]), np.nan])
        codes = matrix[:, place]
        matrix[:, place] = lookup[np.where(np.isnan(codes), len(lookup) - 1, codes).astype(np.int64)]
    return matrix
