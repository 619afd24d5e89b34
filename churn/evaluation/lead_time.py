"""How early churn is predicted: predictions from before a test cutoff are compared with the label of the test
cutoff.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from churn.data.store import day_number
from churn.evaluation.measures import LeadTime
from churn.evaluation.test_set import TestSet
from churn.labels.calendar import trainable
from churn.metrics.metrics import Floats, Ints
from churn.training.backtest import OutOfTime, predict_out_of_time

STEP_DAYS = 28
STEPS = 4
"""The number of steps of 28 days. A lead is the time between prediction and test cutoff: 0 days, the gap of
the label, and 1 to 4 such steps.
"""

Lead = tuple[tuple[date, date], ...]
"""Test cutoffs, each with the earlier snapshot whose predictions are compared with the label of the test
cutoff.
"""


def measure_lead_time(test_set: TestSet, *, gap_days: int, threads: int) -> tuple[LeadTime, ...]:
    """Return the AUC of predictions from k days before the test cutoffs, for several k, the smallest k first.

    For each test cutoff, the customers of an earlier snapshot are scored by a model that learnt only from
    labels known at that snapshot. This earlier prediction is compared with the label of the test cutoff, for
    the customers who were at risk at both times. The AUC for k days shows how well customers would be ranked
    if all signals were k days old. `now` is the AUC of the prediction at the test cutoff, on the same rows.
    `fall` is `now` minus the AUC of the earlier prediction, as a paired difference.

    Args:
        test_set: The rows of the test cutoffs, with the predictions of all compared models.
        gap_days: The number of days between a cutoff and the start of its label window.
        threads: The number of threads.
    """
    leads = _leads(test_set, gap_days)
    needed = {earlier for lead in leads for _, earlier in lead} - set(test_set.out_of_time.cutoffs)
    past = test_set.out_of_time
    if needed:
        past = past.join(
            predict_out_of_time(test_set.snapshots, test_set.record.recipe, sorted(needed), threads)
        )
    measured = (_measure(test_set, past, lead) for lead in leads)
    return tuple(lead_time for lead_time in measured if lead_time is not None)


def _leads(test_set: TestSet, gap_days: int) -> list[Lead]:
    leads: list[Lead] = []
    for days in sorted({0, gap_days, *(STEP_DAYS * step for step in range(1, STEPS + 1))}):
        pairs = ((cutoff, _earlier_snapshot(test_set, cutoff, days)) for cutoff in test_set.cutoffs)
        lead = tuple((cutoff, earlier) for cutoff, earlier in pairs if earlier is not None)
        if lead and lead not in leads:
            leads.append(lead)
    return leads


def _earlier_snapshot(test_set: TestSet, cutoff: date, days: int) -> date | None:
    """Return the latest snapshot that is at least `days` days before a test cutoff; None if there is none, or
    if no model can be trained for it.
    """
    snapshots, latest = test_set.snapshots, cutoff - timedelta(days=days)
    earlier = max((day for day in snapshots.cutoffs if day <= latest), default=None)
    if earlier is None or earlier in test_set.out_of_time.cutoffs:
        return earlier
    known = trainable(snapshots.mature_on, earlier)
    return earlier if known and not snapshots.rows.at(known).one_class else None


def _measure(test_set: TestSet, past: OutOfTime, lead: Lead) -> LeadTime | None:
    rows = test_set.rows
    then, now = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    for cutoff, earlier in lead:
        mask = rows.cutoff == day_number(cutoff)
        now[mask] = _logits_of(past.at([cutoff]), rows.customer[mask])
        then[mask] = _logits_of(past.at([earlier]), rows.customer[mask])
    both = np.isfinite(then)
    if not both.any():
        return None
    left = rows.left[both]
    old, new = (test_set.estimate(1 / (1 + np.exp(-logits)), both)["auc"] for logits in (then, now))
    return LeadTime(
        days=round(float(np.mean([(cutoff - earlier).days for cutoff, earlier in lead]))),
        cutoffs=tuple(cutoff for cutoff, _ in lead),
        rows=len(left),
        churners=int(left.sum()),
        auc=old.value,
        low=old.low,
        high=old.high,
        now=new.interval,
        fall=(new - old).interval,
    )


def _logits_of(past: OutOfTime, customer: Ints) -> Floats:
    """Return the predicted log-odds of some customers at one cutoff, NaN for a customer not at risk."""
    order = np.argsort(past.customer)
    position = np.searchsorted(past.customer, customer, sorter=order)
    index = order[np.minimum(position, len(order) - 1)]
    return np.where(past.customer[index] == customer, past.logits[index], np.nan)
