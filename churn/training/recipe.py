"""How the challenger is fitted: everything decided before a test cutoff is looked at."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from churn.params import TrainParams


@dataclass(frozen=True)
class Recipe:
    """The decisions that make a model out of rows.

    Attributes:
        rounds: Trees to grow.
        calibration: none, beta, platt or venn_abers.
        num_leaves: Leaves of a tree; None sizes it by the number of churners.
    """

    rounds: int
    calibration: str
    seed: int
    learning_rate: float
    num_leaves: int | None
    extra_trees: bool

    @classmethod
    def start(cls, train: TrainParams) -> Recipe:
        """Return the recipe before anything was chosen."""
        return cls(
            rounds=train.max_rounds,
            calibration="none",
            seed=train.seed,
            learning_rate=train.learning_rate,
            num_leaves=train.num_leaves,
            extra_trees=train.extra_trees,
        )

    def with_rounds(self, rounds: int) -> Recipe:
        """Return the recipe with another number of trees."""
        return replace(self, rounds=rounds)

    def with_calibration(self, calibration: str) -> Recipe:
        """Return the recipe with another calibration."""
        return replace(self, calibration=calibration)

    def as_dict(self) -> dict[str, Any]:
        """Return the recipe as JSON values."""
        return asdict(self)

    def tree_params(self, rows: int, churners: int) -> dict[str, Any]:
        """Return LightGBM's parameters: small, regularised trees that repeat exactly.

        Below 1,000 rows a leaf may hold fewer than 50, or no tree could split.
        """
        return {
            "objective": "binary",
            "num_leaves": self.num_leaves or leaves_for(churners),
            "learning_rate": self.learning_rate,
            "min_child_samples": max(min(50, rows // 20), rows // 200, 5),
            "feature_fraction": 0.55,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "lambda_l2": 10.0,
            "cat_smooth": 20.0,
            "extra_trees": self.extra_trees,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
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
