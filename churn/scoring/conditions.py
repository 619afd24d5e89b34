"""Conditions of plays: comparisons of signals and scores, joined by all and any. Missing never satisfies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

Bools = npt.NDArray[np.bool_]
Columns = Mapping[str, npt.NDArray[Any]]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Comparison(BaseModel):
    """One or more bounds that must all hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    below: Number | None = None
    above: Number | None = None
    at_least: Number | None = None
    at_most: Number | None = None
    equals: Number | Annotated[str, Field(strict=True)] | None = None
    or_missing: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _says_something(self) -> Comparison:
        if not self.bounds:
            raise ValueError("needs at least one of below, above, at_least, at_most, equals")
        if isinstance(self.equals, str) and len(self.bounds) > 1:
            raise ValueError("compares a word, so 'equals' stands alone")
        return self

    @property
    def bounds(self) -> dict[str, float | str]:
        """Return the bounds that are given."""
        given = self.model_dump(exclude={"or_missing"}, exclude_none=True)
        return dict(given)

    def holds(self, values: npt.NDArray[Any]) -> Bools:
        """Tell for which values every bound holds."""
        if isinstance(self.equals, str):
            missing = np.array([value is None or value != value for value in values], dtype=bool)
            return np.asarray((values == self.equals) & ~missing) | (missing & self.or_missing)
        numbers = values.astype(np.float64)
        missing = np.isnan(numbers)
        result = ~missing
        for word, bound in self.bounds.items():
            with np.errstate(invalid="ignore"):
                result &= COMPARE[word](numbers, bound)
        return np.asarray(result | (missing & self.or_missing))

    def span(self) -> Span | str:
        """Return the values that satisfy: a word, or the span between the bounds."""
        if isinstance(self.equals, str):
            return self.equals
        span = Span()
        for word, bound in self.bounds.items():
            span = span.narrowed(word, float(bound))
        return span


@dataclass(frozen=True, order=True)
class Span:
    """An interval of numbers; an edge is `(value, 0 if it belongs, else 1 or -1)`, so that edges order."""

    low: tuple[float, int] = (-math.inf, 0)
    high: tuple[float, int] = (math.inf, 0)

    def narrowed(self, word: str, bound: float) -> Span:
        """Return the part of the span in which the comparison holds."""
        low, high = self.low, self.high
        if word in ("at_least", "equals"):
            low = max(low, (bound, 0))
        if word in ("at_most", "equals"):
            high = min(high, (bound, 0))
        if word == "above":
            low = max(low, (bound, 1))
        if word == "below":
            high = min(high, (bound, -1))
        return Span(low, high)

    @property
    def is_empty(self) -> bool:
        """Tell whether no number lies in the span."""
        return self.low > self.high

    def within(self, other: Span) -> bool:
        """Tell whether every number of this span lies in the other."""
        return other.low <= self.low and self.high <= other.high


COMPARE: Mapping[str, Any] = {
    "below": np.less,
    "above": np.greater,
    "at_least": np.greater_equal,
    "at_most": np.less_equal,
    "equals": np.equal,
}


@dataclass(frozen=True)
class Test:
    """Compare one column, or the least of several; the least is over those that have a value.

    With `or_missing`, a column that is not here at all counts as missing for everybody. The least of columns
    of which none is here holds for nobody: there is nothing a customer could have done.
    """

    keys: tuple[str, ...]
    comparison: Comparison

    __test__ = False  # not a test case, whatever the name suggests to a collector

    def holds(self, columns: Columns, rows: int) -> Bools:
        """Tell for which customers the comparison holds."""
        present = [columns[key] for key in self.keys if key in columns]
        if not present:
            return np.full(rows, self._holds_without)
        if len(self.keys) == 1:
            return self.comparison.holds(present[0])
        stacked = np.column_stack([values.astype(np.float64) for values in present])
        known = np.asarray(~np.isnan(stacked).all(axis=1))
        least = np.where(known, np.nanmin(np.where(known[:, None], stacked, 0.0), axis=1), np.nan)
        return self.comparison.holds(least)

    def names(self) -> set[str]:
        """Return the columns it reads."""
        return set(self.keys)

    def possible(self, present: Set[str]) -> bool:
        """Tell whether it can hold for anybody with only these columns."""
        return self._holds_without or bool(self.names() & present)

    @property
    def _holds_without(self) -> bool:
        return self.comparison.or_missing and len(self.keys) == 1


@dataclass(frozen=True)
class Join:
    """Several conditions of which all (or any) must hold."""

    parts: tuple[Condition, ...]
    every: bool = True

    def holds(self, columns: Columns, rows: int) -> Bools:
        """Tell for which customers the joined conditions hold."""
        answers = np.array([part.holds(columns, rows) for part in self.parts])
        return np.asarray(answers.all(axis=0) if self.every else answers.any(axis=0))

    def names(self) -> set[str]:
        """Return the columns it reads."""
        return set().union(*(part.names() for part in self.parts))

    def possible(self, present: Set[str]) -> bool:
        """Tell whether it can hold for anybody with only these columns."""
        answers = [part.possible(present) for part in self.parts]
        return all(answers) if self.every else any(answers)


Condition = Test | Join


def is_covered(condition: Condition, earlier: Condition) -> bool:
    """Tell whether it is provable that whoever satisfies `condition` satisfies `earlier` too.

    Comparisons of the same columns are compared by the values they let through, joins part by part; what
    cannot be shown this way is taken to be possible.
    """
    if isinstance(earlier, Join):
        return condition == earlier or (
            all(is_covered(condition, part) for part in earlier.parts)
            if earlier.every
            else any(is_covered(condition, part) for part in earlier.parts)
        )
    if isinstance(condition, Join):
        parts = [is_covered(part, earlier) for part in condition.parts]
        return any(parts) if condition.every else all(parts)
    if condition.keys != earlier.keys or condition.comparison.or_missing > earlier.comparison.or_missing:
        return False
    narrow, wide = condition.comparison.span(), earlier.comparison.span()
    if isinstance(narrow, Span) and isinstance(wide, Span):
        return narrow.within(wide)
    return narrow == wide
