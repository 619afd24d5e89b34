"""The cells of features: one number per customer and cutoff from the rows of one table.

Each rival computes the cells in its own way. The formulas over the cells, such as a division, are the same
numpy for all, and their time is not counted for the rivals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Verb = Literal[
    *("count", "given", "days", "kinds", "sum", "max", "decayed"),
    *("first_day", "last_day", "latest", "previous", "first_row", "last_row"),
]

ZERO_VERBS: tuple[Verb, ...] = ("count", "given", "days", "kinds", "sum", "decayed")
"""Verbs that are 0 where there are no rows; the others are missing there."""


@dataclass(frozen=True)
class Cell:
    """A verb over the rows of `[cutoff - days, cutoff - skip)`, as known before the cutoff.

    `having` selects the rows with an outcome that was known before the cutoff, and `lacking` selects the
    other rows. `by` uses the time of an outcome as the time of the row. `given` counts the rows with a value
    in the column, and `kinds` counts its distinct values. `decayed` counts rows, and the weight of a row
    halves every `half_life` days.
    `first_row` and `last_row` are positions in the order of time.
    """

    table: str
    verb: Verb
    days: int
    skip: int = 0
    column: str | None = None
    having: str | None = None
    lacking: str | None = None
    by: str | None = None
    half_life: int | None = None

    @property
    def day(self) -> str:
        """Return the column with the day of a row."""
        return f"{self.by}_day" if self.by else "day"

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns of the store that the cell needs, without the customer."""
        outcomes = [f"{name}_day" for name in (self.having, self.lacking) if name]
        order = ["at", f"{self.by}_after"] if self.by and self.verb in ("latest", "previous") else []
        return tuple(dict.fromkeys([self.day, *outcomes, *order, *([self.column] if self.column else [])]))


def group_by_table(cells: Iterable[Cell]) -> Mapping[str, tuple[Cell, ...]]:
    """Group distinct cells by table."""
    cells_by_table: dict[str, tuple[Cell, ...]] = {}
    for cell in dict.fromkeys(cells):
        cells_by_table[cell.table] = (*cells_by_table.get(cell.table, ()), cell)
    return cells_by_table


def needed_columns(cells: Iterable[Cell]) -> tuple[str, ...]:
    """Return all columns that the cells of one table need, in order."""
    return tuple(dict.fromkeys(name for cell in cells for name in cell.columns))
