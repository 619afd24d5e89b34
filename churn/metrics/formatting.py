"""Numbers of an evaluation as text: with their interval, from cutoff to cutoff, and what a ratio says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def format_interval(numbers: Mapping[str, Any], digits: int = 3) -> str:
    """Return a value with its interval.

    >>> span({"value": 0.7312, "low": 0.7201, "high": 0.7423})
    '0.731 [0.720, 0.742]'
    """
    if numbers.get("value") is None:
        return "not defined"
    if numbers.get("low") is None or numbers.get("high") is None:
        return f"{numbers['value']:z.{digits}f}"
    return f"{numbers['value']:z.{digits}f} [{numbers['low']:z.{digits}f}, {numbers['high']:z.{digits}f}]"


def format_range(spread: Mapping[str, Any], metric: str, digits: int = 3) -> str:
    """Return the lowest and highest value of a metric over the test cutoffs; empty with fewer than two.

    >>> apart({"auc": {"min": 0.8024, "max": 0.8623}, "cutoffs": 3}, "auc")
    '0.802 to 0.862'
    """
    found = spread.get(metric)
    if found is None or spread["cutoffs"] < 2:
        return ""
    return f"{found['min']:z.{digits}f} to {found['max']:z.{digits}f}"


def level_in_words(ratio: Mapping[str, Any]) -> str:
    """Return what observed over expected says, its interval considered.

    >>> level_told({"value": 1.17, "low": 1.08, "high": 1.28})
    'more left than expected'
    """
    if ratio.get("low") is None or ratio.get("high") is None:
        return "cannot be told"
    if ratio["low"] <= 1 <= ratio["high"]:
        return "not shown to be off"
    return "more left than expected" if ratio["low"] > 1 else "fewer left than expected"


def cutoff_count(cutoffs: Sequence[str]) -> str:
    """Return how many cutoffs judged something.

    >>> cutoffs_told(["2025-06-01"]), cutoffs_told(["2025-06-01", "2025-07-01"])
    ('one cutoff', '2 cutoffs')
    """
    return "one cutoff" if len(cutoffs) == 1 else f"{len(cutoffs)} cutoffs"


def test_set_uses(evaluated: Mapping[str, Any]) -> list[str]:
    """Return the sentence on `looks_at_test` of metrics.json; none where nobody counted.

    >>> looks_told({"looks_at_test": 1}), looks_told({})
    (['The test cutoffs of this label have been looked at once.'], [])
    """
    looks = evaluated.get("looks_at_test")
    if looks is None:
        return []
    times = "once" if looks == 1 else f"{looks} times"
    return [f"The test cutoffs of this label have been looked at {times}."]
