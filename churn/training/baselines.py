"""What a model must beat: the base rate, and the days since a customer was last seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from churn.training.metrics import Floats
from churn.training.rows import Rows


def recency_signal(signals: Sequence[Mapping[str, Any]], core_table: str) -> str | None:
    """Return the days-since-last signal of the label's table, else of logins, interactions, any, or None.

    >>> recency_signal([{"name": "logins_days_since_last", "table": "logins"}], "orders")
    'logins_days_since_last'
    """
    found = [s for s in signals if str(s["name"]).endswith("_days_since_last")]
    for table in (core_table, "logins", "interactions"):
        for signal in found:
            if signal["table"] == table:
                return str(signal["name"])
    return str(found[0]["name"]) if found else None


def recency(train: Rows, test: Rows, signal: str) -> Floats:
    """Return the probabilities of a logistic regression on days since last seen and their logarithm."""
    place = train.names.index(signal)
    columns, median = _recency_columns(train.matrix[:, place], None)
    model = LogisticRegression(C=10.0, max_iter=500).fit(columns, train.left)
    wanted, _ = _recency_columns(test.matrix[:, place], median)
    return np.asarray(model.predict_proba(wanted)[:, 1], dtype=np.float64)


def base_rate(train: Rows, test: Rows) -> Floats:
    """Return the share of leavers in training, for everybody."""
    return np.full(len(test), float(train.left.mean()))


def _recency_columns(days: Floats, median: float | None) -> tuple[Floats, float]:
    missing = np.isnan(days)
    if median is None:
        median = float(np.median(days[~missing])) if not missing.all() else 0.0
    filled = np.where(missing, median, days)
    return np.column_stack([filled / max(median, 1.0), np.log1p(np.maximum(filled, 0)), missing]), median
