"""The conditions of plays: comparisons of signals and scores, combined by `all` and `any`.

A comparison is true for a missing value only if it has `or_missing`. `read_when` reads a condition from the
playbook and reports each mistake with its place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from churn.errors import did_you_mean

Bools = npt.NDArray[np.bool_]
ColumnValues = Mapping[str, npt.NDArray[Any]]
FiniteNumber = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Comparison(BaseModel):
    """A comparison of a value with one or more bounds. The comparison is true if all bounds are met."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    below: FiniteNumber | None = None
    above: FiniteNumber | None = None
    at_least: FiniteNumber | None = None
    at_most: FiniteNumber | None = None
    equals: FiniteNumber | Annotated[str, Field(strict=True)] | None = None
    or_missing: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _has_bounds(self) -> Comparison:
        if not self.bounds:
            raise ValueError("needs at least one of below, above, at_least, at_most, equals")
        if isinstance(self.equals, str) and len(self.bounds) > 1:
            raise ValueError("compares with a word: give 'equals' without other bounds")
        return self

    @property
    def bounds(self) -> dict[str, float | str]:
        """Return the bounds of the comparison by keyword, such as `below`."""
        return dict(self.model_dump(exclude={"or_missing"}, exclude_none=True))

    def holds(self, values: npt.NDArray[Any]) -> Bools:
        """Return for each value whether all bounds are met, in the shape of `values`."""
        if isinstance(self.equals, str):
            missing = np.array([value is None or value != value for value in values], dtype=bool)
            return np.asarray((values == self.equals) & ~missing) | (missing & self.or_missing)
        numbers = values.astype(np.float64)
        missing = np.isnan(numbers)
        result = ~missing
        for word, bound in self.bounds.items():
            with np.errstate(invalid="ignore"):
                result &= COMPARISON_FUNCTIONS[word](numbers, bound)
        return np.asarray(result | (missing & self.or_missing))

    def values(self) -> NumberRange | str:
        """Return the values for which the comparison is true: a word, or the range between the bounds."""
        if isinstance(self.equals, str):
            return self.equals
        values = NumberRange()
        for word, bound in self.bounds.items():
            values = values.narrow_to(word, float(bound))
        return values


@dataclass(frozen=True, order=True)
class NumberRange:
    """A range of numbers.

    Each edge is a pair: a number, and a flag that says whether the range includes this number. The flag is 0
    if the range includes the number. If the range excludes the number, the flag is 1 at the low edge, and -1
    at the high edge. So Python can compare two edges as pairs.
    """

    low: tuple[float, int] = (-math.inf, 0)
    high: tuple[float, int] = (math.inf, 0)

    def narrow_to(self, word: str, bound: float) -> NumberRange:
        """Return the part of the range that meets one more bound; `word` is its keyword, such as `below`."""
        low, high = self.low, self.high
        if word in ("at_least", "equals"):
            low = max(low, (bound, 0))
        if word in ("at_most", "equals"):
            high = min(high, (bound, 0))
        if word == "above":
            low = max(low, (bound, 1))
        if word == "below":
            high = min(high, (bound, -1))
        return NumberRange(low, high)

    @property
    def is_empty(self) -> bool:
        """Return whether the range holds no number."""
        return self.low > self.high

    def within(self, wide: NumberRange) -> bool:
        """Return whether each number of this range also lies in the range `wide`."""
        return wide.low <= self.low and self.high <= wide.high


COMPARISON_FUNCTIONS: Mapping[str, Any] = {
    "below": np.less,
    "above": np.greater,
    "at_least": np.greater_equal,
    "at_most": np.less_equal,
    "equals": np.equal,
}


@dataclass(frozen=True)
class ColumnTest:
    """A comparison of a single column, or of the smallest value of several columns.

    The smallest value is taken over the values that are not missing. With `or_missing`, a comparison of one
    column is true for all customers if the company does not have this column. A comparison of several columns
    is true for no customer if the company has none of these columns, even with `or_missing`.
    """

    keys: tuple[str, ...]
    comparison: Comparison

    def holds(self, columns: ColumnValues, rows: int) -> Bools:
        """Return for each customer whether the comparison is true; `rows` is the number of customers."""
        present = [columns[key] for key in self.keys if key in columns]
        if not present:
            return np.full(rows, self._holds_without)
        if len(self.keys) == 1:
            return self.comparison.holds(present[0])
        numbers = np.column_stack([values.astype(np.float64) for values in present])
        has_value = np.asarray(~np.isnan(numbers).all(axis=1))
        least = np.nanmin(np.where(has_value[:, None], numbers, 0.0), axis=1)
        least = np.where(has_value, least, np.nan)
        return self.comparison.holds(least)

    def names(self) -> set[str]:
        """Return the names of the columns of the test."""
        return set(self.keys)

    def possible(self, present: Set[str]) -> bool:
        """Return whether the test can be true for any customer if only these columns are present."""
        return self._holds_without or bool(self.names() & present)

    @property
    def _holds_without(self) -> bool:
        return self.comparison.or_missing and len(self.keys) == 1


@dataclass(frozen=True)
class Join:
    """Several conditions, combined: all must be true if `needs_all`, otherwise at least one."""

    parts: tuple[Condition, ...]
    needs_all: bool = True

    def holds(self, columns: ColumnValues, rows: int) -> Bools:
        """Return for each customer whether the combined condition is true; `rows` is the number of
        customers.
        """
        answers = np.full((1, rows), self.needs_all)
        if self.parts:
            answers = np.array([part.holds(columns, rows) for part in self.parts])
        return np.asarray(answers.all(axis=0) if self.needs_all else answers.any(axis=0))

    def names(self) -> set[str]:
        """Return the names of the columns of all conditions."""
        return set().union(*(part.names() for part in self.parts))

    def possible(self, present: Set[str]) -> bool:
        """Return whether the combined condition can be true for any customer if only these columns are
        present.
        """
        answers = [part.possible(present) for part in self.parts]
        return all(answers) if self.needs_all else any(answers)


Condition = ColumnTest | Join

ALWAYS = Join(())
"""The condition that is true for every customer."""


def is_covered(condition: Condition, earlier: Condition) -> bool:
    """Return whether each customer who meets `condition` certainly meets `earlier` too.

    If both are comparisons of the same columns, each value that fits `condition` must also fit `earlier`.
    Combined conditions are compared part by part. False means only that this function has no proof.
    """
    if isinstance(earlier, Join):
        return condition == earlier or (
            all(is_covered(condition, part) for part in earlier.parts)
            if earlier.needs_all
            else any(is_covered(condition, part) for part in earlier.parts)
        )
    if isinstance(condition, Join):
        parts = [is_covered(part, earlier) for part in condition.parts]
        return any(parts) if condition.needs_all else all(parts)
    if condition.keys != earlier.keys or condition.comparison.or_missing > earlier.comparison.or_missing:
        return False
    narrow, wide = condition.comparison.values(), earlier.comparison.values()
    if isinstance(narrow, NumberRange) and isinstance(wide, NumberRange):
        return narrow.within(wide)
    return narrow == wide


SCORE_COLUMNS = {
    "churn_probability": NumberRange((0.0, 0), (1.0, 0)),
    "health": NumberRange((1.0, 0), (5.0, 0)),
    "health_activity": NumberRange((1.0, 0), (5.0, 0)),
    "health_support": NumberRange((1.0, 0), (5.0, 0)),
    "health_sentiment": NumberRange((1.0, 0), (5.0, 0)),
    "health_payment": NumberRange((1.0, 0), (5.0, 0)),
    "value_at_risk": NumberRange((0.0, 0)),
}
"""The columns of the score file that a condition may use, with their ranges."""

EVENT_SCORE_COLUMNS = {"event_probability": NumberRange((0.0, 0), (1.0, 0))}
"""The columns of the score file that a condition may use if the label is of an event."""

DAYS_SINCE_LEFT = "days_since_left"
GONE_COLUMNS = (DAYS_SINCE_LEFT, "monthly_value", "tenure_days")
"""The columns that the condition of a play for lost customers may use; lost customers have no signals."""

COMPARISONS = ("below", "above", "at_least", "at_most", "equals", "or_missing")


def read_when(
    tree: Mapping[str, Any], location: str, kinds: Mapping[str, str], problems: list[str]
) -> Condition | None:
    """Read the `when:` of a play as a condition; return None if `when:` has mistakes.

    Args:
        tree: The entries of `when:`, which must all be true. An entry has one of three forms: a column with a
            comparison; `all:` or `any:` with a list of conditions; `least_of:` with a list of columns. The
            bounds for `least_of`, such as `below: 7`, stand next to `least_of:`, on the same level.
        location: The place in the file, for messages.
        kinds: The kind of each column: 'number', or 'level' if the column holds words.
        problems: A list; the mistakes are added to it.
    """
    if not tree:
        everybody = (
            "event_probability: {at_least: 0}" if "event_probability" in kinds else "health: {at_most: 5}"
        )
        problems.append(f"{location} is empty. For all customers, write '{everybody}'.")
        return None
    parts: list[Condition | None] = []
    bounds = {word: tree[word] for word in COMPARISONS if word in tree}
    if bounds and "least_of" not in tree:
        problems.append(
            f"{location}.{next(iter(bounds))} has no signal to compare: add the name of a signal, "
            "or 'least_of'."
        )
    for key, value in tree.items():
        key_location = f"{location}.{key}"
        if key in ("all", "any"):
            parts.append(_read_join(value, key_location, key == "all", kinds, problems))
        elif key == "least_of":
            parts.append(_read_least(value, bounds, key_location, kinds, problems))
        elif key not in COMPARISONS:
            parts.append(_read_test((str(key),), value, key_location, kinds, problems))
    valid_parts = tuple(part for part in parts if part is not None)
    if len(valid_parts) < len(parts) or not valid_parts:
        return None
    return valid_parts[0] if len(valid_parts) == 1 else Join(valid_parts)


def _read_join(
    value: Any, location: str, needs_all: bool, kinds: Mapping[str, str], problems: list[str]
) -> Condition | None:
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        problems.append(f"{location}: expected a list of conditions like 'signal: {{below: 3}}'.")
        return None
    parts = [read_when(item, f"{location}[{index}]", kinds, problems) for index, item in enumerate(value)]
    valid_parts = tuple(part for part in parts if part is not None)
    return Join(valid_parts, needs_all) if len(valid_parts) == len(parts) else None


def _read_least(
    value: Any, bounds: Mapping[str, Any], location: str, kinds: Mapping[str, str], problems: list[str]
) -> Condition | None:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        problems.append(f"{location}: expected a list of signals, such as [logins_days_since_last].")
        return None
    words = [name for name in value if kinds.get(name) == "level"]
    problems += [f"{location}: {name} holds words; least_of needs numbers." for name in words]
    test = _read_test(tuple(value), dict(bounds), location, kinds, problems)
    return None if words else test


def _read_test(
    keys: tuple[str, ...], value: Any, location: str, kinds: Mapping[str, str], problems: list[str]
) -> Condition | None:
    unknown_keys = [key for key in keys if key not in kinds]
    for key in unknown_keys:
        text = location if len(keys) == 1 and location.endswith(f".{key}") else f"{location}: {key}"
        if key in SCORE_COLUMNS and "event_probability" in kinds:
            problems.append(
                f"{text} is a figure about churn, but the label is of kind event. Use event_probability or "
                "a signal."
            )
            continue
        problems.append(f"{text} is not a signal.{did_you_mean(key, [*kinds, 'all', 'any', 'least_of'])}")
    comparison = _read_comparison(value, location, problems)
    if unknown_keys or comparison is None:
        return None
    if misfit := _misfit(keys[0], comparison, kinds):
        problems.append(f"{location}{misfit}")
        return None
    return ColumnTest(keys, comparison)


def _read_comparison(value: Any, location: str, problems: list[str]) -> Comparison | None:
    if not isinstance(value, dict):
        problems.append(f"{location} ({value!r:.60}): expected a comparison, such as {{below: 7}}.")
        return None
    try:
        return Comparison.model_validate(value)
    except ValidationError as error:
        messages = []
        for detail in error.errors():
            word = str(detail["loc"][0]) if detail["loc"] else ""
            if detail["type"] == "extra_forbidden":
                messages.append(f"{location}.{word} is not a comparison.{did_you_mean(word, COMPARISONS)}")
            elif not word:
                messages.append(f"{location} {str(detail['msg']).removeprefix('Value error, ')}.")
            else:
                rule = "true or false" if word == "or_missing" else "a number"
                messages.append(f"{location}.{word} ({detail['input']!r:.60}): expected {rule}.")
        problems += list(dict.fromkeys(messages))
        return None


def _misfit(key: str, comparison: Comparison, kinds: Mapping[str, str]) -> str:
    """Return the reason why a comparison can never be true for a column, as the end of a message; "" if it
    can be true.
    """
    values = comparison.values()
    if (kinds[key] == "level") != isinstance(values, str):
        return (
            ": the signal holds words, so only 'equals' with a word fits."
            if kinds[key] == "level"
            else ": the signal holds numbers."
        )
    if not isinstance(values, NumberRange):
        return ""
    if values.is_empty:
        return " can never be true: no number lies between these bounds."
    possible = {**SCORE_COLUMNS, **EVENT_SCORE_COLUMNS}.get(key)
    if possible and (values.low > possible.high or values.high < possible.low):
        top = f" to {possible.high[0]:g}" if possible.high[0] < float("inf") else " upwards"
        return f" can never be true: {key} has values from {possible.low[0]:g}{top}."
    return ""
