"""Guards that fit again: whether anything that was fitted has seen a test row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from churn.data.store import day_number
from churn.finding import Finding
from churn.labels.calendar import trainable
from churn.metrics.metrics import auc
from churn.snapshots.dataset import Floats, LabelledRows
from churn.snapshots.read import Snapshots
from churn.training.backtest import predict_out_of_time
from churn.training.recipe import Recipe

MOST_ROWS = 100_000
"""The most rows for guards that fit, of customers drawn at random: leaks that matter show in them."""

STANDARD_ERRORS = 3
"""How many standard errors from one half the AUC of shuffled labels may lie: 1 in 370 by chance."""


@dataclass(frozen=True)
class Fold:
    """The rows of one fit.

    Attributes:
        cutoff: The test cutoff.
        train: The training rows.
        test: The test rows.
        logits: The predicted log-odds of the test rows, shape (rows,); empty where nothing was fitted.
    """

    cutoff: date
    train: LabelledRows
    test: LabelledRows
    logits: Floats


Method = Callable[[Snapshots, date], Fold]
"""A way from snapshots to the predictions of a test cutoff, with everything that is fitted on the way."""


def fold_at(snapshots: Snapshots, cutoff: date) -> Fold:
    """Return the training and test rows of the rolling origin at a cutoff, without a fit."""
    rows = snapshots.rows
    train = rows.at(trainable(snapshots.mature_on, cutoff))
    return Fold(cutoff, train, rows.at([cutoff]), np.zeros(0))


def rolling_origin(recipe: Recipe, threads: int) -> Method:
    """Return the method of `churn train` and `churn evaluate` with a recipe."""

    def predict(snapshots: Snapshots, cutoff: date) -> Fold:
        predictions = predict_out_of_time(snapshots, recipe, [cutoff], threads)
        return replace(fold_at(snapshots, cutoff), logits=predictions.logits)

    return predict


def sample_customers(snapshots: Snapshots, seed: int, most_rows: int = MOST_ROWS) -> Snapshots:
    """Return the snapshots of customers drawn at random, with all their rows.

    Args:
        snapshots: The snapshots.
        seed: Draws the customers.
        most_rows: The expected number of rows; with fewer rows all customers are returned.
    """
    rows, customers = snapshots.rows, len(snapshots.customers)
    share = most_rows / max(len(rows), 1)
    if share >= 1:
        return snapshots
    in_sample = np.random.default_rng(seed).random(customers) < share
    return replace(snapshots, rows=rows.where(in_sample[rows.customer]))


def refit_with_other_future(
    method: Method, snapshots: Snapshots, cutoff: date, seed: int
) -> Iterator[Finding]:
    """Fit twice, the second time with another future, and compare the predictions.

    For the second fit every label is flipped that was not known by the cutoff. All signals of later rows, and
    of every second test row, are redrawn and stretched. The predictions of the other test rows must be the
    same to the last bit, because nothing that they may depend on has changed.

    Args:
        method: The way from snapshots to predictions.
        snapshots: The snapshots.
        cutoff: The test cutoff.
        seed: Draws the test rows that are changed.
    """
    rows = snapshots.rows
    is_known = np.isin(rows.cutoff, [day_number(day) for day in trainable(snapshots.mature_on, cutoff)])
    is_test = rows.cutoff == day_number(cutoff)
    rng = np.random.default_rng(seed)
    is_redrawn = (~is_known & ~is_test) | (is_test & (rng.random(len(rows)) < 0.5))
    matrix = rows.matrix.copy()
    redrawn = np.flatnonzero(is_redrawn)
    numbers = np.flatnonzero([name not in rows.levels for name in rows.names])
    matrix[redrawn] = matrix[rng.choice(redrawn, len(redrawn))]
    matrix[np.ix_(redrawn, numbers)] = 3 * matrix[np.ix_(redrawn, numbers)] + 1
    other_future = replace(rows, left=np.where(is_known, rows.left, 1 - rows.left), matrix=matrix)
    first, second = method(snapshots, cutoff), method(replace(snapshots, rows=other_future), cutoff)
    unchanged_customers = set(rows.customer[is_test & ~is_redrawn].tolist())
    different, total = _different_predictions(first, second, unchanged_customers)
    if different:
        yield Finding(
            f"test cutoff {cutoff}",
            f"{different:,} of {total:,} predictions change when labels are flipped that were not known by "
            "then, and other test rows are changed: something that was fitted has seen the test.",
            "Fit everything (encodings, scales, selection, calibration) on the training rows alone.",
            "stop",
        )


def _different_predictions(first: Fold, second: Fold, customers: set[int]) -> tuple[int, int]:
    """Return how many predictions of some customers differ between two fits, and of how many."""
    before, after = _predictions(first), _predictions(second)
    common_keys = [key for key in before.keys() & after.keys() if key[0] in customers]
    n_unpaired = sum(key[0] in customers for key in before.keys() ^ after.keys())
    return n_unpaired + sum(before[key] != after[key] for key in common_keys), n_unpaired + len(common_keys)


def _predictions(fold: Fold) -> dict[tuple[int, int], float]:
    """Return the log-odds of the test rows by customer and cutoff."""
    keys = zip(fold.test.customer.tolist(), fold.test.cutoff.tolist(), strict=True)
    return dict(zip(keys, fold.logits.tolist(), strict=True))


def refit_with_shuffled_labels(
    method: Method, snapshots: Snapshots, cutoff: date, seed: int
) -> Iterator[Finding]:
    """Shuffle the labels of each cutoff, in training and test alike, and fit and predict again.

    Nothing is left to learn, so that the AUC on the test cutoff must lie within three standard errors of one
    half.

    Source: Hanley and McNeil (1982), Radiology 143, for the error of an AUC of one half.

    Args:
        method: The way from snapshots to predictions.
        snapshots: The snapshots.
        cutoff: The test cutoff.
        seed: Shuffles the labels.
    """
    rows = snapshots.rows
    rng = np.random.default_rng(seed)
    left = rows.left.copy()
    for day in np.unique(rows.cutoff):
        at_cutoff = np.flatnonzero(rows.cutoff == day)
        left[at_cutoff] = left[rng.permutation(at_cutoff)]
    fold = method(replace(snapshots, rows=replace(rows, left=left)), cutoff)
    churners = float(fold.test.left.sum())
    stayers = len(fold.test) - churners
    if not churners or not stayers:
        return
    auc_value = auc(fold.test.left, fold.logits)
    error = float(np.sqrt((churners + stayers + 1) / (12 * churners * stayers)))
    if abs(auc_value - 0.5) > STANDARD_ERRORS * error:
        yield Finding(
            f"test cutoff {cutoff}",
            f"with shuffled labels the whole pipeline reaches AUC {auc_value:.3f}; chance is .5 +- "
            f"{STANDARD_ERRORS * error:.3f}. The test leaks into the training.",
            "Look for what both share: copied rows, encodings or scales fitted on all rows, a random split.",
            "stop",
        )
