"""Figures of an evaluation as text."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import Any

from churn.metrics.interval import Interval

BOUNDS = ("value", "low", "high")


def format_interval(figure: Interval | Mapping[str, Any], digits: int = 3, sign: str = "") -> str:
    """Format a value with its interval.

    Args:
        figure: The value, and the bounds of its interval where there is one.
        digits: The number of decimals.
        sign: `+` for a sign in front of positive numbers too.

    >>> format_interval(Interval(value=0.7312, low=0.7201, high=0.7423))
    '0.731 [0.720, 0.742]'
    """
    interval = (
        figure if isinstance(figure, Interval) else Interval(**{key: figure.get(key) for key in BOUNDS})
    )
    number = f"{sign}z.{digits}f"
    if interval.value is None:
        return "not defined"
    if interval.low is None or interval.high is None:
        return f"{interval.value:{number}}"
    return f"{interval.value:{number}} [{interval.low:{number}}, {interval.high:{number}}]"


def format_range(low: float, high: float, digits: int = 3) -> str:
    """Format the lowest and the highest of some values.

    >>> format_range(0.8024, 0.8623)
    '0.802 to 0.862'
    """
    return f"{low:z.{digits}f} to {high:z.{digits}f}"


def level_in_words(ratio: Interval | Mapping[str, Any]) -> str:
    """Say whether more or fewer customers left than expected, given the interval of observed/expected.

    >>> level_in_words(Interval(value=1.17, low=1.08, high=1.28))
    'more left than expected'
    """
    interval = ratio if isinstance(ratio, Interval) else Interval(**{key: ratio.get(key) for key in BOUNDS})
    if interval.low is None or interval.high is None:
        return "unknown, there is no interval"
    if interval.low <= 1 <= interval.high:
        return "not shown to be off"
    return "more left than expected" if interval.low > 1 else "fewer left than expected"


def cutoff_count(cutoffs: Sized) -> str:
    """Say how many cutoffs there are.

    >>> cutoff_count(["2025-06-01"]), cutoff_count(["2025-06-01", "2025-07-01"])
    ('one cutoff', '2 cutoffs')
    """
    return "one cutoff" if len(cutoffs) == 1 else f"{len(cutoffs)} cutoffs"


def test_set_uses(count: int) -> str:
    """Say how often the test cutoffs of a label were used.

    >>> test_set_uses(1)
    'The test cutoffs of this label were used once.'
    """
    times = "once" if count == 1 else f"{count} times"
    return f"The test cutoffs of this label were used {times}."
