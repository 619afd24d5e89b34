"""The labelled rows of matured snapshots (whose labels are known) as arrays, ordered by cutoff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from churn.data.store import date_of_day, day_number

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LabelledRows:
    """Labelled rows: one row for each customer and cutoff.

    Attributes:
        names: The names of the signals, sorted.
        levels: The levels (distinct values) of each text signal; for such a signal, `matrix` holds indices
            into its levels.
        matrix: The values of the signals, shape (rows, signals); NaN where missing.
        left: The outcomes, shape (rows,): 1.0 if the customer left in the label window, else 0.0.
        customer: The number that identifies each row's customer, shape (rows,): 0, 1, 2, … without gaps.
        cutoff: The day number of each row's cutoff, shape (rows,), never falling.
        weight: How many rows each row represents (above 0), shape (rows,); None if each row counts once.
    """

    names: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]
    matrix: Floats
    left: Floats
    customer: Ints
    cutoff: Ints
    weight: Floats | None = None

    def __len__(self) -> int:
        return len(self.left)

    @property
    def churners(self) -> int:
        """Return the number of rows whose customer left."""
        return int(self.left.sum())

    @property
    def rate(self) -> float:
        """Return the share of rows whose customer left, weighted if the rows have weights."""
        return float(np.average(self.left, weights=self.weight) if len(self) else np.nan)

    @property
    def one_class(self) -> bool:
        """Return whether nobody or everybody left; a model cannot learn from such rows."""
        return self.churners in (0, len(self))

    def at(self, cutoffs: Sequence[date]) -> LabelledRows:
        """Return the rows of the given cutoffs; if the cutoffs are neighbours, the arrays are not copied."""
        mask = np.isin(self.cutoff, [day_number(cutoff) for cutoff in cutoffs])
        row_numbers = np.flatnonzero(mask)
        if len(row_numbers) and row_numbers[-1] - row_numbers[0] + 1 == len(row_numbers):
            return self._take(slice(int(row_numbers[0]), int(row_numbers[-1]) + 1))
        return self._take(mask)

    def where(self, mask: npt.NDArray[np.bool_]) -> LabelledRows:
        """Return the rows for which the mask is true."""
        return self._take(mask)

    def weight_where(self, mask: npt.NDArray[np.bool_]) -> Floats | None:
        """Return the weights of the rows for which the mask is true; None if the rows have no weights."""
        return None if self.weight is None else self.weight[mask]

    def _take(self, selection: slice | npt.NDArray[np.bool_]) -> LabelledRows:
        return replace(
            self,
            matrix=self.matrix[selection],
            left=self.left[selection],
            customer=self.customer[selection],
            cutoff=self.cutoff[selection],
            weight=None if self.weight is None else self.weight[selection],
        )


def joined_weight(parts: Sequence[LabelledRows]) -> Floats | None:
    """Return the weights of all rows of `parts`, one part after the other; None if no part has weights."""
    if all(part.weight is None for part in parts):
        return None
    return np.concatenate([np.ones(len(part)) if part.weight is None else part.weight for part in parts])


def thin_customers(rows: LabelledRows, max_rows: int) -> LabelledRows:
    """If there are more than `max_rows` rows, return only the rows of a part of the customers.

    The part is every n-th customer; n is chosen so that about `max_rows` rows or fewer remain.
    """
    share = -(-len(rows) // max_rows)
    return rows if share <= 1 else rows.where(rows.customer % share == 0)


def cutoffs_of(days: Ints) -> list[date]:
    """Return the distinct cutoffs of some rows, in order.

    >>> cutoffs_of(np.array([17240, 17240, 17268]))
    [datetime.date(2017, 3, 15), datetime.date(2017, 4, 12)]
    """
    return [date_of_day(int(day)) for day in np.unique(days)]


def scorer_columns(rows: LabelledRows) -> dict[str, Any]:
    """Return the rows as columns for `Scorer.predict`: numbers, or text with None for a missing value."""
    columns: dict[str, Any] = {}
    for index, name in enumerate(rows.names):
        values = rows.matrix[:, index]
        if name in rows.levels:
            words = np.array([*rows.levels[name], None], dtype=object)
            columns[name] = words[np.where(np.isnan(values), len(words) - 1, values).astype(np.int64)]
        else:
            columns[name] = values
    return columns


MAX_FREQUENT_LEVELS = 100
"""The largest number of levels of a text signal that a model learns."""

MIN_LEVEL_ROWS = 20
"""The least number of rows of a level that a model learns."""


def frequent_levels(rows: LabelledRows) -> dict[str, tuple[str, ...]]:
    """Return the commonest levels of each text signal, sorted: at most 100, each with at least 20 rows."""
    frequent: dict[str, tuple[str, ...]] = {}
    for index, name in enumerate(rows.names):
        if name not in rows.levels:
            continue
        codes = rows.matrix[:, index]
        counts = np.bincount(codes[~np.isnan(codes)].astype(np.int64), minlength=len(rows.levels[name]))
        common = np.argsort(-counts, kind="stable")[:MAX_FREQUENT_LEVELS]
        frequent[name] = tuple(
            rows.levels[name][code] for code in sorted(common) if counts[code] >= MIN_LEVEL_ROWS
        )
    return frequent


def recode_levels(rows: LabelledRows, levels: Mapping[str, Sequence[str]]) -> Floats:
    """Return `rows.matrix` with text signals as indices into `levels`; a level not in `levels` becomes NaN.

    If `levels` are already the levels of the rows, the result is `rows.matrix` itself, because a copy would
    double the memory that a training takes.
    """
    if all(tuple(new_levels) == rows.levels[name] for name, new_levels in levels.items()):
        return rows.matrix
    matrix = rows.matrix.copy()
    for name, new_levels in levels.items():
        index = rows.names.index(name)
        new_codes = {level: float(code) for code, level in enumerate(new_levels)}
        lookup = np.array([*(new_codes.get(level, np.nan) for level in rows.levels[name]), np.nan])
        codes = matrix[:, index]
        matrix[:, index] = lookup[np.where(np.isnan(codes), len(lookup) - 1, codes).astype(np.int64)]
    return matrix
