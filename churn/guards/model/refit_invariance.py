"""Whether anything that was fitted saw a test row: fit again after changing what nothing may know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from churn.finding import Finding
from churn.labels.calendar import trainable
from churn.metrics.metrics import auc
from churn.snapshots.dataset import Floats, LabelledRows
from churn.snapshots.read import Snapshots
from churn.training.backtest import predict_out_of_time
from churn.training.recipe import Recipe

EPOCH = date(1970, 1, 1)
ERRORS = 3
"""How many standard errors from one half the AUC of shuffled labels may lie: 1 in 370 by chance."""


def unseen(method: Method, snapshots: Snapshots, cutoff: date, seed: int) -> Iterator[Finding]:
    """Fit twice, the second time with every label turned that was not known by the cutoff.

    Also every signal of later rows, and of every second test row, is redrawn and stretched. The predictions
    of the other test rows must be the same to the last bit, since nothing that they may rest on has changed.
    """
    rows = snapshots.rows
    known = np.isin(rows.cutoff, [(day - EPOCH).days for day in trainable(snapshots.mature_on, cutoff)])
    here = rows.cutoff == (cutoff - EPOCH).days
    rng = np.random.default_rng(seed)
    redrawn = (~known & ~here) | (here & (rng.random(len(rows)) < 0.5))
    matrix = rows.matrix.copy()
    places = np.flatnonzero(redrawn)
    numbers = np.flatnonzero([name not in rows.levels for name in rows.names])
    matrix[places] = matrix[rng.choice(places, len(places))]
    matrix[np.ix_(places, numbers)] = 3 * matrix[np.ix_(places, numbers)] + 1
    turned = replace(rows, left=np.where(known, rows.left, 1 - rows.left), matrix=matrix)
    first, second = method(snapshots, cutoff), method(replace(snapshots, rows=turned), cutoff)
    kept = set(rows.customer[here & ~redrawn].tolist())
    moved, judged = _moved(first, second, kept)
    if moved:
        yield Finding(
            f"test cutoff {cutoff}",
            f"{moved:,} of {judged:,} predictions move when labels are turned that were not known by then, "
            "and other test rows are changed: something that was fitted has seen the test.",
            "Fit everything (encodings, scales, selection, calibration) on the training rows alone.",
            "stop",
        )


def _moved(first: Fold, second: Fold, kept: set[int]) -> tuple[int, int]:
    """Return how many predictions of some customers differ, and of how many."""
    before = {_key(first.test, place): first.logits[place] for place in range(len(first.test))}
    after = {_key(second.test, place): second.logits[place] for place in range(len(second.test))}
    common = [key for key in before.keys() & after.keys() if key[0] in kept]
    lost = sum(key[0] in kept for key in before.keys() ^ after.keys())
    return lost + sum(before[key] != after[key] for key in common), lost + len(common)


def _key(rows: LabelledRows, place: int) -> tuple[int, int]:
    return int(rows.customer[place]), int(rows.cutoff[place])


def shuffled(method: Method, snapshots: Snapshots, cutoff: date, seed: int) -> Iterator[Finding]:
    """Deal the labels of each cutoff out at random, in training and test alike, and go the whole way again.

    Nothing is left to learn, so the AUC on the test cutoff must lie within three standard errors of one half.

    Source: Hanley and McNeil (1982), Radiology 143, for the error of an AUC of one half.
    """
    rows = snapshots.rows
    rng = np.random.default_rng(seed)
    left = rows.left.copy()
    for day in np.unique(rows.cutoff):
        here = np.flatnonzero(rows.cutoff == day)
        left[here] = left[rng.permutation(here)]
    fold = method(replace(snapshots, rows=replace(rows, left=left)), cutoff)
    churners = float(fold.test.left.sum())
    stayers = len(fold.test) - churners
    if not churners or not stayers:
        return
    area = auc(fold.test.left, fold.logits)
    error = float(np.sqrt((churners + stayers + 1) / (12 * churners * stayers)))
    if abs(area - 0.5) > ERRORS * error:
        yield Finding(
            f"test cutoff {cutoff}",
            f"with labels dealt out at random the whole pipeline reaches AUC {area:.3f}; .5 +- "
            f"{ERRORS * error:.3f} is chance. The test leaks into the training.",
            "Look for what both share: copied rows, encodings or scales fitted on all rows, a random split.",
            "stop",
        )


MOST_ROWS = 100_000
"""Guards that fit take so many rows at most, of customers drawn at random: leaks that matter show in them."""


@dataclass(frozen=True)
class Fold:
    """One fit.

    Attributes:
        cutoff: The cutoff it is to be judged at.
        train: What was learnt from.
        test: What was predicted.
        logits: Log-odds of `test`; empty where only the sets are looked at.
    """

    cutoff: date
    train: LabelledRows
    test: LabelledRows
    logits: Floats


Method = Callable[[Snapshots, date], Fold]
"""A way from snapshots to predictions of a cutoff, whatever is fitted on the way."""


def sets_at(snapshots: Snapshots, cutoff: date) -> Fold:
    """Return the sets of the rolling origin at a cutoff, without a fit."""
    rows = snapshots.rows
    train = rows.at(trainable(snapshots.mature_on, cutoff))
    return Fold(cutoff, train, rows.at([cutoff]), np.zeros(0))


def rolling(recipe: Recipe, threads: int) -> Method:
    """Return the method of `churn train` and `churn evaluate` with a recipe."""

    def predicted(snapshots: Snapshots, cutoff: date) -> Fold:
        made = predict_out_of_time(snapshots, recipe, [cutoff], threads)
        return replace(sets_at(snapshots, cutoff), logits=made.logits)

    return predicted


def drawn(snapshots: Snapshots, seed: int, most: int = MOST_ROWS) -> Snapshots:
    """Return the snapshots of so many customers, drawn at random, that they have `most` rows at most."""
    rows, customers = snapshots.rows, len(snapshots.customers)
    share = most / max(len(rows), 1)
    if share >= 1:
        return snapshots
    kept = np.random.default_rng(seed).random(customers) < share
    return replace(snapshots, rows=rows.where(kept[rows.customer]))
