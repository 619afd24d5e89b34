"""Log cutoffs that were predicted out of time as child runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from churn.model.registry import Registry
    from churn.training.backtest import OutOfTime


def log_folds(registry: Registry, run_id: str, made: OutOfTime, mature_on: Mapping[date, date]) -> None:
    """Log each cutoff under the open run: what its model had learnt from, and its uncalibrated metrics.

    Args:
        registry: Where the run is.
        run_id: The open run.
        made: Uncalibrated log-odds at the cutoffs to log.
        mature_on: The day on which the labels of each snapshot were known.
    """
    from churn.labels.calendar import trainable
    from churn.metrics.metrics import auc, log_loss
    from churn.training.calibration import NONE, apply

    for day in made.cutoffs:
        here = made.at([day])
        uncalibrated = apply(here.logits, NONE)
        with registry.child(run_id, f"fold {day}"):
            registry.log(
                params={
                    "data.cutoff": day,
                    "data.cutoffs_learnt_from": len(trainable(mature_on, day)),
                },
                metrics={
                    "within_fold/rows": len(here.left),
                    "within_fold/churners": float(here.left.sum()),
                    "within_fold/log_loss": log_loss(here.left, uncalibrated),
                    "within_fold/auc": auc(here.left, uncalibrated),
                },
            )
