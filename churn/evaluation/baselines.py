"""Baselines that a model must beat: the base rate, the days since the last event, and RFM.

Each is a scikit-learn estimator or pipeline. The transformers are our own: a missing value gets a column of
its own, and a column without any value gives zeros.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from churn.features.generic.family import CUSTOMERS_OWN
from churn.metrics.metrics import Floats, log_loss
from churn.snapshots.dataset import LabelledRows


def recency_signals(signals: Sequence[Mapping[str, Any]], core_table: str) -> tuple[str, ...]:
    """Return the days-since-last signals of the label's table, or else of all that customers do themselves.

    >>> recency_signals([{"name": "a_days_since_last", "table": "a", "family": "activity"}], "orders")
    ('a_days_since_last',)
    """
    days_since = [entry for entry in signals if str(entry["name"]).endswith("_days_since_last")]
    core = [str(entry["name"]) for entry in days_since if entry["table"] == core_table]
    return tuple(core or (str(entry["name"]) for entry in days_since if entry["family"] in CUSTOMERS_OWN))


def recency(train: LabelledRows, test: LabelledRows, signals: Sequence[str]) -> Floats:
    """Return the probabilities of a logistic regression on the days since the last event, shape (rows,).

    One signal is used: of several, the one with the lowest log loss on the training rows.

    Args:
        train: Rows to learn from; both classes are present.
        test: Rows to predict.
        signals: The signals to select from; see `recency_signals`.
    """
    fits = []
    for signal in signals:
        model = make_pipeline(DaysSinceLast(), _logistic()).fit(_columns(train, [signal]), train.left)
        loss = log_loss(train.left, _probabilities(model, train, [signal]))
        fits.append((loss, signal, model))
    _, signal, model = min(fits, key=lambda fit: fit[:2])
    return _probabilities(model, test, [signal])


def rfm_signals(signals: Sequence[Mapping[str, Any]], recency: Sequence[str]) -> tuple[str, ...]:
    """Return the recency, frequency and money signals of the tables of the recency baseline.

    Frequency is the count and money the total of an amount, each over the longest window among the signals.

    >>> names = ["a_days_since_last", "a_count_7d", "a_count_28d", "a_amount_total_28d", "b_count_28d"]
    >>> entries = [{"name": name, "table": name[0], "kind": "number"} for name in names]
    >>> rfm_signals(entries, ["a_days_since_last"])
    ('a_days_since_last', 'a_count_28d', 'a_amount_total_28d')
    """
    selection = list(recency)
    for pattern in (r"_count_(\d+)d$", r"_total_(\d+)d$"):
        longest: dict[str, tuple[int, str]] = {}
        for table in (name.removesuffix("_days_since_last") for name in recency):
            for name in (str(signal["name"]) for signal in signals if signal["table"] == table):
                if match := re.search(pattern, name):
                    longest[table] = max(longest.get(table, (0, "")), (int(match[1]), name))
        selection += [name for _, name in longest.values()]
    return tuple(selection)


def rfm(train: LabelledRows, test: LabelledRows, signals: Sequence[str]) -> Floats:
    """Return the probabilities of a logistic regression on recency, frequency and money, shape (rows,).

    Args:
        train: Rows to learn from; both classes are present.
        test: Rows to predict.
        signals: Recency, frequency and money; see `rfm_signals`.

    Source: Fader, Hardie and Lee 2005, RFM and CLV, Journal of Marketing Research 42, for the three.
    """
    model = make_pipeline(LogScaled(), _logistic()).fit(_columns(train, signals), train.left)
    return _probabilities(model, test, signals)


def base_rate(train: LabelledRows, test: LabelledRows) -> Floats:
    """Return the share of churners in training for every row of the test, shape (rows,)."""
    model = DummyClassifier(strategy="prior").fit(_columns(train, []), train.left)
    return _probabilities(model, test, [])


class DaysSinceLast(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn one column of days into three: days over their median, log days, and whether they are missing."""

    def fit(self, X: Floats, y: Floats | None = None) -> DaysSinceLast:
        """Learn the median of the days, shape (rows, 1); missing days take it."""
        days = X[:, 0]
        present = days[~np.isnan(days)]
        self.median_ = float(np.median(present)) if len(present) else 0.0
        return self

    def transform(self, X: Floats) -> Floats:
        """Return the three columns, shape (rows, 3)."""
        days = X[:, 0]
        missing = np.isnan(days)
        filled = np.where(missing, self.median_, days)
        return np.column_stack([filled / max(self.median_, 1.0), np.log1p(np.maximum(filled, 0)), missing])


class LogScaled(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn each column into two: its logarithm, centred and scaled, and whether it is missing."""

    def fit(self, X: Floats, y: Floats | None = None) -> LogScaled:
        """Learn the median and standard deviation of the logarithm of each column, shape (rows, columns)."""
        self.centres_, self.scales_ = [], []
        for values in np.log1p(np.maximum(X, 0)).T:
            empty = np.isnan(values).all()
            self.centres_.append(0.0 if empty else float(np.nanmedian(values)))
            self.scales_.append(1.0 if empty else float(np.nanstd(values)) or 1.0)
        return self

    def transform(self, X: Floats) -> Floats:
        """Return the columns, shape (rows, 2 * columns)."""
        columns: list[Floats] = []
        for values, centre, scale in zip(
            np.log1p(np.maximum(X, 0)).T, self.centres_, self.scales_, strict=True
        ):
            missing = np.isnan(values)
            columns += [(np.where(missing, centre, values) - centre) / scale, missing.astype(np.float64)]
        return np.column_stack(columns)


def _logistic() -> LogisticRegression:
    return LogisticRegression(C=10.0, max_iter=500)


def _columns(rows: LabelledRows, signals: Sequence[str]) -> Floats:
    return rows.matrix[:, [rows.names.index(signal) for signal in signals]]


def _probabilities(model: Pipeline, rows: LabelledRows, signals: Sequence[str]) -> Floats:
    return np.asarray(model.predict_proba(_columns(rows, signals))[:, 1], dtype=np.float64)
