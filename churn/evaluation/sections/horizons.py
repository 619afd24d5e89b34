"""The chance of leaving within 30, 60 and 90 days, on the test cutoffs where it is known who did."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from churn.data.store import day_number
from churn.evaluation.test_set import Exam
from churn.labels.contract import wait_days
from churn.metrics.bootstrap import estimate_metrics
from churn.metrics.metrics import Floats, calibration_error
from churn.snapshots.dataset import cutoffs_of
from churn.training.discrete_hazard import HORIZON_DAYS, Lives, fit_hazards, read_lives

SHOWN = ("log_loss", "auc", "observed_expected")


def horizons(exam: Exam) -> dict[str, Any]:
    """Return `horizons`: by days rows, churners, cutoffs, metrics with intervals; nothing without contracts.

    At each test cutoff the hazards are fitted on the intervals that were completed by then, and go through
    the probability that the challenger gave there. A horizon counts a cutoff once it is known who left by
    then; `missing` says why one has none.
    """
    lives = read_lives(
        exam.params.output / "snapshots",
        exam.params.label,
        wait_days(exam.params.label, exam.params.snapshot.late_days),
        exam.snapshots,
        exam.made,
    )
    if lives is None:
        return {}
    within, missing = _out_of_time(exam, lives)
    tested = np.isin(lives.predictions.cutoff, [day_number(day) for day in exam.plan.test])
    found: dict[str, Any] = {}
    for days in HORIZON_DAYS:
        known = np.isfinite(within[days]) & lives.completed(days, exam.snapshots.as_of)[tested]
        if known.any():
            found[str(days)] = _judged(exam, lives.left(days)[tested], within[days], known)
        elif days not in missing:
            missing[days] = (
                f"who left within {days} days of {exam.plan.test[0]} or later is not known before "
                f"{date.fromordinal(exam.plan.test[0].toordinal() + days + lives.lag_days)}"
            )
    why = {str(days): missing[days] for days in HORIZON_DAYS if str(days) not in found}
    return {"horizons": {"anchor_days": exam.params.label.horizon_days, "days": found, "missing": why}}


def _out_of_time(exam: Exam, lives: Lives) -> tuple[dict[int, Floats], dict[int, str]]:
    """Return probabilities of the test rows by days, NaN where none could be learnt, and the last reasons."""
    within = {days: np.full(len(exam.rows.cutoff), np.nan) for days in HORIZON_DAYS}
    missing: dict[int, str] = {}
    for day in exam.plan.test:
        fitted = fit_hazards(lives, exam.params.label.horizon_days, day)
        missing |= fitted.missing
        here = exam.rows.cutoff == day_number(day)
        logits = exam.made.at([day]).logits
        for days, probability in fitted.within(logits, exam.predictions["challenger"][here]).items():
            within[days][here] = probability
    return within, missing


def _judged(exam: Exam, left: Floats, probability: Floats, known: Any) -> dict[str, Any]:
    left, probability = left[known], probability[known]
    measured = estimate_metrics(
        left, probability, exam.column[known], exam.draws, exam.params.evaluate.contact_share
    )
    error, floor = calibration_error(left, probability)
    return {name: measured[name].as_dict() for name in SHOWN} | {
        "ece": {"value": error, "noise_floor": floor},
        "rows": len(left),
        "churners": int(left.sum()),
        "base_rate": float(left.mean()),
        "cutoffs": [day.isoformat() for day in cutoffs_of(exam.rows.cutoff[known])],
    }
