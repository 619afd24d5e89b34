"""The probability of leaving within 30, 60 and 90 days, on the test cutoffs with known outcomes."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt

from churn.data.store import day_number
from churn.evaluation.measures import Measure
from churn.evaluation.result import HorizonMetrics, Horizons
from churn.evaluation.test_set import TestSet
from churn.metrics.bootstrap import estimate_metrics
from churn.metrics.metrics import Floats, calibration_error
from churn.snapshots.dataset import cutoffs_of
from churn.training.discrete_hazard import HORIZON_DAYS, Lives, fit_hazards


def measure_horizons(test_set: TestSet, lives: Lives, horizon_days: int) -> Horizons:
    """Measure the probabilities of leaving within 30, 60 and 90 days.

    A hazard is the probability of leaving in one interval of days. For each test cutoff, the hazards are
    fitted only on outcomes that were already known at that cutoff. They are then adjusted, so that the
    probability at the horizon of the label equals the challenger's probability. A horizon uses a cutoff only
    if it is known who left within this horizon. If a horizon is not measured, the field `missing` of the
    result says why.

    Args:
        test_set: The rows of the test cutoffs, with the predictions of all candidates.
        lives: For each cutoff, how long each customer stayed after it.
        horizon_days: The horizon of the label, in days.
    """
    probabilities, missing = _predict(test_set, lives, horizon_days)
    tested = np.isin(lives.predictions.cutoff, [day_number(cutoff) for cutoff in test_set.cutoffs])
    measured: dict[int, HorizonMetrics] = {}
    for days in HORIZON_DAYS:
        known = np.isfinite(probabilities[days]) & lives.is_complete(days, test_set.snapshots.as_of)[tested]
        if known.any():
            measured[days] = _measure(test_set, lives.left(days)[tested], probabilities[days], known)
        elif days not in missing:
            first = test_set.cutoffs[0]
            missing[days] = (
                f"who left within {days} days of {first} or later is not known before "
                f"{first + timedelta(days=days + lives.lag_days)}"
            )
    reasons = {days: missing[days] for days in HORIZON_DAYS if days not in measured}
    return Horizons(anchor_days=horizon_days, days=measured, missing=reasons)


def _predict(test_set: TestSet, lives: Lives, horizon_days: int) -> tuple[dict[int, Floats], dict[int, str]]:
    """Return the probabilities of the test rows for each horizon, and the reasons for missing horizons.

    A probability is NaN if no hazards could be fitted for its horizon at the row's cutoff.
    """
    probabilities = {days: np.full(len(test_set.rows), np.nan) for days in HORIZON_DAYS}
    missing: dict[int, str] = {}
    for cutoff in test_set.cutoffs:
        hazards = fit_hazards(lives, horizon_days, cutoff)
        missing |= hazards.missing
        mask = test_set.rows.cutoff == day_number(cutoff)
        logits = test_set.out_of_time.at([cutoff]).logits
        for days, probability in hazards.within(logits, test_set.challenger[mask]).items():
            probabilities[days][mask] = probability
    return probabilities, missing


def _measure(
    test_set: TestSet, left: Floats, probability: Floats, rows: npt.NDArray[np.bool_]
) -> HorizonMetrics:
    left, probability = left[rows], probability[rows]
    weight = test_set.rows.weight_where(rows)
    estimates = estimate_metrics(
        left,
        probability,
        test_set.customer[rows],
        test_set.draws,
        test_set.contact_share,
        weight=weight,
    )
    error, floor = calibration_error(left, probability, weight)
    return HorizonMetrics(
        log_loss=estimates["log_loss"].interval,
        auc=estimates["auc"].interval,
        observed_expected=estimates["observed_expected"].interval,
        ece=Measure(value=error, noise_floor=floor),
        rows=len(left),
        churners=int(left.sum()),
        base_rate=float(np.average(left, weights=weight)),
        cutoffs=tuple(cutoffs_of(test_set.rows.cutoff[rows])),
    )
