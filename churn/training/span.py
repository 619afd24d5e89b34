"""A number with its interval, as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def span(numbers: Mapping[str, Any], digits: int = 3) -> str:
    """Return a value with its interval.

    >>> span({"value": 0.7312, "low": 0.7201, "high": 0.7423})
    '0.731 [0.720, 0.742]'
    """
    if numbers.get("value") is None:
        return "not defined"
    if numbers.get("low") is None or numbers.get("high") is None:
        return f"{numbers['value']:.{digits}f}"
    return f"{numbers['value']:.{digits}f} [{numbers['low']:.{digits}f}, {numbers['high']:.{digits}f}]"
