"""The probability of leaving within 30, 60 and 90 days, for a label about contracts.

The days that follow a cutoff and the label's gap (`gap_days`) are divided into intervals. The (discrete)
hazard of an interval is the probability that a customer who is there at its beginning leaves in it. The
hazards of the intervals together give the probability of leaving within a number of days.

Two conditions decide whether a row counts for an interval: the customer was still there at the beginning of
the interval, and the interval is completed. An interval is completed when, after its end, the wait for
renewals (`grace_days`) and for late rows (`late_days`) is over. In an interval that is not completed, some
churners would count as stayers, because the end of their contract is not known yet.
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
"""The horizons, in days after the gap."""
NEAR_DAYS = 7
"""The least difference in days between the label's own horizon and each of `HORIZON_DAYS`.

If the difference is at least this large, an interval also ends at the label's own horizon.
"""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Lives:
    """How long customers stayed after a cutoff, and the model's out-of-time predictions for them.

    Attributes:
        predictions: The uncalibrated log-odds, each from a model that has not seen the label of the row.
        stays: The days from the end of the label's gap to the end of the contract, shape (rows,); a huge
            number if no end is known.
        lag_days: The sum of `gap_days`, `grace_days` and `late_days`. The outcome of the first `d` days after
            the label's gap is known `d + lag_days` days after the cutoff.
    """

    predictions: OutOfTime
    stays: Ints
    lag_days: int

    def is_complete(self, days: int, by: date) -> Mask:
        """Return the rows whose outcome after `days` days was known on the date `by`."""
        mask: Mask = self.predictions.cutoff + days + self.lag_days <= day_number(by)
        return mask

    def at_risk(self, start: int, end: int, by: date) -> Mask:
        """Return the rows of customers who could leave in `[start, end)`, with an outcome known by `by`.

        These are the rows whose interval was complete on the date `by`, and whose customer had not left
        before `start`.
        """
        return self.is_complete(end, by) & (self.stays >= start)

    def left(self, days: int) -> Floats:
        """Return one number per row: 1 if the customer left within `days` days, otherwise 0."""
        return (self.stays < days).astype(np.float64)


@dataclass(frozen=True)
class Hazards:
    """The fitted hazards in the form that the scorer reads, and the reason for each missing horizon.

    Attributes:
        days: The horizons that could be fitted; all possible horizons are 30, 60 and 90 days.
        anchor_days: The label's own horizon. At this horizon, the probability from the hazards equals the
            model's probability.
        intervals: The intervals. Each interval has its `start` and `end` in days, the `slope` and the
            `intercept` of its hazard on the model's log-odds, and the numbers of `rows` and of churners
            (`leavers`) in the fit.
        missing: The reason why a horizon is missing, by horizon.
    """

    days: tuple[int, ...]
    anchor_days: int
    intervals: tuple[Mapping[str, Any], ...] = ()
    missing: Mapping[int, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the hazards as JSON values, in the form in which the spec of a model stores them under
        `horizons`.
        """
        return {
            "days": list(self.days),
            "anchor_days": self.anchor_days,
            "intervals": [dict(interval) for interval in self.intervals],
            "missing": {str(days): reason for days, reason in self.missing.items()},
        }

    def within(self, logits: Floats, probability: Floats) -> dict[int, Floats]:
        """Return the probability of leaving within each horizon of `days`, computed by the scorer's code.

        Args:
            logits: The model's uncalibrated log-odds, shape (rows,).
            probability: The model's calibrated probabilities, shape (rows,).
        """
        return horizons_of(logits, probability, self.as_dict()) if self.days else {}


def read_lives(
    folder: Path, label: LabelParams, wait_days: int, snapshots: Snapshots, predictions: OutOfTime
) -> Lives | None:
    """Join out-of-time predictions with the ends of contracts; the result is None if the label is not about
    contracts.

    Args:
        folder: The folder of the snapshots.
        label: The label of the snapshots.
        wait_days: The number of days after which the end of a contract is certain: `grace_days` plus
            `late_days`.
        snapshots: The matured snapshots.
        predictions: The out-of-time predictions; all their cutoffs have a snapshot.

    Raises:
        CallError: a file with the ends of contracts is missing, or does not belong to its snapshot.
    """
    if not label.has_contract_ends:
        return None
    stays = np.empty(len(predictions.left), dtype=np.int64)
    ids, used_customers = np.asarray(snapshots.customers, dtype=object), set(snapshots.customers)
    for day in predictions.cutoffs:
        mask = predictions.cutoff == day_number(day)
        customers, ends = read_contract_ends(folder, day)
        if snapshots.customer_share > 1:
            used_rows = [row for row, customer in enumerate(customers) if customer in used_customers]
            customers, ends = [customers[row] for row in used_rows], ends[used_rows]
        if snapshots.treated_rows is not None:
            treated = set(ids[snapshots.treated_rows.at([day]).customer])
            used_rows = [row for row, customer in enumerate(customers) if customer not in treated]
            customers, ends = [customers[row] for row in used_rows], ends[used_rows]
        if customers != ids[predictions.customer[mask]].tolist():
            raise CallError(
                f"{folder}: the file outcome.parquet of the cutoff {day} does not belong to the snapshot of "
                "this cutoff. Run `churn snapshot` again."
            )
        stays[mask] = ends.astype(np.int64) - day_number(day) - label.gap_days
    return Lives(predictions, stays, label.gap_days + wait_days)


def edges_for(horizon_days: int) -> tuple[int, ...]:
    """Return the ends of the intervals: 30, 60 and 90 days, and the label's own horizon if it is far enough
    from these three.

    >>> edges_for(31), edges_for(14), edges_for(180)
    ((30, 60, 90), (14, 30, 60, 90), (30, 60, 90, 180))
    """
    distant = all(abs(horizon_days - days) >= NEAR_DAYS for days in HORIZON_DAYS)
    return tuple(sorted({*HORIZON_DAYS, *((horizon_days,) if distant else ())}))


def fit_hazards(lives: Lives, horizon_days: int, by: date) -> Hazards:
    """Fit the hazard of each interval of days as a logistic regression on the predicted log-odds.

    The intervals are fitted in order of time. The fit stops before the first interval with fewer than 30
    churners or fewer than 30 stayers. The horizons in `HORIZON_DAYS` that lie after the last fitted interval
    are missing. If this interval ends at least `NEAR_DAYS` days before the label's own horizon, all of
    `HORIZON_DAYS` are missing. `Hazards.missing` gives the reason.

    Two other models were tried: a booster on all signals for each interval, and a booster with the interval
    as a column. Neither predicted later cutoffs better, and both cost further trainings. See
    docs/horizons.md.

    Args:
        lives: The rows, each with the prediction of a model that has not seen the row's label.
        horizon_days: The label's own horizon. At this horizon, the probability from the hazards equals the
            model's probability.
        by: The date up to which outcomes are known.
    """
    start, reason = 0, ""
    intervals: list[Mapping[str, Any]] = []
    for end in edges_for(horizon_days):
        at_risk = lives.at_risk(start, end, by)
        left = lives.left(end)[at_risk]
        if reason := _too_few(lives, left, start, end, by):
            break
        weight = lives.predictions.weight
        line = fit_platt(lives.predictions.logits[at_risk], left, None if weight is None else weight[at_risk])
        facts = {"slope": line["a"], "intercept": line["c"], "rows": len(left), "leavers": int(left.sum())}
        intervals.append({"start": start, "end": end, **facts})
        start = end
    if horizon_days - start >= NEAR_DAYS:  # the intervals end before the label's own horizon
        return Hazards((), horizon_days, missing=dict.fromkeys(HORIZON_DAYS, reason))
    days = tuple(day for day in HORIZON_DAYS if day <= start)
    missing = {day: reason for day in HORIZON_DAYS if day > start}
    return Hazards(days, horizon_days, tuple(intervals), missing)


def _too_few(lives: Lives, left: Floats, start: int, end: int, by: date) -> str:
    """Return the reason why an interval cannot be fitted; an empty text if it can."""
    if not len(left):
        first = min(cutoffs_of(lives.predictions.cutoff), default=None)
        if first is None:
            return "no cutoff was predicted out of time"
        return (
            f"no outcome after {end} days was known by {by}: outcomes are known {end + lives.lag_days} days "
            f"after a cutoff (with gap, grace and late days), and the first cutoff that was predicted out of "
            f"time is {first}"
        )
    if enough_of_both(left):
        return ""
    churners, stayers = int(left.sum()), int(len(left) - left.sum())
    verb, number = ("left", churners) if churners < stayers else ("stayed", stayers)
    return (
        f"only {number} of {len(left):,} rows {verb} in days {start} to {end}; "
        f"at least {MIN_OF_A_CLASS} are needed"
    )


def fit_horizons(
    folder: Path, label: LabelParams, wait_days: int, snapshots: Snapshots, predictions: OutOfTime
) -> dict[str, Any]:
    """Return the entry `horizons` of a model's spec; an empty dictionary if the label is not about contracts.

    Args:
        folder: The folder of the snapshots.
        label: The label of the snapshots.
        wait_days: The number of days after which the end of a contract is certain: `grace_days` plus
            `late_days`.
        snapshots: The matured snapshots.
        predictions: The out-of-time predictions; all their cutoffs have a snapshot.
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
        lines.append(
            f"the model also gives the chance of leaving within {', '.join(map(str, horizons['days']))} days"
        )
    by_reason: dict[str, list[str]] = {}
    for days, reason in horizons["missing"].items():
        by_reason.setdefault(reason, []).append(days)
    for reason, missing in by_reason.items():
        lines.append(f"the model gives no chance of leaving within {' or '.join(missing)} days: {reason}")
    return lines
