"""What features are made of: one number per customer and cutoff from the rows of one table.

Every rival computes cells in its own way; what follows them, a division here or there, is the same numpy for
all and free of charge to the rivals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Verb = Literal[
    *("count", "given", "days", "kinds", "sum", "max", "decayed"),
    *("first_day", "last_day", "latest", "previous", "first_row", "last_row"),
]

FOLDS: tuple[Verb, ...] = ("count", "given", "days", "kinds", "sum", "decayed")
"""Verbs that are 0 where there are no rows; the others are missing there."""


@dataclass(frozen=True)
class Cell:
    """A verb over the rows of `[cutoff - days, cutoff - skip)`, as known before the cutoff.

    `having` keeps the rows whose outcome was known then, `lacking` the others; `by` places a row at the time
    of an outcome instead of its own. `given` counts the rows where the column has a value, `kinds` its
    distinct values; `decayed` counts rows, each weighing half as much after so many days (`half_life`).
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
        """Return the column that places a row."""
        return f"{self.by}_day" if self.by else "day"

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns of the store that it needs, beside the customer."""
        outcomes = [f"{name}_day" for name in (self.having, self.lacking) if name]
        order = ["at", f"{self.by}_after"] if self.by and self.verb in ("latest", "previous") else []
        return tuple(dict.fromkeys([self.day, *outcomes, *order, *([self.column] if self.column else [])]))


def of_table(cells: Iterable[Cell]) -> Mapping[str, tuple[Cell, ...]]:
    """Group distinct cells by table."""
    grouped: dict[str, tuple[Cell, ...]] = {}
    for cell in dict.fromkeys(cells):
        grouped[cell.table] = (*grouped.get(cell.table, ()), cell)
    return grouped


def columns_of(cells: Iterable[Cell]) -> tuple[str, ...]:
    """Return all columns that the cells of one table need, in order."""
    return tuple(dict.fromkeys(name for cell in cells for name in cell.columns))
