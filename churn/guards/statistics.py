"""The few statistics that guards share: intervals of shares and how well one column ranks leavers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2, rankdata

from churn.metrics.metrics import auc

Floats = npt.NDArray[np.float64]

SURE = 2.576
"""Standard errors of a two-sided 99 % interval: many columns are tested, and chance flags 1 in 100."""


def auc_within(left: Floats, values: Floats, cutoff: npt.NDArray[np.int64]) -> float:
    """Return the AUC over pairs of rows of the same cutoff, so that no trend of the churn rate counts.

    It is NaN if no cutoff has both a churner and a customer who stayed.
    """
    areas, pairs = 0.0, 0.0
    for day in np.unique(cutoff):
        here = cutoff == day
        churners = float(left[here].sum())
        n = churners * (here.sum() - churners)
        if n:
            areas += n * auc(left[here], values[here])
            pairs += n
    return areas / pairs if pairs else float("nan")


def best_auc(left: Floats, values: Floats, cutoff: npt.NDArray[np.int64]) -> float:
    """Return the AUC of a column in the better direction, with missing values at the better end."""
    if len(values) == 0:
        return float("nan")
    missing = np.isnan(values)
    ranks = rankdata(values, nan_policy="omit")
    low, high = np.where(missing, 0, ranks), np.where(missing, len(ranks) + 1, ranks)
    found = [auc_within(left, low, cutoff)]
    if missing.any():
        found.append(auc_within(left, high, cutoff))
    return max(max(area, 1 - area) for area in found)


def level_scores(left: Floats, values: Floats, customer: npt.NDArray[np.int64]) -> Floats:
    """Score each row by its level's share of leavers among the other half of the customers.

    Levels with few rows are drawn towards everybody's share; a missing value is a level of its own.
    """
    codes = np.where(np.isnan(values), -1, values).astype(np.int64) + 1
    scores = np.empty(len(values))
    half = customer * 2_654_435_761 // 65_536 % 2
    for fold in (0, 1):
        here, other = half == fold, half != fold
        size = int(codes.max(initial=0)) + 1
        count = np.bincount(codes[other], minlength=size)
        hits = np.bincount(codes[other], left[other], minlength=size)
        base = left[other].mean() if other.any() else 0.0
        scores[here] = ((hits + 5 * base) / (count + 5))[codes[here]]
    return scores


def differ(levels: npt.NDArray[np.object_], gone: npt.NDArray[np.bool_]) -> bool:
    """Tell whether the levels of those who left differ from those of the others, beyond chance.

    Pearson's chi-squared over the ten commonest levels, missing among them, and the rest together, beside its
    own 99.5 % point.
    """
    names = np.array(["" if level is None else str(level) for level in levels], dtype=str)
    _, codes, counts = np.unique(names, return_inverse=True, return_counts=True)
    place = np.full(len(counts), 10)
    place[np.argsort(-counts, kind="stable")[:10]] = np.arange(min(10, len(counts)))
    both = np.stack([np.bincount(place[codes[side]], minlength=11) for side in (gone, ~gone)], axis=1)
    both = both[both.sum(axis=1) > 0].astype(np.float64)
    expected = np.outer(both.sum(axis=1), both.sum(axis=0)) / max(both.sum(), 1)
    enough = expected.min(axis=1, initial=np.inf) >= 1
    if enough.sum() < 2:
        return False
    square = float(((both - expected)[enough] ** 2 / expected[enough]).sum())
    return square > float(chi2.ppf(0.995, int(enough.sum()) - 1))


def spearman(one: Floats, other: Floats) -> float:
    """Return the rank correlation; 0 where a column does not vary."""
    first, second = rankdata(one), rankdata(other)
    if len(first) < 3 or not first.std() or not second.std():
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def explained(groups: npt.NDArray[np.int64], values: Floats) -> float:
    """Return the share of the variance of the ranks of `values` that the groups explain, for chance adjusted.

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
