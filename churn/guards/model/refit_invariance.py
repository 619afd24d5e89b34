"""Fit the model and its preparation again, to test whether any fitted part has seen a test row."""

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

MAX_REFIT_ROWS = 100_000
"""The largest number of rows for guards that fit a model, of randomly drawn customers; it is enough to show a
leak.
"""

MAX_AUC_ERRORS = 3
"""The number of standard errors by which the AUC of shuffled labels may differ from .5 (by chance: 1 in 370).
"""


@dataclass(frozen=True)
class CutoffFit:
    """The training rows and the test rows of one fitted model.

    Attributes:
        cutoff: The test cutoff.
        train: The training rows.
        test: The test rows.
        logits: The predicted log-odds of the test rows, shape (rows,); empty if no fit was possible.
    """

    cutoff: date
    train: LabelledRows
    test: LabelledRows
    logits: Floats


Method = Callable[[Snapshots, date], CutoffFit]
"""A function that fits everything on snapshots and predicts for the rows of a test cutoff."""


def fold_at(snapshots: Snapshots, cutoff: date) -> CutoffFit:
    """Return the training and test rows for a test cutoff, without fitting."""
    rows = snapshots.rows
    train = rows.at(trainable(snapshots.mature_on, cutoff))
    return CutoffFit(cutoff, train, rows.at([cutoff]), np.zeros(0))


def rolling_origin(recipe: Recipe, threads: int) -> Method:
    """Return a function that fits and predicts in the same way as `churn train` and `churn evaluate`."""

    def predict(snapshots: Snapshots, cutoff: date) -> CutoffFit:
        predictions = predict_out_of_time(snapshots, recipe, [cutoff], threads)
        return replace(fold_at(snapshots, cutoff), logits=predictions.logits)

    return predict


def sample_customers(snapshots: Snapshots, seed: int, max_rows: int = MAX_REFIT_ROWS) -> Snapshots:
    """Return the snapshots of randomly drawn customers, with all rows of these customers.

    Args:
        snapshots: The snapshots.
        seed: The seed of the draw.
        max_rows: The approximate number of rows to return; all rows if the snapshots have fewer.
    """
    rows, customers = snapshots.rows, len(snapshots.customers)
    share = max_rows / max(len(rows), 1)
    if share >= 1:
        return snapshots
    in_sample = np.random.default_rng(seed).random(customers) < share
    return replace(snapshots, rows=rows.where(in_sample[rows.customer]))


def refit_with_other_future(
    method: Method, snapshots: Snapshots, cutoff: date, seed: int
) -> Iterator[Finding]:
    """Fit, change the data after the cutoff, fit again, and compare the predictions of both fits.

    For the second fit, all labels that were not known by the cutoff are flipped, including the labels of the
    test rows. Each row with a flipped label also gets the signals of a randomly drawn row, and each number
    `x` in them becomes `3 x + 1`. One half of the test rows is an exception: these rows keep their signals.
    The predictions for this half must be equal in both fits, to the last bit, because nothing on which they
    may depend has changed.

    Args:
        method: The function that fits and predicts.
        snapshots: The snapshots.
        cutoff: The test cutoff.
        seed: The seed of the draws: which test rows change, and which signals a row gets.
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
            "the guard changed the test rows of some customers, and all labels that were not known at the "
            "cutoff. Then it fitted the pipeline again. The predictions for the other customers must stay "
            f"the same, but {different:,} of {total:,} changed: a fitted part of the pipeline has used test "
            "data.",
            "Fit everything (encodings, scales, selection, calibration) only on the training rows.",
            "stop",
        )


def _different_predictions(first: CutoffFit, second: CutoffFit, customers: set[int]) -> tuple[int, int]:
    """Return how many predictions differ between two fits, and how many predictions are compared."""
    before, after = _predictions(first), _predictions(second)
    common_keys = [key for key in before.keys() & after.keys() if key[0] in customers]
    n_unpaired = sum(key[0] in customers for key in before.keys() ^ after.keys())
    return n_unpaired + sum(before[key] != after[key] for key in common_keys), n_unpaired + len(common_keys)


def _predictions(fold: CutoffFit) -> dict[tuple[int, int], float]:
    """Return the log-odds of the test rows by customer and cutoff."""
    keys = zip(fold.test.customer.tolist(), fold.test.cutoff.tolist(), strict=True)
    return dict(zip(keys, fold.logits.tolist(), strict=True))


def refit_with_shuffled_labels(
    method: Method, snapshots: Snapshots, cutoff: date, seed: int
) -> Iterator[Finding]:
    """Shuffle the labels within each cutoff, in training and test rows, and fit and predict again.

    Shuffled labels cannot be learnt. Therefore, the AUC on the test cutoff must lie within three standard
    errors of .5.

    Source: Hanley and McNeil (1982), Radiology 143, for the standard error of an AUC of .5.

    Args:
        method: The function that fits and predicts.
        snapshots: The snapshots.
        cutoff: The test cutoff.
        seed: The seed of the shuffle.
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
    if abs(auc_value - 0.5) > MAX_AUC_ERRORS * error:
        yield Finding(
            f"test cutoff {cutoff}",
            f"with shuffled labels the whole pipeline reaches AUC {auc_value:.3f}; chance alone "
            f"gives an AUC of .5 +- {MAX_AUC_ERRORS * error:.3f}. The training has used labels of the test "
            "rows.",
            "Look for copied rows, for a random split, or for encodings or scales that were fitted on all "
            "rows.",
            "stop",
        )
