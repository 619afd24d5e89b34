"""Hazards of leaving, interval by interval: the curve of a contract label beyond its own horizon.

Of every interval after a cutoff and the gap the rows count that were still there when it began, and only
where it is completed: its end, the grace and the late days have passed. An interval cut off in the middle
would count leavers of which nobody knows yet as stayers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from churn.data.store import day_number
from churn.errors import CallError
from churn.labels.contract_ends import read_ends, wait_days
from churn.metrics.metrics import Ints
from churn.model.scorer import Floats, horizons_of
from churn.params import Params
from churn.snapshots.dataset import dates_of
from churn.snapshots.read import Snapshots
from churn.training import calibration
from churn.training.backtest import OutOfTime

DAYS = (30, 60, 90)
"""The horizons that are given out."""
NEAR_DAYS = 7
"""A model's own horizon at least so many days away from each of them bounds an interval too."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Lives:
    """How long customers stayed after a cutoff, and what the model said out of time.

    Attributes:
        made: Uncalibrated log-odds by models that had not seen the row.
        stays: Days from the cutoff and the gap to the end of the contract; huge while no end is known.
        lag_days: The gap, the grace and the late days: so long after its end an interval is completed.
    """

    made: OutOfTime
    stays: Ints
    lag_days: int

    def completed(self, days: int, by: date) -> Mask:
        """Tell for which rows it was known by a date who had left within so many days."""
        known: Mask = self.made.cutoff + days + self.lag_days <= day_number(by)
        return known

    def at_risk(self, start: int, end: int, by: date) -> Mask:
        """Tell which rows count for the interval `[start, end)`: completed, and there when it began."""
        return self.completed(end, by) & (self.stays >= start)

    def left(self, days: int) -> Floats:
        """Return 1 for the rows that left within so many days, else 0."""
        return (self.stays < days).astype(np.float64)


@dataclass(frozen=True)
class Hazards:
    """Fitted hazards, as the scorer reads them, and why a horizon is missing.

    Attributes:
        days: The horizons that are known, of 30, 60 and 90 days.
        anchor_days: The model's own horizon, through whose probability every curve goes.
        intervals: Each with `start` and `end` in days, `slope` and `intercept` on the model's log-odds, and
            the `rows` and `leavers` it was fitted on.
        missing: The reason by horizon.
    """

    days: tuple[int, ...]
    anchor_days: int
    intervals: tuple[Mapping[str, Any], ...] = ()
    missing: Mapping[int, str] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Return what the spec of a bundle says under `horizons`."""
        return {
            "days": list(self.days),
            "anchor_days": self.anchor_days,
            "intervals": [dict(one) for one in self.intervals],
            "missing": {str(days): why for days, why in self.missing.items()},
        }

    def within(self, logits: Floats, probability: Floats) -> dict[int, Floats]:
        """Return the probability of leaving by days, by the code of the scorer."""
        return horizons_of(logits, probability, self.told()) if self.days else {}


def read_lives(params: Params, snapshots: Snapshots, made: OutOfTime) -> Lives | None:
    """Join out-of-time predictions with the ends of contracts; None for labels without contracts.

    Raises:
        CallError: a file of ends is gone, or is not that of its snapshot.
    """
    if params.label.kind != "contract":
        return None
    stays = np.empty(len(made.left), dtype=np.int64)
    ids = np.asarray(snapshots.customers, dtype=object)
    folder = params.output / "snapshots"
    for day in made.cutoffs:
        here = made.cutoff == day_number(day)
        customers, ends = read_ends(folder, day)
        if customers != ids[made.customer[here]].tolist():
            raise CallError(
                f"{folder}: the outcome of {day} is not that of its snapshot. Run `churn snapshot` again."
            )
        stays[here] = ends.astype(np.int64) - day_number(day) - params.label.gap_days
    return Lives(made, stays, params.label.gap_days + wait_days(params))


def edges_for(horizon_days: int) -> tuple[int, ...]:
    """Return where intervals end: after 30, 60 and 90 days, and at the model's own horizon if it lies apart.

    >>> edges_for(31), edges_for(14), edges_for(180)
    ((30, 60, 90), (14, 30, 60, 90), (30, 60, 90, 180))
    """
    apart = all(abs(horizon_days - day) >= NEAR_DAYS for day in DAYS)
    return tuple(sorted({*DAYS, *((horizon_days,) if apart else ())}))


def fit_hazards(lives: Lives, horizon_days: int, by: date) -> Hazards:
    """Fit the hazard of each interval as a logistic regression on the model's log-odds.

    Where an interval has fewer than 30 leavers or 30 stayers, its horizon and those after it are missing,
    with the reason. Boosters of all signals per interval, or with the interval as a column, were no better
    out of time and cost three times the training; see docs/horizons.md.

    Args:
        lives: Rows that the model predicted out of time.
        horizon_days: The model's own horizon, through whose probability the curve goes.
        by: Only what was known by this date is learnt from.
    """
    start, why = 0, ""
    intervals: list[Mapping[str, Any]] = []
    for end in edges_for(horizon_days):
        wanted = lives.at_risk(start, end, by)
        left = lives.left(end)[wanted]
        if why := _too_few(lives, left, start, end, by):
            break
        line = calibration.fit_platt(lives.made.logits[wanted], left)
        facts = {"slope": line["a"], "intercept": line["c"], "rows": len(left), "leavers": int(left.sum())}
        intervals.append({"start": start, "end": end, **facts})
        start = end
    if horizon_days - start >= NEAR_DAYS:  # the curve does not reach the model's own horizon
        return Hazards((), horizon_days, missing=dict.fromkeys(DAYS, why))
    days = tuple(day for day in DAYS if day <= start)
    missing = {day: why for day in DAYS if day > start}
    return Hazards(days, horizon_days, tuple(intervals), missing)


def _too_few(lives: Lives, left: Floats, start: int, end: int, by: date) -> str:
    """Return why an interval cannot be learnt, or nothing."""
    if not len(left):
        first = min(dates_of(lives.made.cutoff), default=None)
        since = f"the first is {first}" if first else "there is none"
        return (
            f"who left within {end} days was not known by {by} of any cutoff predicted out of time "
            f"({since}): that takes {end + lives.lag_days} days with gap, grace and late days"
        )
    if calibration.enough(left):
        return ""
    leavers, stayers = int(left.sum()), int(len(left) - left.sum())
    what, number = ("left", leavers) if leavers < stayers else ("stayed", stayers)
    fewest = calibration.FEWEST
    return f"only {number} of {len(left):,} rows {what} in days {start} to {end}; {fewest} are needed"


def fit_horizons(params: Params, snapshots: Snapshots, made: OutOfTime) -> dict[str, Any]:
    """Return what a bundle's spec says of 30, 60 and 90 days under `horizons`; nothing without contracts."""
    lives = read_lives(params, snapshots, made)
    if lives is None:
        return {}
    return {"horizons": fit_hazards(lives, params.label.horizon_days, snapshots.as_of).told()}


def horizon_lines(spec: Mapping[str, Any]) -> list[str]:
    """Return the lines that `churn train` says of the horizons."""
    horizons = spec.get("horizons", {"days": [], "missing": {}})
    lines = []
    if horizons["days"]:
        lines.append(f"tells the chance of leaving within {', '.join(map(str, horizons['days']))} days too")
    for why, days in _by_reason(horizons["missing"]).items():
        lines.append(f"no chance of leaving within {' or '.join(days)} days: {why}")
    return lines


def _by_reason(missing: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for days, why in missing.items():
        found.setdefault(why, []).append(days)
    return found
