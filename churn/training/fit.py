"""The models there are to choose from, and how each is fitted."""

from __future__ import annotations

from collections.abc import Sequence

from churn.snapshots.dataset import Rows
from churn.training.fitted_model import Fitted
from churn.training.recipe import Recipe
from churn.training.spline_logistic import fit_spline
from churn.training.trees import fit_trees


def fit(rows: Rows, recipe: Recipe, monotone: Sequence[int], threads: int) -> Fitted:
    """Fit the recipe's candidate: trees, a spline logistic regression, or the mean of their log-odds.

    Args:
        rows: What to learn from; both classes are present.
        recipe: Everything that was decided.
        monotone: One of -1, 0, 1 per signal: the direction that is certain, if any.
        threads: Threads to use; they do not change the result.
    """
    if recipe.candidate == "logistic":
        return fit_spline(rows, recipe.strength, monotone)
    trees = fit_trees(rows, recipe, monotone, threads)
    if recipe.candidate != "blend":
        return trees
    return trees.beside(fit_spline(rows, recipe.strength, monotone))
