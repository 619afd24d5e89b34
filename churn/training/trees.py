"""Gradient-boosted trees: small, regularised, and monotone where a signal's direction is certain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import lightgbm as lgb
import numpy as np

from churn.metrics.metrics import Floats
from churn.snapshots.dataset import Rows
from churn.snapshots.levels import frequent_levels, recoded
from churn.training.fitted_model import Fitted
from churn.training.recipe import Recipe

PATIENCE = 100
SMALL = 2_000_000
STAGE = 10
"""A number of trees is chosen to the nearest ten."""


def fit_trees(rows: Rows, recipe: Recipe, monotone: Sequence[int], threads: int) -> Fitted:
    """Fit LightGBM for the rounds of the recipe.

    Args:
        rows: What to learn from; both classes are present.
        recipe: Sizes, seed and rounds.
        monotone: One of -1, 0, 1 per signal.
        threads: Threads to use; they do not change the result. Small data take one, since threads
            that wait for each other cost more than they save.
    """
    levels = frequent_levels(rows)
    threads = _threads(rows, threads)
    settings = tree_params(recipe, rows, monotone, threads)
    booster = lgb.train(settings, _data(rows, levels), recipe.rounds)
    member = {"kind": "booster", "file": "booster_0.txt"}
    return Fitted(rows.names, levels, [member], {"booster_0.txt": _text(booster)})


def staged_logits(
    rows: Rows, recipes: Sequence[Recipe], monotone: Sequence[int], threads: int, watched: Rows
) -> list[tuple[Floats, ...]]:
    """Return for each recipe the log-odds of watched rows after 10, 20, … trees.

    Growing stops at the rounds of the recipe, or where the log loss of the watched rows has not fallen for
    100 trees. The rows are binned once for all recipes, which share their smallest leaf.
    """
    levels = frequent_levels(rows)
    threads = _threads(rows, threads)
    data = _data(rows, levels)
    seen = recoded(watched, levels)
    valid = data.create_valid(seen, watched.left)
    found = []
    for recipe in recipes:
        booster = lgb.train(
            tree_params(recipe, rows, monotone, threads),
            data,
            recipe.rounds,
            valid_sets=[valid],
            callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
            keep_training_booster=True,  # else the trees after the best are thrown away
        )
        found.append(_stages(booster, seen, threads))
    return found


def _stages(booster: lgb.Booster, seen: Floats, threads: int) -> tuple[Floats, ...]:
    grown = booster.current_iteration()
    stages = [
        np.asarray(
            booster.predict(
                seen,
                raw_score=True,
                start_iteration=start,
                num_iteration=min(STAGE, grown - start),
                num_threads=threads,
            ),
            dtype=np.float64,
        )
        for start in range(0, grown, STAGE)
    ]
    return tuple(np.cumsum(stages, axis=0))


def tree_params(recipe: Recipe, rows: Rows, monotone: Sequence[int], threads: int) -> dict[str, Any]:
    """Return LightGBM's parameters for these rows."""
    settings = recipe.tree_params(len(rows), rows.churners) | {"num_threads": threads}
    if any(monotone):
        # the method "advanced" lets trees through that break the direction
        settings |= {"monotone_constraints": list(monotone), "monotone_constraints_method": "intermediate"}
    return settings


def _threads(rows: Rows, threads: int) -> int:
    return threads if rows.matrix.size > SMALL else 1


def _data(rows: Rows, levels: dict[str, tuple[str, ...]]) -> lgb.Dataset:
    text = [place for place, name in enumerate(rows.names) if name in levels]
    return lgb.Dataset(
        recoded(rows, levels), rows.left, feature_name=list(rows.names), categorical_feature=text
    )


def _text(booster: lgb.Booster) -> str:
    """Return LightGBM's text without the number of threads, which does not change the trees."""
    return re.sub(r"\[num_threads: \d+\]", "[num_threads: 0]", booster.model_to_string())
