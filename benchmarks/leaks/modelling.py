"""Leaks made while modelling, not in the tables: ways from snapshots to predictions, and who finds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from benchmarks.leaks.catch import Caught
from benchmarks.leaks.modelled import cutoff, label_params, made
from churn.finding import Finding
from churn.guards.model.columns import columns
from churn.guards.model.drift import newest
from churn.guards.model.label_maturity import maturity
from churn.guards.model.refit_invariance import Fold, Method, rolling, sets_at, shuffled, unseen
from churn.guards.model.split_overlap import copies, disjoint
from churn.labels.calendar import trainable
from churn.params import TrainParams
from churn.snapshots.dataset import Floats, LabelledRows
from churn.snapshots.read import Snapshots
from churn.training.recipe import Recipe, fit_recipe

CUSTOMERS, CUTOFFS = 600, 6
TEST = cutoff(CUTOFFS - 1)
EPOCH = date(1970, 1, 1)
RECIPE = Recipe.start(TrainParams(learning_rate=0.1)).with_rounds(40)
OURS = rolling(RECIPE, 1)
PARAMS = label_params()


@dataclass(frozen=True)
class ModelTrap:
    """One leak of modelling.

    Attributes:
        name: As the table names it.
        what: What was done, for people.
        caught_by: The guards that should find it; any one will do.
        method: The way from snapshots to predictions.
        change: What was done to the snapshots before.
        unwritable: Why it cannot be done with `churn train`; empty where a mistake in the parameters or the
            data does it.
    """

    name: str
    what: str
    caught_by: tuple[str, ...]
    unwritable: str
    method: Method = OURS
    change: Callable[[Snapshots, np.random.Generator], Snapshots] | None = None


def _fitted(train: LabelledRows, test: LabelledRows) -> Fold:
    """Fit the trees on some rows and predict others, whatever their cutoffs."""
    logits = fit_recipe(train, RECIPE, (0,) * len(train.names), 1).logits(test, 1)
    return Fold(TEST, train, test, logits)


def _random_split(rows: LabelledRows, seed: int = 0) -> Fold:
    held = np.random.default_rng(seed).random(len(rows)) < 0.25
    return _fitted(rows.where(~held), rows.where(held))


def _split_by_rows(given: Snapshots, day: date) -> Fold:
    return _random_split(given.rows)


def _resampled(given: Snapshots, day: date) -> Fold:
    rows = given.rows
    leavers = np.flatnonzero(rows.left > 0)
    places = np.concatenate([np.arange(len(rows)), leavers, leavers])
    copied = replace(
        rows,
        matrix=rows.matrix[places],
        left=rows.left[places],
        customer=rows.customer[places],
        cutoff=rows.cutoff[places],
    )
    return _random_split(copied)


def _with(rows: LabelledRows, column: Floats) -> LabelledRows:
    return replace(rows, names=(*rows.names, "added"), matrix=np.column_stack([rows.matrix, column]))


def _rolled(given: Snapshots, rows: LabelledRows, day: date) -> Fold:
    return _fitted(rows.at(trainable(given.mature_on, day)), rows.at([day]))


def _encoded(given: Snapshots, day: date) -> Fold:
    rows = given.rows
    mean = np.bincount(rows.customer, rows.left) / np.bincount(rows.customer)
    return _rolled(given, _with(rows, mean[rows.customer]), day)


def _scaled(given: Snapshots, day: date) -> Fold:
    """Scale by mean and spread of all rows, and predict by a fixed sum of the scaled signals."""
    scaled = (given.rows.matrix - given.rows.matrix.mean(axis=0)) / given.rows.matrix.std(axis=0)
    fold = sets_at(replace(given, rows=replace(given.rows, matrix=scaled)), day)
    return replace(fold, logits=fold.test.matrix[:, :3].sum(axis=1))


def _selected(given: Snapshots, day: date) -> Fold:
    """Choose among noise made per row those columns that go with the label, over all rows."""
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(len(given.rows), 200))
    strength = np.abs((given.rows.left - given.rows.left.mean()) @ noise)
    best = noise[:, np.argsort(-strength)[:20]]
    sign = np.sign((given.rows.left - given.rows.left.mean()) @ best)
    fold = sets_at(given, day)
    here = given.rows.cutoff == (day - EPOCH).days
    return replace(fold, logits=(best * sign)[here].sum(axis=1))


def _future(given: Snapshots, rng: np.random.Generator) -> Snapshots:
    """Take a signal from a snapshot in which those who left have nothing any more."""
    rows = given.rows
    matrix = rows.matrix.copy()
    matrix[:, 0] = np.where(rows.left > 0, 0.05 * rng.random(len(rows)), 1 + np.abs(matrix[:, 0]))
    return replace(given, rows=replace(rows, matrix=matrix))


def _immature(given: Snapshots, rng: np.random.Generator) -> Snapshots:
    """Count the customers of the newest cutoff as having stayed, before their label is known."""
    rows = given.rows
    left = np.where(rows.cutoff == rows.cutoff[-1], 0.0, rows.left)
    left[np.flatnonzero(rows.cutoff == rows.cutoff[-1])[:3]] = 1.0
    return replace(given, rows=replace(rows, left=left))


def _too_early(given: Snapshots, rng: np.random.Generator) -> Snapshots:
    """Let each label be known on the day of its cutoff, as if its window lay before it."""
    return replace(given, mature_on={day: day for day in given.mature_on})


ENGINE = "signals are computed from rows before the cutoff alone (`churn check --prove`)"
ROLLING = "each test cutoff is predicted by a fit on the snapshots known by then; no other split exists"
FITS = "everything fitted is fitted inside the fold, on its training rows"

TRAPS: tuple[ModelTrap, ...] = (
    ModelTrap(
        "resampling before the split",
        "leavers copied twice, then a random split",
        ("copies", "shuffled"),
        "nothing is resampled",
        method=_resampled,
    ),
    ModelTrap(
        "random split by rows",
        "a quarter of the rows held out at random: same customers, later cutoffs in training",
        ("disjoint",),
        ROLLING,
        method=_split_by_rows,
    ),
    ModelTrap(
        "target encoding over all rows",
        "each customer's mean label over all cutoffs as a signal",
        ("unseen", "shuffled"),
        FITS,
        method=_encoded,
    ),
    ModelTrap(
        "scaling with test rows",
        "mean and spread taken over all rows, the test's among them",
        ("unseen",),
        FITS,
        method=_scaled,
    ),
    ModelTrap(
        "signals selected on all rows",
        "of 200 columns of noise the 20 that go best with the label",
        ("unseen", "shuffled"),
        FITS,
        method=_selected,
    ),
    ModelTrap(
        "future snapshot signal",
        "a signal taken after the label window, when those who left have none",
        ("alone",),
        ENGINE,
        change=_future,
    ),
    ModelTrap(
        "immature labels as 0",
        "the watermark stated a window too late: the newest customers seem to have stayed",
        ("maturity",),
        "",
        change=_immature,
    ),
    ModelTrap(
        "label window not over",
        "labels counted as known on the day of their cutoff",
        ("maturity",),
        "a label is known once its window, grace and late days are over",
        change=_too_early,
    ),
)


def catch_model(name: str, seed: int) -> Caught:
    """Look at one way of modelling with all guards that can be asked of it; `clean` is ours."""
    trap = next((one for one in TRAPS if one.name == name), None)
    given = made(customers=CUSTOMERS, cutoffs=CUTOFFS, seed=seed)
    method = trap.method if trap else OURS
    if trap and trap.change:
        given = trap.change(given, np.random.default_rng([seed, 9]))
    fold = method(given, TEST)
    found: dict[str, list[Finding]] = {
        "maturity": list(maturity(given, PARAMS)),
        "disjoint": list(disjoint(fold, given.mature_on)),
        "copies": list(copies(fold)),
        "unseen": list(unseen(method, given, TEST, seed)),
        "shuffled": list(shuffled(method, given, TEST, seed)),
        "newest": list(newest(given.rows.at(given.cutoffs[:-1]), given.rows.at([TEST]), seed)),
    }
    spoke = [(guard, one.place) for guard, every in found.items() for one in every]
    spoke += [(one.guard, one.place) for one in columns(fold.train)]
    return Caught(tuple(spoke))
