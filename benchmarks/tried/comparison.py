"""Compare each way with its reference way, on the rows that both predicted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.tried.variants import WayOutcome
from churn.metrics.metrics import auc
from churn.metrics.standard_errors import clustered_mean
from churn.training.select import losses_of


def set_beside(ways: Mapping[str, WayOutcome]) -> dict[str, dict[str, Any]]:
    """Return the log loss and the AUC of each way, and the difference of its log loss to its reference way.

    The difference is paired by row, and its standard error is clustered by customer. `better_at` is the
    number of cutoffs at which the difference is below zero. A way is compared at the cutoffs that it can
    predict.
    """
    figures: dict[str, dict[str, Any]] = {}
    for words, outcome in ways.items():
        past = outcome.past
        losses = losses_of(past.left, past.logits)
        figures[words] = {
            "log_loss": round(float(losses.mean()), 5),
            "auc": round(auc(past.left, past.logits), 4),
            "cutoffs": len(past.cutoffs),
            "cpu_seconds": outcome.cpu_seconds,
        }
        if outcome.reference in ways:
            base = ways[outcome.reference].past.at(past.cutoffs)
            apart = losses - losses_of(base.left, base.logits)
            difference, error = clustered_mean(apart, past.customer)
            figures[words] |= {
                "beside": outcome.reference,
                "difference": round(difference, 5),
                "standard_error": round(error, 5),
                "better_at": sum(
                    bool(apart[past.cutoff == day].mean() < 0) for day in np.unique(past.cutoff)
                ),
            }
    return figures
