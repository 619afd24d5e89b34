"""How early leaving is seen: earlier predictions of the same customers against the label of the test."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from churn.evaluation.segments import Mask
from churn.evaluation.test_set import Exam
from churn.labels.calendar import trainable
from churn.metrics.bootstrap import Estimate, estimate_metrics
from churn.metrics.metrics import Floats, Ints
from churn.training.backtest import OutOfTime, predict_out_of_time

STEP_DAYS = 28
STEPS = 4
"""Leads looked at: the gap, and up to four times 28 days."""

Pairs = tuple[tuple[date, date], ...]
"""Test cutoffs, each with the snapshot whose predictions are held against its label."""


def lead_time(exam: Exam) -> dict[str, Any]:
    """Return `lead_time`: AUC by the days between a prediction and the cutoff whose label judges it.

    A prediction of an earlier snapshot, made by the model of that snapshot's time, is held against the label
    of the test cutoff, for customers at risk at both. What is left after k days is what would still be known
    if all signals were k days old. `now` is the AUC of the prediction at the test cutoff itself on the same
    rows, `fall` the paired difference: customers who came in between are in neither.
    """
    leads = _leads(exam)
    made = _with_earlier(exam, leads)
    found = (_lagged(exam, made, pairs) for pairs in leads)
    return {"lead_time": [one for one in found if one is not None]}


def _leads(exam: Exam) -> list[Pairs]:
    """Return the leads, the shortest first: each a few test cutoffs with an earlier snapshot."""
    gap = exam.params.label.gap_days
    leads: list[Pairs] = []
    for days in sorted({0, gap, *(STEP_DAYS * step for step in range(1, STEPS + 1))}):
        found = ((test, _earlier(exam, test, days)) for test in exam.plan.test)
        pairs = tuple((test, earlier) for test, earlier in found if earlier is not None)
        if pairs and pairs not in leads:
            leads.append(pairs)
    return leads


def _earlier(exam: Exam, test: date, days: int) -> date | None:
    """Return the latest snapshot at least so many days before a test cutoff, if a model fits it."""
    snapshots = exam.snapshots
    day = max((day for day in snapshots.cutoffs if day <= test - timedelta(days=days)), default=None)
    if day is None or day in exam.made.cutoffs:
        return day
    known = trainable(snapshots.mature_on, day)
    return day if known and not snapshots.rows.at(known).one_class else None


def _with_earlier(exam: Exam, leads: Sequence[Pairs]) -> OutOfTime:
    """Return the predictions of all snapshots that the leads need, fitting those that are not yet there."""
    lacking = {earlier for pairs in leads for _, earlier in pairs} - set(exam.made.cutoffs)
    if not lacking:
        return exam.made
    return exam.made.joined(
        predict_out_of_time(exam.snapshots, exam.record.recipe, sorted(lacking), exam.threads)
    )


def _lagged(exam: Exam, made: OutOfTime, pairs: Pairs) -> dict[str, Any] | None:
    then, now = np.full(len(exam.rows), np.nan), np.full(len(exam.rows), np.nan)
    for test, earlier in pairs:
        here = exam.rows.cutoff == (test - date(1970, 1, 1)).days
        now[here] = _logits(made.at([test]), exam.rows.customer[here])
        then[here] = _logits(made.at([earlier]), exam.rows.customer[here])
    both = np.isfinite(then)
    if not both.any():
        return None
    left = exam.rows.left[both]
    lagged, fresh = _auc(exam, both, then[both]), _auc(exam, both, now[both])
    return {
        "days": round(float(np.mean([(test - earlier).days for test, earlier in pairs]))),
        "cutoffs": [test.isoformat() for test, _ in pairs],
        "rows": len(left),
        "churners": int(left.sum()),
        "auc": lagged.value,
        "low": lagged.low,
        "high": lagged.high,
        "now": fresh.as_dict(),
        "fall": (fresh - lagged).as_dict(),
    }


def _logits(made: OutOfTime, customer: Ints) -> Floats:
    """Return the log-odds of customers at one cutoff, NaN where they were not at risk."""
    order = np.argsort(made.customer)
    found = np.searchsorted(made.customer, customer, sorter=order)
    place = order[np.minimum(found, len(order) - 1)]
    return np.where(made.customer[place] == customer, made.logits[place], np.nan)


def _auc(exam: Exam, here: Mask, logits: Floats) -> Estimate:
    share = exam.params.evaluate.contact_share
    probability = 1 / (1 + np.exp(-logits))
    return estimate_metrics(exam.rows.left[here], probability, exam.column[here], exam.draws, share)["auc"]
