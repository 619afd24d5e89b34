"""The guard of drift: whether tonight's customers look like the customers of the training rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

from churn.data.store import day_number
from churn.finding import Finding
from churn.guards.statistics import customer_half
from churn.metrics.metrics import auc
from churn.snapshots.dataset import Floats, LabelledRows
from churn.snapshots.read import Snapshots, read_part

WARN_AUC = 0.75
"""The AUC of telling new rows from old rows above which the guard warns."""

MIN_SHIFT, MIN_EXCESS = 0.15, 0.05
"""The least shift of a column (see `_shifts`), and its least excess over the shifts at earlier cutoffs."""

EARLIER_CUTOFFS = 3
"""The number of cutoffs before the newest cutoff that show how far columns usually shift."""

MIN_DRIFT_ROWS, MAX_DRIFT_ROWS = 100, 20_000
SHOWN_COLUMNS = 5
DRIFT_TREES = 60
DRIFT_TREE_PARAMS = {
    "objective": "binary",
    "num_leaves": 8,
    "learning_rate": 0.1,
    "min_child_samples": 50,
    "feature_fraction": 0.6,
    "lambda_l2": 10.0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


def drift(earlier: LabelledRows, newest: LabelledRows, seed: int) -> Iterator[Finding]:
    """Warn if trees can tell the newest rows from earlier rows, by columns that shifted as never before.

    Trees can tell any two dates apart, because every date has a fingerprint: for example, the days since the
    last newsletter are equal for all customers. So the trees only get the columns that shifted further than
    at earlier cutoffs. The trees are fitted on one half of the customers and tested on the other half, so
    that they cannot recognize a customer.

    Args:
        earlier: The labelled rows of earlier cutoffs.
        newest: The rows of the newest cutoff; their labels are not used.
        seed: The seed of the sample of rows and of the trees.
    """
    rng = np.random.default_rng(seed)
    old, new = _draw_rows(earlier, rng), _draw_rows(newest, rng)
    shifted_columns = np.flatnonzero(_shifted_as_never_before(old, new))
    if not len(shifted_columns) or min(len(old), len(new)) < MIN_DRIFT_ROWS:
        return
    matrix = np.concatenate([old.matrix[:, shifted_columns], new.matrix[:, shifted_columns]])
    is_new = np.concatenate([np.zeros(len(old)), np.ones(len(new))])
    half = customer_half(np.concatenate([old.customer, new.customer])) == 0
    names = tuple(old.names[index] for index in shifted_columns)
    level_columns = [index for index, name in enumerate(names) if name in old.levels]
    aucs, gain = [], np.zeros(len(names))
    for side in (half, ~half):
        if not 0 < is_new[side].sum() < side.sum() or not 0 < is_new[~side].sum() < (~side).sum():
            return
        data = lgb.Dataset(matrix[side], is_new[side], categorical_feature=level_columns)
        booster = lgb.train(DRIFT_TREE_PARAMS | {"seed": seed}, data, DRIFT_TREES)
        aucs.append(auc(is_new[~side], np.asarray(booster.predict(matrix[~side]))))
        gain += booster.feature_importance("gain")
    mean_auc = float(np.mean(aucs))
    if mean_auc <= WARN_AUC:
        return
    order = np.argsort(-gain, kind="stable")[:SHOWN_COLUMNS]
    shares = [f"{names[index]} ({gain[index] / gain.sum():.0%})" for index in order if gain[index] > 0]
    yield Finding(
        "newest snapshot",
        f"trees tell its rows from the training rows with AUC {mean_auc:.3f}, above {WARN_AUC}, mostly by "
        f"{', '.join(shares)}: the model scores customers unlike those in training.",
        "Check whether a source changed, began or ended. Leave out the signals that tell the date, and train "
        "on newer snapshots.",
        "warn",
    )


def _shifted_as_never_before(old: LabelledRows, new: LabelledRows) -> npt.NDArray[np.bool_]:
    """Return which columns shifted far at the newest cutoff, and further than at earlier cutoffs."""
    days = np.unique(old.cutoff)[1:][-EARLIER_CUTOFFS:]
    earlier = [_shifts(old.where(old.cutoff < day), old.where(old.cutoff == day)) for day in days]
    if not earlier:
        return np.zeros(len(old.names), dtype=bool)
    shift = _shifts(old, new)
    return np.asarray((shift > MIN_SHIFT) & (shift > np.max(earlier, axis=0) + MIN_EXCESS))


def _shifts(old: LabelledRows, new: LabelledRows) -> Floats:
    """Return the shift of each column from old to new rows, from 0 to .5, shape (columns,).

    The shift is the larger of two numbers: `abs(AUC - 0.5)`, where AUC is the probability that a new value is
    larger than an old value; and half the difference of the shares of missing values.
    """
    shifts = np.zeros(len(old.names))
    for index in range(len(old.names)):
        before, after = old.matrix[:, index], new.matrix[:, index]
        missing = abs(float(np.isnan(before).mean() - np.isnan(after).mean())) / 2
        before, after = before[~np.isnan(before)], after[~np.isnan(after)]
        rank_shift = 0.0
        if len(before) and len(after):
            ranks = rankdata(np.concatenate([before, after]))[len(before) :]
            pairs = len(before) * len(after)
            rank_shift = abs(float((ranks.sum() - len(after) * (len(after) + 1) / 2) / pairs) - 0.5)
        shifts[index] = max(rank_shift, missing)
    return shifts


def _draw_rows(rows: LabelledRows, rng: np.random.Generator) -> LabelledRows:
    if len(rows) <= MAX_DRIFT_ROWS:
        return rows
    return rows.where(rng.random(len(rows)) < MAX_DRIFT_ROWS / len(rows))


def newest_rows(snapshots: Snapshots, folder: Path) -> LabelledRows:
    """Return the rows of the newest snapshot; `left` is NaN if its labels are not yet known.

    Snapshots after the day on which the latest matured label became known are left out, because a night in
    the past does not know them. A level that occurs in no labelled row becomes a missing value. Customers
    without a labelled row get numbers after all other customers.

    Args:
        snapshots: The matured snapshots.
        folder: The folder of all snapshots.
    """
    tonight = max(snapshots.mature_on.values())
    newest = max((cutoff for cutoff in snapshots.immature_cutoffs if cutoff <= tonight), default=None)
    if newest is None or newest < snapshots.cutoffs[-1]:
        return snapshots.rows.at(snapshots.cutoffs[-1:])
    names, levels = snapshots.rows.names, snapshots.rows.levels
    frame = read_part(folder, newest, ["customer_id", *names]).to_pandas()
    matrix = np.empty((len(frame), len(names)))
    for index, name in enumerate(names):
        if name in levels:
            codes = pd.Categorical(frame[name], categories=list(levels[name])).codes.astype(np.float64)
            matrix[:, index] = np.where(codes < 0, np.nan, codes)
        else:
            matrix[:, index] = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
    customer = pd.Index(snapshots.customers).get_indexer(frame["customer_id"].astype(str))
    new = np.flatnonzero(customer < 0)
    customer[new] = len(snapshots.customers) + np.arange(len(new))
    return LabelledRows(
        names=names,
        levels=levels,
        matrix=matrix,
        left=np.full(len(frame), np.nan),
        customer=customer.astype(np.int64),
        cutoff=np.full(len(frame), day_number(newest)),
    )
