"""Write a measured value and its interval as JSON or as text.

The module also holds the base class of records that are written as JSON.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sized
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

Key = TypeVar("Key")
Item = TypeVar("Item")


def _none_unless_finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _in_key_order(mapping: Mapping[Key, Item]) -> Mapping[Key, Item]:
    return {key: mapping[key] for key in sorted(mapping, key=str)}


Number = Annotated[float | None, BeforeValidator(_none_unless_finite)]
"""A float, or None if the number is not defined. NaN and infinity become None, because JSON has neither."""

ByName = Annotated[Mapping[Key, Item], AfterValidator(_in_key_order)]
"""A mapping that is sorted by its keys; a written file has this order."""


class Part(BaseModel):
    """The base class of records that are written as JSON. An instance cannot be changed.

    Unknown keys are refused; keys that are not set stay absent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    def as_json(self) -> dict[str, Any]:
        """Return the fields that were set, as JSON values, in the order in which the class lists them."""
        return self.model_dump(mode="json", exclude_unset=True)


class Interval(Part):
    """A value with its 95 % interval `[low, high]`.

    Attributes:
        value: The estimate on all rows; None if the estimate is not defined.
        low: The lower bound; None if there is no interval.
        high: The upper bound; None if there is no interval.

    >>> Interval(value=0.5, low=float("nan")).as_json()
    {'value': 0.5, 'low': None}
    """

    value: Number
    low: Number = None
    high: Number = None


class HasInterval(Protocol):
    """Anything with a value and its bounds: an `Interval`, or an `Estimate` of the bootstrap."""

    @property
    def value(self) -> float | None:
        """Return the value."""

    @property
    def low(self) -> float | None:
        """Return the lower bound."""

    @property
    def high(self) -> float | None:
        """Return the upper bound."""


def format_interval(
    estimate: HasInterval | None, digits: int = 3, *, percent: bool = False, signed: bool = False
) -> str:
    """Return a value with its interval as text.

    Args:
        estimate: The value and its bounds; None if it was not measured.
        digits: The number of decimals.
        percent: Whether to write the numbers in per cent.
        signed: Whether to write a plus sign before positive numbers, for differences.

    >>> format_interval(Interval(value=0.7312, low=0.7201, high=0.7423))
    '0.731 [0.720, 0.742]'
    >>> format_interval(Interval(value=0.073, low=0.066, high=0.081), 1, percent=True)
    '7.3% [6.6%, 8.1%]'
    >>> format_interval(None)
    'not defined'
    """
    value, bounds = format_parts(estimate, digits, percent=percent, signed=signed)
    return " ".join(filter(None, (value, bounds))) or "not defined"


def format_parts(
    estimate: HasInterval | None, digits: int = 3, *, percent: bool = False, signed: bool = False
) -> tuple[str, str]:
    """Return a value and its interval as two texts; both texts are empty if the value is not defined.

    Args:
        estimate, digits, percent, signed: The arguments of `format_interval`.

    >>> format_parts(Interval(value=0.0123, low=-0.0004, high=0.025), 4, signed=True)
    ('+0.0123', '[-0.0004, +0.0250]')
    """
    if estimate is None or not _is_defined(estimate.value):
        return "", ""
    value, low, high = estimate.value, estimate.low, estimate.high
    form = f"{'+' if signed else ''}z.{digits}{'%' if percent else 'f'}"
    bounds = f"[{low:{form}}, {high:{form}}]" if _is_defined(low) and _is_defined(high) else ""
    return f"{value:{form}}", bounds


def _is_defined(number: float | None) -> bool:
    return number is not None and math.isfinite(number)


def format_range(low: float, high: float, digits: int = 3) -> str:
    """Return the lowest and the highest value of a range as text.

    >>> format_range(0.8024, 0.8623)
    '0.802 to 0.862'
    """
    return f"{low:z.{digits}f} to {high:z.{digits}f}"


def level_in_words(ratio: HasInterval) -> str:
    """Return in words whether more or fewer customers left than expected.

    The ratio is `observed / expected`; the words depend on the interval of the ratio.

    >>> level_in_words(Interval(value=1.17, low=1.08, high=1.28))
    'more left than expected'
    """
    low, high = ratio.low, ratio.high
    if low is None or high is None:
        return "not defined"
    if low <= 1 <= high:
        return "not shown to be off"
    return "more left than expected" if low > 1 else "fewer left than expected"


def cutoff_count(cutoffs: Sized) -> str:
    """Return the number of cutoffs as text.

    >>> cutoff_count(["2025-06-01"]), cutoff_count(["2025-06-01", "2025-07-01"])
    ('one cutoff', '2 cutoffs')
    """
    return "one cutoff" if len(cutoffs) == 1 else f"{len(cutoffs)} cutoffs"


def test_set_uses(count: int | None) -> list[str]:
    """Return a list with a sentence on how often the test cutoffs were used; empty if `count` is None.

    >>> test_set_uses(1), test_set_uses(None)
    (['The test cutoffs of this label have been used once.'], [])
    """
    if count is None:
        return []
    times = "once" if count == 1 else f"{count} times"
    return [f"The test cutoffs of this label have been used {times}."]
