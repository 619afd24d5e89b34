"""Select the candidate on cutoffs whose labels were known before the first test cutoff."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from churn.metrics.metrics import Floats, auc
from churn.metrics.standard_errors import clustered_mean
from churn.params import CandidateName, TrainParams
from churn.snapshots.dataset import joined_weight
from churn.training.backtest import OutOfTime
from churn.training.parallel import map_parallel
from churn.training.recipe import STAGED_CANDIDATES, Blend, Recipe, SplineLogistic, Trees
from churn.training.split import Fold

StageLogits = dict[CandidateName, tuple[Floats, ...]]
"""The log-odds of a fold's validation rows at each stage of each candidate; see `StagedCandidate`."""


@dataclass(frozen=True)
class CandidateScore:
    """The log loss of a candidate on the folds, with its best number of trees or best prior variance.

    Attributes:
        recipe: All settings of the candidate's final fit.
        log_loss: The mean log loss over the validation rows of all folds.
        auc: The AUC over the validation rows of all folds.
        behind: The log loss of the candidate minus the log loss of the selected candidate.
        standard_error: The standard error of the difference `behind`, with customers as independent units.
    """

    recipe: Recipe
    log_loss: float
    auc: float
    behind: float
    standard_error: float

    def as_dict(self) -> dict[str, Any]:
        """Return the score as JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> CandidateScore:
        """Return the score from the JSON values of `as_dict`."""
        return cls(**{**facts, "recipe": Recipe(**facts["recipe"])})


@dataclass(frozen=True)
class CandidateSelection:
    """The candidates of a training, ordered by their log loss.

    Attributes:
        scores: The scores of all candidates; the first candidate is the selected one.
        logistic: The recipe of the logistic regression with its best prior variance. `evaluate` uses the
            logistic regression as a baseline, even if it is not a candidate.
        predictions: The selected candidate's predictions for the cutoffs of the folds (the choice cutoffs).
            `predictions` is None if the folds divide the rows by customer and not by cutoff.
    """

    scores: tuple[CandidateScore, ...]
    logistic: Recipe
    predictions: OutOfTime | None

    @property
    def recipe(self) -> Recipe:
        """Return the recipe of the selected candidate."""
        return self.scores[0].recipe


def select_candidate(
    folds: Sequence[Fold],
    monotone: Sequence[int],
    settings: TrainParams,
    threads: int,
    advance: Callable[[], None] = lambda: None,
    tree_recipe: Recipe | None = None,
) -> CandidateSelection:
    """Order the candidates of `train.candidates` by their log loss on the folds.

    Trees get the number of rounds that is best over all folds together. The logistic regression gets the
    prior variance that is best over all folds together. The logistic regression is fitted even if it is not a
    candidate. The candidate `blend` is the mean of two log-odds: those of the logistic regression and those
    of trees. If two kinds of trees are fitted, the blend takes the kind with the lower log loss.

    Args:
        folds: The folds; each has training rows and validation rows.
        monotone: For each signal, 1 if a higher value may only raise the risk, -1 if it may only lower the
            risk, otherwise 0.
        settings: The section `train` of the parameters.
        threads: The threads for all folds together; they do not change the result.
        advance: A function that is called after every fold.
        tree_recipe: The recipe that the search for the best settings of trees found. If it is given, no other
            kind of trees is fitted.
    """
    recipes: dict[CandidateName, Recipe] = {name: Recipe.start(settings, name) for name in settings.trees}
    if tree_recipe:
        recipes = {tree_recipe.candidate: tree_recipe.with_rounds(settings.max_rounds)}
    recipes[SplineLogistic.name] = Recipe.start(settings, SplineLogistic.name)

    def fit_fold(fold: Fold, n_threads: int) -> StageLogits:
        return _stage_logits(fold, recipes, monotone, n_threads)

    cells = max(fold.train.matrix.size for fold in folds)
    # The newest fold is the largest, so it starts first. If it started last, the other threads would wait for
    # it.
    by_fold = map_parallel(fit_fold, folds[::-1], threads, cells, advance)[::-1]
    return _rank(folds, by_fold, recipes, settings.candidates)


def _stage_logits(
    fold: Fold, recipes: Mapping[CandidateName, Recipe], monotone: Sequence[int], threads: int
) -> StageLogits:
    """Return the log-odds that each recipe predicts at each stage for the validation rows of a fold.

    A stage is one value of the setting that is chosen on the folds, such as the number of trees. The recipes
    of one family of candidates, such as trees, are computed together.
    """
    families: dict[str, list[CandidateName]] = {}
    for name in recipes:
        families.setdefault(STAGED_CANDIDATES[name].family, []).append(name)
    logits: StageLogits = {}
    for names in families.values():
        family_recipes = [recipes[name] for name in names]
        stages = STAGED_CANDIDATES[names[0]].stages(
            fold.train, family_recipes, monotone, threads, fold.validation
        )
        logits |= zip(names, stages, strict=True)
    return logits


def _rank(
    folds: Sequence[Fold],
    by_fold: Sequence[StageLogits],
    recipes: Mapping[CandidateName, Recipe],
    candidates: Sequence[CandidateName],
) -> CandidateSelection:
    left = np.concatenate([fold.validation.left for fold in folds])
    customer = np.concatenate([fold.validation.customer for fold in folds])
    weight = joined_weight([fold.validation for fold in folds])
    best: dict[CandidateName, Recipe] = {}
    logits: dict[CandidateName, Floats] = {}
    for name, recipe in recipes.items():
        stage, logits[name] = at_best([stages[name] for stages in by_fold], left, weight)
        best[name] = STAGED_CANDIDATES[name].at_stage(recipe, stage)
    if Blend.name in candidates:
        trees = min(
            (name for name in recipes if STAGED_CANDIDATES[name].family == Trees.family),
            key=lambda name: np.average(losses_of(left, logits[name]), weights=weight),
        )
        best[Blend.name] = best[trees].blend_with(best[SplineLogistic.name])
        logits[Blend.name] = (logits[trees] + logits[SplineLogistic.name]) / 2
    losses = {name: losses_of(left, logits[name]) for name in candidates if name in logits}
    mean_loss = {name: float(np.average(own, weights=weight)) for name, own in losses.items()}
    order = sorted(losses, key=lambda name: (mean_loss[name], candidates.index(name)))
    first = losses[order[0]]
    scores = tuple(
        CandidateScore(
            recipe=best[name],
            log_loss=mean_loss[name],
            auc=auc(left, logits[name], weight),
            behind=behind,
            standard_error=error,
        )
        for name in order
        for behind, error in [clustered_mean(losses[name] - first, customer, weight)]
    )
    cutoff = np.concatenate([fold.validation.cutoff for fold in folds])
    in_time = all(fold.in_time for fold in folds)
    predictions = OutOfTime(logits[order[0]], left, customer, cutoff, weight) if in_time else None
    return CandidateSelection(scores, best[SplineLogistic.name], predictions)


def at_best(
    folds: Sequence[tuple[Floats, ...]], left: Floats, weight: Floats | None = None
) -> tuple[int, Floats]:
    """Return the stage with the lowest log loss over all folds, and the log-odds at this stage.

    A stage is one of the tried values of a setting, such as a number of trees; stages are numbered from 0.

    Args:
        folds: For each fold, the log-odds of its validation rows at each stage. The comparison uses only
            the stages that exist in all folds.
        left: The outcomes of the validation rows of all folds, shape (rows,).
        weight: The weight of each row: how many rows it stands for, shape (rows,); None if each weight is 1.
    """
    stages = zip(*folds, strict=False)
    losses = [np.average(losses_of(left, np.concatenate(parts)), weights=weight) for parts in stages]
    best = int(np.argmin(losses))
    return best, np.concatenate([stages[best] for stages in folds])


def losses_of(left: Floats, logits: Floats) -> Floats:
    """Return the log loss of each row, shape (rows,)."""
    return np.logaddexp(0, logits) - left * logits
