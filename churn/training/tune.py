"""Search the settings of the trees, on the folds on which every choice is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from churn.metrics.metrics import Floats, Ints
from churn.metrics.standard_errors import clustered_mean
from churn.params import Candidate, TrainParams
from churn.training.parallel import side_by_side
from churn.training.recipe import FEATURE_FRACTION, LAMBDA_L2, Recipe, leaves_for, smallest_leaf
from churn.training.select import Fold, at_best, final_rounds, losses_of
from churn.training.trees import staged_logits

if TYPE_CHECKING:
    import optuna

DRAWN_AT_RANDOM = 5
"""So many trials before the sampler begins to learn from them: a search of ten learns from half."""


@dataclass(frozen=True)
class Trial:
    """One setting of the trees, at the rounds that served it most.

    Attributes:
        number: In the order tried; the first are the defaults.
        recipe: The setting, with the trees of the final fit.
        leaves: Leaves of a tree in the fold that learns from most churners.
        log_loss: The mean over the rows of all folds.
        behind: How much higher that is than the best trial's.
        standard_error: Of `behind`, customers being independent.
    """

    number: int
    recipe: Recipe
    leaves: int
    log_loss: float
    behind: float
    standard_error: float

    @property
    def size(self) -> int:
        """Return leaves times trees: the fewer, the simpler."""
        return self.leaves * self.recipe.rounds


@dataclass(frozen=True)
class Searched:
    """What came of a search.

    Attributes:
        trials: In the order tried.
        best: The place of the lowest log loss.
        chosen: The place of the simplest within one standard error of it.
        gain: How much lower the chosen one's log loss is than that of the better defaults.
        standard_error: Of `gain`, customers being independent.
    """

    trials: tuple[Trial, ...]
    best: int
    chosen: int
    gain: float
    standard_error: float

    @property
    def recipe(self) -> Recipe:
        """Return the recipe of the chosen trial."""
        return self.trials[self.chosen].recipe

    @property
    def words(self) -> str:
        """Return what was found in one line."""
        best, chosen = self.trials[self.best], self.trials[self.chosen]
        taken = "it is taken; no simpler one lies within one standard error"
        if chosen is not best:
            taken = f"trial {chosen.number} is taken, the simplest within one standard error of it"
        side = "below" if self.gain >= 0 else "above"
        return (
            f"search: {len(self.trials)} trials; the best is {best.number}, log loss {best.log_loss:.4f} on "
            f"the choice cutoffs; {taken} ({chosen.leaves} leaves x {chosen.recipe.rounds} trees): "
            f"{abs(self.gain):.4f} {side} the defaults (standard error {self.standard_error:.4f})"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the search as JSON values."""
        return asdict(self)


def search(
    folds: Sequence[Fold],
    monotone: Sequence[int],
    asked: TrainParams,
    threads: int,
    advance: Callable[[], None] = lambda: None,
) -> Searched:
    """Try settings of the trees and return the simplest within one standard error of the best.

    The defaults of each kind of trees in `train.candidates` come first; the budget in minutes, if there is
    one, counts from the trial after them. The same seed and folds give the same trials, unless the budget
    ends them.

    Args:
        folds: What to learn from and what to judge by.
        monotone: One of -1, 0, 1 per signal.
        asked: `train` of params.yaml; it names trees.
        threads: Folds run side by side on so many threads; they do not change the result.
        advance: Called after every trial.

    Source: Bergstra et al. (2011), Algorithms for hyper-parameter optimization, NeurIPS 24: the sampler.
    """
    import optuna  # half a second, which only a search needs

    left = np.concatenate([fold.watched.left for fold in folds])
    customer = np.concatenate([fold.watched.customer for fold in folds])
    cells = max(fold.train.matrix.size for fold in folds)
    rows = max(len(fold.train) for fold in folds)
    churners = max(fold.train.churners for fold in folds)
    recipes: list[Recipe] = []
    losses: list[Floats] = []

    def objective(trial: optuna.Trial) -> float:
        drawn = _drawn(trial, asked, rows, churners)
        started = Recipe.start(asked, asked.trees[trial.number]) if trial.number < len(asked.trees) else drawn

        def one(fold: Fold, each: int) -> tuple[Floats, ...]:
            return staged_logits(fold.train, [started], monotone, each, fold.watched)[0]

        stage, logits = at_best(side_by_side(one, folds, threads, cells), left)
        recipes.append(started.with_rounds(final_rounds(stage)))
        losses.append(losses_of(left, logits))
        advance()
        return float(losses[-1].mean())

    with _quiet():
        sampler = optuna.samplers.TPESampler(seed=asked.seed, n_startup_trials=DRAWN_AT_RANDOM)
        study = optuna.create_study(sampler=sampler)
        for kind in asked.trees:
            study.enqueue_trial(_default(asked, kind, rows, churners))
        study.optimize(objective, n_trials=len(asked.trees))
        rest = asked.search.trials - len(asked.trees)
        if rest > 0:
            minutes = asked.search.minutes
            study.optimize(objective, n_trials=rest, timeout=minutes * 60 if minutes else None)

    return _judged(recipes, losses, customer, churners, len(asked.trees))


def simplest_within_one_error(losses: Sequence[Floats], sizes: Sequence[int], customer: Ints) -> int:
    """Return the place of the smallest whose distance to the lowest mean loss is within its standard error.

    Distances are paired by row, their standard errors clustered by customer; of equal sizes the one with the
    lower loss.

    Source: Breiman, Friedman, Olshen and Stone (1984), Classification and regression trees, section 3.4.3.
    """
    means = [float(one.mean()) for one in losses]
    best = int(np.argmin(means))
    near = [best]
    for place, one in enumerate(losses):
        behind, error = clustered_mean(one - losses[best], customer)
        if place != best and behind <= error:
            near.append(place)
    return min(near, key=lambda place: (sizes[place], means[place], place))


def _judged(
    recipes: Sequence[Recipe], losses: Sequence[Floats], customer: Ints, churners: int, defaults: int
) -> Searched:
    means = [float(one.mean()) for one in losses]
    best = int(np.argmin(means))
    trials = []
    for number, (recipe, each) in enumerate(zip(recipes, losses, strict=True)):
        behind, error = clustered_mean(each - losses[best], customer)
        leaves = recipe.num_leaves or leaves_for(churners)
        trials.append(Trial(number, recipe, leaves, means[number], behind, error))
    chosen = simplest_within_one_error(losses, [one.size for one in trials], customer)
    before = int(np.argmin(means[:defaults]))
    gain, error = clustered_mean(losses[before] - losses[chosen], customer)
    return Searched(tuple(trials), best, chosen, gain, error)


def _drawn(trial: optuna.Trial, asked: TrainParams, rows: int, churners: int) -> Recipe:
    """Return a recipe from the space around the defaults, which always lie inside."""
    own = _default(asked, asked.trees[0], rows, churners)
    leaf, leaves, rate = own["min_child_samples"], own["num_leaves"], own["learning_rate"]
    extra = trial.suggest_categorical("extra_trees", [kind == "extra_trees" for kind in asked.trees])
    return replace(
        Recipe.start(asked, "extra_trees" if extra else "trees"),
        num_leaves=trial.suggest_int("num_leaves", min(3, leaves), max(63, leaves), log=True),
        min_child_samples=trial.suggest_int("min_child_samples", max(5, leaf // 5), leaf * 4, log=True),
        lambda_l2=trial.suggest_float("lambda_l2", 0.1, 100, log=True),
        feature_fraction=trial.suggest_float("feature_fraction", 0.2, 1),
        learning_rate=trial.suggest_float("learning_rate", min(0.01, rate), max(0.1, rate), log=True),
    )


def _default(asked: TrainParams, kind: Candidate, rows: int, churners: int) -> dict[str, Any]:
    """Return the setting that the defaults amount to in the largest fold."""
    return {
        "extra_trees": kind == "extra_trees",
        "num_leaves": asked.num_leaves or leaves_for(churners),
        "min_child_samples": smallest_leaf(rows),
        "lambda_l2": LAMBDA_L2,
        "feature_fraction": FEATURE_FRACTION,
        "learning_rate": asked.learning_rate,
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from telling of every trial."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
