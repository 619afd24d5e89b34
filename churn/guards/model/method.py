"""What a guard of the model looks at: who was learnt from, who was judged, and with which log-odds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from churn.labels.calendar import trainable
from churn.snapshots.dataset import Floats, Rows
from churn.snapshots.read import Snapshots
from churn.training.backtest import out_of_time
from churn.training.recipe import Recipe

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
    train: Rows
    test: Rows
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
        made = out_of_time(snapshots, recipe, [cutoff], threads)
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
