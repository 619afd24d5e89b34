"""Whether tonight's customers look like those the model learnt from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq
from scipy.stats import rankdata

from churn.finding import Finding
from churn.metrics.metrics import auc
from churn.params import Params
from churn.snapshots.dataset import Floats, LabelledRows
from churn.snapshots.read import Snapshots

TELLING = 0.75
"""AUC of telling old rows from new ones above which the columns are listed."""

FAR, BEYOND = 0.15, 0.05
"""How far from one half the AUC of old against new values of a column must lie, and beyond its past."""

PLACEBOS = 3
"""So many cutoffs before the newest show how far columns move anyway."""

FEWEST_ROWS = 100

MOST_ROWS = 20_000
ROUNDS = 60
SHOWN = 5
SETTINGS = {
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


def newest(rows: LabelledRows, new: LabelledRows, seed: int) -> Iterator[Finding]:
    """Let trees tell the newest rows from those before, by the columns that moved as they never have.

    Every date has its fingerprint (the days since the last newsletter are the same for everybody), by which
    trees tell any two dates apart. So the trees get the columns alone that moved further than at the last
    cutoffs before. Customers are on one side of the trees' own test only, so that nobody is told by their
    own value.

    Args:
        rows: The labelled rows of earlier cutoffs.
        new: Rows of the newest cutoff; their labels are not looked at.
        seed: Which rows are drawn.
    """
    rng = np.random.default_rng(seed)
    old, new = _some(rows, rng), _some(new, rng)
    moved = np.flatnonzero(_unlike_before(old, new))
    if not len(moved) or min(len(old), len(new)) < FEWEST_ROWS:
        return
    matrix = np.concatenate([old.matrix[:, moved], new.matrix[:, moved]])
    is_new = np.concatenate([np.zeros(len(old)), np.ones(len(new))])
    half = np.concatenate([old.customer, new.customer]) * 2_654_435_761 // 65_536 % 2 == 0
    names = tuple(rows.names[place] for place in moved)
    text = [place for place, name in enumerate(names) if name in rows.levels]
    areas, gain = [], np.zeros(len(names))
    for side in (half, ~half):
        if not 0 < is_new[side].sum() < side.sum() or not 0 < is_new[~side].sum() < (~side).sum():
            return
        data = lgb.Dataset(matrix[side], is_new[side], categorical_feature=text)
        booster = lgb.train(SETTINGS | {"seed": seed}, data, ROUNDS)
        areas.append(auc(is_new[~side], np.asarray(booster.predict(matrix[~side]))))
        gain += booster.feature_importance("gain")
    area = float(np.mean(areas))
    if area > TELLING:
        yield from _finding(area, gain, names)


def _unlike_before(old: LabelledRows, new: LabelledRows) -> npt.NDArray[np.bool_]:
    """Return the columns that moved far at the newest cutoff, and further than at those before it."""
    days = np.unique(old.cutoff)
    shifts = [
        _shifts(old.where(old.cutoff < day), old.where(old.cutoff == day)) for day in days[1:][-PLACEBOS:]
    ]
    if not shifts:
        return np.zeros(len(old.names), dtype=bool)
    shift = _shifts(old, new)
    unlike: npt.NDArray[np.bool_] = (shift > FAR) & (shift > np.max(shifts, axis=0) + BEYOND)
    return unlike


def _shifts(old: LabelledRows, new: LabelledRows) -> Floats:
    """Return for each column how far new values lie from old ones: AUC from one half, or lack from lack."""
    found = np.zeros(len(old.names))
    for place in range(len(old.names)):
        one, other = old.matrix[:, place], new.matrix[:, place]
        lack = abs(float(np.isnan(one).mean() - np.isnan(other).mean())) / 2
        one, other = one[~np.isnan(one)], other[~np.isnan(other)]
        moved = 0.0
        if len(one) and len(other):
            ranks = rankdata(np.concatenate([one, other]))[len(one) :]
            pairs = len(one) * len(other)
            moved = abs(float((ranks.sum() - len(other) * (len(other) + 1) / 2) / pairs) - 0.5)
        found[place] = max(moved, lack)
    return found


def _finding(area: float, gain: Floats, names: tuple[str, ...]) -> Iterator[Finding]:
    order = np.argsort(-gain, kind="stable")[:SHOWN]
    shares = [f"{names[place]} ({gain[place] / gain.sum():.0%})" for place in order if gain[place] > 0]
    yield Finding(
        "newest snapshot",
        f"its rows are told from the training rows with AUC {area:.3f}, above {TELLING}, most by "
        f"{', '.join(shares)}: the model is asked about customers unlike those it has learnt from.",
        "See whether a source changed, began or ended; leave out what tells the date, and train on newer "
        "snapshots.",
        "warn",
    )


def _some(rows: LabelledRows, rng: np.random.Generator) -> LabelledRows:
    if len(rows) <= MOST_ROWS:
        return rows
    return rows.where(rng.random(len(rows)) < MOST_ROWS / len(rows))


def newest_rows(params: Params, snapshots: Snapshots) -> LabelledRows:
    """Return the rows of the newest snapshot, whether or not its label is known; `left` is NaN.

    A night in the past knows no later snapshot than the day on which its latest label was known. Levels
    that were never seen with a label are missing, and customers who were not are numbered after the others.
    """
    tonight = max(snapshots.mature_on.values())
    day = max((one for one in snapshots.waiting if one <= tonight), default=None)
    if day is None or day < snapshots.cutoffs[-1]:
        return snapshots.rows.at(snapshots.cutoffs[-1:])
    names, levels = snapshots.rows.names, snapshots.rows.levels
    path = params.output / "snapshots" / f"cutoff={day}" / "part.parquet"
    frame = pq.read_table(path, partitioning=None, columns=["customer_id", *names]).to_pandas()
    matrix = np.empty((len(frame), len(names)))
    for place, name in enumerate(names):
        if name in levels:
            codes = pd.Categorical(frame[name], categories=list(levels[name])).codes.astype(np.float64)
            matrix[:, place] = np.where(codes < 0, np.nan, codes)
        else:
            matrix[:, place] = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
    known = pd.Index(snapshots.customers).get_indexer(frame["customer_id"].astype(str))
    new = np.flatnonzero(known < 0)
    known[new] = len(snapshots.customers) + np.arange(len(new))
    return LabelledRows(
        names=names,
        levels=levels,
        matrix=matrix,
        left=np.full(len(frame), np.nan),
        customer=known.astype(np.int64),
        cutoff=np.full(len(frame), (day - date(1970, 1, 1)).days),
    )
