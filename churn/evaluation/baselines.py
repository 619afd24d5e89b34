"""The baselines that a model must beat. At each test cutoff, a baseline uses only what was known at that
cutoff.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from churn.data.store import Store, day_number
from churn.errors import ParamsError, did_you_mean
from churn.features.engine.cohort import read_customers
from churn.features.generic.family import CUSTOMERS_OWN
from churn.features.language.btyd import fit_lifetimes, p_none
from churn.features.language.btyd_verbs import MAX_HISTORIES
from churn.labels.calendar import trainable
from churn.metrics.metrics import Floats, Ints, row_log_loss
from churn.params import ConditionParams, LabelParams
from churn.snapshots.dataset import LabelledRows
from churn.snapshots.read import Snapshots
from churn.training import calibration
from churn.training.parallel import map_parallel
from churn.training.recipe import Recipe, fit_recipe


def predict_baselines(
    snapshots: Snapshots,
    test_cutoffs: Sequence[date],
    *,
    label: LabelParams,
    logistic: Recipe,
    rule: Sequence[ConditionParams],
    store: Store | None,
    threads: int,
) -> tuple[dict[str, Floats], dict[str, str]]:
    """Predict the rows of the test cutoffs with every baseline.

    `logistic` uses all signals. `recency`, `rfm` and the team's `rule` use a few signals. `base_rate` uses
    no signal. `bg_nbd` uses the events of the label's table, and predicts labels of inactivity only.

    Args:
        snapshots: The matured snapshots.
        test_cutoffs: The cutoffs whose rows are predicted.
        label: The definition of the label.
        logistic: The recipe of the logistic regression, which was chosen before the first test cutoff.
        rule: The conditions of the team's own rule; empty if the team has no rule.
        store: The store from which the snapshots were made, for `bg_nbd`; None if it is not available.
        threads: The number of threads.

    Returns:
        The probabilities of the test rows by baseline, and for each missing baseline the reason why it is
        missing.
    """
    recency = recency_signals(snapshots.signals, label.active_table or label.core_table)

    def predict_cutoff(cutoff: date, threads: int) -> dict[str, Floats]:
        train = snapshots.rows.at(trainable(snapshots.mature_on, cutoff))
        test = snapshots.rows.at([cutoff])
        model = fit_recipe(train, logistic, snapshots.monotone, threads)
        level = _level_of(train, model.logits(train, threads)) if train.weight is not None else None
        predictions = {
            "logistic": calibration.apply_calibration(
                model.logits(test, threads), level or calibration.NO_CALIBRATION
            )
        }
        if recency:
            predictions["recency"] = predict_recency(train, test, recency)
            known = [entry for entry in snapshots.signals if _has_values(train, str(entry["name"]))]
            predictions["rfm"] = predict_rfm(train, test, rfm_signals(known, recency))
        if rule:
            predictions["rule"] = predict_rule(train, test, rule)
        return predictions | {"base_rate": predict_base_rate(train, test)}

    cells = snapshots.rows.matrix.size
    folds = map_parallel(predict_cutoff, sorted(test_cutoffs), threads, cells)
    predictions = {name: np.concatenate([fold[name] for fold in folds]) for name in folds[0]}
    notes = {}
    if not recency:
        notes["recency"] = (
            "No signal counts the days since the last event, so the baselines recency and RFM are not "
            "measured."
        )
    if label.kind == "inactivity":
        probability, reason = _predict_bg_nbd(snapshots, test_cutoffs, store)
        if probability is None:
            notes["bg_nbd"] = f"The baseline BG/NBD is not measured: {reason}."
        else:
            predictions["bg_nbd"] = probability
    return predictions, notes


def _level_of(train: LabelledRows, logits: Floats) -> dict[str, Any]:
    """Fit the calibration that corrects the probabilities of the baseline `logistic`.

    It is used only if the training rows have weights. They have weights if some customers were treated: the
    rows of these customers are left out, and the rows of controls count more. If the training rows have
    weights, the setting `train.calibration: auto` calibrates the challenger too.
    """
    return calibration.fit_calibration("beta", logits, train.left, train.customer, train.weight)


def recency_signals(signals: Sequence[Mapping[str, Any]], core_table: str) -> tuple[str, ...]:
    """Return the days-since-last signals of the label's table.

    If the label's table has none, return the days-since-last signals of the tables that record activity or
    purchases (see `CUSTOMERS_OWN`).

    >>> recency_signals([{"name": "a_days_since_last", "table": "a", "family": "activity"}], "orders")
    ('a_days_since_last',)
    """
    days_since = [entry for entry in signals if str(entry["name"]).endswith("_days_since_last")]
    core = [str(entry["name"]) for entry in days_since if entry["table"] == core_table]
    return tuple(core or (str(entry["name"]) for entry in days_since if entry["family"] in CUSTOMERS_OWN))


def predict_recency(train: LabelledRows, test: LabelledRows, signals: Sequence[str]) -> Floats:
    """Return the probabilities of a logistic regression on the days since the last event, shape `[rows]`.

    Only one signal is used: the signal with the lowest log loss on the training rows.

    Args:
        train: The rows to learn from; they must contain churners and stayers.
        test: The rows to predict.
        signals: The signals from which one is selected; see `recency_signals`.
    """
    fits = []
    for signal in signals:
        model = make_pipeline(DaysSinceLast(), _logistic()).fit(
            _columns(train, [signal]), train.left, logisticregression__sample_weight=train.weight
        )
        losses = row_log_loss(train.left, _probabilities(model, train, [signal]))
        loss = float(np.average(losses, weights=train.weight))
        fits.append((loss, signal, model))
    _, signal, model = min(fits, key=lambda fit: fit[:2])
    return _probabilities(model, test, [signal])


def rfm_signals(signals: Sequence[Mapping[str, Any]], recency: Sequence[str]) -> tuple[str, ...]:
    """Return the signals of recency, frequency and money, from the same tables as in the recency baseline.

    Frequency is the number of events, and money is the total of an amount. For each table, the number and the
    total with the longest window are returned. `signals` must hold only signals with a value in some training
    row, because a regression can learn nothing from the others. A signal has no value in a row if its window
    is longer than the history of the row.

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


def predict_rfm(train: LabelledRows, test: LabelledRows, signals: Sequence[str]) -> Floats:
    """Return the probabilities of a logistic regression on recency, frequency and money, shape `[rows]`.

    Args:
        train: The rows to learn from; they must contain churners and stayers.
        test: The rows to predict.
        signals: The signals of recency, frequency and money; see `rfm_signals`.

    Source: Fader, Hardie and Lee 2005, RFM and CLV, Journal of Marketing Research 42, for the three signals.
    """
    model = make_pipeline(LogScaled(), _logistic()).fit(
        _columns(train, signals), train.left, logisticregression__sample_weight=train.weight
    )
    return _probabilities(model, test, signals)


def predict_base_rate(train: LabelledRows, test: LabelledRows) -> Floats:
    """Return the share of churners in the training rows as the probability of every test row, shape
    `[rows]`.
    """
    model = DummyClassifier(strategy="prior").fit(_columns(train, []), train.left, train.weight)
    return _probabilities(model, test, [])


class DaysSinceLast(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn one column of days into three columns: the days divided by their median, the logarithm of the
    days, and whether the days are missing.
    """

    def fit(self, X: Floats, y: Floats | None = None) -> DaysSinceLast:
        """Learn the median of the days, which later replaces missing days; `X` has the shape `[rows, 1]`."""
        days = X[:, 0]
        present = days[~np.isnan(days)]
        self.median_ = float(np.median(present)) if len(present) else 0.0
        return self

    def transform(self, X: Floats) -> Floats:
        """Return the three columns, shape `[rows, 3]`."""
        days = X[:, 0]
        missing = np.isnan(days)
        filled = np.where(missing, self.median_, days)
        return np.column_stack([filled / max(self.median_, 1.0), np.log1p(np.maximum(filled, 0)), missing])


class LogScaled(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn each column into two columns: its logarithm, centred and scaled, and whether the value is missing.

    If a column has no value in the rows that `fit` learns from, both of its new columns are 0.
    """

    def fit(self, X: Floats, y: Floats | None = None) -> LogScaled:
        """Learn the median and the standard deviation of the logarithm of each column.

        `X` has the shape `[rows, columns]`.
        """
        self.centres_, self.scales_, self.is_empty_ = [], [], []
        for values in np.log1p(np.maximum(X, 0)).T:
            empty = bool(np.isnan(values).all())
            self.is_empty_.append(empty)
            self.centres_.append(0.0 if empty else float(np.nanmedian(values)))
            self.scales_.append(1.0 if empty else float(np.nanstd(values)) or 1.0)
        return self

    def transform(self, X: Floats) -> Floats:
        """Return the new columns, shape `[rows, 2 * columns]`."""
        columns: list[Floats] = []
        for values, centre, scale, is_empty in zip(
            np.log1p(np.maximum(X, 0)).T, self.centres_, self.scales_, self.is_empty_, strict=True
        ):
            if is_empty:
                columns += [np.zeros(len(values)), np.zeros(len(values))]
                continue
            missing = np.isnan(values)
            columns += [(np.where(missing, centre, values) - centre) / scale, missing.astype(np.float64)]
        return np.column_stack(columns)


def _has_values(rows: LabelledRows, signal: str) -> bool:
    """Return whether a signal has a number in at least one row."""
    return bool((~np.isnan(rows.matrix[:, rows.names.index(signal)])).any())


def _logistic() -> LogisticRegression:
    return LogisticRegression(C=10.0, max_iter=500)


def _columns(rows: LabelledRows, signals: Sequence[str]) -> Floats:
    return rows.matrix[:, [rows.names.index(signal) for signal in signals]]


def _probabilities(model: Pipeline, rows: LabelledRows, signals: Sequence[str]) -> Floats:
    return np.asarray(model.predict_proba(_columns(rows, signals))[:, 1], dtype=np.float64)


def check_rule(rule: Sequence[ConditionParams], rows: LabelledRows, location: str) -> None:
    """Check that every condition of `evaluate.rule` names a signal of the snapshots and suits its values.

    Args:
        rule: The conditions of the team's own rule; empty if the team has no rule.
        rows: The labelled rows of the snapshots.
        location: The file and the key in which the rule is written, for messages.

    Raises:
        ParamsError: a signal does not exist, a signal holds text and the condition needs a number, or a
            signal holds numbers and the condition needs a text. The error lists all such conditions.
    """
    problems = []
    for condition in rule:
        subject = f"{location}: '{condition.signal}'"
        if condition.signal not in rows.names:
            hint = did_you_mean(condition.signal, rows.names)
            problems.append(f"{subject} is no signal of the snapshots.{hint} See `churn signals`.")
        elif condition.signal in rows.levels and condition.equals is None:
            problems.append(f"{subject} holds text. Use 'equals' in place of 'at_least' and 'at_most'.")
        elif condition.signal not in rows.levels and condition.equals is not None:
            problems.append(f"{subject} holds numbers. Use 'at_least' and 'at_most' in place of 'equals'.")
    if problems:
        raise ParamsError(*problems)


def conditions_met(rule: Sequence[ConditionParams], rows: LabelledRows) -> Ints:
    """Return for each row the number of conditions that are true, shape `[rows]`; a missing value makes no
    condition true.
    """
    score = np.zeros(len(rows), dtype=np.int64)
    for condition in rule:
        score += _holds(condition, rows)
    return score


def predict_rule(train: LabelledRows, test: LabelledRows, rule: Sequence[ConditionParams]) -> Floats:
    """Predict churn from the number of conditions that are true for a row.

    The probability is the share of churners among the training rows with the same number of true conditions.
    The share is computed as `(churners + rate) / (rows + 1)`, so it is never 0 or 1. `rate` is the share of
    churners among all training rows.

    Args:
        train: The training rows.
        test: The rows to predict.
        rule: The conditions.
    """
    size = len(rule) + 1
    score = conditions_met(rule, train)
    weight = np.ones(len(train)) if train.weight is None else train.weight
    rows = np.bincount(score, weight, minlength=size)
    left = np.bincount(score, weight * train.left, minlength=size)
    share: Floats = (left + train.rate) / (rows + 1)
    return share[conditions_met(rule, test)]


def _holds(condition: ConditionParams, rows: LabelledRows) -> npt.NDArray[np.bool_]:
    values = rows.matrix[:, rows.names.index(condition.signal)]
    if condition.equals is not None:
        levels = rows.levels[condition.signal]
        code = levels.index(condition.equals) if condition.equals in levels else -1
        return np.equal(values, code)
    least = -np.inf if condition.at_least is None else condition.at_least
    most = np.inf if condition.at_most is None else condition.at_most
    return np.logical_and(values >= least, values <= most)


def _predict_bg_nbd(
    snapshots: Snapshots, test_cutoffs: Sequence[date], store: Store | None
) -> tuple[Floats | None, str]:
    """Return the probabilities of BG/NBD at the test cutoffs, or None and the reason why there are none."""
    if store is None:
        return None, (
            "the store from which the snapshots were made no longer exists; `churn snapshot` makes both"
        )
    customers = np.asarray(snapshots.customers, dtype=object)
    parts = [
        probability_inactive(store, cutoff, customers[snapshots.rows.at([cutoff]).customer].tolist())
        for cutoff in sorted(test_cutoffs)
    ]
    probability = np.concatenate(parts)
    if not np.isfinite(probability).any():
        return None, "fewer than 100 customers have a history, or nobody came twice"
    return probability, ""


def probability_inactive(store: Store, cutoff: date, customers: Sequence[str]) -> Floats:
    """Return BG/NBD's uncalibrated probability that a customer has no event of the label's table in the label
    window.

    The model is fitted on the days on which each customer had an event, as far as known at the cutoff. If
    there are more than 10,000 customers, the fit uses 10,000 of them, evenly spaced among all.

    Args:
        store: The store from which the snapshots were made.
        cutoff: The cutoff.
        customers: The customers to predict.

    Returns:
        Shape `[customers]`; NaN for a customer without an event. The result is NaN for all customers if no
        model can be fitted.
    """
    label = store.params.label
    table = label.core_table
    with store.connect() as connection:
        histories = connection.execute(
            "SELECT customer, count(DISTINCT day) - 1 AS x, min(day) AS first, max(day) AS last "
            f"FROM {store.scan(table)} WHERE {store.visible_before(table, cutoff)} GROUP BY 1 ORDER BY 1"
        ).fetchnumpy()
    x, first, last = (np.asarray(histories[name], dtype=np.float64) for name in ("x", "first", "last"))
    recency, age = last - first, day_number(cutoff) - first
    sample = np.arange(len(x))
    if len(x) > MAX_HISTORIES:
        sample = np.arange(MAX_HISTORIES) * len(x) // MAX_HISTORIES
    model = fit_lifetimes(x[sample], recency[sample], age[sample])
    ids = read_customers(store).ids
    # the last element is for customers whom the store does not know
    probability = np.full(len(ids) + 1, np.nan)
    if model is not None:
        codes = np.asarray(histories["customer"], dtype=np.int64)
        probability[codes] = p_none(model, x, recency, age, label.horizon_days, after=label.gap_days)
    return probability[pd.Index(ids).get_indexer(pd.Index(customers))]
