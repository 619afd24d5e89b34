"""The challenger, measured on the rows of all customers: untreated customers and treated (contacted)
customers.
"""

from __future__ import annotations

import numpy as np

from churn.evaluation.result import EverybodyMetrics, Exposure
from churn.evaluation.test_set import TestSet
from churn.metrics.bootstrap import draw_customers, estimate_metrics
from churn.metrics.interval import format_interval
from churn.snapshots.exposure import exposure_in_words
from churn.training.backtest import predict_treated
from churn.training.calibration import SHIFT_METHOD

NOT_REFITTED = (
    "A refreshed champion (`churn train --refresh`) is measured only on the rows of untreated "
    "customers, not on the rows of all customers."
)


def measure_exposure(test_set: TestSet, *, seed: int, threads: int) -> tuple[Exposure | None, dict[str, str]]:
    """Return an `Exposure` (who was treated, and the figures on all rows), and a note on it in words.

    If there are no treated rows and no controls, return None and no note.

    Args:
        test_set: The test set, which holds only the rows of untreated customers.
        seed: The seed of the random numbers with which the bootstrap draws customers.
        threads: The number of threads; it does not change the result.
    """
    snapshots = test_set.snapshots
    if not snapshots.exposures:
        return None, {}
    reason = snapshots.no_controls_accepted
    exposure = Exposure(cutoffs=snapshots.exposures)
    if reason:
        exposure = exposure.model_copy(update={"no_controls_accepted": reason})
    words = f"Who was treated: {exposure_in_words(snapshots.exposures, reason)}"
    if test_set.record.recipe.calibration == SHIFT_METHOD:
        return exposure, {"treated": f"{words} {NOT_REFITTED}"}
    everybody = _measure(test_set, seed, threads)
    if everybody is None:
        return exposure, {"treated": words}
    ours = test_set.estimate(test_set.challenger)
    words += (
        " On the rows of untreated customers, observed/expected (the number who left, divided by the "
        f"expected number) is {format_interval(ours['observed_expected'], 2)}. On all {everybody.rows:,} "
        "rows, the treated rows included, observed/expected is "
        f"{format_interval(everybody.observed_expected, 2)}, the AUC {format_interval(everybody.auc)} and "
        f"the log loss {format_interval(everybody.log_loss, 4)}."
    )
    return exposure.model_copy(update={"everybody": everybody}), {"treated": words}


def _measure(test_set: TestSet, seed: int, threads: int) -> EverybodyMetrics | None:
    """Return the challenger's figures on all rows of the test cutoffs; None if no row of the test cutoffs was
    treated.
    """
    treated = test_set.snapshots.treated_rows
    treated = treated.at(test_set.cutoffs) if treated is not None else None
    if treated is None or not len(treated):
        return None
    probability = predict_treated(
        test_set.snapshots, test_set.record.recipe, test_set.out_of_time, test_set.cutoffs, threads
    )
    left = np.concatenate([test_set.rows.left, treated.left])
    codes = np.concatenate([test_set.rows.customer, treated.customer])
    customers, customer = np.unique(codes, return_inverse=True)
    estimates = estimate_metrics(
        left,
        np.concatenate([test_set.challenger, probability]),
        customer,
        draw_customers(len(customers), len(test_set.draws), seed),
        test_set.contact_share,
    )
    return EverybodyMetrics(
        rows=len(left),
        churners=int(left.sum()),
        observed_expected=estimates["observed_expected"].interval,
        auc=estimates["auc"].interval,
        log_loss=estimates["log_loss"].interval,
    )
