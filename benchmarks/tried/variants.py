"""The experiments: each way predicts the log-odds of the test rows, and is compared with a reference way."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import lightgbm as lgb
import numpy as np

from benchmarks.scoreboard.rivals import reference
from benchmarks.tried.rehearsal import Rehearsal
from churn.metrics.metrics import log_odds
from churn.snapshots.dataset import Floats, cutoffs_of, frequent_levels, recode_levels
from churn.training.backtest import OutOfTime
from churn.training.recipe import Recipe
from churn.training.select import losses_of
from churn.training.trees import with_bounds

AS_IT_IS = "as it is: the best candidate"
SPLITS = "random splits alone, as they are"
BASE_TREES = "250 trees, as they are"
ROUNDS = 250
SINCE_SIGN_UP = re.compile(r"_rate_728d$|_silent_share$")
NEW_DAYS = 91
WEIGHTS = np.linspace(0, 1, 21)


@dataclass(frozen=True)
class WayOutcome:
    """The predictions of a way.

    Attributes:
        reference: The name of the reference way; None for a reference way.
        past: The predicted log-odds of the test rows.
        cpu_seconds: The CPU time of the fits, if it was measured.
    """

    reference: str | None
    past: OutOfTime
    cpu_seconds: float | None = None


Ways = Iterator[tuple[str, WayOutcome]]


def candidates(rehearsal: Rehearsal) -> Ways:
    """Yield the selection of the pipeline, each of its candidates, and the reference."""
    yield AS_IT_IS, WayOutcome(None, rehearsal.best)
    for words, candidate in {
        "boosted trees alone": "trees",
        SPLITS: "extra_trees",
        "spline logistic regression alone": "logistic",
    }.items():
        yield words, WayOutcome(AS_IT_IS, rehearsal.predict_by(candidate))
    yield "reference: LightGBM on plain counts", WayOutcome(AS_IT_IS, _reference(rehearsal))


def data(rehearsal: Rehearsal) -> Ways:
    """Yield the selection of the pipeline from other snapshots and signals."""
    late = rehearsal.contest.set.begins + timedelta(91)
    newest = max(rehearsal.snapshots.mature_on)
    rows = rehearsal.snapshots.rows
    since = np.array([bool(SINCE_SIGN_UP.search(name)) for name in rows.names])
    known = np.all([~np.isnan(rows.at([d]).matrix).all(axis=0) for d in rehearsal.snapshots.cutoffs], axis=0)
    whole = {
        "first snapshot 91 days after the data begin instead of 56": rehearsal.learning_from(
            lambda day: day >= late
        ),
        "every fourth snapshot": rehearsal.learning_from(lambda day: (newest - day).days % 28 == 0),
        "without rates since sign-up and silence as a share of it": rehearsal.with_signals(~since),
        "only signals known at every snapshot": rehearsal.with_signals(known),
    }
    for words, variant in whole.items():
        if variant.folds and _is_different(rehearsal, variant):
            yield words, WayOutcome(AS_IT_IS, variant.best)


def sizes(rehearsal: Rehearsal) -> Ways:
    """Yield trees with random splits of other sizes, and the mean of three seeds."""
    own = Recipe.start(rehearsal.train, "extra_trees")
    newest = max(len(fold.train) for fold in rehearsal.folds)
    for words, recipe in {
        "4 leaves": replace(own, num_leaves=4),
        "6 leaves": replace(own, num_leaves=6),
        "12 leaves": replace(own, num_leaves=12),
        "leaves of 2 % of the rows": replace(own, min_child_samples=max(newest // 50, 5)),
        "half of the shrinkage": replace(own, lambda_l2=5.0),
    }.items():
        yield words, WayOutcome(SPLITS, rehearsal.predict_by("extra_trees", recipe))
    seeds = [rehearsal.predict_by("extra_trees", replace(own, seed=own.seed + number)) for number in range(3)]
    yield (
        "three seeds",
        WayOutcome(SPLITS, replace(seeds[0], logits=np.mean([s.logits for s in seeds], axis=0))),
    )


def settings(rehearsal: Rehearsal) -> Ways:
    """Yield 250 boosted trees with other settings of LightGBM, and their CPU time."""
    yield BASE_TREES, _grow(rehearsal, None, {})
    for words, changed in {
        "`max_bin` 127 instead of 255": {"max_bin": 127},
        "`max_bin` 63": {"max_bin": 63},
        "monotone method `basic` instead of `intermediate`": {"monotone_constraints_method": "basic"},
        "no directions": {"monotone_constraints": None},
        "learning rate .05, 150 trees": {"learning_rate": 0.05, "num_iterations": 150},
        "half of the rows per tree": {"bagging_fraction": 0.5},
    }.items():
        yield words, _grow(rehearsal, BASE_TREES, changed)


def prior(rehearsal: Rehearsal) -> Ways:
    """Yield predictions in which new customers are shrunk towards the base rate of new customers.

    The weight of the base rate is the weight that was best at the earlier cutoffs.
    """
    past = rehearsal.best
    new = rehearsal.column("tenure_days") < NEW_DAYS
    logits = past.logits.copy()
    index = rehearsal.snapshots.rows.names.index("tenure_days")
    base = np.concatenate(
        [
            np.full(len(fold.validation), _rate(fold.train.left[fold.train.matrix[:, index] < NEW_DAYS]))
            for fold in rehearsal.folds
        ]
    )
    probability = 1 / (1 + np.exp(-past.logits))
    for day in np.unique(past.cutoff)[1:]:
        before, here = new & (past.cutoff < day), new & (past.cutoff == day)
        drawn = [log_odds(weight * base + (1 - weight) * probability) for weight in WEIGHTS]
        if before.any():
            losses = [losses_of(past.left[before], draw[before]).mean() for draw in drawn]
            logits[here] = drawn[int(np.argmin(losses))][here]
    yield (
        f"customers of fewer than {NEW_DAYS} days drawn to their base rate",
        WayOutcome(AS_IT_IS, replace(past, logits=logits)),
    )


GROUPS: Mapping[str, Callable[[Rehearsal], Ways]] = {
    "candidates": candidates,
    "data": data,
    "sizes": sizes,
    "settings": settings,
    "prior": prior,
}


def _rate(left: Floats) -> float:
    return float((left.sum() + 1) / (len(left) + 2))


def _is_different(rehearsal: Rehearsal, variant: Rehearsal) -> bool:
    """Return whether a way learns from other snapshots or other signals."""
    return (
        rehearsal.snapshots.rows.names != variant.snapshots.rows.names
        or rehearsal.snapshots.mature_on != variant.snapshots.mature_on
    )


def _reference(rehearsal: Rehearsal) -> OutOfTime:
    contest, snapshots = rehearsal.contest, rehearsal.snapshots
    probability = contest.align("reference", reference(contest))
    keys = [
        (snapshots.customers[code], day)
        for fold in rehearsal.folds
        for (day,) in [cutoffs_of(fold.validation.cutoff)]
        for code in fold.validation.customer
    ]
    return _past(rehearsal, log_odds(probability.loc[keys].to_numpy(np.float64)))


def _grow(rehearsal: Rehearsal, reference: str | None, changes: Mapping[str, Any]) -> WayOutcome:
    changes = dict(changes)
    rounds = int(changes.pop("num_iterations", ROUNDS))
    recipe = Recipe.start(rehearsal.train, "trees")
    logits, cpu_seconds = [], 0.0
    for fold in rehearsal.folds:
        levels = frequent_levels(fold.train)
        params = recipe.tree_params(len(fold.train), fold.train.churners)
        settings = with_bounds(params, rehearsal.snapshots.monotone, 1) | changes
        if settings.get("monotone_constraints") is None:
            settings = {name: value for name, value in settings.items() if not name.startswith("monotone")}
        text = [index for index, name in enumerate(fold.train.names) if name in levels]
        begun = time.process_time()
        data = lgb.Dataset(recode_levels(fold.train, levels), fold.train.left, categorical_feature=text)
        booster = lgb.train(settings, data, rounds)
        cpu_seconds += time.process_time() - begun
        logits.append(booster.predict(recode_levels(fold.validation, levels), raw_score=True, num_threads=1))
    return WayOutcome(reference, _past(rehearsal, np.concatenate(logits)), round(cpu_seconds, 1))


def _past(rehearsal: Rehearsal, logits: Floats) -> OutOfTime:
    watched = [fold.validation for fold in rehearsal.folds]
    return OutOfTime(
        logits,
        np.concatenate([rows.left for rows in watched]),
        np.concatenate([rows.customer for rows in watched]),
        np.concatenate([rows.cutoff for rows in watched]),
    )
