"""How the challenger is fitted: everything decided before a test cutoff is looked at."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from churn.params import Candidate, TrainParams

LAMBDA_L2 = 10.0
FEATURE_FRACTION = 0.55


@dataclass(frozen=True)
class Recipe:
    """The decisions that make a model out of rows.

    Attributes:
        candidate: Which model: trees, extra_trees, logistic, or blend (the mean of trees' and its log-odds).
        rounds: Trees to grow.
        calibration: none, beta, platt or venn_abers.
        num_leaves: Leaves of a tree; None sizes it by the number of churners.
        extra_trees: Whether trees split at random places, as in candidate extra_trees and some blends.
        strength: The prior variance of the weights of the logistic regression.
        min_child_samples: Fewest rows of a leaf; None sizes it by the number of rows.
        lambda_l2: Shrinkage of a leaf's value; None is 10.
        feature_fraction: Share of the signals a tree may use; None is .55.
    """

    candidate: Candidate
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

    @classmethod
    def start(cls, train: TrainParams, candidate: Candidate = "trees") -> Recipe:
        """Return the recipe of a candidate before anything was chosen."""
        return cls(
            candidate=candidate,
            rounds=train.max_rounds,
            calibration="none",
            seed=train.seed,
            learning_rate=train.learning_rate,
            num_leaves=train.num_leaves,
            extra_trees=candidate == "extra_trees",
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

    def blended(self, logistic: Recipe) -> Recipe:
        """Return the blend of these trees with a logistic regression."""
        return replace(self, candidate="blend", strength=logistic.strength)

    @property
    def words(self) -> str:
        """Return the model in words."""
        kind = "extremely randomised trees" if self.extra_trees else "boosted trees"
        trees = f"{self.rounds} {kind}"
        curves = "a spline logistic regression"
        whole = {"logistic": curves, "blend": f"the mean of {trees} and {curves}"}
        return whole.get(self.candidate, trees)

    def as_dict(self) -> dict[str, Any]:
        """Return the recipe as JSON values."""
        return asdict(self)

    def tree_params(self, rows: int, churners: int) -> dict[str, Any]:
        """Return LightGBM's parameters: small, regularised trees that repeat exactly."""
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
            # the same trees either way: random splits are found faster by columns, others by rows
            "force_col_wise" if self.extra_trees else "force_row_wise": True,
            "verbosity": -1,
        }


def leaves_for(churners: int) -> int:
    """Return the size of a tree by the number of churners to learn from.

    >>> [leaves_for(n) for n in (500, 5_000, 50_000)]
    [6, 12, 31]
    """
    if churners < 1_000:
        return 6
    return 12 if churners < 10_000 else 31


def smallest_leaf(rows: int) -> int:
    """Return the fewest rows of a leaf; below 1,000 rows fewer than 50, or no tree could split.

    >>> [smallest_leaf(n) for n in (60, 500, 4_000, 50_000)]
    [5, 25, 50, 250]
    """
    return max(min(50, rows // 20), rows // 200, 5)
