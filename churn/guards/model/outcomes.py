"""What the figures of an evaluation themselves give away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from churn.finding import Finding
from churn.metrics.interval import format_interval

CHANCE = 0.5
COLLAPSE = 0.10
"""The AUC that may be lost when all that is known is as old as the time to act."""

SLOPE = (0.8, 1.25)
"""Where the interval of the calibration slope must reach into."""

ERRORS = 2.33
"""One-sided standard errors (1 in 100) by which a safer band must leave more often to be told."""


def too_good_to_be_true(evaluated: Mapping[str, Any]) -> Iterator[Finding]:
    """Warn of figures that honest churn models do not reach; `promote` has a gate of its own for them."""
    if found := too_good(evaluated):
        yield Finding(
            "AUC",
            f"challenger {found}; that is usually a leak.",
            "Look at the most important signals; if it is honest, write why under evaluate.accept.too_good.",
            "warn",
            "too_good",
        )


def lead_time(evaluated: Mapping[str, Any], gap_days: int) -> Iterator[Finding]:
    """Warn where AUC collapses once all that is known is as old as the time to act (the label's gap).

    Without a gap only a collapse to chance is told: most leaving casts its shadow a few weeks ahead, and what
    a month earlier told nothing may still be honest.
    """
    lagged = [one for one in evaluated.get("lead_time") or () if one["days"] >= max(gap_days, 1)]
    if not lagged:
        return
    first = min(lagged, key=lambda one: int(one["days"]))
    fall = first.get("fall") or {}
    if fall.get("low") is None or fall["value"] <= COLLAPSE or fall["low"] <= COLLAPSE / 2:
        return
    if gap_days or first["low"] <= CHANCE:
        left = format_interval({"value": first["auc"], "low": first["low"], "high": first["high"]})
        yield Finding(
            "lead time",
            f"the challenger's AUC falls by {format_interval(fall)}, more than {COLLAPSE}, to {left}, when "
            f"all that is known is {first['days']} days older: it sees leaving when it happens, not before.",
            "Look for signals of the leaving itself (notices, refunds, closures) and leave them out, "
            "or set label.gap_days to the time it takes to act.",
            "warn",
            "lead_time",
        )


def calibrated(evaluated: Mapping[str, Any]) -> Iterator[Finding]:
    """Warn where the spread of the probabilities is surely too wide or too narrow."""
    slope = evaluated["candidates"]["challenger"].get("calibration_slope") or {}
    if slope.get("low") is None or (slope["low"] <= SLOPE[1] and slope["high"] >= SLOPE[0]):
        return
    wide = slope["high"] < SLOPE[0]
    yield Finding(
        "calibration slope",
        f"its calibration slope is {format_interval(slope, 2)}, outside [{SLOPE[0]}, {SLOPE[1]}]: the "
        f"probabilities are too {'extreme' if wide else 'alike'}.",
        "See calibration in metrics.json, and train.calibration; more cutoffs to choose it on may help.",
        "warn",
        "calibrated",
    )


def bands(evaluated: Mapping[str, Any]) -> Iterator[Finding]:
    """Look for a health band that leaves more often than the next worse one, beyond chance."""
    outcomes = (evaluated.get("health_bands") or {}).get("outcomes", ())
    for worse, better in pairwise(outcomes):
        rows = np.array([worse["rows"], better["rows"]], dtype=float)
        shares = np.array([worse["churners"], better["churners"]]) / rows
        pooled = float((shares * rows).sum() / rows.sum())
        error = float(np.sqrt(pooled * (1 - pooled) * (1 / rows).sum()))
        if shares[1] - shares[0] > ERRORS * error > 0:
            yield Finding(
                f"health band {better['band']}",
                f"{shares[1]:.1%} left, {shares[0]:.1%} of band {worse['band']}, which should be worse.",
                "The order of the bands misleads the team: see the calibration, and train again.",
                "stop",
                "bands",
            )


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
