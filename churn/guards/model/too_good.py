"""Results that are too good to be true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churn.metrics.formatting import format_interval

TOO_GOOD_AUC = 0.95
TOO_FAR_ABOVE = 0.15

RULE = f"AUC is at most {TOO_GOOD_AUC} and at most {TOO_FAR_ABOVE} above recency"


def too_good(evaluated: Mapping[str, Any], bound: str = "value") -> str | None:
    """Return what looks too good to be true, or None.

    Args:
        evaluated: The content of metrics.json.
        bound: What must lie more than 0.15 above recency: `value` to warn, `low` to stop, so that
            chance alone stops nobody.
    """
    auc = evaluated["candidates"]["challenger"]["auc"]["value"]
    if auc is not None and auc > TOO_GOOD_AUC:
        return f"AUC {auc:.3f} is above {TOO_GOOD_AUC}"
    above = evaluated["paired"].get("challenger_minus_recency", {}).get("auc")
    if above and above[bound] is not None and above[bound] > TOO_FAR_ABOVE:
        return f"AUC {auc:.3f} is {format_interval(above)} above recency, more than {TOO_FAR_ABOVE}"
    return None
