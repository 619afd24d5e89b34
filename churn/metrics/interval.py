"""A measured value with its interval, and the base of all records that are written as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

Key = TypeVar("Key")
Item = TypeVar("Item")


def _none_unless_finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _in_key_order(mapping: Mapping[Key, Item]) -> Mapping[Key, Item]:
    return {key: mapping[key] for key in sorted(mapping, key=str)}


Number = Annotated[float | None, BeforeValidator(_none_unless_finite)]
"""A float, or None where it is not defined: NaN and infinity become None, as JSON has neither."""

ByName = Annotated[Mapping[Key, Item], AfterValidator(_in_key_order)]
"""A mapping in the order of its keys, which is the order of a written file."""


class Part(BaseModel):
    """A frozen part of a JSON file. Unknown keys are refused; keys that are not set stay absent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def as_json(self) -> dict[str, Any]:
        """Return the values that are written: the keys that were set, in the order of the fields."""
        return self.model_dump(mode="json", exclude_unset=True)


class Interval(Part):
    """A value with its 95 % interval `[low, high]`.

    Attributes:
        value: The estimate on all rows; None where it is not defined.
        low: The lower bound; None where there is no interval.
        high: The upper bound; None where there is no interval.

    >>> Interval(value=0.5, low=float("nan")).as_json()
    {'value': 0.5, 'low': None}
    """

    value: Number
    low: Number = None
    high: Number = None
