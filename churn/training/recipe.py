"""The candidates that `train.candidates` may name, the settings of each candidate, and how each is fitted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from churn.errors import ModelError
from churn.metrics.metrics import Floats
from churn.params import CandidateName, TrainParams
from churn.snapshots.dataset import LabelledRows
from churn.training.calibration import METHODS, SHIFT_METHOD
from churn.training.fitted_model import FittedModel
from churn.training.spline_logistic import STRENGTHS, fit_spline, spline_stages
from churn.training.trees import (
    FEATURE_FRACTION,
    LAMBDA_L2,
    STAGE,
    fit_trees,
    leaves_for,
    smallest_leaf,
    tree_stages,
)

REFIT = 1.1
"""The factor from the best number of trees on the folds to the number of trees of the final fit.

The final fit has more trees because it learns from more rows than a fold.
"""

TREE_SETTINGS = (
    "rounds",
    "learning_rate",
    "num_leaves",
    "extra_trees",
    "min_child_samples",
    "lambda_l2",
    "feature_fraction",
    "seed",
)
SPLINE_SETTINGS = ("strength",)


@dataclass(frozen=True)
class Recipe:
    """All settings with which one model is fitted. The settings are decided before any test cutoff is used.

    Attributes:
        candidate: The kind of model: `trees`, `extra_trees`, `logistic`, or `blend`.
        rounds: The number of trees.
        calibration: The method of calibration: `none`, `beta`, `platt` or `venn_abers`, or, for a refreshed
            model, `shifted`.
        seed: The seed with which the trees are fitted.
        learning_rate: The learning rate of the trees.
        num_leaves: The number of leaves of a tree; if None, it is computed from the number of churners.
        extra_trees: Whether trees split at random thresholds, as in the candidate `extra_trees` and in some
            blends.
        strength: The prior variance of the weights of the logistic regression.
        min_child_samples: The least number of rows of a leaf; if None, it is computed from the number of
            rows.
        lambda_l2: How strongly the value of a leaf is shrunk; None means 10.
        feature_fraction: The share of the signals that a tree may use; None means .55.
    """

    candidate: CandidateName
    rounds: int
    calibration: str
    seed: int
    learning_rate: float
    num_leaves: int | None
    extra_trees: bool
    strength: float
    min_child_samples: int | None = None
    lambda_l2: float | None = None
    feature_fraction: float | None = None

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    @classmethod
    def of_spec(cls, spec: Mapping[str, Any], way_out: str = " Run `churn train`.") -> Recipe:
        """Return the recipe that the spec of a model holds.

        Args:
            spec: The content of `spec.json`.
            way_out: The sentence that ends the message of an error.

        Raises:
            ModelError: another version of the program wrote the recipe; the error lists each wrong setting.
        """
        settings, mistakes = spec["recipe"], []
        calibration = settings.get("calibration", "none")
        if calibration not in (*METHODS, SHIFT_METHOD):
            mistakes.append(f"calibration: {calibration!r} is no method")
        try:
            recipe = TypeAdapter(cls).validate_python(settings)
        except ValidationError as problems:
            mistakes += [
                f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems.errors()
            ]
        if mistakes:
            problem = f"spec.json: recipe: {'; '.join(mistakes)}: another version of churn wrote the model."
            raise ModelError(problem + way_out)
        return recipe

    @classmethod
    def start(cls, settings: TrainParams, candidate: CandidateName = "trees") -> Recipe:
        """Return the recipe of a candidate before its settings are selected on the folds."""
        return cls(
            candidate=candidate,
            rounds=settings.max_rounds,
            calibration="none",
            seed=settings.seed,
            learning_rate=settings.learning_rate,
            num_leaves=settings.num_leaves,
            extra_trees=candidate == ExtraTrees.name,
            strength=0.003,
        )

    def with_rounds(self, rounds: int) -> Recipe:
        """Return the recipe with another number of trees."""
        return replace(self, rounds=rounds)

    def with_strength(self, strength: float) -> Recipe:
        """Return the recipe with another prior variance."""
        return replace(self, strength=strength)

    def with_calibration(self, calibration: str) -> Recipe:
        """Return the recipe with another calibration."""
        return replace(self, calibration=calibration)

    def blend_with(self, logistic: Recipe) -> Recipe:
        """Return the recipe of a blend of this recipe's trees and the given logistic regression."""
        return replace(self, candidate=Blend.name, strength=logistic.strength)

    def describe(self) -> str:
        """Return a short text that describes the model of this recipe."""
        return CANDIDATES[self.candidate].describe(self)

    def as_dict(self) -> dict[str, Any]:
        """Return the recipe as JSON values."""
        return asdict(self)

    def active(self) -> dict[str, Any]:
        """Return the settings that the recipe's kind of model uses, except those that are None.

        >>> Recipe.start(TrainParams(), "logistic").active()
        {'candidate': 'logistic', 'calibration': 'none', 'strength': 0.003}
        """
        active = ("candidate", "calibration", *CANDIDATES[self.candidate].settings)
        return {name: value for name, value in asdict(self).items() if value is not None and name in active}

    def tree_params(self, rows: int, churners: int) -> dict[str, Any]:
        """Return LightGBM's parameters for small, regularised trees; a repeated fit gives the same trees.

        Args:
            rows: The number of training rows. If the recipe sets no least size of a leaf, this size is
                computed from the number of rows.
            churners: The number of churners in the training rows. If the recipe sets no size of a tree, this
                size is computed from the number of churners.
        """
        return {
            "objective": "binary",
            "num_leaves": self.num_leaves or leaves_for(churners),
            "learning_rate": self.learning_rate,
            "min_child_samples": self.min_child_samples or smallest_leaf(rows),
            "feature_fraction": FEATURE_FRACTION if self.feature_fraction is None else self.feature_fraction,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "lambda_l2": LAMBDA_L2 if self.lambda_l2 is None else self.lambda_l2,
            "cat_smooth": 20.0,
            "extra_trees": self.extra_trees,
            "seed": self.seed,
            "deterministic": True,
            # Both ways give the same trees. For random splits LightGBM is faster by columns, otherwise by
            # rows.
            "force_col_wise" if self.extra_trees else "force_row_wise": True,
            "verbosity": -1,
        }


class Candidate(ABC):
    """A kind of model that can become the challenger.

    Attributes:
        name: The name of the candidate under `train.candidates`.
        settings: The names of the recipe's fields on which the model depends.
    """

    name: ClassVar[CandidateName]
    settings: ClassVar[tuple[str, ...]]

    @abstractmethod
    def fit(self, rows: LabelledRows, recipe: Recipe, monotone: Sequence[int], threads: int) -> FittedModel:
        """Fit the model of a recipe; see `fit_recipe`."""

    @abstractmethod
    def describe(self, recipe: Recipe) -> str:
        """Return a short text that describes the model of a recipe."""


class StagedCandidate(Candidate):
    """A candidate with a setting that is chosen on folds of the training rows; its values are called stages.

    Attributes:
        family: The name of a group of candidates. The recipes of all candidates in the group can be passed to
            the method `stages` in one call.
    """

    family: ClassVar[str]

    @abstractmethod
    def stages(
        self,
        train: LabelledRows,
        recipes: Sequence[Recipe],
        monotone: Sequence[int],
        threads: int,
        validation: LabelledRows,
    ) -> list[tuple[Floats, ...]]:
        """Return the log-odds that each recipe predicts at each stage for the validation rows.

        The result has one tuple for each recipe. The tuple has one array for each stage, shape (rows,).

        Args:
            train: The training rows, with churners and stayers.
            recipes: One or more recipes, all of candidates in the `family` of this candidate.
            monotone: For each signal, 1 if a higher value may only raise the risk, -1 if it may only lower
                the risk, otherwise 0.
            threads: The threads to use; they do not change the result.
            validation: The rows to predict.
        """

    @abstractmethod
    def at_stage(self, recipe: Recipe, stage: int) -> Recipe:
        """Return the recipe for the final fit: `recipe`, with the setting of its best stage.

        Args:
            recipe: The recipe that was fitted on the folds.
            stage: The number of the stage that was best on the folds, counted from 0.
        """


class Trees(StagedCandidate):
    """Boosted trees; the number of trees is chosen from 10, 20, and so on."""

    name: ClassVar[CandidateName] = "trees"
    family = "trees"
    settings = TREE_SETTINGS

    def fit(self, rows: LabelledRows, recipe: Recipe, monotone: Sequence[int], threads: int) -> FittedModel:
        """Fit the trees of a recipe; see `fit_recipe`."""
        return fit_trees(rows, _tree_params(recipe, rows), recipe.rounds, monotone, threads)

    def describe(self, recipe: Recipe) -> str:
        """Return a short text that describes the trees of a recipe."""
        kind = "extremely randomised trees" if recipe.extra_trees else "boosted trees"
        return f"{recipe.rounds} {kind}"

    def stages(
        self,
        train: LabelledRows,
        recipes: Sequence[Recipe],
        monotone: Sequence[int],
        threads: int,
        validation: LabelledRows,
    ) -> list[tuple[Floats, ...]]:
        """Return the log-odds after 10, 20, … trees; see `tree_stages`."""
        settings = [(_tree_params(recipe, train), recipe.rounds) for recipe in recipes]
        return tree_stages(train, settings, monotone, threads, validation)

    def at_stage(self, recipe: Recipe, stage: int) -> Recipe:
        """Return the recipe for the final fit: it has a tenth more trees than the stage.

        Stage 0 has 10 trees, stage 1 has 20 trees, and so on. A tenth is added because the final fit learns
        from more rows than a fold.
        """
        return recipe.with_rounds(max(1, round(REFIT * STAGE * (stage + 1))))


class ExtraTrees(Trees):
    """Boosted trees that split at random thresholds.

    Source: Geurts, Ernst and Wehenkel (2006), Extremely randomized trees, Machine Learning 63.
    """

    name = "extra_trees"


class SplineLogistic(StagedCandidate):
    """A logistic regression with a curve for each signal; its prior variance is chosen from `STRENGTHS`."""

    name = "logistic"
    family = "logistic"
    settings = SPLINE_SETTINGS

    def fit(self, rows: LabelledRows, recipe: Recipe, monotone: Sequence[int], threads: int) -> FittedModel:
        """Fit the regression of a recipe; see `fit_recipe`. It takes one thread."""
        return fit_spline(rows, recipe.strength, monotone)

    def describe(self, recipe: Recipe) -> str:
        """Return a short text that names the logistic regression."""
        return "a spline logistic regression"

    def stages(
        self,
        train: LabelledRows,
        recipes: Sequence[Recipe],
        monotone: Sequence[int],
        threads: int,
        validation: LabelledRows,
    ) -> list[tuple[Floats, ...]]:
        """Return the log-odds for each prior variance in `STRENGTHS`; see `spline_stages`."""
        return [spline_stages(train, monotone, validation) for _ in recipes]

    def at_stage(self, recipe: Recipe, stage: int) -> Recipe:
        """Return the recipe with the prior variance of a stage."""
        return recipe.with_strength(STRENGTHS[stage])


class Blend(Candidate):
    """A blend of two models: the mean of the log-odds that trees and a logistic regression predict."""

    name = "blend"
    settings = (*TREE_SETTINGS, *SPLINE_SETTINGS)

    def fit(self, rows: LabelledRows, recipe: Recipe, monotone: Sequence[int], threads: int) -> FittedModel:
        """Fit both parts on the same rows; see `fit_recipe`."""
        trees, logistic = (part.fit(rows, recipe, monotone, threads) for part in self._parts())
        return trees.averaged_with(logistic)

    def describe(self, recipe: Recipe) -> str:
        """Return a short text that describes both parts of the blend."""
        trees, logistic = (part.describe(recipe) for part in self._parts())
        return f"the mean of {trees} and {logistic}"

    def _parts(self) -> tuple[Candidate, Candidate]:
        return CANDIDATES[Trees.name], CANDIDATES[SplineLogistic.name]


STAGED_CANDIDATES: Mapping[CandidateName, StagedCandidate] = {
    candidate.name: candidate for candidate in (Trees(), ExtraTrees(), SplineLogistic())
}
"""The candidates with stages, by name."""
CANDIDATES: Mapping[CandidateName, Candidate] = {**STAGED_CANDIDATES, Blend.name: Blend()}
"""All candidates by name."""


def fit_recipe(rows: LabelledRows, recipe: Recipe, monotone: Sequence[int], threads: int) -> FittedModel:
    """Fit the candidate of a recipe, without calibration.

    Args:
        rows: The training rows, with churners and stayers.
        recipe: The settings of the fit.
        monotone: For each signal one of -1, 0 and 1: 1 if a higher value may only raise the risk, -1 if a
            higher value may only lower the risk, otherwise 0.
        threads: The threads to use; they do not change the result.
    """
    return CANDIDATES[recipe.candidate].fit(rows, recipe, monotone, threads)


def _tree_params(recipe: Recipe, rows: LabelledRows) -> dict[str, Any]:
    return recipe.tree_params(len(rows), rows.churners)
