"""Compute what several guards need: how well a column ranks churners, and how closely two columns agree."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2, rankdata

from churn.metrics.metrics import auc

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Z_99 = 2.576
"""The number of standard errors of a two-sided 99 % interval. By chance, 1 of 100 tested columns lies outside
the interval.
"""

PRIOR_ROWS = 5
"""The weight, in rows, of the overall share of churners in the score of a level."""


def auc_within(left: Floats, values: Floats, cutoff: Ints) -> float:
    """Return the AUC over pairs of rows of the same cutoff, so a trend of the churn rate has no effect.

    The AUC is NaN if no cutoff has both a churner and a customer who stayed.

    Args:
        left: 1.0 for churners, else 0.0, shape (rows,).
        values: The scores, shape (rows,).
        cutoff: The day number of each row's cutoff, shape (rows,).
    """
    total, pairs = 0.0, 0.0
    for day in np.unique(cutoff):
        at_cutoff = cutoff == day
        churners = float(left[at_cutoff].sum())
        n = churners * (at_cutoff.sum() - churners)
        if n:
            total += n * auc(left[at_cutoff], values[at_cutoff])
            pairs += n
    return total / pairs if pairs else float("nan")


def best_auc(left: Floats, values: Floats, cutoff: Ints) -> float:
    """Return the largest AUC of a column, sorted up or down, and with missing values first or last.

    Args:
        left: 1.0 for churners, else 0.0, shape (rows,).
        values: The column, NaN where missing, shape (rows,).
        cutoff: The day number of each row's cutoff, shape (rows,).
    """
    if len(values) == 0:
        return float("nan")
    missing = np.isnan(values)
    ranks = rankdata(values, nan_policy="omit")
    low, high = np.where(missing, 0, ranks), np.where(missing, len(ranks) + 1, ranks)
    aucs = [auc_within(left, low, cutoff)]
    if missing.any():
        aucs.append(auc_within(left, high, cutoff))
    return max(max(auc_value, 1 - auc_value) for auc_value in aucs)


def customer_half(customer: Ints) -> Ints:
    """Return for each customer number the half of the customers (0 or 1) to which it belongs. A customer
    number always belongs to the same half.
    """
    return customer * 2_654_435_761 // 65_536 % 2


def level_scores(left: Floats, values: Floats, customer: Ints) -> Floats:
    """Score each row by the share of churners among the rows with the same level, such as a text value.

    The customers are split into two halves. The score of a row uses only the rows of the other half. The
    scores of levels with few rows are shrunk towards the overall share. A missing value is a separate level.

    Args:
        left: 1.0 for churners, else 0.0, shape (rows,).
        values: The codes of the levels, NaN where missing, shape (rows,).
        customer: The customer numbers, shape (rows,).
    """
    codes = np.where(np.isnan(values), -1, values).astype(np.int64) + 1
    scores = np.empty(len(values))
    half = customer_half(customer)
    for fold in (0, 1):
        in_fold, outside = half == fold, half != fold
        size = int(codes.max(initial=0)) + 1
        count = np.bincount(codes[outside], minlength=size)
        churners = np.bincount(codes[outside], left[outside], minlength=size)
        overall = left[outside].mean() if outside.any() else 0.0
        scores[in_fold] = ((churners + PRIOR_ROWS * overall) / (count + PRIOR_ROWS))[codes[in_fold]]
    return scores


def levels_differ(levels: npt.NDArray[np.object_], has_left: Bools) -> bool:
    """Return whether an attribute's values (levels) differ between leavers and stayers beyond chance.

    The test is Pearson's chi-squared test with a confidence of 99.5 %. A missing value is a level. The test
    uses the ten most frequent levels, and joins all other levels into a single level.
    """
    names = np.array(["" if level is None else str(level) for level in levels], dtype=str)
    _, codes, counts = np.unique(names, return_inverse=True, return_counts=True)
    bins = np.full(len(counts), 10)
    bins[np.argsort(-counts, kind="stable")[:10]] = np.arange(min(10, len(counts)))
    sides = [np.bincount(bins[codes[side]], minlength=11) for side in (has_left, ~has_left)]
    observed = np.stack(sides, axis=1)
    observed = observed[observed.sum(axis=1) > 0].astype(np.float64)
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / max(observed.sum(), 1)
    enough = expected.min(axis=1, initial=np.inf) >= 1
    if enough.sum() < 2:
        return False
    square = float(((observed - expected)[enough] ** 2 / expected[enough]).sum())
    return square > float(chi2.ppf(0.995, int(enough.sum()) - 1))


def spearman(first: Floats, second: Floats) -> float:
    """Return the rank correlation of two columns; 0 if a column does not vary."""
    first_ranks, second_ranks = rankdata(first), rankdata(second)
    if len(first_ranks) < 3 or not first_ranks.std() or not second_ranks.std():
        return 0.0
    return float(np.corrcoef(first_ranks, second_ranks)[0, 1])


def explained_share(groups: Ints, values: Floats) -> float:
    """Rank `values`; return the share of the ranks' variance that the groups explain, adjusted for chance.

    Source: Kelley (1935), An unbiased correlation ratio measure, PNAS 21 (epsilon squared).
    """
    ranks = rankdata(values)
    n, k = len(ranks), int(groups.max(initial=-1)) + 1
    total = float(((ranks - ranks.mean()) ** 2).sum())
    if n <= k or not total:
        return 0.0
    count, sums = np.bincount(groups, minlength=k), np.bincount(groups, ranks, minlength=k)
    between = float((sums**2 / np.maximum(count, 1)).sum() - n * ranks.mean() ** 2)
    return 1 - (total - between) / (n - k) / (total / (n - 1))
