"""Keep the champion's model and move its level to the labels that matured since it learnt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from churn.errors import Stop
from churn.metrics.metrics import observed_expected
from churn.model.champion import Champion
from churn.model.scorer import SchemaError, calibrated
from churn.snapshots.dataset import columns_of
from churn.snapshots.read import Snapshots
from churn.training.backtest import OutOfTime
from churn.training.calibration import apply
from churn.training.describe import base_rate, quantiles
from churn.training.intercept_update import fit_shift, shifted


@dataclass(frozen=True)
class Refreshed:
    """A champion whose level was moved.

    Attributes:
        spec: The spec of its bundle; the boosters stay.
        made: The champion's calibrated log-odds at the cutoffs whose labels it had not learnt.
        by: What is added to its log-odds; 0 where nothing need be.
        ratio: Leavers over those the champion expected, at these cutoffs.
    """

    spec: dict[str, Any]
    made: OutOfTime
    by: float
    ratio: float

    @property
    def leavers(self) -> int:
        """Return how many customers left; one may stand in several windows that overlap."""
        return len(np.unique(self.made.customer[self.made.left > 0]))


def refresh(champion: Champion, snapshots: Snapshots) -> Refreshed:
    """Fit the shift on all matured cutoffs since the champion learnt.

    Raises:
        Stop: the champion predicts another label, needs a signal that the snapshots lack, or no label has
            matured since it learnt.
    """
    scorer = champion.scorer
    name = f"train --refresh: the champion, version {champion.version},"
    if scorer.spec["label_id"] != snapshots.label_id:
        raise Stop(f"{name} predicts another label than is asked for. Run `churn train`.")
    learnt_by = date.fromisoformat(scorer.spec["mature_on"])
    unseen = tuple(day for day in snapshots.cutoffs if learnt_by <= day)
    if not unseen:
        raise Stop(
            f"{name} has learnt labels known by {learnt_by}; no snapshot from then on is matured. Add later "
            "cutoffs to snapshot once their labels are known."
        )
    rows = snapshots.rows.at(unseen)
    try:
        logits = scorer.logits(scorer.matrix(columns_of(rows)))
    except SchemaError as error:
        raise Stop(
            f"{name} cannot be scored on these snapshots: {error.problems[0]} Run `churn train`."
        ) from None
    logits = calibrated(logits, scorer.spec["calibration"])
    fitted = fit_shift(logits, rows.left, rows.customer)
    usual, over = base_rate(snapshots)
    expected = apply(logits, fitted)
    spec = scorer.spec | {
        "calibration": shifted(scorer.spec["calibration"], fitted["by"]),
        "refreshed": {
            "from_version": champion.version,
            "cutoffs": [day.isoformat() for day in unseen],
            "rows": len(rows),
            "churners": rows.churners,
            "by": fitted["by"],
        },
        "mature_on": max(snapshots.mature_on[day] for day in unseen).isoformat(),
        "base_rate": usual,
        "base_rate_cutoffs": over,
        "snapshots_digest": snapshots.digest,
        "store_digest": snapshots.store_digest,
        "watermark": snapshots.watermark,
        "score_quantiles": quantiles(expected),
    }
    made = OutOfTime(logits, rows.left, rows.customer, rows.cutoff)
    return Refreshed(
        spec, made, fitted["by"], observed_expected(rows.left, apply(logits, {"method": "none"}))
    )


def check_tests(refreshed: Refreshed, test: tuple[date, ...]) -> None:
    """Check that every test cutoff may judge the refreshed champion.

    Raises:
        Stop: the champion has seen one.
    """
    seen = sorted(set(test) - set(refreshed.made.cutoffs))
    if not seen:
        return
    raise Stop(
        f"train --refresh: the champion has learnt labels known after {', '.join(map(str, seen))}, so these "
        "test cutoffs cannot judge it. Name others under evaluate.test_cutoffs, of which it has not seen "
        f"{', '.join(map(str, refreshed.made.cutoffs))}; or run `churn train`."
    )
