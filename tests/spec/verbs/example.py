"""What a drawn example of a verb is: a few rows, an expression, and the value of each customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CUTOFF = "2024-07-01"
"""A Monday."""

MISSING = None


@dataclass(frozen=True)
class Example:
    """One verb drawn: every value was worked out by hand, and `because` says how.

    `customers` draws sign-ups; who is not drawn signed up in 2020. The table also holds a row of somebody
    else from 2020, so that its data reach back far enough, unless `data_start_late`.
    """

    verb: str
    table: str
    expression: str
    rows: str
    expected: Mapping[str, float | str | None]
    because: str
    customers: str = ""
    data_start_late: bool = False
    more: Mapping[str, Mapping[str, float | str | None]] = field(default_factory=dict)
    """Further expressions on the same rows."""

    @property
    def cases(self) -> dict[str, Mapping[str, float | str | None]]:
        """Return every expression and its values."""
        return {self.expression: self.expected, **self.more}


def lines(text: str) -> list[str]:
    """Return the lines of a drawn table."""
    return [line.strip() for line in text.strip().splitlines()]
