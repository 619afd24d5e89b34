"""The contestants that do not use our pipeline: two old rules, a buying model, and plain LightGBM."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.scoreboard.contest import Contest
from benchmarks.scoreboard.plain import KEYS, plain_features
from churn.data.store import day_number
from churn.features.engine.cohort import read_customers
from churn.features.language.btyd import LifetimeModel, fit_lifetimes, p_none

Floats = npt.NDArray[np.float64]
Learner = Callable[[Floats, Floats, Floats], Floats]
"""Takes training rows, their labels and rows to predict; returns probabilities."""

SEEDS = (0, 1, 2)
ROUNDS = 150
PLAIN = {"objective": "binary", "learning_rate": 0.03, "num_leaves": 15, "min_child_samples": 50}
"""What the statements of the reference baseline leave open was set so that its stated numbers come back."""


def recency(contest: Contest) -> pd.DataFrame:
    """Return predictions of a logistic regression on the days since the customer's last event."""

    def shape(features: pd.DataFrame) -> Floats:
        days = _last_seen(contest, features)
        return np.column_stack([days, np.log1p(days)])

    return _by_cutoff(contest, shape, logistic, totals=False)


def rfm(contest: Contest) -> pd.DataFrame:
    """Return predictions of a logistic regression on recency, frequency and, if known, monetary value."""

    def shape(features: pd.DataFrame) -> Floats:
        ever, late = (
            sum(features[f"{table}_count_{span}"] for table in _core(contest))
            for span in ("ever", f"{contest.set.windows[-1]}d")
        )
        columns = [np.log1p(column) for column in (_last_seen(contest, features), ever, late)]
        if spent := contest.set.spend_table:
            columns.append(np.log1p(features[f"{spent}_spend_ever"] / np.maximum(ever, 1)))
        return np.column_stack(columns)

    return _by_cutoff(contest, shape, logistic, totals=True)


def reference(contest: Contest) -> pd.DataFrame:
    """Return the mean predictions of LightGBM with 150 trees on plain counts, over three seeds."""
    return _by_cutoff(
        contest, lambda features: features.to_numpy(np.float64), plain_trees, contest.set.totals
    )


def bg_nbd(contest: Contest) -> pd.DataFrame:
    """Return the probability of no event in the horizon under BG/NBD; it learns from no label.

    At each cutoff, the model is fitted on the days with an event that were known by the cutoff.
    """
    customers = read_customers(contest.store)
    code = pd.Series(np.arange(contest.store.n_customers), index=customers.ids)
    parts = []
    for cutoff, rows in contest.test_rows.groupby("cutoff"):
        model, histories = buying(contest, cutoff)
        x, last, age = (histories[name].to_numpy(np.float64) for name in ("x", "recency", "age"))
        none = p_none(model, x, last, age, contest.params.label.horizon_days)
        silent = pd.Series(none, index=histories["customer"])
        parts.append(rows[KEYS].assign(probability=silent.loc[code.loc[rows["customer_id"]]].to_numpy()))
    return pd.concat(parts, ignore_index=True)


def buying(contest: Contest, cutoff: date) -> tuple[LifetimeModel, pd.DataFrame]:
    """Return BG/NBD fitted at a cutoff, and each customer's repeats x, recency and age in days."""
    day, store = day_number(cutoff), contest.store
    with store.connect() as connection:
        histories = connection.execute(
            f"SELECT customer, count(DISTINCT day) - 1 AS x, max(day) - min(day) AS recency, "
            f"{day} - min(day) AS age FROM {store.scan(contest.params.label.core_table)} "
            f"WHERE day < {day} GROUP BY 1 ORDER BY 1"
        ).df()
    model = fit_lifetimes(*(histories[name].to_numpy(np.float64) for name in ("x", "recency", "age")))
    if model is None:
        raise RuntimeError(f"{contest.set.name}: BG/NBD cannot be fitted at {cutoff}")
    return model, histories


RIVALS: Mapping[str, Callable[[Contest], pd.DataFrame]] = {
    "recency": recency,
    "rfm": rfm,
    "bg_nbd": bg_nbd,
    "reference": reference,
}


def logistic(train: Floats, left: Floats, test: Floats) -> Floats:
    """Return the probabilities of an almost unpenalised logistic regression."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=100.0, max_iter=1000)).fit(train, left)
    return np.asarray(model.predict_proba(test)[:, 1], dtype=np.float64)


def plain_trees(train: Floats, left: Floats, test: Floats) -> Floats:
    """Return the mean probabilities of plain LightGBM over three seeds."""
    predictions = []
    for seed in SEEDS:
        own = {"seed": seed, "feature_fraction": 0.9, "bagging_fraction": 0.9, "bagging_freq": 1}
        settings = {**PLAIN, **own, "num_threads": 1, "deterministic": True, "verbosity": -1}
        predictions.append(lgb.train(settings, lgb.Dataset(train, left), ROUNDS).predict(test))
    return np.asarray(np.mean(predictions, axis=0), dtype=np.float64)


def _by_cutoff(
    contest: Contest, shape: Callable[[pd.DataFrame], Floats], learn: Learner, totals: bool
) -> pd.DataFrame:
    """Fit at each test cutoff on the known training cutoffs, and predict the rows of the test cutoff."""
    rows = pd.concat([contest.train_rows, contest.test_rows], ignore_index=True)
    features = shape(plain_features(contest.store, contest.set, rows, totals).drop(columns=KEYS))
    parts = []
    for cutoff in contest.test:
        train = rows["cutoff"].isin(contest.learnt_from(cutoff)).to_numpy()
        here = np.arange(len(rows)) >= len(contest.train_rows)
        here &= (rows["cutoff"] == cutoff).to_numpy()
        left = rows.loc[train, "left"].to_numpy(np.float64)
        probability = learn(features[train], left, features[here])
        parts.append(rows.loc[here, KEYS].assign(probability=probability))
    return pd.concat(parts, ignore_index=True)


def _core(contest: Contest) -> tuple[str, ...]:
    """Return the tables that show activity: the label's table; for a contract label, all counted tables."""
    core = contest.params.label.core_table
    return (core,) if core in contest.set.counted_tables else contest.set.counted_tables


def _last_seen(contest: Contest, features: pd.DataFrame) -> Floats:
    """Return the days since the latest event; for customers without events, the days since the sign-up."""
    days = features[[f"{table}_recency" for table in _core(contest)]].min(axis=1)
    return days.fillna(features["tenure"]).to_numpy(np.float64)
