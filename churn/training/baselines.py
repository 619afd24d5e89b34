"""What a model must beat: the base rate, and the days since a customer was last seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from churn.training.metrics import Floats, log_loss
from churn.training.rows import Rows


def recency_signals(signals: Sequence[Mapping[str, Any]], core_table: str) -> tuple[str, ...]:
    """Return the days-since-last signals of the label's table, else of all that the customer does.

    >>> recency_signals([{"name": "a_days_since_last", "table": "a", "riskier_when": "higher"}], "orders")
    ('a_days_since_last',)
    """
    found = [s for s in signals if str(s["name"]).endswith("_days_since_last")]
    core = [str(s["name"]) for s in found if s["table"] == core_table]
    return tuple(core or (str(s["name"]) for s in found if s["riskier_when"] == "higher"))


def recency(train: Rows, test: Rows, signals: Sequence[str]) -> Floats:
    """Return the probabilities of a logistic regression on the days since the customer was last seen.

    One signal speaks: where several may, the one that explains the training rows best.
    """
    made = []
    for signal in signals:
        place = train.names.index(signal)
        columns, median = _shaped(train.matrix[:, place], None)
        model = LogisticRegression(C=10.0, max_iter=500).fit(columns, train.left)
        loss = log_loss(train.left, np.asarray(model.predict_proba(columns)[:, 1]))
        wanted, _ = _shaped(test.matrix[:, place], median)
        made.append((loss, signal, np.asarray(model.predict_proba(wanted)[:, 1], dtype=np.float64)))
    return min(made, key=lambda one: one[:2])[2]


def base_rate(train: Rows, test: Rows) -> Floats:
    """Return the share of leavers in training, for everybody."""
    return np.full(len(test), float(train.left.mean()))


def _shaped(days: Floats, median: float | None) -> tuple[Floats, float]:
    missing = np.isnan(days)
    if median is None:
        median = float(np.median(days[~missing])) if not missing.all() else 0.0
    filled = np.where(missing, median, days)
    return np.column_stack([filled / max(median, 1.0), np.log1p(np.maximum(filled, 0)), missing]), median
