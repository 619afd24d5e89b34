"""Search for good settings of the trees, on the same folds on which the kind of model is selected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from churn.metrics.metrics import Floats, Ints
from churn.metrics.standard_errors import clustered_mean
from churn.params import CandidateName, TrainParams
from churn.snapshots.dataset import joined_weight
from churn.training.parallel import map_parallel
from churn.training.recipe import STAGED_CANDIDATES, ExtraTrees, Recipe, Trees
from churn.training.select import at_best, losses_of
from churn.training.split import Fold
from churn.training.trees import FEATURE_FRACTION, LAMBDA_L2, leaves_for, smallest_leaf

if TYPE_CHECKING:
    import optuna

RANDOM_TRIALS = 5
"""The number of trials that are drawn at random; each later trial depends on all earlier trials."""


@dataclass(frozen=True)
class Trial:
    """One setting of the trees, with its best number of trees.

    Attributes:
        number: The number of the trial in the order of the search; the first trials use the default settings.
        recipe: All settings for the final fit, if this trial is used.
        leaves: The largest number of leaves that a tree may have. If the recipe does not set it, it depends
            on the largest number of churners in a fold.
        log_loss: The mean log loss over the validation rows of all folds.
        behind: The log loss of the trial minus the log loss of the best trial.
        standard_error: The standard error of `behind`, with customers as independent units.
    """

    number: int
    recipe: Recipe
    leaves: int
    log_loss: float
    behind: float
    standard_error: float

    @property
    def size(self) -> int:
        """Return the size of the model, which is `leaves` times the number of trees; a smaller size is a
        simpler model.
        """
        return self.leaves * self.recipe.rounds


@dataclass(frozen=True)
class SearchResult:
    """The trials of a search, and which trial is used.

    Attributes:
        trials: The trials in the order of the search.
        best: The number of the trial with the lowest log loss.
        simplest: The number of the simplest trial whose log loss is within one standard error of the lowest
            log loss. This trial is used.
        gain: The lowest log loss with default settings, minus the log loss of the trial `simplest`.
        standard_error: The standard error of `gain`, with customers as independent units.
    """

    trials: tuple[Trial, ...]
    best: int
    simplest: int
    gain: float
    standard_error: float

    @property
    def recipe(self) -> Recipe:
        """Return the recipe of the trial that is used."""
        return self.trials[self.simplest].recipe

    def describe(self) -> str:
        """Return the result in one line."""
        best, simplest = self.trials[self.best], self.trials[self.simplest]
        reason = "it is used, because no simpler trial lies within one standard error"
        if simplest is not best:
            reason = f"trial {simplest.number} is used, the simplest within one standard error of the best"
        side = "below" if self.gain >= 0 else "above"
        return (
            f"search: {len(self.trials)} trials; the best is trial {best.number}, log loss "
            f"{best.log_loss:.4f} on the choice cutoffs; {reason} ({simplest.leaves} leaves x "
            f"{simplest.recipe.rounds} trees): {abs(self.gain):.4f} {side} the defaults "
            f"(standard error {self.standard_error:.4f})"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the result as the JSON values of `search.json`."""
        return {
            "trials": [asdict(trial) for trial in self.trials],
            "best": self.best,
            "chosen": self.simplest,
            "gain": self.gain,
            "standard_error": self.standard_error,
        }


def search(
    folds: Sequence[Fold],
    monotone: Sequence[int],
    settings: TrainParams,
    threads: int,
    advance: Callable[[], None] = lambda: None,
) -> SearchResult:
    """Try several settings of the trees, and find the simplest setting whose loss is within one standard
    error of the lowest loss.

    The first trials are the default settings of each kind of trees in `train.candidates`. The time limit
    `train.search.minutes` counts from the end of these first trials. The same seed and folds give the same
    trials, unless the time limit ends the search.

    Args:
        folds: The folds; each has training rows and validation rows.
        monotone: For each signal, 1 if a higher value may only raise the risk, -1 if it may only lower the
            risk, otherwise 0.
        settings: The section `train` of the parameters; its `candidates` must name at least one model with
            trees.
        threads: The threads for all folds together; they do not change the result.
        advance: A function that is called after every trial.

    Source: Bergstra et al. (2011), Algorithms for hyper-parameter optimization, NeurIPS 24, for the sampler.
    """
    import optuna  # the import takes half a second, and only a search needs it

    left = np.concatenate([fold.validation.left for fold in folds])
    customer = np.concatenate([fold.validation.customer for fold in folds])
    weight = joined_weight([fold.validation for fold in folds])
    scale = 1.0 if weight is None else weight * (len(left) / weight.sum())
    cells = max(fold.train.matrix.size for fold in folds)
    rows = max(len(fold.train) for fold in folds)
    churners = max(fold.train.churners for fold in folds)
    kinds = settings.trees
    recipes: list[Recipe] = []
    losses: list[Floats] = []

    def objective(trial: optuna.Trial) -> float:
        drawn_recipe = _draw(trial, settings, rows, churners)
        recipe = Recipe.start(settings, kinds[trial.number]) if trial.number < len(kinds) else drawn_recipe
        candidate = STAGED_CANDIDATES[recipe.candidate]

        def fit_fold(fold: Fold, n_threads: int) -> tuple[Floats, ...]:
            return candidate.stages(fold.train, [recipe], monotone, n_threads, fold.validation)[0]

        stage, logits = at_best(map_parallel(fit_fold, folds, threads, cells), left, weight)
        recipes.append(candidate.at_stage(recipe, stage))
        losses.append(scale * losses_of(left, logits))
        advance()
        return float(losses[-1].mean())

    with _quiet_optuna():
        sampler = optuna.samplers.TPESampler(seed=settings.seed, n_startup_trials=RANDOM_TRIALS)
        study = optuna.create_study(sampler=sampler)
        for kind in kinds:
            study.enqueue_trial(_default(settings, kind, rows, churners))
        study.optimize(objective, n_trials=len(kinds))
        n_more = settings.search.trials - len(kinds)
        if n_more > 0:
            minutes = settings.search.minutes
            study.optimize(objective, n_trials=n_more, timeout=minutes * 60 if minutes else None)

    return _result(recipes, losses, customer, churners, len(kinds))


def simplest_within_one_error(losses: Sequence[Floats], sizes: Sequence[int], customer: Ints) -> int:
    """Return the index of the smallest model whose mean loss is within one standard error of the lowest mean
    loss.

    For each row, the loss of the best model is subtracted from the loss of each other model. The standard
    error of the mean of these differences is clustered by customer. If two models have the same size, the
    model with the lower mean loss is returned.

    Args:
        losses: For each model, the loss of each row, shape (rows,).
        sizes: The size of each model, such as `Trial.size`.
        customer: The customer number of each row, shape (rows,).

    Source: Breiman, Friedman, Olshen and Stone (1984), Classification and regression trees, section 3.4.3.
    """
    means = [float(loss.mean()) for loss in losses]
    best = int(np.argmin(means))
    near = [best]
    for index, loss in enumerate(losses):
        behind, error = clustered_mean(loss - losses[best], customer)
        if index != best and behind <= error:
            near.append(index)
    return min(near, key=lambda index: (sizes[index], means[index], index))


def _result(
    recipes: Sequence[Recipe], losses: Sequence[Floats], customer: Ints, churners: int, n_defaults: int
) -> SearchResult:
    means = [float(loss.mean()) for loss in losses]
    best = int(np.argmin(means))
    trials = []
    for number, (recipe, loss) in enumerate(zip(recipes, losses, strict=True)):
        behind, error = clustered_mean(loss - losses[best], customer)
        leaves = recipe.num_leaves or leaves_for(churners)
        trials.append(Trial(number, recipe, leaves, means[number], behind, error))
    simplest = simplest_within_one_error(losses, [trial.size for trial in trials], customer)
    better_default = int(np.argmin(means[:n_defaults]))
    gain, error = clustered_mean(losses[better_default] - losses[simplest], customer)
    return SearchResult(tuple(trials), best, simplest, gain, error)


def _draw(trial: optuna.Trial, settings: TrainParams, rows: int, churners: int) -> Recipe:
    """Return a recipe that is drawn from a space around the default settings; the space contains the
    defaults.
    """
    default = _default(settings, settings.trees[0], rows, churners)
    leaf, leaves, rate = default["min_child_samples"], default["num_leaves"], default["learning_rate"]
    extra = trial.suggest_categorical("extra_trees", [kind == ExtraTrees.name for kind in settings.trees])
    return replace(
        Recipe.start(settings, ExtraTrees.name if extra else Trees.name),
        num_leaves=trial.suggest_int("num_leaves", min(3, leaves), max(63, leaves), log=True),
        min_child_samples=trial.suggest_int("min_child_samples", max(5, leaf // 5), leaf * 4, log=True),
        lambda_l2=trial.suggest_float("lambda_l2", 0.1, 100, log=True),
        feature_fraction=trial.suggest_float("feature_fraction", 0.2, 1),
        learning_rate=trial.suggest_float("learning_rate", min(0.01, rate), max(0.1, rate), log=True),
    )


def _default(settings: TrainParams, kind: CandidateName, rows: int, churners: int) -> dict[str, Any]:
    """Return the default value of each searched setting; some depend on the size of the largest fold."""
    return {
        "extra_trees": kind == ExtraTrees.name,
        "num_leaves": settings.num_leaves or leaves_for(churners),
        "min_child_samples": smallest_leaf(rows),
        "lambda_l2": LAMBDA_L2,
        "feature_fraction": FEATURE_FRACTION,
        "learning_rate": settings.learning_rate,
    }


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Stop Optuna from logging every trial."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)
