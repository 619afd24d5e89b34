"""Customers that a model never saw: a fold out of time and out of customer, and the naive split beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.labels.calendar import trainable
from churn.metrics.metrics import Floats
from churn.snapshots.dataset import LabelledRows
from churn.snapshots.read import Snapshots
from churn.training import calibration
from churn.training.backtest import OutOfTime
from churn.training.recipe import Recipe, fit_recipe

SALT = "out of customer"
SHARE = 0.2
"""Of customers never in training out of customer, and of rows that the naive split judges."""

MOST_NAIVE = 1_000_000
"""Rows the naive split takes; of more, those of so many whole customers: it is no number to rely on."""


@dataclass(frozen=True)
class Judged:
    """Rows with the probabilities that a model which did not see their labels gave them."""

    rows: LabelledRows
    probability: Floats


def place_of(customers: Sequence[str], salt: str = SALT) -> Floats:
    """Return for each customer a number in `[0, 1)` that is always the same and tells nothing of them.

    >>> place_of(["a", "b"]).round(3).tolist()
    [0.404, 0.56]
    """
    hashes = [hashlib.sha256(f"{salt}:{each}".encode()).digest()[:6] for each in customers]
    return np.array([int.from_bytes(each, "big") / 2**48 for each in hashes])


def held_out(snapshots: Snapshots) -> npt.NDArray[np.bool_]:
    """Return for each customer of the snapshots whether training out of customer leaves them out."""
    return place_of(snapshots.customers) < SHARE


def out_of_customer(
    snapshots: Snapshots, recipe: Recipe, made: OutOfTime, day: date, threads: int
) -> Floats | None:
    """Return the probabilities of a test cutoff's rows by a model that saw neither their time nor customers.

    Fitted without the customers held out, the calibration too. Only the sizes of the recipe, chosen on
    earlier cutoffs, know of them.

    Returns:
        NaN for customers not held out; None where the others leave nothing to learn.
    """
    held = held_out(snapshots)
    train = snapshots.rows.at(trainable(snapshots.mature_on, day))
    train = train.where(~held[train.customer])
    if train.one_class:
        return None
    rows = snapshots.rows.at([day])
    hidden = held[rows.customer]
    probability = np.full(len(rows), np.nan)
    if hidden.any():
        fitted = fit_recipe(train, recipe, snapshots.monotone, threads)
        known = made.at(trainable(snapshots.mature_on, day))
        known = known.where(~held[known.customer])
        calibrator = calibration.fit_calibration(recipe.calibration, known.logits, known.left, known.customer)
        probability[hidden] = calibration.apply_calibration(
            fitted.logits(rows.where(hidden), threads), calibrator
        )
    return probability


def naive_split(snapshots: Snapshots, recipe: Recipe, seed: int, threads: int) -> Judged | None:
    """Return what a random split makes of the recipe: every fifth row judged by a model of the others.

    Such a model has seen the same customers, and later times. Its probabilities are uncalibrated, as the
    calibration is learnt out of time, of which this split knows nothing.

    Returns:
        None where a part holds one class alone.
    """
    rows = snapshots.rows
    if len(rows) > MOST_NAIVE:
        rows = rows.where((place_of(snapshots.customers, "naive") < MOST_NAIVE / len(rows))[rows.customer])
    judged = np.random.default_rng(seed).random(len(rows)) < SHARE
    train, test = rows.where(~judged), rows.where(judged)
    if train.one_class or test.one_class:
        return None
    fitted = fit_recipe(train, recipe, snapshots.monotone, threads)
    return Judged(
        test, calibration.apply_calibration(fitted.logits(test, threads), calibration.NO_CALIBRATION)
    )
