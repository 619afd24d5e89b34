"""Metrics of all contestants on the same rows with intervals, and their differences to our metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.metrics.bootstrap import draw_customers, estimate_metrics, paired_differences
from churn.metrics.interval import Interval

DRAWS = 1000
SEED = 7
SHARE = 0.1
METRICS = {
    "auc": 4,
    "log_loss": 4,
    "average_precision": 4,
    "lift_at_contact_share": 3,
    "observed_expected": 3,
}
"""What is kept of each contestant, and to how many digits."""
PAIRED_METRICS = ("log_loss", "auc")

Floats = npt.NDArray[np.float64]


def judge(rows: pd.DataFrame, probabilities: Mapping[str, Floats], own_name: str) -> dict[str, Any]:
    """Return the figures of each contestant, and our figures minus these figures.

    Customers are drawn once for all contestants with all their rows, so that differences are paired.

    Args:
        rows: The test rows, with customer_id and left.
        probabilities: The probabilities of each contestant, in the order of the rows.
        own_name: The contestant from which the others are subtracted; it may be absent.
    """
    customer, ids = pd.factorize(rows["customer_id"])
    draws = draw_customers(len(ids), DRAWS, SEED)
    left = rows["left"].to_numpy(np.float64)
    estimates_by_name = {
        name: estimate_metrics(left, probability, customer.astype(np.int64), draws, SHARE)
        for name, probability in probabilities.items()
    }
    figures: dict[str, Any] = {}
    for name, estimates in estimates_by_name.items():
        figures[name] = {
            metric: round_interval(estimates[metric].interval, digits) for metric, digits in METRICS.items()
        }
        if own_name in estimates_by_name and name != own_name:
            differences = paired_differences(estimates_by_name[own_name], estimates)
            figures[name]["ours_minus_it"] = {
                metric: round_interval(differences[metric], 4) for metric in PAIRED_METRICS
            }
    return figures


def round_interval(interval: Interval, digits: int) -> dict[str, float]:
    """Return the value, the lower and the upper bound, rounded to a number of digits."""
    return {name: round(value, digits) for name, value in interval.as_json().items()}
