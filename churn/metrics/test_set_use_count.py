"""How often the test cutoffs were looked at, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def looks_told(evaluated: Mapping[str, Any]) -> list[str]:
    """Return the sentence on `looks_at_test` of metrics.json; none where nobody counted.

    >>> looks_told({"looks_at_test": 1}), looks_told({})
    (['The test cutoffs of this label have been looked at once.'], [])
    """
    looks = evaluated.get("looks_at_test")
    if looks is None:
        return []
    times = "once" if looks == 1 else f"{looks} times"
    return [f"The test cutoffs of this label have been looked at {times}."]
