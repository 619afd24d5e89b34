"""Compute the reference of a model (what later nights are compared with) from its training rows and its
out-of-time predictions.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from churn.data.store import day_number
from churn.metrics.metrics import Floats
from churn.model.reference import REFERENCE_FILE, Bins, Reference, level_bins, number_bins
from churn.snapshots.read import Snapshots
from churn.training.backtest import OutOfTime


def reference_of(snapshots: Snapshots, predictions: OutOfTime, probabilities: Floats) -> Reference:
    """Return the reference that is stored with the model: how many rows are in each bin of each signal and of
    the scores.

    Args:
        snapshots: The snapshots that the model learnt from.
        predictions: The out-of-time predictions of the training.
        probabilities: The calibrated probability of each row of `predictions`, shape (rows,).
    """
    rows = snapshots.rows
    known_by = {
        day_number(cutoff): [
            day_number(earlier)
            for earlier, mature_on in snapshots.mature_on.items()
            if earlier < cutoff and mature_on <= cutoff
        ]
        for cutoff in snapshots.cutoffs
    }

    def bins_of(index: int) -> Bins:
        name, values = rows.names[index], rows.matrix[:, index]
        if name in rows.levels:
            return level_bins(name, values, rows.levels[name], rows.cutoff, known_by, rows.weight)
        return number_bins(name, values, rows.cutoff, known_by, rows.weight)

    return Reference(
        cutoffs=snapshots.cutoffs,
        customers=len(np.unique(rows.customer)),
        signals=tuple(bins_of(index) for index in range(len(rows.names))),
        score=number_bins("score", probabilities, predictions.cutoff, known_by, predictions.weight)
        if len(probabilities)
        else None,
        score_customers=len(np.unique(predictions.customer)),
    )


def with_refreshed_scores(
    files: Mapping[str, str], predictions: OutOfTime, probabilities: Floats
) -> dict[str, str]:
    """Return the champion's files, with a `reference.json` that describes the scores after `train --refresh`.

    A model that an earlier version of churn trained has no `reference.json`, and it gets none here.

    Args:
        files: The texts of the champion's files, by file name.
        predictions: The champion's predictions at the cutoffs that the refresh uses.
        probabilities: The probability of each row of `predictions` after the refresh, shape (rows,).
    """
    if REFERENCE_FILE not in files:
        return dict(files)
    reference = Reference.model_validate_json(files[REFERENCE_FILE])
    refreshed = reference.model_copy(
        update={
            "score": number_bins("score", probabilities, predictions.cutoff, {}, predictions.weight),
            "score_customers": len(np.unique(predictions.customer)),
        }
    )
    return {**files, REFERENCE_FILE: refreshed.as_text()}
