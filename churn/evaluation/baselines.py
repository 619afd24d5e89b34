"""What a model must beat: the base rate, the days since a customer was last seen, and RFM."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from churn.features.generic.family import CUSTOMERS_OWN
from churn.metrics.metrics import Floats, log_loss
from churn.snapshots.dataset import LabelledRows


def recency_signals(signals: Sequence[Mapping[str, Any]], core_table: str) -> tuple[str, ...]:
    """Return the days-since-last signals of the label's table, else of all that the customer does.

    >>> recency_signals([{"name": "a_days_since_last", "table": "a", "family": "activity"}], "orders")
    ('a_days_since_last',)
    """
    found = [s for s in signals if str(s["name"]).endswith("_days_since_last")]
    core = [str(s["name"]) for s in found if s["table"] == core_table]
    return tuple(core or (str(s["name"]) for s in found if s["family"] in CUSTOMERS_OWN))


def recency(train: LabelledRows, test: LabelledRows, signals: Sequence[str]) -> Floats:
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


def rfm_signals(signals: Sequence[Mapping[str, Any]], recency: Sequence[str]) -> tuple[str, ...]:
    """Return recency, frequency and money of the tables that speak in the recency baseline.

    Frequency is the count, money the total of an amount, each over the longest window there is.

    >>> names = ["a_days_since_last", "a_count_7d", "a_count_28d", "a_amount_total_28d", "b_count_28d"]
    >>> entries = [{"name": name, "table": name[0], "kind": "number"} for name in names]
    >>> rfm_signals(entries, ["a_days_since_last"])
    ('a_days_since_last', 'a_count_28d', 'a_amount_total_28d')
    """
    chosen = list(recency)
    for shape in (r"_count_(\d+)d$", r"_total_(\d+)d$"):
        longest: dict[str, tuple[int, str]] = {}
        for table in (name.removesuffix("_days_since_last") for name in recency):
            for name in (str(signal["name"]) for signal in signals if signal["table"] == table):
                if found := re.search(shape, name):
                    longest[table] = max(longest.get(table, (0, "")), (int(found[1]), name))
        chosen += [name for _, name in longest.values()]
    return tuple(chosen)


def rfm(train: LabelledRows, test: LabelledRows, signals: Sequence[str]) -> Floats:
    """Return the probabilities of a logistic regression on recency, frequency and money, log-scaled.

    Source: Fader, Hardie and Lee 2005, RFM and CLV, Journal of Marketing Research 42, for the three.
    """
    columns: list[Floats] = []
    wanted: list[Floats] = []
    for place in (train.names.index(signal) for signal in signals):
        known = np.log1p(np.maximum(train.matrix[:, place], 0))
        fill = float(np.nanmedian(known)) if not np.isnan(known).all() else 0.0
        scale = float(np.nanstd(known)) if not np.isnan(known).all() else 0.0
        for rows, made in ((train, columns), (test, wanted)):
            logged = np.log1p(np.maximum(rows.matrix[:, place], 0))
            missing = np.isnan(logged)
            made += [(np.where(missing, fill, logged) - fill) / (scale or 1.0), missing.astype(np.float64)]
    model = LogisticRegression(C=10.0, max_iter=500).fit(np.column_stack(columns), train.left)
    return np.asarray(model.predict_proba(np.column_stack(wanted))[:, 1], dtype=np.float64)


def base_rate(train: LabelledRows, test: LabelledRows) -> Floats:
    """Return the share of leavers in training, for everybody."""
    return np.full(len(test), float(train.left.mean()))


def _shaped(days: Floats, median: float | None) -> tuple[Floats, float]:
    missing = np.isnan(days)
    if median is None:
        median = float(np.median(days[~missing])) if not missing.all() else 0.0
    filled = np.where(missing, median, days)
    return np.column_stack([filled / max(median, 1.0), np.log1p(np.maximum(filled, 0)), missing]), median
