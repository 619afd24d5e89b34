"""Leaks of modelling: ways from snapshots to predictions with a leak, and the guards that find it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from benchmarks.leaks.catch import CheckResult
from benchmarks.leaks.clean_snapshots import clean_snapshots, cutoff, label_params
from churn.data.store import day_number
from churn.finding import Finding
from churn.guards.model.columns import check_columns
from churn.guards.model.drift import drift
from churn.guards.model.label_maturity import label_maturity
from churn.guards.model.refit_invariance import (
    CutoffFit,
    Method,
    fold_at,
    refit_with_other_future,
    refit_with_shuffled_labels,
    rolling_origin,
)
from churn.guards.model.split_overlap import copied_rows, disjoint
from churn.labels.calendar import trainable
from churn.labels.outcomes import label_window
from churn.params import TrainParams
from churn.snapshots.dataset import LabelledRows
from churn.snapshots.read import Snapshots
from churn.training.recipe import Recipe, fit_recipe

CUSTOMERS, CUTOFFS = 600, 6
TEST = cutoff(CUTOFFS - 1)
RECIPE = Recipe.start(TrainParams(learning_rate=0.1)).with_rounds(40)
OUR_METHOD = rolling_origin(RECIPE, 1)
PARAMS = label_params()


@dataclass(frozen=True)
class ModelTrap:
    """A leak of modelling.

    Attributes:
        name: The name in the table.
        description: What was done, in words.
        caught_by: The guards that should find the leak; one finding is enough.
        unwritable: The reason why `churn train` cannot make this leak; empty if a mistake in the parameters
            or the data can make it.
        method: The way from snapshots to predictions.
        change: A function that changes the snapshots before.
    """

    name: str
    description: str
    caught_by: tuple[str, ...]
    unwritable: str
    method: Method = OUR_METHOD
    change: Callable[[Snapshots, np.random.Generator], Snapshots] | None = None


def _fit_and_predict(train: LabelledRows, test: LabelledRows) -> CutoffFit:
    """Fit the trees on some rows and predict other rows; the cutoffs are ignored."""
    logits = fit_recipe(train, RECIPE, (0,) * len(train.names), 1).logits(test, 1)
    return CutoffFit(TEST, train, test, logits)


def _random_split(rows: LabelledRows, seed: int = 0) -> CutoffFit:
    in_test = np.random.default_rng(seed).random(len(rows)) < 0.25
    return _fit_and_predict(rows.where(~in_test), rows.where(in_test))


def _split_by_rows(snapshots: Snapshots, cutoff: date) -> CutoffFit:
    return _random_split(snapshots.rows)


def _resample(snapshots: Snapshots, cutoff: date) -> CutoffFit:
    rows = snapshots.rows
    churners = np.flatnonzero(rows.left > 0)
    drawn_rows = np.concatenate([np.arange(len(rows)), churners, churners])
    return _random_split(
        replace(
            rows,
            matrix=rows.matrix[drawn_rows],
            left=rows.left[drawn_rows],
            customer=rows.customer[drawn_rows],
            cutoff=rows.cutoff[drawn_rows],
        )
    )


def _encode_target(snapshots: Snapshots, cutoff: date) -> CutoffFit:
    rows = snapshots.rows
    mean = (np.bincount(rows.customer, rows.left) / np.bincount(rows.customer))[rows.customer]
    encoded_rows = replace(
        rows, names=(*rows.names, "mean_label"), matrix=np.column_stack([rows.matrix, mean])
    )
    train = encoded_rows.at(trainable(snapshots.mature_on, cutoff))
    return _fit_and_predict(train, encoded_rows.at([cutoff]))


def _scale_on_all_rows(snapshots: Snapshots, cutoff: date) -> CutoffFit:
    """Scale signals by the mean and spread of all rows, and predict by a fixed sum of the scaled signals."""
    rows = snapshots.rows
    scaled_matrix = (rows.matrix - rows.matrix.mean(axis=0)) / rows.matrix.std(axis=0)
    fold = fold_at(replace(snapshots, rows=replace(rows, matrix=scaled_matrix)), cutoff)
    return replace(fold, logits=fold.test.matrix[:, :3].sum(axis=1))


def _select_on_all_rows(snapshots: Snapshots, cutoff: date) -> CutoffFit:
    """Select the columns of random noise that follow the label best, over all rows."""
    rows = snapshots.rows
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(len(rows), 200))
    strength = np.abs((rows.left - rows.left.mean()) @ noise)
    best = noise[:, np.argsort(-strength)[:20]]
    sign = np.sign((rows.left - rows.left.mean()) @ best)
    at_cutoff = rows.cutoff == day_number(cutoff)
    return replace(fold_at(snapshots, cutoff), logits=(best * sign)[at_cutoff].sum(axis=1))


def _take_future_signal(snapshots: Snapshots, rng: np.random.Generator) -> Snapshots:
    """Take a signal from a later snapshot, in which customers who left have no rows."""
    rows = snapshots.rows
    matrix = rows.matrix.copy()
    matrix[:, 0] = np.where(rows.left > 0, 0.05 * rng.random(len(rows)), 1 + np.abs(matrix[:, 0]))
    return replace(snapshots, rows=replace(rows, matrix=matrix))


def _count_immature_as_stayed(snapshots: Snapshots, rng: np.random.Generator) -> Snapshots:
    """Count the customers of the newest cutoff as having stayed, before their label is known."""
    rows = snapshots.rows
    left = np.where(rows.cutoff == rows.cutoff[-1], 0.0, rows.left)
    left[np.flatnonzero(rows.cutoff == rows.cutoff[-1])[:3]] = 1.0
    return replace(snapshots, rows=replace(rows, left=left))


def _know_labels_early(snapshots: Snapshots, rng: np.random.Generator) -> Snapshots:
    """Let each label be known on the day of its cutoff, as if the label window lay before the cutoff."""
    return replace(snapshots, mature_on={cutoff: cutoff for cutoff in snapshots.mature_on})


ENGINE = "signals are computed only from rows before the cutoff (`churn check --prove`)"
ROLLING = "each test cutoff is predicted by a fit on the snapshots known by then; no other split exists"
FITS = "everything fitted is fitted inside the fold, on its training rows"

TRAPS: tuple[ModelTrap, ...] = (
    ModelTrap(
        "resampling before the split",
        "leavers copied twice, then a random split",
        ("copies", "shuffled"),
        "nothing is resampled",
        method=_resample,
    ),
    ModelTrap(
        "random split by rows",
        "a quarter of the rows held out at random: training has the same customers and later cutoffs",
        ("disjoint",),
        ROLLING,
        method=_split_by_rows,
    ),
    ModelTrap(
        "target encoding over all rows",
        "each customer's mean label over all cutoffs as a signal",
        ("unseen", "shuffled"),
        FITS,
        method=_encode_target,
    ),
    ModelTrap(
        "scaling with test rows",
        "mean and spread taken over all rows, including the test rows",
        ("unseen",),
        FITS,
        method=_scale_on_all_rows,
    ),
    ModelTrap(
        "signals selected on all rows",
        "the 20 of 200 noise columns that follow the label best",
        ("unseen", "shuffled"),
        FITS,
        method=_select_on_all_rows,
    ),
    ModelTrap(
        "future snapshot signal",
        "a signal taken after the label window, when churners have no value",
        ("alone",),
        ENGINE,
        change=_take_future_signal,
    ),
    ModelTrap(
        "immature labels as 0",
        "the watermark stated a window too late: the newest customers seem to have stayed",
        ("maturity",),
        "",
        change=_count_immature_as_stayed,
    ),
    ModelTrap(
        "label window not over",
        "labels counted as known on the day of their cutoff",
        ("maturity",),
        "a label is known once its window, grace and late days are over",
        change=_know_labels_early,
    ),
)


def catch_model(name: str, seed: int) -> CheckResult:
    """Run all guards of the model on one way of modelling; `clean` is the way of this package."""
    trap = next((trap for trap in TRAPS if trap.name == name), None)
    snapshots = clean_snapshots(customers=CUSTOMERS, cutoffs=CUTOFFS, seed=seed)
    method = trap.method if trap else OUR_METHOD
    if trap and trap.change:
        snapshots = trap.change(snapshots, np.random.default_rng([seed, 9]))
    fold = method(snapshots, TEST)
    mature_on = {
        cutoff: label_window(cutoff, PARAMS.label, PARAMS.snapshot.late_days).mature_on
        for cutoff in snapshots.mature_on
    }
    earlier, newest = snapshots.rows.at(snapshots.cutoffs[:-1]), snapshots.rows.at([TEST])
    findings: dict[str, Iterator[Finding]] = {
        "maturity": label_maturity(snapshots, mature_on),
        "disjoint": disjoint(fold, snapshots.mature_on),
        "copies": copied_rows(fold),
        "unseen": refit_with_other_future(method, snapshots, TEST, seed),
        "shuffled": refit_with_shuffled_labels(method, snapshots, TEST, seed),
        "newest": drift(earlier, newest, seed),
    }
    pairs = [(guard, finding.place) for guard, by_guard in findings.items() for finding in by_guard]
    pairs += [(finding.guard, finding.place) for finding in check_columns(fold.train, label=PARAMS.label)]
    return CheckResult(tuple(pairs))
