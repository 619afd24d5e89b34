"""Guards of the figures of an evaluation: too good, too late, badly calibrated, or in the wrong order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from churn.finding import Finding
from churn.metrics.interval import format_interval

CHANCE_AUC = 0.5

MAX_FALL = 0.10
"""The AUC that may be lost when everything that is known is as old as the time to act."""

SLOPE_RANGE = (0.8, 1.25)
"""The interval of the calibration slope must overlap this range."""

STANDARD_ERRORS = 2.33
"""One-sided standard errors (1 in 100) by which a safer band must leave more often to be a stop."""

MAX_AUC, MAX_AUC_ABOVE_RECENCY = 0.95, 0.15
"""Honest churn models reach neither."""

TOO_GOOD_RULE = f"AUC is at most {MAX_AUC} and at most {MAX_AUC_ABOVE_RECENCY} above recency"


def too_good(evaluated: Mapping[str, Any], bound: str = "value") -> str | None:
    """Say what is too good to be true; None where nothing is.

    Args:
        evaluated: The content of metrics.json.
        bound: Which end must lie more than 0.15 above recency: `value` to warn, `low` to stop, so that
            chance alone stops nobody.
    """
    auc = evaluated["candidates"]["challenger"]["auc"]["value"]
    if auc is not None and auc > MAX_AUC:
        return f"AUC {auc:.3f} is above {MAX_AUC}"
    above = evaluated["paired"].get("challenger_minus_recency", {}).get("auc")
    if above and above[bound] is not None and above[bound] > MAX_AUC_ABOVE_RECENCY:
        return f"AUC {auc:.3f} is {format_interval(above)} above recency, more than {MAX_AUC_ABOVE_RECENCY}"
    return None


def too_good_to_be_true(evaluated: Mapping[str, Any]) -> Iterator[Finding]:
    """Warn of figures that honest churn models do not reach; `promote` has a gate of its own for them."""
    if reason := too_good(evaluated):
        yield Finding(
            "AUC",
            f"challenger {reason}; that is usually a leak.",
            "Look at the most important signals; if they are honest, write the reason under "
            "evaluate.accept.too_good.",
            "warn",
            "too_good",
        )


def lead_time(evaluated: Mapping[str, Any], gap_days: int) -> Iterator[Finding]:
    """Warn if the AUC collapses once everything that is known is as old as the time to act (the label's gap).

    Without a gap only a collapse to chance is a warning: most customers show that they will leave only a few
    weeks ahead, and a model that sees nothing a month earlier may still be honest.

    Args:
        evaluated: The content of metrics.json.
        gap_days: The days from a cutoff to the label window.
    """
    older = [lead for lead in evaluated.get("lead_time") or () if lead["days"] >= max(gap_days, 1)]
    if not older:
        return
    first = min(older, key=lambda lead: int(lead["days"]))
    fall = first.get("fall") or {}
    if fall.get("low") is None or fall["value"] <= MAX_FALL or fall["low"] <= MAX_FALL / 2:
        return
    if gap_days or first["low"] <= CHANCE_AUC:
        older_auc = format_interval({"value": first["auc"], "low": first["low"], "high": first["high"]})
        yield Finding(
            "lead time",
            f"the challenger's AUC falls by {format_interval(fall)}, more than {MAX_FALL}, to {older_auc}, "
            f"when everything that is known is {first['days']} days older: it sees customers leave when it "
            "happens, not before.",
            "Look for signals of the leaving itself (notices, refunds, closures) and leave them out, "
            "or set label.gap_days to the time that you need to act.",
            "warn",
            "lead_time",
        )


def calibration(evaluated: Mapping[str, Any]) -> Iterator[Finding]:
    """Warn if the probabilities are surely too extreme or too close to each other."""
    slope = evaluated["candidates"]["challenger"].get("calibration_slope") or {}
    lowest, highest = SLOPE_RANGE
    if slope.get("low") is None or (slope["low"] <= highest and slope["high"] >= lowest):
        return
    too = "extreme" if slope["high"] < lowest else "close to each other"
    yield Finding(
        "calibration slope",
        f"its calibration slope is {format_interval(slope, 2)}, outside [{lowest}, {highest}]: the "
        f"probabilities are too {too}.",
        "See calibration in metrics.json, and train.calibration; more cutoffs for its choice may help.",
        "warn",
        "calibrated",
    )


def bands(evaluated: Mapping[str, Any]) -> Iterator[Finding]:
    """Stop at a health band that left more often than the next worse one, beyond chance."""
    outcomes = (evaluated.get("health_bands") or {}).get("outcomes", ())
    for worse, better in pairwise(outcomes):
        rows = np.array([worse["rows"], better["rows"]], dtype=float)
        shares = np.array([worse["churners"], better["churners"]]) / rows
        overall = float((shares * rows).sum() / rows.sum())
        error = float(np.sqrt(overall * (1 - overall) * (1 / rows).sum()))
        if shares[1] - shares[0] > STANDARD_ERRORS * error > 0:
            yield Finding(
                f"health band {better['band']}",
                f"{shares[1]:.1%} left, but only {shares[0]:.1%} of band {worse['band']}, which should be "
                "worse.",
                "The order of the bands misleads the team: see the calibration, and train again.",
                "stop",
                "bands",
            )
