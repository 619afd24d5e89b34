"""Discrete hazards of leaving: the probability of leaving within 30, 60 and 90 days for a contract label.

The days after a cutoff and the gap are cut into intervals. A row counts for an interval where the customer
was still there when it began, and where the interval is completed: its end, the grace and the late days have
passed. An interval that is not completed would count churners whose end is not known yet as stayers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from churn.data.store import day_number
from churn.errors import CallError
from churn.labels.contract import read_contract_ends
from churn.metrics.metrics import Ints
from churn.model.scorer import Floats, horizons_of
from churn.params import LabelParams
from churn.snapshots.dataset import cutoffs_of
from churn.snapshots.read import Snapshots
from churn.training.backtest import OutOfTime
from churn.training.calibration import MIN_OF_A_CLASS, enough_of_both, fit_platt

HORIZON_DAYS = (30, 60, 90)
"""The horizons, in days after the cutoff and the gap."""
NEAR_DAYS = 7
"""The label's own horizon ends an interval too where it is at least this many days away from each of them."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Lives:
    """How long customers stayed after a cutoff, with the model's out-of-time predictions.

    Attributes:
        predictions: Uncalibrated log-odds by models that had not seen the row.
        stays: Days from the cutoff and the gap to the end of the contract, shape (rows,); a huge number while
            no end is known.
        lag_days: The gap, the grace and the late days. An interval is completed this long after its end.
    """

    predictions: OutOfTime
    stays: Ints
    lag_days: int

    def is_complete(self, days: int, by: date) -> Mask:
        """Return for which rows it was known by a date whether the customer left within some days."""
        mask: Mask = self.predictions.cutoff + days + self.lag_days <= day_number(by)
        return mask

    def at_risk(self, start: int, end: int, by: date) -> Mask:
        """Return which rows count for `[start, end)`: completed by a date, and there when it began."""
        return self.is_complete(end, by) & (self.stays >= start)

    def left(self, days: int) -> Floats:
        """Return 1 for the rows that left within some days, else 0."""
        return (self.stays < days).astype(np.float64)


@dataclass(frozen=True)
class Hazards:
    """Fitted hazards as the scorer reads them, and the reasons why a horizon is missing.

    Attributes:
        days: The horizons that were fitted, of 30, 60 and 90 days.
        anchor_days: The label's own horizon; every curve goes through the model's probability there.
        intervals: Each with `start` and `end` in days, `slope` and `intercept` on the model's log-odds, and
            the `rows` and `leavers` (churners) that it was fitted on.
        missing: The reason by missing horizon.
    """

    days: tuple[int, ...]
    anchor_days: int
    intervals: tuple[Mapping[str, Any], ...] = ()
    missing: Mapping[int, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the hazards as JSON values, as the spec of a bundle holds them under `horizons`."""
        return {
            "days": list(self.days),
            "anchor_days": self.anchor_days,
            "intervals": [dict(interval) for interval in self.intervals],
            "missing": {str(days): reason for days, reason in self.missing.items()},
        }

    def within(self, logits: Floats, probability: Floats) -> dict[int, Floats]:
        """Return the probability of leaving within each of `days`, by the code of the scorer.

        Args:
            logits: The model's uncalibrated log-odds, shape (rows,).
            probability: Its calibrated probabilities, shape (rows,).
        """
        return horizons_of(logits, probability, self.as_dict()) if self.days else {}


def read_lives(
    folder: Path, label: LabelParams, wait_days: int, snapshots: Snapshots, predictions: OutOfTime
) -> Lives | None:
    """Join out-of-time predictions with the ends of contracts; None for labels without contracts.

    Args:
        folder: The folder of the snapshots.
        label: The label of the snapshots.
        wait_days: The days after a contract's end until that end is certain: the grace and the late days.
        snapshots: The matured snapshots.
        predictions: Out-of-time predictions of some of their cutoffs.

    Raises:
        CallError: a file of ends is missing, or does not belong to its snapshot.
    """
    if label.kind != "contract":
        return None
    stays = np.empty(len(predictions.left), dtype=np.int64)
    ids = np.asarray(snapshots.customers, dtype=object)
    for day in predictions.cutoffs:
        mask = predictions.cutoff == day_number(day)
        customers, ends = read_contract_ends(folder, day)
        if customers != ids[predictions.customer[mask]].tolist():
            raise CallError(
                f"{folder}: the outcome of {day} does not belong to its snapshot. Run `churn snapshot` again."
            )
        stays[mask] = ends.astype(np.int64) - day_number(day) - label.gap_days
    return Lives(predictions, stays, label.gap_days + wait_days)


def edges_for(horizon_days: int) -> tuple[int, ...]:
    """Return the ends of the intervals: 30, 60 and 90 days, and the label's own horizon if it is distant.

    >>> edges_for(31), edges_for(14), edges_for(180)
    ((30, 60, 90), (14, 30, 60, 90), (30, 60, 90, 180))
    """
    distant = all(abs(horizon_days - days) >= NEAR_DAYS for days in HORIZON_DAYS)
    return tuple(sorted({*HORIZON_DAYS, *((horizon_days,) if distant else ())}))


def fit_hazards(lives: Lives, horizon_days: int, by: date) -> Hazards:
    """Fit the hazard of each interval as a logistic regression on the model's log-odds.

    Where an interval has fewer than 30 churners or 30 stayers, its horizon and the horizons after it are
    missing, with the reason. Boosters of all signals per interval, or with the interval as a column, were no
    better out of time and cost three times the training; see docs/horizons.md.

    Args:
        lives: Rows that were predicted out of time.
        horizon_days: The label's own horizon; the curve goes through the model's probability there.
        by: Only what was known by this date is learnt from.
    """
    start, reason = 0, ""
    intervals: list[Mapping[str, Any]] = []
    for end in edges_for(horizon_days):
        at_risk = lives.at_risk(start, end, by)
        left = lives.left(end)[at_risk]
        if reason := _too_few(lives, left, start, end, by):
            break
        line = fit_platt(lives.predictions.logits[at_risk], left)
        facts = {"slope": line["a"], "intercept": line["c"], "rows": len(left), "leavers": int(left.sum())}
        intervals.append({"start": start, "end": end, **facts})
        start = end
    if horizon_days - start >= NEAR_DAYS:  # the curve does not reach the label's own horizon
        return Hazards((), horizon_days, missing=dict.fromkeys(HORIZON_DAYS, reason))
    days = tuple(day for day in HORIZON_DAYS if day <= start)
    missing = {day: reason for day in HORIZON_DAYS if day > start}
    return Hazards(days, horizon_days, tuple(intervals), missing)


def _too_few(lives: Lives, left: Floats, start: int, end: int, by: date) -> str:
    """Return why an interval cannot be learnt, or an empty text."""
    if not len(left):
        first = min(cutoffs_of(lives.predictions.cutoff), default=None)
        since = f"the first is {first}" if first else "there is none"
        return (
            f"who left within {end} days was not known by {by} of any cutoff predicted out of time "
            f"({since}): that takes {end + lives.lag_days} days with gap, grace and late days"
        )
    if enough_of_both(left):
        return ""
    churners, stayers = int(left.sum()), int(len(left) - left.sum())
    verb, number = ("left", churners) if churners < stayers else ("stayed", stayers)
    return f"only {number} of {len(left):,} rows {verb} in days {start} to {end}; {MIN_OF_A_CLASS} are needed"


def fit_horizons(
    folder: Path, label: LabelParams, wait_days: int, snapshots: Snapshots, predictions: OutOfTime
) -> dict[str, Any]:
    """Return the entry `horizons` of a bundle's spec; an empty dictionary for labels without contracts.

    Args:
        folder: The folder of the snapshots.
        label: The label of the snapshots.
        wait_days: The days after a contract's end until that end is certain: the grace and the late days.
        snapshots: The matured snapshots.
        predictions: Out-of-time predictions of some of their cutoffs.
    """
    lives = read_lives(folder, label, wait_days, snapshots, predictions)
    if lives is None:
        return {}
    return {"horizons": fit_hazards(lives, label.horizon_days, snapshots.as_of).as_dict()}


def describe_horizons(spec: Mapping[str, Any]) -> list[str]:
    """Return the lines that `churn train` prints about the horizons of a spec."""
    horizons = spec.get("horizons", {"days": [], "missing": {}})
    lines = []
    if horizons["days"]:
        lines.append(f"also gives the chance of leaving within {', '.join(map(str, horizons['days']))} days")
    by_reason: dict[str, list[str]] = {}
    for days, reason in horizons["missing"].items():
        by_reason.setdefault(reason, []).append(days)
    for reason, missing in by_reason.items():
        lines.append(f"no chance of leaving within {' or '.join(missing)} days: {reason}")
    return lines
