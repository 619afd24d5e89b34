"""Compare tonight's customers with the customers of the training rows, to find drift."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.data.store import day_number
from churn.finding import Finding
from churn.guards.statistics import customer_half
from churn.metrics.standard_errors import weighted_auc
from churn.snapshots.dataset import Floats, LabelledRows
from churn.snapshots.read import Snapshots, read_part

WARN_AUC = 0.75
"""The guard warns if a model tells new rows from old rows with an AUC above this number."""

MIN_SHIFT, MIN_EXCESS = 0.15, 0.05
"""The least shift of a column (see `_shifts`), and its least excess over the shifts at earlier cutoffs."""

EARLIER_CUTOFFS = 3
"""The number of cutoffs before the newest cutoff that show by how much columns usually shift."""

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


@dataclass(frozen=True)
class ShiftedColumns:
    """How well trees separate new rows from old rows, if they use only columns that shifted unusually far.

    Attributes:
        auc: The AUC on customers that the trees did not see: the mean over the two halves of the customers.
        error: The standard error of the AUC.
        gain: For each column, its share of the total gain of the trees; the largest share comes first.
    """

    auc: float
    error: float
    gain: Mapping[str, float]


def drift(earlier: LabelledRows, newest: LabelledRows, seed: int) -> Iterator[Finding]:
    """Warn if columns shifted so far that trees can separate the newest rows from earlier rows.

    Args:
        earlier: The labelled rows of earlier cutoffs.
        newest: The rows of the newest cutoff; their labels are not used.
        seed: The seed of the sample of rows and of the trees.
    """
    shifted = tell_apart(earlier, newest, np.ones(len(newest)), seed)
    if shifted is None or shifted.auc <= WARN_AUC:
        return
    shares = [f"{name} ({share:.0%})" for name, share in list(shifted.gain.items())[:SHOWN_COLUMNS]]
    yield Finding(
        "newest snapshot",
        f"trees separate the newest rows from the training rows, mostly by {', '.join(shares)}. The AUC of "
        f"the trees is {shifted.auc:.3f}, above the limit {WARN_AUC}: the model scores customers who differ "
        "from the customers of the training.",
        "Check whether a source changed, began or ended. Leave out the signals that reveal the date, and "
        "train on newer snapshots.",
        "warn",
    )


def tell_apart(
    earlier: LabelledRows,
    newest: LabelledRows,
    weights: Floats,
    seed: int,
    max_rows: int = MAX_DRIFT_ROWS,
    columns: Collection[str] | None = None,
) -> ShiftedColumns | None:
    """Return how well trees separate the newest rows from earlier rows; None if no column shifted enough.

    Trees can separate any two dates, because every date leaves a pattern: for example, the days since the
    last newsletter are equal for all customers. So the trees get only the columns that shifted more at the
    newest cutoff than at each of the three cutoffs before. The trees are fitted on one half of the customers
    and tested on the other half, so that they cannot recognize a customer.

    Args:
        earlier: The labelled rows of earlier cutoffs.
        newest: The rows of the newest cutoff; their labels are not used.
        weights: The weight of each newest row, shape (newest rows,).
        seed: The seed of the sample of rows and of the trees.
        max_rows: The approximate limit on the number of old rows, and also on the number of new rows.
        columns: The only columns that the trees may use; by default, the columns that shifted unusually far.
    """
    rng = np.random.default_rng(seed)
    old, _ = _draw_rows(earlier, np.ones(len(earlier)), rng, max_rows)
    new, new_weights = _draw_rows(newest, weights, rng, max_rows)
    if columns is None:
        shifted_columns = np.flatnonzero(_shifted_as_never_before(old, new, new_weights))
    else:
        shifted_columns = np.flatnonzero([name in columns for name in old.names])
    if not len(shifted_columns) or min(len(old), len(new)) < MIN_DRIFT_ROWS:
        return None
    matrix = np.concatenate([old.matrix[:, shifted_columns], new.matrix[:, shifted_columns]])
    is_new = np.concatenate([np.zeros(len(old)), np.ones(len(new))])
    row_weights = np.concatenate([np.ones(len(old)), new_weights])
    half = customer_half(np.concatenate([old.customer, new.customer])) == 0
    names = tuple(old.names[index] for index in shifted_columns)
    level_columns = [index for index, name in enumerate(names) if name in old.levels]
    areas, gain = [], np.zeros(len(names))
    for side in (half, ~half):
        if not 0 < is_new[side].sum() < side.sum() or not 0 < is_new[~side].sum() < (~side).sum():
            return None
        data = lgb.Dataset(
            matrix[side], is_new[side], weight=row_weights[side], categorical_feature=level_columns
        )
        booster = lgb.train(DRIFT_TREE_PARAMS | {"seed": seed}, data, DRIFT_TREES)
        predictions = np.asarray(booster.predict(matrix[~side]))
        areas.append(weighted_auc(is_new[~side], predictions, row_weights[~side]))
        gain += booster.feature_importance("gain")
    order = [index for index in np.argsort(-gain, kind="stable") if gain[index] > 0]
    return ShiftedColumns(
        auc=float(np.mean([area for area, _ in areas])),
        error=float(np.sqrt(sum(error**2 for _, error in areas))) / len(areas),
        gain={names[index]: float(gain[index] / gain.sum()) for index in order},
    )


def _shifted_as_never_before(old: LabelledRows, new: LabelledRows, weights: Floats) -> npt.NDArray[np.bool_]:
    """Return which columns shifted far at the newest cutoff, and farther than at three earlier cutoffs."""
    days = np.unique(old.cutoff)[1:][-EARLIER_CUTOFFS:]
    earlier = []
    for day in days:
        own = old.where(old.cutoff == day)
        earlier.append(_shifts(old.where(old.cutoff < day), own, np.ones(len(own))))
    if not earlier:
        return np.zeros(len(old.names), dtype=bool)
    shift = _shifts(old, new, weights)
    return np.asarray((shift > MIN_SHIFT) & (shift > np.max(earlier, axis=0) + MIN_EXCESS))


def _shifts(old: LabelledRows, new: LabelledRows, weights: Floats) -> Floats:
    """Return the shift of each column between the old and the new rows, shape (columns,).

    The shift is at least 0 and at most .5. It is the larger of `abs(AUC - 0.5)` and half the
    difference between the old and the new share of missing values. AUC is the probability that a new value is
    larger than an old value.

    Args:
        old, new: The rows.
        weights: The weight of each new row, shape (new rows,).
    """
    shifts = np.zeros(len(old.names))
    total = float(weights.sum())
    for index in range(len(old.names)):
        before, after = old.matrix[:, index], new.matrix[:, index]
        is_missing = np.isnan(after)
        missing_share = float(weights[is_missing].sum()) / total if total > 0 else 0.0
        missing = abs(float(np.isnan(before).mean()) - missing_share) / 2
        before, after, own_weights = (
            np.sort(before[~np.isnan(before)]),
            after[~is_missing],
            weights[~is_missing],
        )
        rank_shift = 0.0
        if len(before) and own_weights.sum() > 0:
            lower = np.searchsorted(before, after, "left") + np.searchsorted(before, after, "right")
            rank_shift = abs(float(own_weights @ lower) / (2 * len(before) * float(own_weights.sum())) - 0.5)
        shifts[index] = max(rank_shift, missing)
    return shifts


def _draw_rows(
    rows: LabelledRows, weights: Floats, rng: np.random.Generator, max_rows: int
) -> tuple[LabelledRows, Floats]:
    """Return the rows with a weight above 0, and their weights.

    If there are more than `max_rows` rows, a random sample of about `max_rows` rows is drawn first.
    """
    mask = weights > 0
    if len(rows) > max_rows:
        mask &= rng.random(len(rows)) < max_rows / len(rows)
    return (rows, weights) if mask.all() else (rows.where(mask), weights[mask])


def newest_rows(snapshots: Snapshots, folder: Path) -> LabelledRows:
    """Return the rows of the newest snapshot; `left` is NaN for rows without known labels.

    "Tonight" is the day on which the latest label became known. Snapshots after tonight are left out, because
    they did not exist yet.

    Args:
        snapshots: The matured snapshots.
        folder: The folder of all snapshots.
    """
    tonight = max(snapshots.mature_on.values())
    newest = max((cutoff for cutoff in snapshots.immature_cutoffs if cutoff <= tonight), default=None)
    if newest is None or newest < snapshots.cutoffs[-1]:
        return snapshots.rows.at(snapshots.cutoffs[-1:])
    frame = read_part(folder, newest, ["customer_id", *snapshots.rows.names]).to_pandas()
    return unlabelled_rows(frame, newest, snapshots.rows, snapshots.customers)


def unlabelled_rows(
    frame: pd.DataFrame, cutoff: date, like: LabelledRows, customers: Sequence[str]
) -> LabelledRows:
    """Return the signals of a cutoff in the form of labelled rows; `left` is NaN, because no label is known.

    A category that occurs in no labelled row becomes a missing value. A customer's number is the customer's
    index in `customers`. Customers who are not in `customers` get the numbers after the last index.

    Args:
        frame: `customer_id` and the signals.
        cutoff: The cutoff.
        like: The labelled rows.
        customers: The ids of the customers of the labelled rows.
    """
    names, levels = like.names, like.levels
    matrix = np.empty((len(frame), len(names)))
    for index, name in enumerate(names):
        if name in levels:
            codes = pd.Categorical(frame[name], categories=list(levels[name])).codes.astype(np.float64)
            matrix[:, index] = np.where(codes < 0, np.nan, codes)
        else:
            matrix[:, index] = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
    customer = pd.Index(customers).get_indexer(pd.Index(frame["customer_id"].astype(str)))
    new = np.flatnonzero(customer < 0)
    customer[new] = len(customers) + np.arange(len(new))
    return LabelledRows(
        names=names,
        levels=levels,
        matrix=matrix,
        left=np.full(len(frame), np.nan),
        customer=customer.astype(np.int64),
        cutoff=np.full(len(frame), day_number(cutoff)),
    )
